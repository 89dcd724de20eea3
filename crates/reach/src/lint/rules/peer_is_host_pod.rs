//! RF009: a peer that only pods on their nodes' network match, which are no peers (rules NP-16, NP-53).

use crate::lint::context::Context;
use crate::lint::peer::{Fate, PeerSite};
use crate::lint::problem::Problem;
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let sites = context.peer_sites.iter();
    let host = sites.filter(|site| site.fate == Fate::HostPodsAlone);
    host.map(|site| problem(context, site)).collect()
}

fn problem(context: &Context<'_>, site: &PeerSite<'_>) -> Problem {
    let pods: Vec<_> = context.like_peer(&site.selector, site.namespace).collect();
    let message = format!(
        "this matches nobody: {} have the labels, and are on the host network",
        words::pods(&pods)
    );
    let help =
        "name the addresses of their nodes in an `ipBlock`, or take the pods off the host network";
    site.place.clone().problem(message).with_help(help)
}
