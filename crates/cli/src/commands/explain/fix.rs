//! The edits that would turn the answer around, as text to be put into the manifests.

mod json;
mod markdown;
mod text;

use std::sync::Arc;

use anyhow::bail;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{
    Cluster, ClusterPolicy, Input, IpBlock, LoadOptions, NetworkPolicy, Outcome, UnknownFields,
    assemble, load, map_with,
};
use ringfence_policy::{Change, Engine};
use ringfence_reach::fix::{
    Edit, Fix, Flow, Goal, Hunk, Patched, Wish, fixes_with, new_document, patched,
};

use super::judge::{Judged, judge, verdict};
use super::question::{Question, ways};
use super::verdict::Verdict;
use crate::inputs::endpoint::{EndpointArgument, WellKnown};
use crate::inputs::manifests::LoadedManifests;
use crate::threads::Threads;

pub(super) use json::Fixes;
pub(super) use markdown::markdown;
pub(super) use text::text;

/// Fixes that are shown, unless all are.
const MOST: usize = 3;

/// What would turn the answer around.
pub(super) struct Remedy {
    pub(super) goal: Goal,
    /// The best first.
    pub(super) fixes: Vec<Shown>,
    /// How many are not shown.
    pub(super) more: usize,
    /// Why there is none.
    pub(super) obstacle: Option<&'static str>,
}

/// A fix, and how to make it.
pub(super) struct Shown {
    pub(super) fix: Fix,
    pub(super) patches: Vec<Patch>,
}

/// An edit of the manifests.
pub(super) struct Patch {
    /// What is done, in words.
    pub(super) what: String,
    pub(super) site: Site,
}

pub(super) enum Site {
    /// Lines of a file.
    Lines { file: Arc<str>, hunk: Hunk },
    /// A document more.
    Document(String),
}

impl Remedy {
    /// The fixes for what was judged: to allow it unless all of it is allowed.
    pub(super) fn new(
        question: &Question,
        engine: &Engine,
        manifests: &LoadedManifests,
        judged: &[Judged],
        namespace: &str,
        all: bool,
    ) -> anyhow::Result<Self> {
        if question.port.is_none() {
            bail!("--fix needs a PORT: which connections are to be allowed or denied?");
        }
        let goal = match verdict(judged) {
            Verdict::Allow => Goal::Deny,
            Verdict::Deny
            | Verdict::NoEndpoints
            | Verdict::NotServed
            | Verdict::Unknown
            | Verdict::Partial => Goal::Allow,
        };
        let flows: Vec<Flow> = judged.iter().map(flow).collect();
        let outside = outside(question);
        let found = fixes_with(
            engine,
            Wish {
                goal,
                flows: &flows,
                outside: &outside,
            },
            &Threads,
        );
        let reader = Reader {
            manifests,
            namespace,
            cluster: engine.cluster(),
            question,
            goal,
        };
        let shown = map_with(&Threads, &found, |fix| reader.shown(fix));
        let mut shown: Vec<Shown> = shown.into_iter().flatten().collect();
        let most = if all { usize::MAX } else { MOST };
        let more = shown.len().saturating_sub(most);
        shown.truncate(most);
        let obstacle = shown.is_empty().then(|| obstacle(goal, judged));
        Ok(Self {
            goal,
            fixes: shown,
            more,
            obstacle,
        })
    }

    /// `allow` or `deny`.
    pub(super) const fn word(&self) -> &'static str {
        match self.goal {
            Goal::Allow => "allow",
            Goal::Deny => "deny",
        }
    }
}

fn flow(judged: &Judged) -> Flow {
    Flow {
        query: judged.query.clone(),
        connections: judged.asked.clone(),
        is_for_alike: judged.way.is_for_others,
    }
}

fn obstacle(goal: Goal, judged: &[Judged]) -> &'static str {
    let mut outcomes = judged.iter().map(|one| &one.answer.outcome);
    if outcomes.any(|outcome| *outcome == Outcome::NoEndpoints) {
        return "the Service leads to nobody";
    }
    match goal {
        Goal::Allow => "it takes more edits than are tried, or an address that is not known",
        Goal::Deny => {
            "what passes here is never asked of a policy, or takes more edits than are tried"
        }
    }
}

/// What the addresses that stand for the internet are examples of.
fn outside(question: &Question) -> Vec<IpBlock> {
    let internet = EndpointArgument::WellKnown(WellKnown::Internet);
    if question.source != internet && question.destination != internet {
        return Vec::new();
    }
    let private = [
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 168, 0, 0], 16),
    ];
    let v4 = |address: [u8; 4], length| Ipv4Net::new(address.into(), length).map(IpNet::V4).ok();
    let v6 = Ipv6Net::new([0x2000, 0, 0, 0, 0, 0, 0, 0].into(), 3)
        .map(IpNet::V6)
        .ok();
    let except = private
        .into_iter()
        .filter_map(|(address, length)| v4(address, length))
        .collect();
    let block = |cidr, except| IpBlock { cidr, except };
    let v4 = v4([0, 0, 0, 0], 0).map(|cidr| block(cidr, except));
    v4.into_iter()
        .chain(v6.map(|cidr| block(cidr, Vec::new())))
        .collect()
}

