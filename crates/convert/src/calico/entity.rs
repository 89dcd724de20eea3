//! `source` and `destination` of rules.

use ipnet::IpNet;
use ringfence_model::{IpBlock, Requirement};
use ringfence_net::Family;

use super::Surroundings;
use super::selector::{Selector, SelectorError, alternatives, parse};
use super::subject::pods;
use crate::block;
use crate::ladder::{Peer, Peers};
use crate::written::Field;

/// Fields that have no equivalent, why, and what to do.
pub(super) const WITHOUT: [(&str, &str, &str); 3] = [
    (
        "serviceAccounts",
        "selects by service account, which Kubernetes policies do not see",
        "give the pods a label that says which service account they have, and select by it",
    ),
    (
        "services",
        "names a Service, and Services are no peers of Kubernetes policies (rule OB-14)",
        "select the pods behind the Service, with its target port",
    ),
    (
        "domains",
        "names domains, whose addresses are not known before they are asked for",
        "list the addresses in `nets`, or write a ClusterNetworkPolicy with `domainNames` by hand",
    ),
];

const KNOWN: [&str; 5] = [
    "nets",
    "notNets",
    "selector",
    "notSelector",
    "namespaceSelector",
];

/// Whom `side` of a rule matches, in a policy of `namespace` (none for a global one).
pub(super) fn peers(
    surroundings: &Surroundings<'_>,
    namespace: Option<&str>,
    family: Option<Family>,
    side: Option<&Field<'_>>,
) -> Peers {
    let Some(side) = side else {
        return everybody(family);
    };
    side.only(&[&KNOWN[..], &["ports", "notPorts"]].concat(), &WITHOUT);
    let selects = ["selector", "notSelector", "namespaceSelector"];
    if selects.iter().any(|key| side.text_of(key).is_some()) {
        refuse_both(side, family);
        return selected(surroundings, namespace, side);
    }
    blocks(side, family)
}

/// Refuses what would narrow selected pods by their addresses.
fn refuse_both(side: &Field<'_>, family: Option<Family>) {
    for key in ["nets", "notNets"] {
        if let Some(field) = side.get(key).filter(|field| !field.is_empty()) {
            field.refuse(
                "narrows a selector by addresses, and a Kubernetes peer is either",
                "write a rule for the selector and a rule for the addresses, if either may match",
            );
        }
    }
    if family.is_some() {
        side.refuse(
            "is narrowed to one IP version, and a Kubernetes peer of pods is of both",
            "remove `ipVersion`",
        );
    }
}

fn everybody(family: Option<Family>) -> Peers {
    let all = |family| {
        Peer::Block(IpBlock {
            cidr: block::everything(family),
            except: Vec::new(),
        })
    };
    family.map_or(Peers::Any, |family| Peers::Of(vec![all(family)]))
}

fn blocks(side: &Field<'_>, family: Option<Family>) -> Peers {
    let read = |key| -> Vec<IpNet> { side.list(key).iter().filter_map(block::net).collect() };
    let (nets, holes) = (read("nets"), read("notNets"));
    if side.list("nets").is_empty() && holes.is_empty() {
        return everybody(family);
    }
    let nets = if side.list("nets").is_empty() {
        Family::ALL.map(block::everything).to_vec()
    } else {
        nets
    };
    let of_family = |net: &IpNet| family.is_none_or(|family| Family::of(net.addr()) == family);
    let nets = nets.into_iter().filter(of_family);
    let left = nets.filter_map(|net| block::without(net, &holes));
    Peers::Of(left.map(Peer::Block).collect())
}

fn selected(surroundings: &Surroundings<'_>, namespace: Option<&str>, side: &Field<'_>) -> Peers {
    let positive = positive(side, namespace);
    let negative = read(side, "notSelector");
    let Some(positive) = positive else {
        side.refuse(
            "matches everybody but what `notSelector` matches, nodes and outside addresses too",
            "select the pods that are meant with `selector`, and allow addresses with `nets`",
        );
        return Peers::Any;
    };
    let sets = &surroundings.sets;
    let excluded = negative.as_ref().map(|selector| terms(side, selector));
    if excluded.iter().flatten().any(|term| sets.any(term)) {
        side.refuse(
            "leaves out the addresses of a network set, and a Kubernetes peer of pods cannot",
            "write a `notSelector` that matches pods alone",
        );
    }
    let whole = match &negative {
        Some(negative) => Selector::And(vec![
            positive.clone(),
            Selector::Not(Box::new(negative.clone())),
        ]),
        None => positive.clone(),
    };
    let mut peers: Vec<Peer> = Vec::new();
    for term in terms(side, &whole) {
        peers.extend(pods(&term, side).map(Peer::Pods));
    }
    peers.extend(of_sets(surroundings, side, &positive, negative.is_some()));
    Peers::Of(peers)
}

fn of_sets(
    surroundings: &Surroundings<'_>,
    side: &Field<'_>,
    positive: &Selector,
    narrowed: bool,
) -> Vec<Peer> {
    let terms = terms(side, positive);
    let found = terms
        .iter()
        .filter_map(|term| surroundings.sets.matching(term, side));
    let mut nets: Vec<IpNet> = found.flatten().collect();
    nets.sort();
    nets.dedup();
    if narrowed && !nets.is_empty() {
        side.refuse(
            "matches a network set without the pods of `notSelector`, whose addresses are not known",
            "write a rule for the network set and a rule for the pods",
        );
    }
    let whole = |cidr| {
        Peer::Block(IpBlock {
            cidr,
            except: Vec::new(),
        })
    };
    nets.into_iter().map(whole).collect()
}

/// The selector of endpoints that all positive fields make; none for a global policy without any.
fn positive(side: &Field<'_>, namespace: Option<&str>) -> Option<Selector> {
    let namespaces = read(side, "namespaceSelector").map(Selector::of_namespaces);
    let namespaces = namespaces.or_else(|| namespace.map(Selector::within));
    let selector = read(side, "selector");
    let parts: Vec<Selector> = namespaces.into_iter().chain(selector).collect();
    (!parts.is_empty()).then_some(Selector::And(parts))
}

/// The selector under `key`, if there is one. What is no selector is refused.
pub(super) fn read(at: &Field<'_>, key: &str) -> Option<Selector> {
    let text = at.text_of(key)?;
    match parse(text) {
        Ok(selector) => Some(selector),
        Err(error) => {
            refuse(at, key, &error);
            Some(Selector::All)
        }
    }
}

/// The alternatives of `selector`; too many are refused.
pub(super) fn terms(at: &Field<'_>, selector: &Selector) -> Vec<Vec<Requirement>> {
    alternatives(selector).unwrap_or_else(|error| {
        refuse(at, "selector", &error);
        Vec::new()
    })
}

fn refuse(at: &Field<'_>, key: &str, error: &SelectorError) {
    let field = at.get(key).unwrap_or_else(|| at.clone());
    field.refuse(&error.why, &error.instead);
}
