use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use ringfence_model::Node;
use ringfence_netlink::route::{Route, RouteSocket};

use super::{Decision, PROTOCOL, Surroundings, changes, decide};

/// How often it is seen to that the routes are there.
const INTERVAL: Duration = Duration::from_secs(10);

/// What is said of the cluster's nodes.
#[derive(Clone, Debug)]
pub enum Told {
    /// Everything is said anew. Until it has been, nothing is changed.
    Reset,
    /// The node exists and looks like this.
    Node(Node),
    /// The node with this name is gone.
    Gone(String),
    /// All that there is has been said.
    Synced,
}

/// Keeps the routes of the network namespace that it was started in.
#[derive(Debug)]
pub struct Keeper(Sender<Told>);

impl Keeper {
    /// Starts to keep the routes of the node `own`. They stay when nobody tells of nodes any more.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(own: String, pod_cidrs: Vec<IpNet>) -> Result<Self> {
        let (sender, told) = channel();
        let keeping = Keeping {
            own,
            pod_cidrs,
            nodes: BTreeMap::new(),
            is_synced: false,
        };
        thread::Builder::new()
            .name("node routes".to_owned())
            .spawn(move || keeping.keep(&told))
            .context("cannot start a thread for the routes to other nodes")?;
        Ok(Self(sender))
    }

    /// Takes note of what is said.
    pub fn tell(&self, told: Told) {
        // A thread that has ended has said why.
        let _ = self.0.send(told);
    }
}

struct Keeping {
    own: String,
    pod_cidrs: Vec<IpNet>,
    nodes: BTreeMap<String, Node>,
    is_synced: bool,
}

impl Keeping {
    /// Until nobody tells of nodes any more. A problem is logged once, until there is another.
    fn keep(mut self, told: &Receiver<Told>) {
        let mut logged = Vec::new();
        loop {
            let ripe = match told.recv_timeout(INTERVAL) {
                Ok(told) => self.hear(told),
                Err(RecvTimeoutError::Timeout) => self.is_synced,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !ripe {
                continue;
            }
            let problems = self
                .apply()
                .unwrap_or_else(|error| vec![format!("{error:#}")]);
            for problem in problems.iter().filter(|problem| !logged.contains(*problem)) {
                tracing::warn!("pods of another node may be out of reach: {problem}");
            }
            logged = problems;
        }
    }

    /// Whether the routes are to be looked at now.
    fn hear(&mut self, told: Told) -> bool {
        match told {
            Told::Reset => {
                self.nodes.clear();
                self.is_synced = false;
                return false;
            }
            Told::Node(node) => drop(self.nodes.insert(node.name.clone(), node)),
            Told::Gone(name) => drop(self.nodes.remove(&name)),
            Told::Synced => {
                self.is_synced = true;
                return true;
            }
        }
        false
    }

    /// Makes the routes what they have to be; returns what is not as it has to be, and why.
    fn apply(&self) -> Result<Vec<String>> {
        let mut socket = open()?;
        let addresses = socket.addresses()?;
        let Decision {
            routes: wanted,
            mut problems,
        } = decide(&Surroundings {
            own: &self.own,
            pod_cidrs: &self.pod_cidrs,
            nodes: &self.nodes,
            addresses: &addresses,
        });
        let changes = changes(&socket.routes_of(PROTOCOL)?, &wanted);
        for route in &changes.delete {
            delete(&mut socket, route)?;
            tracing::info!(block = %route.destination, "deleted the route to a node's pods");
        }
        for route in &changes.add {
            let block = route.destination;
            match socket.add_route_of(PROTOCOL, route) {
                Ok(()) => tracing::info!(%block, "added the route to a node's pods"),
                Err(error) if error.is_exists() => problems.push(format!(
                    "there is a route to {block} already that is not ringfence's, and it is left"
                )),
                Err(error) => problems.push(format!("{:#}", anyhow::Error::from(error))),
            }
        }
        Ok(problems)
    }
}

/// The routes of ringfence in the calling thread's network namespace.
///
/// # Errors
/// If the kernel cannot be asked.
pub fn routes() -> Result<Vec<Route>> {
    Ok(open()?.routes_of(PROTOCOL)?)
}

/// Deletes them; nothing is fine.
///
/// # Errors
/// If one stays.
pub fn remove() -> Result<()> {
    let mut socket = open()?;
    for route in socket.routes_of(PROTOCOL)? {
        delete(&mut socket, &route)?;
    }
    Ok(())
}

fn delete(socket: &mut RouteSocket, route: &Route) -> Result<()> {
    match socket.delete_route_of(PROTOCOL, route) {
        Err(error) if !error.is_missing() => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn open() -> Result<RouteSocket> {
    RouteSocket::open().context("cannot ask the kernel for its routes")
}
