//! The policies that clusters are full of.

use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName, ClusterPort,
    ClusterRule, ClusterTier, Direction, METADATA_NAME_LABEL, NetworkPolicy, PodScope,
};
use ringfence_net::{PortRange, Protocol};

use super::Scope;
use super::workloads::{APPLICATIONS, Application};
use crate::builder::{
    PolicyBuilder, block, labels, namespaces, pods, pods_in, policy, port_named, rule, tcp, udp,
};
use crate::random::Random;

/// `total` policies, as many in each namespace: default deny and names first, then what applications need.
pub(super) fn namespaced(
    random: &mut Random,
    scopes: &[Scope],
    total: usize,
) -> Vec<NetworkPolicy> {
    (0..total)
        .filter_map(|index| {
            let scope = scopes.get(index % scopes.len().max(1))?;
            let turn = index / scopes.len().max(1);
            let start = policy(&format!("{}/policy-{turn}", scope.name));
            Some(one(random, start, scope, turn).build())
        })
        .collect()
}

fn one(random: &mut Random, start: PolicyBuilder, scope: &Scope, turn: usize) -> PolicyBuilder {
    match turn {
        0 => start.types(&Direction::ALL),
        1 => names(start),
        _ => {
            let Some(application) = APPLICATIONS.get((turn - 2) % APPLICATIONS.len()) else {
                return start;
            };
            let start = start.select(labels(&[("app", application.name)]));
            match random.below(5) {
                0 | 1 => from_neighbours(random, start, application),
                2 => from_team(start, scope, application),
                3 => to_data(random, start),
                _ => to_outside(random, start),
            }
        }
    }
}

fn names(start: PolicyBuilder) -> PolicyBuilder {
    let system = labels(&[(METADATA_NAME_LABEL, "ns-0")]);
    let servers = pods_in(system, labels(&[("app", "gateway")]));
    let ports = rule().peer(servers).port(udp(53)).port(tcp(53));
    start.types(&[Direction::Egress]).egress(ports)
}

fn from_neighbours(
    random: &mut Random,
    start: PolicyBuilder,
    application: &Application,
) -> PolicyBuilder {
    let mut allowed = rule().port(tcp(application.port));
    let callers = APPLICATIONS.each_ref().map(|caller| caller.name);
    for caller in random.some_of(&callers, 30) {
        allowed = allowed.peer(pods(labels(&[("app", caller)])));
    }
    let scraped = rule()
        .peer(namespaces(labels(&[(METADATA_NAME_LABEL, "ns-1")])))
        .port(port_named(Protocol::Tcp, "metrics"));
    start.ingress(allowed).ingress(scraped)
}

fn from_team(start: PolicyBuilder, scope: &Scope, application: &Application) -> PolicyBuilder {
    let team = labels(&[("team", &scope.team), ("env", scope.environment)]);
    let frontends = pods_in(team, labels(&[("tier", "frontend")]));
    start.ingress(rule().peer(frontends).port(tcp(application.port)))
}

fn to_data(random: &mut Random, start: PolicyBuilder) -> PolicyBuilder {
    let data = pods(labels(&[("tier", "data")]));
    let mut allowed = rule().peer(data);
    for port in random.some_of(&[5432, 6379, 5672, 7000], 60) {
        allowed = allowed.port(tcp(port));
    }
    start.types(&[Direction::Egress]).egress(allowed)
}

/// Everything outside but the cluster and the metadata service; sometimes one partner's network alone.
fn to_outside(random: &mut Random, start: PolicyBuilder) -> PolicyBuilder {
    let partner = format!("198.51.100.{}/28", random.below(16) * 16);
    let outside = if random.chance(50) {
        block("0.0.0.0/0", &["10.0.0.0/8", "169.254.0.0/16"])
    } else {
        block(&partner, &[])
    };
    let allowed = rule().peer(outside).port(tcp(443));
    start.types(&[Direction::Egress]).egress(allowed)
}

/// `total` cluster-scoped policies: guards of the metadata service, monitoring, walls between environments, baselines.
pub(super) fn cluster_scoped(total: usize) -> impl Iterator<Item = ClusterPolicy> {
    (0..total).map(|index| {
        let (tier, ingress, egress) = match index % 4 {
            0 => (ClusterTier::Admin, vec![], vec![no_metadata()]),
            1 => (ClusterTier::Admin, vec![monitoring()], vec![]),
            2 => (ClusterTier::Admin, vec![walls()], vec![]),
            _ => (ClusterTier::Baseline, vec![closed()], vec![]),
        };
        ClusterPolicy {
            name: ClusterPolicyName {
                kind: ClusterPolicyKind::ClusterNetworkPolicy,
                name: format!("cluster-{index}"),
            },
            tier,
            priority: u16::try_from(10 * index).ok(),
            subject: subject(index),
            ingress,
            egress,
            judges_host_pods: false,
            source: None,
        }
    })
}

/// Everything for the first four, then single teams.
fn subject(index: usize) -> PodScope {
    let team = format!("team-{index}");
    PodScope {
        namespaces: (index >= 4).then(|| labels(&[("team", &team)])),
        pods: None,
    }
}

fn cluster_rule(action: ClusterAction, peer: ClusterPeer, ports: Vec<ClusterPort>) -> ClusterRule {
    ClusterRule {
        name: None,
        action,
        peers: vec![peer],
        ports,
        source: None,
    }
}

fn in_namespaces(selector: &[(&str, &str)]) -> ClusterPeer {
    ClusterPeer::Pods(PodScope {
        namespaces: Some(labels(selector)),
        pods: None,
    })
}

fn no_metadata() -> ClusterRule {
    let metadata = "169.254.169.254/32".parse().into_iter().collect();
    cluster_rule(
        ClusterAction::Deny,
        ClusterPeer::Networks(metadata),
        Vec::new(),
    )
}

fn monitoring() -> ClusterRule {
    let from = in_namespaces(&[(METADATA_NAME_LABEL, "ns-1")]);
    let port = ClusterPort::Range(Protocol::Tcp, PortRange::single(9091));
    cluster_rule(ClusterAction::Accept, from, vec![port])
}

fn walls() -> ClusterRule {
    let from = in_namespaces(&[("env", "development")]);
    cluster_rule(ClusterAction::Pass, from, Vec::new())
}

fn closed() -> ClusterRule {
    cluster_rule(ClusterAction::Deny, in_namespaces(&[]), Vec::new())
}
