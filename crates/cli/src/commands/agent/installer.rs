//! Puts the plugin and its network where the container runtime looks, as soon as the agent can answer for pods.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{bail, ensure};
use ipnet::IpNet;
use ringfence_cni::agent::{Answer, ask_ready};
use ringfence_cni::installation::Folders;
use ringfence_model::Object;

use super::settings::{Plan, Services};

/// How often it is seen to that everything is in place.
const INTERVAL: Duration = Duration::from_secs(5);
/// How often the agent is asked whether it is ready, while it is not.
const SOON: Duration = Duration::from_millis(200);
/// How long the agent may take to say whether it is ready.
const PATIENCE: Duration = Duration::from_secs(2);
/// This program, even when its file was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Hears of the cluster's nodes.
pub(super) struct Installer {
    node: String,
    blocks: Sender<Vec<IpNet>>,
}

impl Installer {
    /// Starts to install, if the settings say where.
    pub(super) fn start(plan: &Plan) -> Option<Self> {
        let folders = plan.folders()?;
        let (blocks, heard) = channel();
        let (node, plan) = (plan.node.clone(), plan.clone());
        let work = move || install(&plan, &folders, &heard);
        let spawned = thread::Builder::new()
            .name("installer".to_owned())
            .spawn(work);
        if let Err(error) = spawned {
            tracing::error!(
                "pods of this node are not wired by ringfence: cannot start a thread: {error}"
            );
            return None;
        }
        Some(Self { node, blocks })
    }

    /// Takes note of the node's blocks of pod addresses.
    pub(super) fn hear(&self, object: &Object) {
        if let Object::Node(node) = object
            && node.name == self.node
        {
            let _ = self.blocks.send(node.pod_cidrs.clone());
        }
    }
}

/// The agent's rules are not in the kernel yet.
#[derive(Debug)]
struct NotReady(String);

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the agent is not ready: {}", self.0)
    }
}

impl std::error::Error for NotReady {}

/// Until nobody tells of nodes any more. What keeps it from being done is logged once.
fn install(plan: &Plan, folders: &Folders, heard: &Receiver<Vec<IpNet>>) {
    let mut blocks = None;
    let mut told = None;
    // Programs are compared byte by byte once; later it is only seen whether somebody took something away.
    let mut installed = None;
    let mut wait = Wait::default();
    loop {
        match heard.recv_timeout(wait.pause()) {
            Ok(latest) => blocks = Some(latest),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(blocks) = &blocks else { continue };
        if installed.as_ref() == Some(blocks) && holds(plan, folders, blocks) {
            continue;
        }
        let problem = attempt(plan, folders, blocks).err();
        installed = problem.is_none().then(|| blocks.clone());
        if wait.excuses(problem.as_ref()) {
            continue;
        }
        let problem = problem.map(|error| format!("{error:#}"));
        if let Some(problem) = problem.as_ref().filter(|_| told != problem) {
            tracing::warn!("pods of this node are not wired by ringfence: {problem}");
        }
        told = problem;
    }
}

/// An agent that begins is not ready for a moment, which is no problem unless it lasts.
#[derive(Default)]
struct Wait {
    waited: Duration,
}

impl Wait {
    fn pause(&self) -> Duration {
        if !self.waited.is_zero() && self.waited < INTERVAL {
            SOON
        } else {
            INTERVAL
        }
    }

    /// Whether `problem` is not to be told yet.
    fn excuses(&mut self, problem: Option<&anyhow::Error>) -> bool {
        let waits = problem.is_some_and(|problem| problem.is::<NotReady>());
        self.waited = if waits {
            self.waited.saturating_add(SOON)
        } else {
            Duration::ZERO
        };
        waits && self.waited < INTERVAL
    }
}

fn holds(plan: &Plan, folders: &Folders, blocks: &[IpNet]) -> bool {
    folders.holds(Path::new(OWN_PROGRAM), &plan.pod_network(blocks.to_vec()))
}

fn attempt(plan: &Plan, folders: &Folders, blocks: &[IpNet]) -> anyhow::Result<()> {
    check(plan, blocks)?;
    if plan.services == Services::None {
        super::refuse_detour(plan)?;
    }
    if let Answer::No { message, .. } = ask_ready(&plan.cni_socket, PATIENCE)? {
        return Err(NotReady(message).into());
    }
    let network = plan.pod_network(blocks.to_vec());
    let installed = folders.install(Path::new(OWN_PROGRAM), &network)?;
    if installed.program {
        tracing::info!(path = %folders.program_file().display(), "installed the plugin");
    }
    if installed.network {
        tracing::info!(path = %folders.network_file().display(), "installed the network");
    }
    Ok(())
}

/// A node gives out addresses of its own blocks, which have to lie in those of the cluster.
fn check(plan: &Plan, blocks: &[IpNet]) -> anyhow::Result<()> {
    ensure!(
        !blocks.is_empty(),
        "the Node object has no `spec.podCIDRs`: start the cluster's controller manager with `--allocate-node-cidrs`"
    );
    let is_outside = |block: &&IpNet| !plan.pod_cidrs.iter().any(|known| known.contains(*block));
    let outside: BTreeSet<&IpNet> = blocks.iter().filter(is_outside).collect();
    if let Some(block) = outside.first() {
        bail!("`{block}` in `spec.podCIDRs` of the Node object lies in no block of --pod-cidr");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::agent::settings::Settings;

    fn refused(blocks: &[&str]) -> String {
        let settings = r#"{"node": "a", "podCidrs": ["10.244.0.0/16"], "services": "none"}"#;
        let settings: Settings = serde_json::from_str(settings).unwrap();
        let blocks: Vec<IpNet> = blocks.iter().map(|block| block.parse().unwrap()).collect();
        let checked = check(&settings.check().unwrap(), &blocks);
        checked.map_or_else(|error| error.to_string(), |()| String::new())
    }

    /// Pods start as soon as the agent can answer for them, and who looks for `not wired` in its log finds what lasts.
    #[test]
    fn an_agent_that_begins_is_asked_again_soon_and_no_problem() {
        let unready =
            anyhow::Error::from(NotReady("the kernel does not hold the rules yet".into()));
        let mut wait = Wait::default();
        assert_eq!(wait.pause(), INTERVAL);
        let excused = (1..).take_while(|_| wait.excuses(Some(&unready)) && wait.pause() == SOON);
        assert_eq!(
            SOON * (u32::try_from(excused.count()).unwrap() + 1),
            INTERVAL
        );
        assert_eq!(
            wait.pause(),
            INTERVAL,
            "what lasts is told, and asked for as seldom as else"
        );
        assert!(!wait.excuses(Some(&anyhow::anyhow!("another network"))));
        assert!(wait.excuses(Some(&unready)), "it began anew");
        assert!(!wait.excuses(None));
        assert_eq!(wait.pause(), INTERVAL);
    }

    #[test]
    fn a_node_gives_out_addresses_of_the_cluster() {
        assert_eq!(refused(&["10.244.3.0/24"]), "");
        assert!(refused(&[]).contains("--allocate-node-cidrs"));
        let told = refused(&["10.244.3.0/24", "10.42.0.0/24"]);
        assert!(
            told.starts_with("`10.42.0.0/24` in `spec.podCIDRs`"),
            "{told}"
        );
    }
}
