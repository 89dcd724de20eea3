//! The posture of random clusters: what is shown is true, what holds holds, and nothing empty raises the score.

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, ClusterAction, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPolicyName,
    ClusterRule, ClusterTier, Documents, Endpoint, LabelSelector, Labels, NetworkPolicy,
    ObjectName, Outcome, Pod, PodScope, PolicyRule, Query,
};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_reach::audit::{Audit, GapKind, METADATA, Options, Principle, Subject, audit};
use ringfence_reach::workload::{Member, Unit, by_workload};
use ringfence_testkit::flows;
use ringfence_testkit::generate::Shape;

use crate::support::{cluster, in_families};

const SEEDS: u64 = 120;

/// Some of what random clusters have is called sensitive.
fn options() -> Options {
    let labels = |app: &str| LabelSelector {
        match_labels: [("app".to_owned(), app.to_owned())].into(),
        match_expressions: Vec::new(),
    };
    Options {
        sensitive: vec![labels("db")],
        most_clients: 1,
        pod_blocks: Vec::new(),
    }
}

fn measured(cluster: &Cluster) -> Audit {
    let subject = Subject {
        cluster,
        objects: &[],
        documents: &Documents::default(),
        guards: &[],
    };
    audit(&subject, &options())
}

fn clusters() -> impl Iterator<Item = (u64, Cluster)> {
    (0..SEEDS).flat_map(|seed| {
        let shapes = [Shape::FULL, Shape::EVERYTHING];
        shapes.map(|shape| (seed, cluster(seed, shape)))
    })
}

#[test]
fn what_is_shown_is_what_the_reference_says() {
    let (mut certain, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for (seed, cluster) in clusters() {
        let audit = measured(&cluster);
        for finding in audit.findings() {
            assert!(!finding.gaps.is_empty(), "seed {seed}: {finding:?}");
            for gap in &finding.gaps {
                let is_connection = !matches!(
                    gap.kind,
                    GapKind::HostNetwork { .. } | GapKind::Admission | GapKind::Names(_)
                );
                // Of many the own policies let in, nobody may come today.
                let is_of_many = matches!(
                    gap.kind,
                    GapKind::Flat { .. }
                        | GapKind::EveryNamespace { .. }
                        | GapKind::Crowd { .. }
                        | GapKind::Neighbours { .. }
                );
                assert!(
                    gap.shown.is_some() == is_connection || is_of_many,
                    "seed {seed}: {gap:?}"
                );
                let Some(shown) = &gap.shown else {
                    continue;
                };
                let (protocol, port) = (shown.query.protocol, shown.query.port);
                assert!(
                    gap.connections.allows(protocol, port),
                    "seed {seed}: {gap:?}"
                );
                let said = ringfence_reference::answer(audit.engine().cluster(), &shown.query);
                assert_eq!(said.as_ref(), Ok(&shown.answer), "seed {seed}");
                match shown.answer.outcome {
                    Outcome::Allow => {}
                    Outcome::Unknown { .. } => assert!(!gap.is_certain, "seed {seed}: {gap:?}"),
                    Outcome::Deny | Outcome::Partial | Outcome::NoEndpoints => {
                        panic!("seed {seed}: {gap:?}")
                    }
                }
                certain.insert(gap.is_certain);
                kinds.insert(finding.principle);
            }
        }
    }
    assert_eq!(certain.len(), 2);
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

/// Who of the cluster on the stage is no part of the real one.
fn strangers(audit: &Audit, cluster: &Cluster) -> Vec<ObjectName> {
    let all = audit.engine().cluster().pods.values();
    let unknown = all.filter(|pod| pod.labels.is_empty() && pod.workload.is_none());
    let unknown = unknown.filter(|pod| !cluster.pods.contains_key(&pod.name));
    unknown.map(|pod| pod.name.clone()).collect()
}

fn failing(audit: &Audit, principle: Principle) -> BTreeSet<&Unit> {
    let findings = audit
        .findings()
        .filter(|found| found.principle == principle);
    findings.map(|found| &found.unit).collect()
}

/// What may be worth trying: the flows' ports, and those of nothing in particular.
fn queries(cluster: &Cluster, source: &Endpoint, destination: &Endpoint) -> Vec<Query> {
    let of_flows = flows::all(cluster).into_iter();
    let mut ports: BTreeSet<_> = of_flows.map(|flow| (flow.protocol, flow.port)).collect();
    ports.insert((Protocol::Tcp.into(), Some(40_001)));
    let query = |(protocol, port)| Query {
        source: source.clone(),
        destination: destination.clone(),
        protocol,
        port,
    };
    ports.into_iter().map(query).collect()
}

/// In each family that the ends have.
fn is_shut(cluster: &Cluster, queries: Vec<Query>) -> bool {
    let in_families = queries.iter().flat_map(|query| in_families(cluster, query));
    let in_families: Vec<Query> = in_families.collect();
    queries.iter().chain(&in_families).all(|query| {
        let answer = ringfence_reference::answer(cluster, query);
        answer.is_err() || answer.is_ok_and(|answer| answer.outcome == Outcome::Deny)
    })
}

#[test]
fn where_a_default_denies_no_stranger_gets_through() {
    let mut held = [0, 0];
    for (seed, cluster) in clusters().filter(|(seed, _)| seed % 4 == 0) {
        let audit = measured(&cluster);
        let stage = audit.engine().cluster();
        let strangers = strangers(&audit, &cluster);
        let directions = [Principle::DefaultDenyIngress, Principle::DefaultDenyEgress];
        for (place, principle) in directions.into_iter().enumerate() {
            let failing = failing(&audit, principle);
            for pod in cluster.pods.values().filter(|pod| pod.is_on_pod_network()) {
                if failing.contains(&by_workload(&Member::Pod(pod))) {
                    continue;
                }
                held[place] += 1;
                for stranger in &strangers {
                    let foreign = !cluster.namespaces.contains_key(&stranger.namespace);
                    if !foreign && stranger.namespace != pod.name.namespace {
                        continue;
                    }
                    let ends = [stranger, &pod.name].map(|name| Endpoint::Pod(name.clone()));
                    let [stranger, pod] = ends;
                    let mut queries = if place == 0 {
                        queries(&cluster, &stranger, &pod)
                    } else {
                        queries(&cluster, &pod, &stranger)
                    };
                    queries.retain(|query| place == 0 || query.port != Some(53));
                    let case = format!("seed {seed}: {principle:?} {stranger} {pod}");
                    assert!(is_shut(stage, queries), "{case}");
                }
            }
        }
    }
    assert!(held.iter().all(|held| *held > 10), "{held:?}");
}

/// Pods of the pod network for whose workload `principle` was measured and holds.
fn holding<'a>(audit: &Audit, cluster: &'a Cluster, principle: Principle) -> Vec<&'a Pod> {
    let failing = failing(audit, principle);
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    pods.filter(|pod| !failing.contains(&by_workload(&Member::Pod(pod))))
        .collect()
}

