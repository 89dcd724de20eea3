//! Rule AM-19: destinations by name, which match nothing as long as nobody says which addresses they have.

use std::collections::BTreeMap;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterRule, Direction,
    DomainName, PeerSelector, PodScope, Source,
};
use ringfence_net::{ConnectionSet, PortSet};
use ringfence_policy::{ClassId, Engine};

use super::units_of;
use crate::workload::{Groups, Part, Unit};

/// What workloads may open to names of which not all addresses are known, beyond what they may open to everybody.
pub(crate) type Accepted = BTreeMap<(Unit, String), ConnectionSet>;

/// What is accepted in the cluster of `engine`, which `groups` groups.
pub(crate) fn accepted(engine: &Engine, groups: &Groups) -> Accepted {
    let cluster = engine.cluster();
    let mut found = Accepted::new();
    for (policy, rule, name) in rules(cluster) {
        for (unit, connections) in opened(engine, groups, (policy, rule)) {
            let entry = found.entry((unit, name.to_string()));
            let known = entry.or_insert_with(ConnectionSet::none);
            *known = known.union(&connections);
        }
    }
    found.retain(|_, connections| !connections.is_empty());
    found
}

/// The first rule that accepts each such name.
pub(crate) fn places(cluster: &Cluster) -> BTreeMap<String, Source> {
    let mut found = BTreeMap::new();
    for (policy, rule, name) in rules(cluster) {
        if let Some(source) = rule.source.as_ref().or(policy.source.as_ref()) {
            let place = found.entry(name.to_string());
            place.or_insert_with(|| source.clone());
        }
    }
    found
}

/// Every rule that accepts a name of which not all addresses are known. Of a pattern they never are.
fn rules(cluster: &Cluster) -> impl Iterator<Item = (&ClusterPolicy, &ClusterRule, &DomainName)> {
    let is_known = move |name: &DomainName| match name {
        DomainName::Below(_) => false,
        DomainName::Exact(_) => {
            let mut known = cluster.domain_addresses.keys();
            known.any(|known| name.matches(known))
        }
    };
    let policies = cluster.cluster_policies.values();
    let rules = policies.flat_map(|policy| policy.egress.iter().map(move |rule| (policy, rule)));
    let accepting = rules.filter(|(_, rule)| rule.action == ClusterAction::Accept);
    let names = accepting.flat_map(|(policy, rule)| {
        let names = rule.peers.iter().flat_map(names);
        names.map(move |name| (policy, rule, name))
    });
    names.filter(move |(.., name)| !is_known(name))
}

fn names(peer: &ClusterPeer) -> &[DomainName] {
    match peer {
        ClusterPeer::DomainNames(names) => names,
        ClusterPeer::Pods(_)
        | ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::Unrecognized => &[],
    }
}

/// What `rule` may open for each workload with pods that `policy` judges, beyond what they may open to everybody.
fn opened(
    engine: &Engine,
    groups: &Groups,
    (policy, rule): (&ClusterPolicy, &ClusterRule),
) -> BTreeMap<Unit, ConnectionSet> {
    let cluster = engine.cluster();
    let subject = subject(&policy.subject);
    let asked = connections(rule);
    let mut open: BTreeMap<ClassId, ConnectionSet> = BTreeMap::new();
    let mut found: BTreeMap<Unit, ConnectionSet> = BTreeMap::new();
    for (unit, pod) in units_of(cluster, |pod| cluster.peer_matches(&subject, "", pod)) {
        let parts = groups.parts(&unit).iter();
        let class = engine.class_of_pod(&pod.name);
        for own in parts.filter(|part| Some(part.class) == class) {
            let anyway = open
                .entry(own.class)
                .or_insert_with(|| to_everybody(engine, groups, own));
            let new = asked.difference(anyway);
            let known = found
                .entry(unit.clone())
                .or_insert_with(ConnectionSet::none);
            *known = known.union(&new);
        }
    }
    found
}

fn subject(scope: &PodScope) -> PeerSelector {
    PeerSelector {
        namespaces: Some(scope.namespaces.clone().unwrap_or_default()),
        pods: scope.pods.clone(),
    }
}

/// The ports of `rule`. A port by name may be any, as it is not known who is asked for it.
fn connections(rule: &ClusterRule) -> ConnectionSet {
    if rule.ports.is_empty() {
        return ConnectionSet::all();
    }
    let of = |port: &ClusterPort| match port {
        ClusterPort::Range(protocol, range) => {
            ConnectionSet::of(*protocol, PortSet::from_range(*range))
        }
        ClusterPort::Name(_) => ConnectionSet::all(),
    };
    let all = rule.ports.iter().map(of);
    all.fold(ConnectionSet::none(), |all, port| all.union(&port))
}

/// What the egress policies of `own` allow to whomever it can speak with.
fn to_everybody(engine: &Engine, groups: &Groups, own: &Part) -> ConnectionSet {
    let mut open = ConnectionSet::all();
    let everybody = groups.units().flat_map(|unit| groups.parts(unit));
    for other in everybody.filter(|other| own.speaks.meets(other.speaks)) {
        for shared in engine.shared_families() {
            let reach = engine.one_way_in(*shared, Direction::Egress, own.class, other.class);
            open = reach.map_or(open.clone(), |reach| open.intersection(&reach.allowed));
        }
        if open.is_empty() {
            break;
        }
    }
    open
}
