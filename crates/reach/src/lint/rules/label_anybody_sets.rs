//! RF006: a door that a label on a pod of any namespace opens (rule NP-13).

use ringfence_model::{Direction, PolicyPeer};

use crate::lint::context::Context;
use crate::lint::problem::{Problem, RuleSite};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let rules = context.rules();
    rules
        .filter(|site| site.direction == Direction::Ingress)
        .flat_map(problems)
        .collect()
}

fn problems(site: RuleSite<'_>) -> impl Iterator<Item = Problem> {
    site.peers().filter_map(move |(index, peer)| {
        let PolicyPeer::Pods(peer) = peer else {
            return None;
        };
        let (namespaces, pods) = (peer.namespaces.as_ref()?, peer.pods.as_ref()?);
        let any_namespace = namespaces.is_empty() && !pods.is_empty();
        any_namespace.then(|| {
            let labels = words::selector(pods);
            let message = format!(
                "a pod of any namespace gets in by the labels `{labels}`, which its author chooses"
            );
            site.peer(index).problem(message).with_help(
                "name the namespaces too: their labels are set by whoever runs the cluster",
            )
        })
    })
}
