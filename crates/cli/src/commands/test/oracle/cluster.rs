//! Real connections in a live cluster, from and to pods that are made for them and gone afterwards.

mod attempt;
mod place;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use ringfence_kube::{Access, PROBE_LABEL, ProbeError, ProbePod, ProbePods, RunningPod};
use ringfence_model::{Endpoint, ObjectName, Outcome, Pod, Query};
use ringfence_policy::Engine;

use super::{Oracle, Verdict, targets};
use crate::paint;
use attempt::{Attempt, Found, Server, Trial};
use place::{Ends, Place, Places, has_stand_in, in_place_of};

/// More than any file of tests should need; clusters are shared.
const MOST_PODS: usize = 100;

/// A cluster in which connections are tried.
pub(crate) struct LiveCluster<'a> {
    /// What the policies of the cluster say.
    engine: &'a Engine,
    /// What they say of the pods that were made for the tests, too.
    inside: Engine,
    pods: ProbePods,
    places: BTreeMap<Place, RunningPod>,
    servers: BTreeSet<Server>,
    /// Whether hosts outside of the cluster may be dialled.
    outside: bool,
}

/// What a question needs.
struct Planned {
    /// What the policies say.
    meant: Outcome,
    from: Place,
    to: Option<Place>,
}

impl<'a> LiveCluster<'a> {
    /// Reaches the cluster about which `engine` knows. Nothing is made before a question is asked.
    pub(crate) fn reach(
        engine: &'a Engine,
        access: &Access,
        image: &str,
        outside: bool,
    ) -> anyhow::Result<Self> {
        let left = engine.cluster().pods.values();
        let left = left.filter(|pod| pod.labels.contains_key(PROBE_LABEL));
        let left = left.count();
        if left > 0 {
            anstream::eprintln!(
                "{}: {left} pods of another run are there; if none runs, `kubectl delete pods -A -l {PROBE_LABEL}` removes them",
                paint::bad("warning")
            );
        }
        Ok(Self {
            engine,
            inside: Engine::new(engine.cluster().clone()),
            pods: ProbePods::reach(access, image, tell)?,
            places: BTreeMap::new(),
            servers: BTreeSet::new(),
            outside,
        })
    }
}

impl Drop for LiveCluster<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.pods.remove() {
            tell(&error);
        }
    }
}

fn tell(error: &ProbeError) {
    anstream::eprintln!("{}: {error}", paint::bad("error"));
}

impl Oracle for LiveCluster<'_> {
    fn ask(&mut self, queries: &[Query]) -> anyhow::Result<Vec<Verdict>> {
        let all: Vec<&Query> = queries.iter().collect();
        let mut found = self.tried(&all, Ends::ThoseThatRun)?;
        // What a pod that runs leaves open, one that answers in its place may tell.
        let open = queries.iter().zip(&mut found);
        let cluster = self.engine.cluster();
        let open = open.filter(|(query, found)| {
            matches!(found, Found::Open(_)) && has_stand_in(cluster, &query.destination)
        });
        let (again, places): (Vec<&Query>, Vec<&mut Found>) = open.unzip();
        let told = self.tried(&again, Ends::StandIns)?;
        places
            .into_iter()
            .zip(told)
            .for_each(|(place, told)| *place = told);
        Ok(found.into_iter().map(Found::verdict).collect())
    }
}

