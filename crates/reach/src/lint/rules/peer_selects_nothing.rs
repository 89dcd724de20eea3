//! RF002: a peer that no pod matches, although its labels are in use (rules NP-12 to NP-17).

use crate::lint::context::Context;
use crate::lint::peer::{Fate, PeerSite};
use crate::lint::problem::Problem;
use crate::lint::requirement::why_none;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let sites = context.peer_sites.iter();
    sites
        .filter(|site| !site.may_be_half)
        .filter_map(|site| problem(context, site))
        .collect()
}

fn problem(context: &Context<'_>, site: &PeerSite<'_>) -> Option<Problem> {
    let peer = site.selector.as_ref();
    let (message, why) = match &site.fate {
        Fate::NoNamespace => {
            let all = context.cluster.namespaces.values();
            let all = all.map(|namespace| &namespace.labels);
            let selector = peer.namespaces.as_ref()?;
            ("no namespace matches", why_none(selector, "namespace", all))
        }
        Fate::NoPod => {
            let namespaces = context.namespaces(peer.namespaces.as_ref(), site.namespace);
            let groups = namespaces.iter().flat_map(|name| context.groups_in(name));
            let all: Vec<_> = groups.map(|group| group.labels).collect();
            let selector = peer.pods.as_ref()?;
            (
                "no pod matches",
                why_none(selector, "pod there", all.into_iter()),
            )
        }
        Fate::Pods
        | Fate::HostPodsAlone
        | Fate::Contradiction
        | Fate::NamespaceLabelMissing(_)
        | Fate::PodLabelMissing(_)
        | Fate::Elsewhere(_)
        | Fate::Unknown => return None,
    };
    let problem = site.place.clone().problem(message).with_label(why);
    let problem = problem.with_help("select by labels that are there, or remove the item");
    Some(problem.unless_made_by(site.maker(context)))
}
