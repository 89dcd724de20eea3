//! RF027: a rule that allows everything (rules NP-6, NP-10).

use ipnet::IpNet;
use ringfence_model::{Direction, PolicyPeer, PolicyRule, Severity};
use ringfence_net::{ConnectionSet, PortRange, PortSet, Protocol};

use crate::lint::context::Context;
use crate::lint::port::connections;
use crate::lint::problem::{Problem, RuleSite};

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context.rules().filter_map(problem).collect()
}

fn problem(site: RuleSite<'_>) -> Option<Problem> {
    if !every_port(site.rule) {
        return None;
    }
    let (place, what) = if site.rule.peers.is_empty() {
        (site.place(), "address")
    } else {
        let (index, family) = whole_family(site)?;
        (site.peer(index), family)
    };
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

/// Whether `rule` lists no ports, or all that there are.
fn every_port(rule: &PolicyRule) -> bool {
    let all = Protocol::ALL.into_iter();
    let all =
        all.map(|protocol| ConnectionSet::of(protocol, PortSet::from_range(PortRange::VALID)));
    let allowed = connections(rule);
    all.into_iter().all(|ports| ports.is_subset(&allowed))
}

/// `0.0.0.0/0` or `::/0` without holes, in one block or in several: the largest of them.
fn whole_family(site: RuleSite<'_>) -> Option<(usize, &'static str)> {
    let blocks = site.peers().filter_map(|(index, peer)| match peer {
        PolicyPeer::IpBlock(block) if block.except.is_empty() => Some((index, block.cidr)),
        PolicyPeer::IpBlock(_) | PolicyPeer::Pods(_) => None,
    });
    let blocks: Vec<(usize, IpNet)> = blocks.collect();
    let nets: Vec<IpNet> = blocks.iter().map(|(_, block)| *block).collect();
    let together = IpNet::aggregate(&nets);
    let whole = together.iter().find(|block| block.prefix_len() == 0)?;
    let within = blocks.iter().filter(|(_, block)| whole.contains(block));
    let (index, _) = within.min_by_key(|(_, block)| block.prefix_len())?;
    let family = match whole {
        IpNet::V4(_) => "IPv4 address",
        IpNet::V6(_) => "IPv6 address",
    };
    Some((*index, family))
}
