//! Real connections in a lab that is made for the manifests, and gone afterwards.

mod attempt;
mod counterpart;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use ringfence_lab::cluster::system::NAMESPACES;
use ringfence_lab::control::client::Client;
use ringfence_lab::control::protocol::{Agents, ControlPlane, LabConfig, Request};
use ringfence_lab::start::StartedLab;
use ringfence_model::{Input, KindCluster, Object, ObjectKind, Outcome, Query};
use ringfence_policy::Engine;

use super::{Oracle, Verdict, targets};
use crate::inputs;
use crate::inputs::manifests::LoadedManifests;
use crate::paint;
use attempt::{Attempt, Passage, try_all};
use counterpart::Counterparts;

/// A lab of this process; it ends with it, however that ends.
pub(crate) struct Lab<'a> {
    /// What the manifests say.
    engine: &'a Engine,
    /// What they say of the lab's own pods and addresses.
    inside: Engine,
    client: Client,
    control_plane: ControlPlane,
    running: Option<StartedLab>,
}

impl<'a> Lab<'a> {
    /// Starts a lab with the pods, Services and policies of `manifests`, about which `engine` knows.
    pub(crate) fn new(
        engine: &'a Engine,
        manifests: &LoadedManifests,
        namespace: &str,
        control_plane: ControlPlane,
    ) -> anyhow::Result<Self> {
        let mut inputs = texts(manifests);
        inputs.extend(namespaces(manifests));
        ringfence_lab::manifests::load(&inputs, namespace)
            .context("no lab can be made for these manifests")?;
        let cluster = control_plane.visible(nodes(manifests)?)?;
        let running = start(cluster, control_plane)?;
        let client = running.client();
        let namespace = namespace.to_owned();
        let apply = Request::Apply { inputs, namespace };
        // From here on the lab ends when this does.
        let mut lab = Self {
            engine,
            inside: Engine::new(client.cluster()?),
            client,
            control_plane,
            running: Some(running),
        };
        lab.client.change(&apply, |_| {})?;
        lab.inside = Engine::new(lab.client.cluster()?);
        Ok(lab)
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.running.take().map(StartedLab::stop) {
            anstream::eprintln!("{}: {error:#}", paint::bad("the lab did not end"));
        }
    }
}

/// As a kind configuration among the manifests says; without one, a control plane and two workers.
fn nodes(manifests: &LoadedManifests) -> anyhow::Result<KindCluster> {
    let mut objects = manifests.objects.iter();
    let given = objects.find_map(|object| {
        if let Object::KindCluster(cluster) = object {
            Some(cluster.clone())
        } else {
            None
        }
    });
    given.map_or_else(|| inputs::kind_cluster(None), Ok)
}

fn start(cluster: KindCluster, control_plane: ControlPlane) -> anyhow::Result<StartedLab> {
    let config = LabConfig {
        name: format!("policy-tests-{}", std::process::id()),
        cluster,
        control_plane,
        manifests: Vec::new(),
        enforcement: true,
        record: ringfence_agent::Record::Denied,
        images: None,
        snapshot: None,
        agents: Agents::Lab,
        api: false,
    };
    ringfence_lab::start::start(config, |_, _| {})
        .context("the lab that is to judge these tests cannot be started")
}

/// The files of the objects, each once, in order of appearance. That of the nodes is none of them.
fn texts(manifests: &LoadedManifests) -> Vec<Input> {
    let mut seen: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut found = Vec::new();
    let sources = manifests
        .objects
        .iter()
        .filter(|object| !matches!(object, Object::KindCluster(_)))
        .filter_map(|object| object.source());
    for source in sources {
        if seen.insert(Arc::clone(&source.file))
            && let Some(text) = manifests.sources.text(&source.file)
        {
            found.push(Input {
                name: source.file.to_string(),
                text: text.to_owned(),
            });
        }
    }
    found
}

/// OB-4: the namespaces that are not given have no labels but their name.
fn namespaces(manifests: &LoadedManifests) -> Option<Input> {
    let keys = || manifests.objects.iter().map(Object::key);
    let given: BTreeSet<String> = keys()
        .filter(|key| key.kind == ObjectKind::Namespace)
        .map(|key| key.name)
        .chain(NAMESPACES.map(str::to_owned))
        .collect();
    let used: BTreeSet<String> = keys().filter_map(|key| key.namespace).collect();
    let missing: Vec<String> = used
        .difference(&given)
        .map(|name| {
            format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: \"{name}\"}}\n")
        })
        .collect();
    (!missing.is_empty()).then(|| Input {
        name: "namespaces that are not given".to_owned(),
        text: missing.concat(),
    })
}

impl Oracle for Lab<'_> {
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Verdict>> {
        let counterparts = Counterparts::new(
            self.engine.cluster(),
            self.inside.cluster(),
            self.control_plane,
        );
        let planned: Vec<Result<Vec<Attempt>, Verdict>> = queries
            .iter()
            .map(|query| self.attempts(&counterparts, query))
            .collect();
        let attempts: Vec<Attempt> = planned.iter().flatten().flatten().cloned().collect();
        let mut passages = try_all(&self.client, &attempts)?.into_iter();
        Ok(planned
            .into_iter()
            .map(|planned| match planned {
                Ok(attempts) => {
                    verdict(&passages.by_ref().take(attempts.len()).collect::<Vec<_>>())
                }
                Err(verdict) => verdict,
            })
            .collect())
    }
}

impl Lab<'_> {
    /// What has to be tried for `query`, or what is said of it without.
    fn attempts(
        &self,
        counterparts: &Counterparts<'_>,
        query: &Query,
    ) -> Result<Vec<Attempt>, Verdict> {
        let meant = self.engine.answer(query);
        let meant = meant.map_err(|error| Verdict::NoAnswer(error.to_string()))?;
        if targets::is_by_host_port(&meant) {
            let reason = "a lab carries out no hostPort";
            return Err(Verdict::Skipped(reason.to_owned()));
        }
        let asked = counterparts.query(query).map_err(Verdict::Skipped)?;
        let inside = self.inside.answer(&asked);
        let inside = inside.map_err(|error| Verdict::Skipped(error.to_string()))?;
        if inside.outcome != meant.outcome {
            return Err(Verdict::Skipped(format!(
                "the pods of a lab have addresses of their own, to which the policies say `{}` instead of `{}`",
                inside.outcome, meant.outcome
            )));
        }
        if inside.outcome == Outcome::NoEndpoints {
            return Err(Verdict::Found(Outcome::NoEndpoints));
        }
        attempt::attempts(&self.inside, &asked, &inside).map_err(Verdict::Skipped)
    }
}

/// To a Service as such, and to each pod behind it.
fn verdict(passages: &[Passage]) -> Verdict {
    let failed = passages.iter().find_map(|passage| match passage {
        Passage::Failed(reason) => Some(reason.clone()),
        Passage::Open | Passage::Closed => None,
    });
    if let Some(reason) = failed {
        return Verdict::Skipped(reason);
    }
    let open = passages.iter().filter(|passage| **passage == Passage::Open);
    Verdict::Found(match open.count() {
        0 => Outcome::Deny,
        all if all == passages.len() => Outcome::Allow,
        _ => Outcome::Partial,
    })
}
