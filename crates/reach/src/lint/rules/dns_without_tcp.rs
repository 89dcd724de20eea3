//! RF024: pods that may ask for names on UDP alone, so that long answers do not come (rule NP-67).

use crate::lint::context::{Context, PodGroup};
use crate::lint::names::{Lookup, lookups};
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let lookups = lookups(context).into_iter();
    lookups.filter_map(|lookup| problem(&lookup)).collect()
}

fn problem(lookup: &Lookup<'_, '_>) -> Option<Problem> {
    let pods = lookup.pods.iter();
    let pods = pods.filter(|(_, asks)| asks.udp && !asks.tcp);
    let groups: Vec<&PodGroup<'_>> = pods.map(|(group, _)| *group).collect();
    if groups.is_empty() {
        return None;
    }
    let message = format!(
        "{} may ask the cluster's DNS on UDP and not on TCP, which an answer that fills more than a packet needs",
        words::pods(&groups)
    );
    let help = format!(
        "add `- {{protocol: TCP, port: {}}}` beside the one for UDP",
        lookup.dns.port
    );
    let place = Place::of_policy(lookup.policy, "spec.egress");
    Some(place.problem(message).with_help(help))
}