fn pod(pod: &Pod) -> Endpoint {
    Endpoint::Pod(pod.name.clone())
}

/// Which of `queries` the reference allows.
fn open(cluster: &Cluster, queries: Vec<Query>) -> Vec<(IpProtocol, Option<u16>)> {
    let allowed = queries.into_iter().filter(|query| {
        let answer = ringfence_reference::answer(cluster, query);
        answer.is_ok_and(|answer| answer.outcome == Outcome::Allow)
    });
    allowed.map(|query| (query.protocol, query.port)).collect()
}

#[test]
fn what_is_closed_beyond_the_pods_is_closed() {
    let (mut metadata, mut nodes, mut outside) = (0, 0, 0);
    for (seed, cluster) in clusters().filter(|(seed, _)| seed % 3 == 0) {
        let audit = measured(&cluster);
        let stage = audit.engine().cluster();
        let shut = |source: &Endpoint, destination: &Endpoint| {
            let queries = queries(&cluster, source, destination);
            let case = format!("seed {seed}: {source} {destination}");
            assert_eq!(open(stage, queries), [], "{case}");
        };
        for closed in holding(&audit, &cluster, Principle::MetadataClosed) {
            shut(&pod(closed), &Endpoint::Address(METADATA[0]));
            metadata += 1;
        }
        for closed in holding(&audit, &cluster, Principle::NodesClosed) {
            for node in stage.nodes.keys() {
                let node = Endpoint::Node(node.clone());
                let kubelet = Query {
                    source: pod(closed),
                    destination: node,
                    protocol: Protocol::Tcp.into(),
                    port: Some(10250),
                };
                assert!(is_shut(stage, vec![kubelet]), "seed {seed}: {closed:?}");
                nodes += 1;
            }
        }
        let internet: Endpoint = Endpoint::Address([8, 8, 8, 8].into());
        for closed in holding(&audit, &cluster, Principle::DefaultDenyIngress) {
            shut(&internet, &pod(closed));
            outside += 1;
        }
    }
    assert!(
        metadata > 20 && nodes > 20 && outside > 20,
        "{metadata} {nodes} {outside}"
    );
}

