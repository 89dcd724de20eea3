//! RF005: a label that decides who gets in, on nobody: whoever may set it decides.

use crate::lint::context::Context;
use crate::lint::peer::{Fate, PeerSite};
use crate::lint::problem::Problem;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let sites = context.peer_sites.iter();
    sites
        .filter(|site| !site.may_be_half)
        .filter_map(|site| problem(context, site))
        .collect()
}

fn problem(context: &Context<'_>, site: &PeerSite<'_>) -> Option<Problem> {
    let (what, key) = match &site.fate {
        Fate::NamespaceLabelMissing(key) => ("namespace", key),
        Fate::PodLabelMissing(key) => ("pod", key),
        Fate::Pods
        | Fate::HostPodsAlone
        | Fate::Contradiction
        | Fate::NoNamespace
        | Fate::Elsewhere(_)
        | Fate::NoPod
        | Fate::Unknown => return None,
    };
    let message = format!("no {what} has the label `{key}`, so this peer is nobody yet");
    let help = format!(
        "set the label where it is meant; until then whoever may label a {what} decides who this is"
    );
    let problem = site.place.clone().problem(message).with_help(help);
    Some(problem.unless_made_by(site.maker(context)))
}