/// What edits are made in.
struct Reader<'a> {
    manifests: &'a LoadedManifests,
    namespace: &'a str,
    cluster: &'a Cluster,
    question: &'a Question,
    goal: Goal,
}

impl Reader<'_> {
    /// The fix as text; `None` if what is read from that text is not what the edits say.
    fn shown(&self, fix: &Fix) -> Option<Shown> {
        let mut after = Engine::new(self.cluster.clone());
        for edit in &fix.edits {
            let change = edit.change(after.cluster())?;
            after.apply(change);
        }
        let text = |file: &str| self.manifests.sources.text(file);
        let patched = patched(&fix.edits, self.cluster, text)?;
        let written = self.written(&patched);
        let is_meant = fix
            .edits
            .iter()
            .all(|edit| says(edit, self.cluster, &written, after.cluster()));
        let patches = self.patches(&fix.edits, patched);
        Some(Shown {
            patches: patches.filter(|_| is_meant && self.is_answered(after.cluster()))?,
            fix: fix.clone(),
        })
    }

    /// Whether the same question has the wanted answer: of a place other addresses may be asked about than before.
    fn is_answered(&self, after: &Cluster) -> bool {
        let mut cluster = after.clone();
        let Ok((sources, destinations)) = self.question.resolve(&mut cluster) else {
            return false;
        };
        let engine = Engine::new(cluster);
        let ways = ways(&engine, &sources, &destinations);
        let judged = judge(&engine, self.question, &ways);
        let verdict = judged.map(|judged| verdict(&judged));
        match self.goal {
            Goal::Allow => matches!(verdict, Ok(Verdict::Allow)),
            Goal::Deny => matches!(verdict, Ok(Verdict::Deny)),
        }
    }

    /// What the changed files and the new documents are read as.
    fn written(&self, patched: &Patched) -> Cluster {
        let files = patched.files.iter();
        let files = files.map(|(name, text)| (name.to_string(), text.clone()));
        let documents = patched.documents.iter();
        let documents = documents.map(|text| (String::new(), text.clone()));
        let inputs: Vec<Input> = files
            .chain(documents)
            .map(|(name, text)| Input { name, text })
            .collect();
        let options = LoadOptions {
            default_namespace: self.namespace.to_owned(),
            unknown_fields: UnknownFields::Warn,
        };
        assemble(&load(&inputs, &options).objects).0
    }

    /// Of each edit its own, to be made after those before it.
    fn patches(&self, edits: &[Edit], patched: Patched) -> Option<Vec<Patch>> {
        let mut steps = patched.steps.into_iter();
        let mut patch = |edit: &Edit| {
            if edit.source(self.cluster).is_none() {
                return Some(Patch {
                    what: edit.to_string(),
                    site: Site::Document(new_document(edit)?),
                });
            }
            let step = steps.next()?;
            let site = Site::Lines {
                file: step.file,
                hunk: step.hunk,
            };
            Some(Patch {
                what: step.edit.to_string(),
                site,
            })
        };
        edits.iter().map(&mut patch).collect()
    }
}

/// Whether `written` has the object that `edit` changes as it is in `after`.
fn says(edit: &Edit, before: &Cluster, written: &Cluster, after: &Cluster) -> bool {
    let change = edit.change(before);
    if let Some(Change::SetNetworkPolicy(policy)) = &change {
        let of = |cluster: &Cluster| cluster.network_policies.get(&policy.name).map(bare);
        of(written).is_some() && of(written) == of(after)
    } else if let Some(Change::SetClusterPolicy(policy)) = &change {
        let of = |cluster: &Cluster| cluster.cluster_policies.get(&policy.name).map(bare_cluster);
        of(written).is_some() && of(written) == of(after)
    } else if let (Some(Change::SetNamespace(namespace)), Edit::LabelNamespace(_, label)) =
        (&change, edit)
    {
        let labels = written.namespace_labels(&namespace.name);
        let (key, value) = label;
        let is_kept = namespace.source.is_none() || labels == namespace.labels;
        labels.get(key) == Some(value) && is_kept
    } else {
        false
    }
}

/// The policy without where it was written.
fn bare(policy: &NetworkPolicy) -> NetworkPolicy {
    let mut policy = policy.clone();
    policy.source = None;
    for rule in policy.ingress.iter_mut().chain(&mut policy.egress) {
        rule.source = None;
    }
    policy
}

fn bare_cluster(policy: &ClusterPolicy) -> ClusterPolicy {
    let mut policy = policy.clone();
    policy.source = None;
    for rule in policy.ingress.iter_mut().chain(&mut policy.egress) {
        rule.source = None;
    }
    policy
}