#[test]
fn a_separate_namespace_lets_nobody_in_for_labels_alone() {
    let mut tried = 0;
    for (seed, cluster) in clusters() {
        let audit = measured(&cluster);
        let stage = audit.engine().cluster();
        let foreign = stage.pods.values();
        let foreign = foreign.filter(|pod| !cluster.namespaces.contains_key(&pod.name.namespace));
        let foreign: Vec<&Pod> = foreign.collect();
        for own in holding(&audit, &cluster, Principle::NamespacesSeparated) {
            let of_others = |other: &&Pod| other.name.namespace != own.name.namespace;
            let others = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
            for other in others.filter(of_others) {
                let like = |pod: &&&Pod| pod.labels == other.labels || pod.labels.is_empty();
                let through = |pod_: &Pod| {
                    let queries = queries(&cluster, &pod(pod_), &pod(own));
                    open(stage, queries).into_iter().collect::<BTreeSet<_>>()
                };
                let real = through(other);
                for twin in foreign.iter().filter(like) {
                    let both = &real & &through(twin);
                    assert!(both.is_empty(), "seed {seed}: {other:?} {own:?} {both:?}");
                    tried += usize::from(!real.is_empty());
                }
            }
        }
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn a_store_that_holds_has_few_clients() {
    let mut tried = 0;
    for (seed, cluster) in clusters() {
        let audit = measured(&cluster);
        let is_store = |pod: &&&Pod| pod.labels.get("app").is_some_and(|app| app == "db");
        let holding = holding(&audit, &cluster, Principle::SensitiveStores);
        for store in holding.iter().filter(is_store) {
            let own = by_workload(&Member::Pod(store));
            let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
            let clients = pods.filter(|client| {
                let queries = queries(&cluster, &pod(client), &pod(store));
                !open(audit.engine().cluster(), queries).is_empty()
            });
            let clients = clients.map(|pod| by_workload(&Member::Pod(pod)));
            let clients: BTreeSet<Unit> = clients.filter(|unit| *unit != own).collect();
            assert!(clients.len() <= 1, "seed {seed}: {store:?} {clients:?}");
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}

fn score(cluster: &Cluster) -> u64 {
    measured(cluster)
        .score()
        .map_or(0, |score| score.millionths())
}

fn with(cluster: &Cluster, policies: impl IntoIterator<Item = NetworkPolicy>) -> Cluster {
    let mut cluster = cluster.clone();
    for policy in policies {
        cluster.network_policies.insert(policy.name.clone(), policy);
    }
    cluster
}

fn for_every_pod(namespace: &str, rules: &[PolicyRule]) -> NetworkPolicy {
    NetworkPolicy {
        name: ObjectName::new(namespace, "zz-added"),
        pod_selector: LabelSelector::default(),
        isolates_ingress: true,
        isolates_egress: true,
        audit: None,
        ingress: rules.to_vec(),
        egress: rules.to_vec(),
        source: None,
    }
}

/// A rule without peers and ports matches everything.
const EVERYTHING: PolicyRule = PolicyRule {
    peers: Vec::new(),
    ports: Vec::new(),
    source: None,
};

#[test]
fn nothing_empty_raises_the_score() {
    for (seed, cluster) in clusters() {
        let before = score(&cluster);
        let namespaces: Vec<&String> = cluster.namespaces.keys().collect();
        let nobody = LabelSelector {
            match_labels: [("nobody".to_owned(), "has-it".to_owned())].into(),
            match_expressions: Vec::new(),
        };
        let idle = namespaces.iter().map(|namespace| NetworkPolicy {
            pod_selector: nobody.clone(),
            ..for_every_pod(namespace, &[])
        });
        let idle = with(&cluster, idle.collect::<Vec<_>>());
        assert_eq!(score(&idle), before, "seed {seed}: selects nothing");
        let open = namespaces
            .iter()
            .map(|name| for_every_pod(name, &[EVERYTHING]));
        let open = with(&cluster, open.collect::<Vec<_>>());
        assert!(score(&open) <= before, "seed {seed}: allows all");
        let again = cluster.network_policies.values().map(|policy| {
            let name = format!("{}-again", policy.name.name);
            NetworkPolicy {
                name: ObjectName::new(&policy.name.namespace, name),
                ..policy.clone()
            }
        });
        let twice = with(&cluster, again.collect::<Vec<_>>());
        assert_eq!(score(&twice), before, "seed {seed}: twice");
    }
}

/// A store in a namespace of its own, which nothing may be opened to or from.
#[test]
fn a_closed_store_beside_raises_nothing() {
    for (seed, cluster) in clusters() {
        if !cluster.pods.values().any(Pod::is_on_pod_network) {
            continue;
        }
        let mut padded = with(&cluster, [for_every_pod("pad", &[])]);
        let labels = Labels::from([("app".to_owned(), "db".to_owned())]);
        let store = Pod::new(ObjectName::new("pad", "idle"), labels);
        padded.pods.insert(store.name.clone(), store);
        let (before, after) = (score(&cluster), score(&padded));
        assert!(after <= before, "seed {seed}: {before} {after}");
    }
}

/// Somebody else's selector that selects nothing may speak of anything: blocks, namespaces, the strangers' own.
#[test]
fn what_a_policy_for_nobody_speaks_of_changes_nothing() {
    for (seed, cluster) in clusters() {
        let others = crate::support::cluster(seed + 500, Shape::FULL);
        let idle = others.network_policies.into_values().map(|mut policy| {
            policy.name.namespace = "nowhere".to_owned();
            policy.name.name = format!("of-{}", policy.name.name);
            policy
        });
        let idle = with(&cluster, idle.collect::<Vec<_>>());
        assert_eq!(score(&idle), score(&cluster), "seed {seed}");
    }
}

#[test]
fn denying_never_lowers_a_principle() {
    for (seed, cluster) in clusters() {
        let before = measured(&cluster);
        let namespaces = cluster.namespaces.keys();
        let denied = namespaces.map(|name| for_every_pod(name, &[]));
        let after = measured(&with(&cluster, denied.collect::<Vec<_>>()));
        for (before, after) in before.principles().iter().zip(after.principles()) {
            assert!(
                after.holds >= before.holds,
                "seed {seed}: {before:?} {after:?}"
            );
            assert_eq!(after.measured(), before.measured(), "seed {seed}");
        }
    }
}

/// A policy of the Admin tier that comes first and does the same to everything there is.
fn to_everything(action: ClusterAction) -> ClusterPolicy {
    let rule = |peers| ClusterRule {
        name: None,
        action,
        peers,
        ports: Vec::new(),
        source: None,
    };
    let blocks: [ipnet::IpNet; 2] = [
        ipnet::Ipv4Net::default().into(),
        ipnet::Ipv6Net::default().into(),
    ];
    let pods = || ClusterPeer::Pods(PodScope::default());
    ClusterPolicy {
        name: ClusterPolicyName {
            kind: ClusterPolicyKind::ClusterNetworkPolicy,
            name: "-first".to_owned(),
        },
        tier: ClusterTier::Admin,
        priority: Some(0),
        subject: PodScope::default(),
        ingress: vec![rule(vec![pods()])],
        egress: vec![rule(vec![pods(), ClusterPeer::Networks(blocks.to_vec())])],
        judges_host_pods: false,
        source: None,
    }
}

fn ruled(cluster: &Cluster, action: ClusterAction) -> Audit {
    let mut cluster = cluster.clone();
    let policy = to_everything(action);
    cluster.cluster_policies.insert(policy.name.clone(), policy);
    measured(&cluster)
}

#[test]
fn rules_of_the_cluster_open_and_close_whatever_policies_say() {
    for (seed, cluster) in clusters() {
        let before = measured(&cluster);
        let open = ruled(&cluster, ClusterAction::Accept);
        let closed = ruled(&cluster, ClusterAction::Deny);
        for place in 0..Principle::ALL.len() {
            let holds = |audit: &Audit| audit.principles()[place].holds;
            let principle = Principle::ALL[place];
            assert!(holds(&open) <= holds(&before), "seed {seed}: {principle:?}");
            assert!(
                holds(&closed) >= holds(&before),
                "seed {seed}: {principle:?}"
            );
            let found = &open.principles()[place];
            if principle == Principle::DefaultDenyEgress || principle == Principle::MetadataClosed {
                assert_eq!(found.holds, 0, "seed {seed}: {found:?}");
            }
        }
    }
}

#[test]
fn more_replicas_weigh_nothing() {
    let mut tried = 0;
    for (seed, mut cluster) in clusters() {
        // Without addresses, which would make a replica a pod of its own.
        let pods = cluster.pods.values_mut();
        pods.for_each(|pod| pod.addresses.clear());
        let before = score(&cluster);
        let mut pods = cluster.pods.values();
        let Some(mut replica) = pods.find(|pod| pod.workload.is_some()).cloned() else {
            continue;
        };
        replica.name.name = "zz-replica".to_owned();
        cluster.pods.insert(replica.name.clone(), replica);
        assert_eq!(score(&cluster), before, "seed {seed}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}
