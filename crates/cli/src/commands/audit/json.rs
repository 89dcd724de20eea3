//! An audit for machines.

use ringfence_net::ConnectionSet;
use ringfence_reach::audit::{Finding, Gap, GapKind, Measured, NamespaceShare, Shown, Unmeasured};
use ringfence_reach::workload::Unit;
use serde::Serialize;

use super::{Health, Report, words};

/// Version 1 of the form; fields are added, never changed.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    version: u32,
    /// From 0 to 100; null if there was nothing to measure.
    score: Option<u64>,
    /// The same from 0 to 1,000,000, to compare audits.
    score_millionths: Option<u64>,
    principles: Vec<PrincipleJson<'a>>,
    /// Workloads on the network of their nodes that were taken for parts of the nodes, and not measured.
    parts_of_nodes: Vec<String>,
    /// Workloads without pods, measured as if they had one.
    scaled_to_none: Vec<String>,
    /// Objects that may make pods which manifests do not hold, by kind.
    not_measured: Vec<UnmeasuredJson<'a>>,
    /// What `ringfence check` finds; no part of the score.
    check: Health,
}

#[derive(Debug, Serialize)]
struct UnmeasuredJson<'a> {
    kind: &'a str,
    objects: usize,
    /// Where the first of them is.
    file: &'a str,
    line: u32,
}

#[derive(Debug, Serialize)]
struct PrincipleJson<'a> {
    id: &'static str,
    name: &'static str,
    title: &'static str,
    measure: &'static str,
    reason: &'static str,
    mend: &'static str,
    weight: u32,
    holds: usize,
    measured: usize,
    /// The namespace that counts for the score; `*` for the cluster as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<ShareJson<'a>>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ShareJson<'a> {
    namespace: &'a str,
    holds: usize,
    measured: usize,
}

#[derive(Debug, Serialize)]
struct FindingJson<'a> {
    /// The name that no other workload has.
    workload: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    severity: &'static str,
    /// Whether it is open for certain, and not only perhaps.
    certain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    gaps: Vec<GapJson<'a>>,
}

#[derive(Debug, Serialize)]
struct GapJson<'a> {
    kind: &'static str,
    message: String,
    certain: bool,
    #[serde(skip_serializing_if = "ConnectionSet::is_empty")]
    connections: &'a ConnectionSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<WitnessJson>,
}

/// One connection, and why it may be opened.
#[derive(Debug, Serialize)]
struct WitnessJson {
    source: String,
    destination: String,
    protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    verdict: String,
    reasons: Vec<String>,
}

pub(super) fn document(report: &Report) -> Document<'_> {
    let score = report.audit.score();
    Document {
        version: 1,
        score: score.as_ref().map(|score| score.points()),
        score_millionths: score.as_ref().map(|score| score.millionths()),
        principles: report.audit.principles().iter().map(principle).collect(),
        parts_of_nodes: full_names(report.audit.parts_of_nodes()),
        scaled_to_none: full_names(&report.asleep),
        not_measured: report.audit.unmeasured().iter().map(not_measured).collect(),
        check: report.health,
    }
}

fn not_measured(sort: &Unmeasured) -> UnmeasuredJson<'_> {
    UnmeasuredJson {
        kind: &sort.kind,
        objects: sort.objects,
        file: &sort.first.file,
        line: sort.first.line,
    }
}

fn full_names(units: &[Unit]) -> Vec<String> {
    units.iter().map(Unit::full_name).collect()
}

fn principle(measured: &Measured) -> PrincipleJson<'_> {
    let about = measured.principle.about();
    PrincipleJson {
        id: about.id,
        name: about.name,
        title: about.title,
        measure: about.measure,
        reason: about.reason,
        mend: about.mend,
        weight: about.weight,
        holds: measured.holds,
        measured: measured.measured(),
        worst: measured.worst.as_ref().map(share),
        findings: measured.findings.iter().map(finding).collect(),
    }
}

fn share(share: &NamespaceShare) -> ShareJson<'_> {
    ShareJson {
        namespace: share.name(),
        holds: share.holds,
        measured: share.measured,
    }
}

fn finding(finding: &Finding) -> FindingJson<'_> {
    let source = finding.source.as_ref();
    FindingJson {
        workload: Unit::full_name(&finding.unit),
        namespace: finding.unit.namespace(),
        severity: finding.severity.word(),
        certain: finding.is_certain(),
        accepted: finding.accepted.as_ref().map(|one| one.reason.as_str()),
        file: source.map(|source| &*source.file),
        line: source.map(|source| source.line),
        gaps: finding.gaps.iter().map(|open| gap(finding, open)).collect(),
    }
}

fn gap<'a>(finding: &Finding, gap: &'a Gap) -> GapJson<'a> {
    GapJson {
        kind: kind(&gap.kind),
        message: words::gap(finding.principle, gap),
        certain: gap.is_certain,
        connections: &gap.connections,
        witness: gap.shown.as_ref().map(witness),
    }
}

const fn kind(kind: &GapKind) -> &'static str {
    match kind {
        GapKind::Stranger => "stranger",
        GapKind::Labelled(_) => "labelled-stranger",
        GapKind::Flat { .. } => "flat-network",
        GapKind::EveryNamespace { .. } => "every-namespace",
        GapKind::Crowd { .. } => "crowd",
        GapKind::Neighbours { .. } => "neighbours",
        GapKind::Internet => "internet",
        GapKind::Names(_) => "names",
        GapKind::Neighbour => "neighbour",
        GapKind::LabelledNeighbour(_) => "labelled-neighbour",
        GapKind::Metadata(_) => "metadata",
        GapKind::Node(_) => "node",
        GapKind::Clients { .. } => "clients",
        GapKind::Namespace(_) => "namespace",
        GapKind::HostNetwork { .. } => "host-network",
        GapKind::Admission => "admission",
    }
}

fn witness(shown: &Shown) -> WitnessJson {
    let connections = shown.answer.connections.iter();
    let decisions = connections.flat_map(|found| [&found.egress, &found.ingress]);
    let protocol = shown.query.protocol;
    WitnessJson {
        source: shown.query.source.to_string(),
        destination: shown.query.destination.to_string(),
        protocol: protocol
            .as_policy()
            .map_or_else(|| protocol.0.to_string(), |named| named.to_string()),
        port: shown.query.port,
        verdict: shown.answer.outcome.to_string(),
        reasons: decisions.map(ToString::to_string).collect(),
    }
}
