//! Cluster-scoped policies as they are read: every field of the three kinds, and its place (AN-1 to AN-6).

use ringfence_model::{
    ClusterAction, ClusterPeer, ClusterPolicy, ClusterPort, ClusterTier, DomainName, Input,
    LabelSelector, LoadOptions, Object, PodScope, Source, assemble, load,
};
use ringfence_net::{PortRange, Protocol};

fn objects(text: &str) -> Vec<Object> {
    let input = Input {
        name: "p.yaml".to_owned(),
        text: text.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    assert_eq!(loaded.diagnostics, [], "{text}");
    loaded.objects
}

fn policy(text: &str) -> ClusterPolicy {
    let Object::ClusterPolicy(policy) = objects(text).swap_remove(0) else {
        panic!("not a cluster-scoped policy: {text}")
    };
    policy
}

fn labels(pairs: &[(&str, &str)]) -> LabelSelector {
    LabelSelector {
        match_labels: pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        match_expressions: Vec::new(),
    }
}

fn place(source: Option<&Source>) -> String {
    source.map(ToString::to_string).unwrap_or_default()
}

fn range(protocol: Protocol, first: u16, last: u16) -> ClusterPort {
    ClusterPort::Range(protocol, PortRange::new(first, last).unwrap())
}

const CLUSTER: &str = r#"apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: all.fields}
spec:
  tier: Baseline
  priority: 1000
  subject: {pods: {podSelector: {matchLabels: {app: web}}}}
  ingress:
  - name: first
    action: Pass
    from:
    - namespaces: {matchLabels: {team: a}}
    - pods: {namespaceSelector: {}, podSelector: {}}
  - {action: Deny, from: [{namespaces: {}}], protocols: null}
  egress:
  - action: Accept
    to:
    - networks: [10.0.0.0/8, "fd00::/8"]
    - nodes: {matchLabels: {role: edge}}
    - domainNames: ["*.Example.COM", kubernetes.io.]
      namespaces: null
    protocols:
    - tcp: {destinationPort: {number: 80}}
    - udp: {destinationPort: {range: {start: 1, end: 65535}}}
    - sctp: {destinationPort: {number: 65535}}
  - action: Accept
    to: [{namespaces: {}}]
    protocols: [{destinationNamedPort: http}]
status: {conditions: [{type: Ready, status: "True"}]}
"#;

#[test]
fn every_field_of_a_cluster_network_policy() {
    let policy = policy(CLUSTER);
    assert_eq!(policy.name.to_string(), "ClusterNetworkPolicy/all.fields");
    assert_eq!(
        (policy.tier, policy.priority),
        (ClusterTier::Baseline, Some(1000))
    );
    let web = PodScope {
        namespaces: None,
        pods: Some(labels(&[("app", "web")])),
    };
    assert_eq!(policy.subject, web);
    let [pass, deny] = policy.ingress.as_slice() else {
        panic!("{:?}", policy.ingress)
    };
    assert_eq!(
        (pass.name.as_deref(), pass.action, deny.action),
        (Some("first"), ClusterAction::Pass, ClusterAction::Deny)
    );
    let team = PodScope {
        namespaces: Some(labels(&[("team", "a")])),
        pods: None,
    };
    let everybody = PodScope {
        namespaces: Some(LabelSelector::default()),
        pods: Some(LabelSelector::default()),
    };
    assert_eq!(
        pass.peers,
        [ClusterPeer::Pods(team), ClusterPeer::Pods(everybody)]
    );
    assert_eq!((deny.name.as_ref(), deny.ports.len()), (None, 0));
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|block| block.parse().unwrap());
    let names = [
        DomainName::Below("example.com".to_owned()),
        DomainName::Exact("kubernetes.io".to_owned()),
    ];
    assert_eq!(
        policy.egress[0].peers,
        [
            ClusterPeer::Networks(networks.to_vec()),
            ClusterPeer::Nodes(labels(&[("role", "edge")])),
            ClusterPeer::DomainNames(names.to_vec()),
        ]
    );
    assert_eq!(
        policy.egress[0].ports,
        [
            range(Protocol::Tcp, 80, 80),
            range(Protocol::Udp, 1, 65535),
            range(Protocol::Sctp, 65535, 65535),
        ]
    );
    assert_eq!(
        policy.egress[1].ports,
        [ClusterPort::Name("http".to_owned())]
    );
}

#[test]
fn policies_and_rules_know_where_they_were_written() {
    let policy = policy(CLUSTER);
    assert_eq!(place(policy.source.as_ref()), "p.yaml:1:1");
    let rules = policy.ingress.iter().chain(&policy.egress);
    let places: Vec<String> = rules.map(|rule| place(rule.source.as_ref())).collect();
    assert_eq!(
        places,
        ["p.yaml:9:5", "p.yaml:14:5", "p.yaml:16:5", "p.yaml:26:5"]
    );
}

