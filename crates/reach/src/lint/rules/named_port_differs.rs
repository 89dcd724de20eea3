//! RF022: a port's name that is another number on other pods (rules NP-34, AM-12).

use std::collections::BTreeMap;

use ringfence_model::{Direction, PolicyPeer};
use ringfence_net::Protocol;

use crate::lint::context::{Context, PodGroup};
use crate::lint::port::named;
use crate::lint::problem::{Problem, RuleSite};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context
        .named_ports()
        .filter_map(|(site, index, name, protocol)| problem(context, site, index, name, protocol))
        .collect()
}

fn problem(
    context: &Context<'_>,
    site: RuleSite<'_>,
    index: usize,
    name: &str,
    protocol: Protocol,
) -> Option<Problem> {
    let sets = destinations(context, site).into_iter();
    let numbers = sets
        .map(|groups| numbers(&groups, name, protocol))
        .find(|numbers| numbers.len() > 1)?;
    let each = numbers
        .iter()
        .map(|(number, groups)| format!("{number} on {}", words::pods(groups)));
    let message = format!("`{name}` is not one port: {}", words::list(each));
    let help = "each pod is reached at its own number; give different ports different names if that is not meant";
    Some(site.port(index).problem(message).with_help(help))
}

/// The pods that are picked by labels together: those selected, or those of each peer.
fn destinations<'c, 'a>(
    context: &'c Context<'a>,
    site: RuleSite<'_>,
) -> Vec<Vec<&'c PodGroup<'a>>> {
    if site.direction == Direction::Ingress {
        let picked = !site.policy.pod_selector.is_empty();
        return if picked {
            vec![context.selected(site.policy)]
        } else {
            Vec::new()
        };
    }
    let peers = site.rule.peers.iter();
    peers
        .filter_map(|peer| match peer {
            PolicyPeer::Pods(peer) => {
                let picked = peer.pods.as_ref().is_some_and(|pods| !pods.is_empty());
                picked.then(|| context.peers(peer, &site.policy.name.namespace))
            }
            PolicyPeer::IpBlock(_) => None,
        })
        .collect()
}

fn numbers<'c, 'a>(
    groups: &[&'c PodGroup<'a>],
    name: &str,
    protocol: Protocol,
) -> BTreeMap<u16, Vec<&'c PodGroup<'a>>> {
    let mut numbers: BTreeMap<u16, Vec<_>> = BTreeMap::new();
    for group in groups {
        for number in named(group.ports, name, protocol) {
            numbers.entry(number).or_default().push(*group);
        }
    }
    numbers
}
