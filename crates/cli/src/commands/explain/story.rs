//! Everything that an answer tells, whatever it is printed as.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Connection, DirectionDecision, ObjectName, Outcome};
use ringfence_net::ConnectionSet;
use ringfence_policy::Engine;

use super::backends;
use super::chain::{Tiers, chain};
use super::excerpt::Excerpts;
use super::judge::{self, Detail, Group, Judged};
use super::question::Question;
use super::reason::{self, Context, Reason};
use super::verdict::Verdict;
use super::warning::{self, Warning};
use crate::inputs::manifests::LoadedManifests;

pub(super) struct Story<'a> {
    pub(super) question: &'a Question,
    pub(super) verdict: Verdict,
    /// Whose addresses the answer depends on (rule AM-22).
    pub(super) missing: Vec<String>,
    /// The ports on which each verdict holds.
    pub(super) ports: Vec<(Verdict, ConnectionSet)>,
    /// The Services that were dialled.
    pub(super) services: BTreeSet<ObjectName>,
    pub(super) chapters: Vec<Chapter>,
    /// How many of them are explained; the reasons of others are not looked for.
    pub(super) explained: usize,
    /// Why a Service leads to nobody.
    pub(super) nobody: Vec<Reason>,
    pub(super) warnings: Vec<Warning>,
}

/// Connections that are decided alike, and why.
pub(super) struct Chapter {
    pub(super) group: Group,
    pub(super) egress: Side,
    pub(super) ingress: Side,
}

/// What became of one direction.
pub(super) struct Side {
    /// What each tier said, in one line.
    pub(super) chain: String,
    pub(super) reasons: Vec<Reason>,
}

impl<'a> Story<'a> {
    pub(super) fn new(
        question: &'a Question,
        engine: &Engine,
        manifests: &LoadedManifests,
        judged: &[Judged],
        detail: Detail,
        (all, explained): (bool, usize),
    ) -> Self {
        let cluster = engine.cluster();
        let excerpts = Excerpts::new(&manifests.sources, cluster);
        let missing = manifests.missing();
        let context = Context {
            cluster,
            excerpts: &excerpts,
            all,
            pod_blocks: &missing.advice,
        };
        let groups = judge::groups(judged, detail);
        let ports = ports(question, cluster, judged);
        Self {
            question,
            verdict: Verdict::together(ports.iter().map(|(verdict, _)| *verdict)),
            missing: self::missing(judged),
            ports,
            services: judged
                .iter()
                .filter_map(|one| one.answer.service.clone())
                .collect(),
            nobody: backends::why_nobody(context, judged),
            warnings: warning::warnings(question, engine, manifests, judged),
            chapters: groups
                .into_iter()
                .enumerate()
                .map(|(place, group)| Chapter::new(context, group, place < explained))
                .collect(),
            explained,
        }
    }
}

impl Chapter {
    fn new(context: Context<'_>, group: Group, is_explained: bool) -> Self {
        let connection = &group.connection;
        let side = |decision| Side::new(context, connection, decision, is_explained);
        Self {
            egress: side(&connection.egress),
            ingress: side(&connection.ingress),
            group,
        }
    }

    /// The reasons of both directions.
    pub(super) fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.egress.reasons.iter().chain(&self.ingress.reasons)
    }
}

impl Side {
    fn new(
        context: Context<'_>,
        connection: &Connection,
        decision: &DirectionDecision,
        is_explained: bool,
    ) -> Self {
        let reasons = || reason::reasons(context, connection, decision);
        Self {
            chain: chain(Tiers::of(context.cluster), decision),
            reasons: is_explained.then(reasons).unwrap_or_default(),
        }
    }
}

/// By verdict, the ports that were judged and those that no Service has.
fn ports(
    question: &Question,
    cluster: &Cluster,
    judged: &[Judged],
) -> Vec<(Verdict, ConnectionSet)> {
    let destinations = judged.iter().map(|one| &one.way.destination);
    let unserved = destinations.fold(ConnectionSet::none(), |all, destination| {
        let asked = question.asked(cluster, destination).ok();
        asked.map_or_else(|| all.clone(), |asked| all.union(&asked.unserved))
    });
    let mut found = judge::ports_by_verdict(judged);
    if !unserved.is_empty() {
        found.push((Verdict::NotServed, unserved));
        found.sort();
    }
    found
}

fn missing(judged: &[Judged]) -> Vec<String> {
    let outcomes = judged.iter().map(|one| &one.answer.outcome);
    let unknown = outcomes.filter_map(|outcome| match outcome {
        Outcome::Unknown { missing } => Some(missing),
        Outcome::Allow | Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints => None,
    });
    let mut names: Vec<String> = unknown.flatten().cloned().collect();
    names.sort();
    names.dedup();
    names
}
