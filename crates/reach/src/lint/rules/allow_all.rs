//! RF027: a rule that allows everything (rules NP-6, NP-10).

use ringfence_model::{Direction, PolicyPeer, Severity};

use crate::lint::context::Context;
use crate::lint::problem::{Problem, RuleSite};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context.rules().filter_map(problem).collect()
}

fn problem(site: RuleSite<'_>) -> Option<Problem> {
    if !site.rule.ports.is_empty() {
        return None;
    }
    let all = match site
        .peers()
        .find_map(|(index, peer)| Some((index, whole_family(peer)?)))
    {
        Some((index, family)) => Some((site.peer(index), family)),
        None => site
            .rule
            .peers
            .is_empty()
            .then(|| (site.place(), "address")),
    };
    let (place, what) = all?;
    let message = match site.direction {
        Direction::Ingress => format!("every {what} may connect to every port"),
        Direction::Egress => format!("every port of every {what} may be reached"),
    };
    let (severity, help) = match site.direction {
        Direction::Ingress => (
            Severity::Warning,
            "list in `ports` what is meant to be reached, and in `from` by whom",
        ),
        Direction::Egress => (
            Severity::Note,
            "list in `to` and `ports` what the pods need",
        ),
    };
    Some(
        place
            .problem(message)
            .with_severity(severity)
            .with_help(help),
    )
}

/// `0.0.0.0/0` or `::/0` without holes.
fn whole_family(peer: &PolicyPeer) -> Option<&'static str> {
    match peer {
        PolicyPeer::IpBlock(block) if block.cidr.prefix_len() == 0 && block.except.is_empty() => {
            Some(match block.cidr {
                ipnet::IpNet::V4(_) => "IPv4 address",
                ipnet::IpNet::V6(_) => "IPv6 address",
            })
        }
        PolicyPeer::IpBlock(_) | PolicyPeer::Pods(_) => None,
    }
}
