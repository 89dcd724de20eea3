//! RF023: pods that may connect to others and cannot ask for their names (rule NP-67).

use crate::lint::context::{Context, PodGroup};
use crate::lint::names::{Dns, Lookup, lookups};
use crate::lint::problem::{Place, Problem};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let lookups = lookups(context).into_iter();
    lookups.filter_map(|lookup| problem(&lookup)).collect()
}

fn problem(lookup: &Lookup<'_, '_>) -> Option<Problem> {
    let pods = lookup.pods.iter().filter(|(_, asks)| !asks.udp);
    let groups: Vec<&PodGroup<'_>> = pods.clone().map(|(group, _)| *group).collect();
    if groups.is_empty() {
        return None;
    }
    let message = format!(
        "{} may connect to others and cannot ask for their names: no rule reaches the cluster's DNS on UDP",
        words::pods(&groups)
    );
    let tcp_alone = pods.into_iter().all(|(_, asks)| asks.tcp);
    let Dns {
        namespace,
        label,
        port,
    } = lookup.dns;
    let help = if tcp_alone {
        format!("a port without `protocol` is TCP: add `- {{protocol: UDP, port: {port}}}`")
    } else {
        format!("allow UDP and TCP on port {port} to pods of `{namespace}` with `{label}`")
    };
    let place = Place::of_policy(lookup.policy, "spec.egress");
    Some(place.problem(message).with_help(help))
}
