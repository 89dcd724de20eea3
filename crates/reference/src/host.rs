//! Rules HF-1 to HF-7: who may connect to a node.

use ringfence_model::{
    Because, Cluster, ClusterPeer, ClusterPort, ClusterRule, Direction, DirectionDecision,
    DirectionVerdict, FAILSAFE_PORTS, HostFirewall, HostReason, HostRef, HostRuleRef, HostRules,
    JudgedHostRule, KUBELET_PORT, Match, Party, PodScope,
};
use ringfence_net::Protocol;

use crate::block::contains;
use crate::cluster_rule::{addresses_of_nodes, is_in_scope};
use crate::direction::Dialled;
use crate::selector::selects;
use crate::whereabouts::{Unaddressed, unaddressed};

/// What a connection to a node is judged on.
#[derive(Clone, Copy, Debug)]
struct Visit<'a> {
    cluster: &'a Cluster,
    node: &'a Party,
    peer: &'a Party,
    dialled: Dialled,
}

/// `None` if no firewall closes the node (rule HF-2), or `node` is none.
pub(crate) fn decide(
    cluster: &Cluster,
    node: &Party,
    peer: &Party,
    dialled: Dialled,
) -> Option<DirectionDecision> {
    let Party::Node {
        name: Some(name), ..
    } = node
    else {
        return None;
    };
    let closing = closing(cluster, name);
    if closing.is_empty() {
        return None;
    }
    let visit = Visit {
        cluster,
        node,
        peer,
        dialled,
    };
    let (verdict, reason) = judge(visit, name, &closing);
    Some(DirectionDecision {
        direction: Direction::Ingress,
        subject: node.clone(),
        verdict,
        passed: Vec::new(),
        because: Because::Host(reason),
        audited: None,
    })
}

/// HF-2, HF-3: the confirmed rules that select the node, which needs an object.
fn closing<'a>(cluster: &'a Cluster, name: &str) -> Vec<(&'a HostFirewall, &'a HostRules)> {
    let Some(node) = cluster.nodes.get(name) else {
        return Vec::new();
    };
    let firewalls = cluster.host_firewalls.values();
    let confirmed = firewalls.filter_map(|it| Some((it, it.confirmed.as_ref()?)));
    confirmed
        .filter(|(_, rules)| selects(&rules.nodes, &node.labels))
        .collect()
}

fn judge(
    visit: Visit<'_>,
    name: &str,
    closing: &[(&HostFirewall, &HostRules)],
) -> (DirectionVerdict, HostReason) {
    let allow = DirectionVerdict::Allow;
    if matches!(visit.peer, Party::Node { name: Some(peer), .. } if peer == name) {
        return (allow, HostReason::Itself);
    }
    if visit.dialled.protocol.as_policy().is_none() {
        return (allow, HostReason::OtherProtocol);
    }
    let judged: Vec<JudgedHostRule> = closing
        .iter()
        .flat_map(|(firewall, rules)| judge_rules(visit, firewall, rules))
        .collect();
    let having = |wanted: Match| -> Vec<HostRuleRef> {
        let judged = judged.iter().filter(|rule| rule.matches() == wanted);
        judged.map(|rule| rule.rule.clone()).collect()
    };
    let allowed_by = having(Match::Yes);
    if !allowed_by.is_empty() {
        return (allow, HostReason::Rules { allowed_by });
    }
    let closed_by: Vec<HostRef> = closing.iter().map(|(it, _)| HostRef::of(it)).collect();
    if is_failsafe(visit, name, closing) {
        return (allow, HostReason::Failsafe { closed_by });
    }
    let open = having(Match::Unknown);
    if !open.is_empty() {
        let of = visit.peer.clone();
        let reason = HostReason::AddressUnknown { of, rules: open };
        return (DirectionVerdict::Unknown, reason);
    }
    let rules = judged;
    let reason = HostReason::NoRuleMatched { closed_by, rules };
    (DirectionVerdict::Deny, reason)
}

/// HF-7: such a port stays open until a rule names it.
fn is_failsafe(visit: Visit<'_>, name: &str, closing: &[(&HostFirewall, &HostRules)]) -> bool {
    let dialled = visit.dialled;
    let node = visit.cluster.nodes.get(name);
    let kubelet = match node.and_then(|node| node.kubelet_port) {
        Some(port) => port,
        None => KUBELET_PORT,
    };
    let mut listed = FAILSAFE_PORTS.to_vec();
    listed.push((Protocol::Tcp, kubelet));
    let is_listed = listed.iter().any(|(protocol, port)| {
        protocol.number() == dialled.protocol.0 && dialled.port == Some(*port)
    });
    let mut rules = closing.iter().flat_map(|(_, rules)| &rules.ingress);
    let is_named = rules.any(|rule| rule.ports.iter().any(|item| port_matches(item, dialled)));
    is_listed && !is_named
}

/// HF-5: peers and ports of each rule.
fn judge_rules(
    visit: Visit<'_>,
    firewall: &HostFirewall,
    rules: &HostRules,
) -> Vec<JudgedHostRule> {
    let rules = rules.ingress.iter().enumerate();
    let judged = rules.map(|(index, rule)| JudgedHostRule {
        rule: HostRuleRef {
            firewall: HostRef::of(firewall),
            index,
            name: rule.name.clone(),
            source: rule.source.clone(),
        },
        peer: peers_match(visit, rule),
        port: Match::from(ports_match(rule, visit.dialled)),
    });
    judged.collect()
}

/// HF-5: no item matches everybody; else one item must match.
fn peers_match(visit: Visit<'_>, rule: &ClusterRule) -> Match {
    if rule.peers.is_empty() {
        return Match::Yes;
    }
    Match::any(rule.peers.iter().map(|peer| match peer {
        ClusterPeer::Pods(scope) => Match::from(is_pod(visit, scope)),
        ClusterPeer::Networks(networks) => in_one_of(visit, networks),
        ClusterPeer::Nodes(labels) => in_one_of(visit, &addresses_of_nodes(labels, visit.cluster)),
        ClusterPeer::DomainNames(_) | ClusterPeer::Unrecognized => Match::No,
    }))
}

fn is_pod(visit: Visit<'_>, scope: &PodScope) -> bool {
    let Party::Pod { name, .. } = visit.peer else {
        return false;
    };
    let pod = visit.cluster.pods.get(name);
    pod.is_some_and(|pod| is_in_scope(scope, visit.cluster, pod))
}

/// HF-5, AM-22: the source's address is compared, whoever has it; one that is not known leaves it open.
fn in_one_of(visit: Visit<'_>, networks: &[ipnet::IpNet]) -> Match {
    let asked = Unaddressed {
        cluster: visit.cluster,
        own: visit.node,
        peer: visit.peer,
    };
    Match::any(networks.iter().map(|network| match visit.peer.address() {
        Some(address) => Match::from(contains(*network, address)),
        None => unaddressed(asked, &[*network], |address| contains(*network, address)),
    }))
}

/// HF-5: no item is every port; else one item must match.
fn ports_match(rule: &ClusterRule, dialled: Dialled) -> bool {
    rule.ports.is_empty() || rule.ports.iter().any(|item| port_matches(item, dialled))
}

fn port_matches(item: &ClusterPort, dialled: Dialled) -> bool {
    match item {
        ClusterPort::Range(protocol, range) => {
            let is_own = protocol.number() == dialled.protocol.0;
            is_own && dialled.port.is_some_and(|port| range.contains(port))
        }
        ClusterPort::Name(_) => false,
    }
}
