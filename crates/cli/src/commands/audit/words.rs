//! Findings in sentences, the same in every form of output.

use ringfence_model::{DirectionDecision, Labels};
use ringfence_net::ConnectionSet;
use ringfence_reach::audit::{Finding, Gap, GapKind, Principle, Shown};
use ringfence_reach::workload::Unit;

use super::Report;
use crate::commands::matrix::reason::{Told, told};
use crate::output::names::shortened;
use crate::output::plain::plain;

/// What is open, in one line.
pub(super) fn gap(principle: Principle, gap: &Gap) -> String {
    let what = connections(&gap.connections);
    let gets_in = matches!(
        principle,
        Principle::DefaultDenyIngress | Principle::SensitiveStores | Principle::NamespacesSeparated
    );
    let text = match (&gap.kind, gets_in) {
        (GapKind::Stranger, true) => format!("any pod of the cluster may open {what}"),
        (GapKind::Stranger, false) => format!("it may open {what} to any pod of the cluster"),
        (GapKind::Labelled(labels), true) => {
            let labels = listed(labels);
            format!("any pod of the cluster that calls itself `{labels}` may open {what}")
        }
        (GapKind::Labelled(labels), false) => {
            let labels = listed(labels);
            format!("it may open {what} to any pod of the cluster that calls itself `{labels}`")
        }
        (GapKind::LabelledNeighbour(labels), true) => {
            let labels = listed(labels);
            format!("any pod of its namespace that calls itself `{labels}` may open {what}")
        }
        (GapKind::LabelledNeighbour(labels), false) => {
            let labels = listed(labels);
            format!("it may open {what} to any pod of its namespace that calls itself `{labels}`")
        }
        (GapKind::Neighbour, true) => format!("any pod of its namespace may open {what}"),
        (GapKind::Neighbour, false) => format!("it may open {what} to any pod of its namespace"),
        (GapKind::Flat { found, of }, _) => {
            let whom = format!("{found} of {of} other workloads");
            let text = between(gets_in, &what, &whom);
            format!("{text}, in a cluster where most pairs are open")
        }
        (GapKind::EveryNamespace { found, of }, _) => {
            let whom = format!("any pod of {found} of {of} other namespaces");
            between(gets_in, &what, &whom)
        }
        (GapKind::Crowd { found, of }, _) => {
            between(gets_in, &what, &format!("{found} of {of} other workloads"))
        }
        (GapKind::Neighbours { found, of }, _) => {
            let whom = format!("{found} of {of} other workloads of its namespace");
            between(gets_in, &what, &whom)
        }
        (GapKind::Internet, true) => format!("the internet may open {what}"),
        (GapKind::Internet, false) => format!("it may open {what} to the internet"),
        (GapKind::Names(name), _) => {
            format!("it may open {what} to whatever is called `{name}`, at any address")
        }
        (GapKind::Metadata(address), _) => {
            format!("it may open {what} to the metadata service at {address}")
        }
        (GapKind::Node(name), _) => format!("it may open {what} to node/{name}"),
        (GapKind::Clients { found, most }, _) => {
            let plural = if *found == 1 { "" } else { "s" };
            format!("{found} workload{plural} may open {what}, {most} at most are meant to")
        }
        (GapKind::Namespace(name), _) => {
            format!("workloads of {name} may open {what}, and not because they are of {name}")
        }
        (GapKind::HostNetwork { pods: 1 }, _) => {
            "its pod is on its node's network, where no policy holds it".to_owned()
        }
        (GapKind::HostNetwork { pods }, _) => {
            format!("{pods} pods are on their nodes' network, where no policy holds them")
        }
        (GapKind::Admission, _) => "pods on the host network are admitted".to_owned(),
    };
    let perhaps = if gap.is_certain {
        ""
    } else {
        "not proven otherwise: "
    };
    plain(&format!("{perhaps}{text}"))
}

fn between(gets_in: bool, what: &str, whom: &str) -> String {
    if gets_in {
        format!("its policies let {whom} open {what}")
    } else {
        format!("its policies let it open {what} to {whom}")
    }
}

/// `everything`, `everything but tcp/53 udp/53`, or what may be opened, whichever is shortest.
fn connections(set: &ConnectionSet) -> String {
    let but = set.complement();
    let (direct, indirect) = (set.to_string(), format!("everything but {but}"));
    if set.is_all() {
        "everything".to_owned()
    } else if indirect.len() < direct.len() {
        indirect
    } else {
        direct
    }
}

fn listed(labels: &Labels) -> String {
    let labels = labels.iter().map(|(key, value)| format!("{key}={value}"));
    labels.collect::<Vec<_>>().join(",")
}

/// Which workloads were measured otherwise than they are, or not at all.
pub(super) fn left_out(report: &Report) -> impl Iterator<Item = String> {
    let parts = units(report.audit.parts_of_nodes());
    let parts = parts.map(|names| format!("not measured, as parts of their nodes: {names}"));
    let asleep = units(&report.asleep);
    let asleep =
        asleep.map(|names| format!("scaled to none, and measured as if they had a pod: {names}"));
    let unmeasured = report.audit.unmeasured().iter().map(|sort| {
        let objects = match sort.objects {
            1 => "1 object".to_owned(),
            objects => format!("{objects} objects"),
        };
        let (kind, first) = (&sort.kind, &sort.first);
        plain(&format!(
            "not measured, pods that {objects} of kind {kind} may make ({first})"
        ))
    });
    parts.into_iter().chain(asleep).chain(unmeasured)
}

/// Their names, shortened; `None` if there are none.
fn units(units: &[Unit]) -> Option<String> {
    let names: Vec<String> = units.iter().map(Unit::to_string).collect();
    shortened(&names).map(|names| plain(&names))
}

/// Everything that is open, in one line.
pub(super) fn sentence(finding: &Finding) -> String {
    let gaps = finding.gaps.iter().map(|open| gap(finding.principle, open));
    let gaps: Vec<String> = gaps.collect();
    plain(&format!("{}: {}", finding.unit, gaps.join("; ")))
}

/// Why the workload's own end lets it pass; the other end's only if a rule decides there.
pub(super) fn reasons(principle: Principle, shown: &Shown) -> Vec<Told> {
    let connections = shown.answer.connections.iter();
    let decisions =
        connections.flat_map(|found| own_first(principle, [&found.egress, &found.ingress]));
    let mut reasons = decisions.map(told);
    let own = reasons.next();
    let others = reasons.filter(|told| !told.lines.is_empty());
    own.into_iter().chain(others).collect()
}

fn own_first(
    principle: Principle,
    [egress, ingress]: [&DirectionDecision; 2],
) -> [&DirectionDecision; 2] {
    match principle {
        Principle::DefaultDenyEgress | Principle::MetadataClosed | Principle::NodesClosed => {
            [egress, ingress]
        }
        Principle::DefaultDenyIngress
        | Principle::SensitiveStores
        | Principle::NamespacesSeparated
        | Principle::HostNetwork
        | Principle::HostNetworkAdmission => [ingress, egress],
    }
}

/// `3 of 4`, or that there was nothing to measure.
pub(super) fn share(holds: usize, measured: usize) -> String {
    match measured {
        0 => "n/a".to_owned(),
        _ => format!("{holds} of {measured}"),
    }
}