const PORTS: &str = "[{portNumber: {port: 80}}, {portNumber: {port: 53, protocol: UDP}}, \
                     {portRange: {start: 5, end: 5, protocol: SCTP}}, {portRange: {start: 1, end: 9}}]";

#[test]
fn admin_network_policies_are_cluster_policies_in_other_words() {
    let policy = policy(&format!(
        "apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {{name: a}}
spec:
  priority: 0
  subject: {{namespaces: {{}}}}
  ingress:
  - {{action: Allow, from: [{{namespaces: {{}}}}], ports: {PORTS}}}
  egress:
  - {{action: Pass, to: [{{pods: {{namespaceSelector: {{}}, podSelector: {{}}}}}}], ports: [{{namedPort: dns}}]}}
  - {{action: Deny, to: [{{networks: [0.0.0.0/0]}}, {{nodes: {{}}}}]}}
  - {{action: Allow, to: [{{domainNames: [a.b]}}]}}
"
    ));
    assert_eq!(policy.name.to_string(), "AdminNetworkPolicy/a");
    assert_eq!(
        (policy.tier, policy.priority),
        (ClusterTier::Admin, Some(0))
    );
    assert_eq!(
        policy.ingress[0].ports,
        [
            range(Protocol::Tcp, 80, 80),
            range(Protocol::Udp, 53, 53),
            range(Protocol::Sctp, 5, 5),
            range(Protocol::Tcp, 1, 9),
        ]
    );
    assert_eq!(policy.ingress[0].action, ClusterAction::Accept);
    let egress: Vec<ClusterAction> = policy.egress.iter().map(|rule| rule.action).collect();
    assert_eq!(
        egress,
        [
            ClusterAction::Pass,
            ClusterAction::Deny,
            ClusterAction::Accept
        ]
    );
    assert_eq!(
        policy.egress[0].ports,
        [ClusterPort::Name("dns".to_owned())]
    );
}

#[test]
fn lists_of_policies_give_their_items_kind_and_version() {
    let list = "apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicyList
items:
- metadata: {name: default}
  spec:
    subject: {namespaces: {}}
    ingress: [{action: Deny, from: [{namespaces: {}}]}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicyList
items: [{metadata: {name: c}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicyList
items: [{metadata: {name: a}, spec: {priority: 1, subject: {namespaces: {}}}}]
";
    let objects = objects(list);
    let keys: Vec<String> = objects
        .iter()
        .map(|found| found.key().to_string())
        .collect();
    assert_eq!(
        keys,
        [
            "BaselineAdminNetworkPolicy default",
            "ClusterNetworkPolicy c",
            "AdminNetworkPolicy a"
        ]
    );
    let (cluster, _) = assemble(&objects);
    let policies = cluster.cluster_policies.values();
    let tiers: Vec<(String, ClusterTier, Option<u16>)> = policies
        .map(|policy| (policy.name.to_string(), policy.tier, policy.priority))
        .collect();
    assert_eq!(
        tiers,
        [
            (
                "ClusterNetworkPolicy/c".to_owned(),
                ClusterTier::Admin,
                Some(1)
            ),
            (
                "AdminNetworkPolicy/a".to_owned(),
                ClusterTier::Admin,
                Some(1)
            ),
            (
                "BaselineAdminNetworkPolicy/default".to_owned(),
                ClusterTier::Baseline,
                None
            ),
        ]
    );
}

#[test]
fn the_same_policy_elsewhere_is_the_same() {
    let twice = format!("{CLUSTER}---\n{CLUSTER}");
    let (_, diagnostics) = assemble(&objects(&twice));
    let messages: Vec<&str> = diagnostics
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    assert_eq!(
        messages[0],
        "ClusterNetworkPolicy all.fields is given twice"
    );
}

#[test]
fn both_versions_of_a_cluster_network_policy_are_the_same_object() {
    let newer = CLUSTER.replace("/v1alpha2", "/v1beta1");
    assert_eq!(policy(&newer), policy(CLUSTER));
    let (_, diagnostics) = assemble(&objects(&format!("{CLUSTER}---\n{newer}")));
    assert_eq!(
        diagnostics[0].message,
        "ClusterNetworkPolicy all.fields is given twice"
    );
    let listed = "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicyList\nitems:\n\
         - {metadata: {name: a}, spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}}\n";
    assert_eq!(policy(listed).name.to_string(), "ClusterNetworkPolicy/a");
}
