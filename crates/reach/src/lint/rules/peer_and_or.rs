//! RF003: two items, `namespaceSelector` and `podSelector`, that were probably meant as one (rule NP-14).

use ringfence_model::{LabelSelector, PeerSelector, PolicyPeer, Severity};

use crate::lint::context::{Context, PodGroup};
use crate::lint::peer::{Fate, PeerSite, may_match, names_namespaces_alone, names_pods_alone};
use crate::lint::problem::{Problem, RuleSite};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    context
        .rules()
        .flat_map(|site| pairs(site).into_iter().map(move |pair| (site, pair)))
        .filter_map(|(site, pair)| problem(context, site, &pair))
        .collect()
}

/// Two items beside each other, one of namespaces and one of pods.
struct Pair<'a> {
    /// The place of the item of pods.
    index: usize,
    namespaces: &'a LabelSelector,
    pods: &'a LabelSelector,
}

fn pairs(site: RuleSite<'_>) -> Vec<Pair<'_>> {
    let peers = &site.rule.peers;
    let beside = peers.iter().zip(peers.iter().skip(1)).enumerate();
    beside
        .filter_map(|(index, pair)| match pair {
            (first, second) if names_namespaces_alone(first) && names_pods_alone(second) => {
                pair_of(index + 1, first, second)
            }
            (first, second) if names_pods_alone(first) && names_namespaces_alone(second) => {
                pair_of(index, second, first)
            }
            _ => None,
        })
        .collect()
}

fn pair_of<'a>(index: usize, namespaces: &'a PolicyPeer, pods: &'a PolicyPeer) -> Option<Pair<'a>> {
    let (PolicyPeer::Pods(namespaces), PolicyPeer::Pods(pods)) = (namespaces, pods) else {
        return None;
    };
    Some(Pair {
        index,
        namespaces: namespaces.namespaces.as_ref()?,
        pods: pods.pods.as_ref()?,
    })
}

fn problem(context: &Context<'_>, site: RuleSite<'_>, pair: &Pair<'_>) -> Option<Problem> {
    let own = site.policy.name.namespace.as_str();
    let place = site.peer(pair.index);
    let peer = context.peer_site(&place)?;
    let severity = evidence(context, site, pair, peer)?;
    let admitted = widening(context, pair, own);
    let witness = if admitted.is_empty() {
        format!(
            "every pod of namespaces with `{}`",
            words::selector(pair.namespaces)
        )
    } else {
        words::pods(&admitted)
    };
    let message = format!(
        "two items, so either is enough: this one is about pods of `{own}`, and the other admits {witness} whatever their labels",
    );
    let help = "if only such pods of such namespaces are meant, make it one item: remove the `-` before the second selector";
    Some(
        place
            .problem(message)
            .with_severity(severity)
            .with_help(help),
    )
}

/// How sure it is that one item was meant: the policy's own namespace has no such pods, or both have some.
fn evidence(
    context: &Context<'_>,
    site: RuleSite<'_>,
    pair: &Pair<'_>,
    peer: &PeerSite<'_>,
) -> Option<Severity> {
    let both = PeerSelector {
        namespaces: Some(pair.namespaces.clone()),
        pods: Some(pair.pods.clone()),
    };
    let own = site.policy.name.namespace.as_str();
    let there = !context.peers(&both, own).is_empty();
    match peer.fate {
        Fate::PodLabelMissing(_) | Fate::Elsewhere(_) | Fate::NoPod
            if may_match(context, &both, own) =>
        {
            Some(Severity::Warning)
        }
        Fate::Pods if there && site.rule.peers.len() == 2 => Some(Severity::Note),
        Fate::Pods
        | Fate::HostPodsAlone
        | Fate::Contradiction
        | Fate::NamespaceLabelMissing(_)
        | Fate::NoNamespace
        | Fate::PodLabelMissing(_)
        | Fate::Elsewhere(_)
        | Fate::NoPod
        | Fate::Unknown => None,
    }
}

/// The pods that the two items admit and the one would not.
fn widening<'c, 'a>(context: &'c Context<'a>, pair: &Pair<'_>, own: &str) -> Vec<&'c PodGroup<'a>> {
    let namespaces = PeerSelector {
        namespaces: Some(pair.namespaces.clone()),
        pods: None,
    };
    let mut admitted = context.peers(&namespaces, own);
    admitted.retain(|group| !pair.pods.matches(group.labels));
    admitted
}