impl LiveCluster<'_> {
    fn tried(&mut self, queries: &[&Query], ends: Ends) -> anyhow::Result<Vec<Found>> {
        let places = Places::new(self.engine.cluster(), &self.pods, self.outside);
        let planned = queries.iter().map(|query| {
            let meant = self.engine.answer(query);
            let meant = meant.map_err(|error| Verdict::NoAnswer(error.to_string()))?;
            if targets::is_by_host_port(&meant) {
                let reason =
                    "a hostPort leads to the pod that has it, and to none that stands in for it";
                return Err(Verdict::Skipped(reason.to_owned()));
            }
            let (from, to) = places.of(query, ends).map_err(Verdict::Skipped)?;
            let meant = meant.outcome;
            Ok(Planned { meant, from, to })
        });
        let planned: Vec<Result<Planned, Verdict>> = planned.collect();
        let needed = planned.iter().flatten();
        let needed = needed.flat_map(|planned| [Some(&planned.from), planned.to.as_ref()]);
        let needed: BTreeSet<Place> = needed.flatten().cloned().collect();
        self.make(&needed)?;
        let planned = queries.iter().zip(planned);
        let planned = planned.map(|(query, planned)| self.attempts(query, &planned?));
        let planned: Vec<Result<Vec<Attempt>, Verdict>> = planned.collect();
        let attempts: Vec<Attempt> = planned.iter().flatten().flatten().cloned().collect();
        let mut trial = Trial::new(&mut self.pods, &mut self.servers);
        let mut told = trial.all(&attempts).into_iter();
        Ok(planned
            .into_iter()
            .map(|planned| match planned {
                Ok(attempts) => {
                    attempt::found(&told.by_ref().take(attempts.len()).collect::<Vec<_>>())
                }
                Err(verdict) => Found::Verdict(verdict),
            })
            .collect())
    }

    /// Makes those of `needed` that are not there yet.
    fn make(&mut self, needed: &BTreeSet<Place>) -> anyhow::Result<()> {
        let missing = needed
            .iter()
            .filter(|place| !self.places.contains_key(place));
        let missing: Vec<Place> = missing.cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let all = self.places.len() + missing.len();
        ensure!(
            all <= MOST_PODS,
            "these tests need {all} pods in the cluster, and at most {MOST_PODS} are made: choose some of the tests with --filter"
        );
        let wanted: Vec<ProbePod> = missing.iter().map(|place| place.pod.clone()).collect();
        announce(&wanted);
        let running = self.pods.make(&wanted)?;
        let mut cluster = self.inside.cluster().clone();
        for (place, running) in missing.into_iter().zip(running) {
            let pod = pod(&place, &running);
            cluster.pods.insert(pod.name.clone(), pod);
            self.places.insert(place, running);
        }
        self.inside = Engine::new(cluster);
        Ok(())
    }

    /// What has to be tried for `query`, or what is said of it without.
    fn attempts(&self, query: &Query, planned: &Planned) -> Result<Vec<Attempt>, Verdict> {
        let Planned { meant, from, to } = planned;
        let skipped = |reason: &str| Verdict::Skipped(reason.to_owned());
        let running = |place| {
            self.places
                .get(place)
                .ok_or_else(|| skipped("its pod is gone"))
        };
        let from = running(from)?;
        let to = to.as_ref().map(running).transpose()?;
        let asked = Query {
            source: Endpoint::Pod(name(from)),
            destination: match to {
                Some(to) => in_place_of(&query.destination, to).map_err(Verdict::Skipped)?,
                None => query.destination.clone(),
            },
            ..query.clone()
        };
        let inside = self.inside.answer(&asked);
        let inside = inside.map_err(|error| Verdict::Skipped(error.to_string()))?;
        if inside.outcome != *meant {
            return Err(Verdict::Skipped(format!(
                "a pod that is made to try it has an address and a label of its own, for which the policies say `{}` instead of `{meant}`",
                inside.outcome
            )));
        }
        if inside.outcome == Outcome::NoEndpoints {
            return Err(Verdict::Found(Outcome::NoEndpoints));
        }
        attempt::attempts(self.inside.cluster(), &asked, &inside, from, to)
            .map_err(Verdict::Skipped)
    }
}

/// Whoever shares a cluster should know what happens in it.
fn announce(wanted: &[ProbePod]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in wanted {
        *counts.entry(&pod.namespace).or_default() += 1;
    }
    let counts = counts
        .into_iter()
        .map(|(namespace, count)| format!("{count} in {namespace}"));
    let counts: Vec<String> = counts.collect();
    anstream::eprintln!(
        "makes pods, and removes them when the tests end: {}",
        counts.join(", ")
    );
}

fn name(running: &RunningPod) -> ObjectName {
    ObjectName::new(&running.namespace, &running.name)
}

/// What policies see of a pod that was made.
fn pod(place: &Place, running: &RunningPod) -> Pod {
    Pod {
        addresses: running.addresses.clone(),
        node: running.node.clone(),
        ports: place.ports.clone(),
        // No Service sends anybody to it.
        ready: false,
        ..Pod::new(name(running), running.labels.clone())
    }
}
