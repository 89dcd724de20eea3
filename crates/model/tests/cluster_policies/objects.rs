//! Tier, priority, subject, rules, and what stands around them (CN-51).

use ringfence_model::{RenderStyle, UnknownFields};

use crate::texts::{EVERYBODY, SUBJECT, check, cluster, cluster_rule, load_with, problems, times};

#[test]
fn cn51_tier_priority_and_subject_of_a_cluster_network_policy() {
    let kind = "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n";
    check(&[
        (
            format!("{kind}metadata: {{name: p}}\n"),
            &["CN-51 spec: Required value"],
        ),
        (
            cluster("ingress: []"),
            &[
                "CN-51 spec.tier: Required value",
                "CN-51 spec.priority: Required value",
                "CN-51 spec.subject: Required value",
            ],
        ),
        (
            cluster(&format!("tier: admin, priority: 0, {SUBJECT}")),
            &[
                "CN-51 spec.tier: Unsupported value: \"admin\": supported values: \"Admin\", \"Baseline\"",
            ],
        ),
        (
            cluster(&format!("tier: Admin, priority: 1001, {SUBJECT}")),
            &["CN-51 spec.priority: Invalid value: 1001: should be less than or equal to 1000"],
        ),
        (
            cluster(&format!("tier: Baseline, priority: -1, {SUBJECT}")),
            &["CN-51 spec.priority: Invalid value: -1: should be greater than or equal to 0"],
        ),
        (
            cluster("tier: Admin, priority: 1, subject: {}"),
            &["CN-51 spec.subject: Required value: must specify exactly one of namespaces, pods"],
        ),
        (
            cluster("tier: Admin, priority: 1, subject: {namespaces: null, pods: null}"),
            &["CN-51 spec.subject: Required value: must specify exactly one of namespaces, pods"],
        ),
        (
            cluster("tier: Admin, priority: 1, subject: {namespaces: {}, pods: {podSelector: {}}}"),
            &["CN-51 spec.subject: Too many: 2: must specify exactly one of namespaces, pods"],
        ),
        (
            cluster("tier: Admin, priority: 1, subject: {pods: {namespaceSelector: {}}}"),
            &["CN-51 spec.subject.pods.podSelector: Required value"],
        ),
        (
            cluster(
                "tier: Admin, priority: 1, subject: {pods: {podSelector: {matchExpressions: [{key: a, operator: In}]}}}",
            ),
            &[
                "V-15 spec.subject.pods.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
            ],
        ),
        (
            cluster(&format!(
                "tier: Admin, priority: 0, {SUBJECT}, ingress: [], egress: null"
            )),
            &[],
        ),
        (
            cluster(&format!("tier: Admin, priority: 1000, {SUBJECT}")),
            &[],
        ),
    ]);
}

#[test]
fn cn51_rules_of_a_cluster_network_policy() {
    let deny = format!("{{action: Deny, from: {EVERYBODY}}}");
    let rules = |count| {
        cluster(&format!(
            "tier: Admin, priority: 1, {SUBJECT}, ingress: [{}]",
            times(&deny, count)
        ))
    };
    let named = |length: usize| {
        cluster_rule(
            "ingress",
            &format!(
                "name: {}, action: Deny, from: {EVERYBODY}",
                "é".repeat(length)
            ),
        )
    };
    let from = |count| {
        cluster_rule(
            "ingress",
            &format!("action: Deny, from: [{}]", times("{namespaces: {}}", count)),
        )
    };
    check(&[
        (rules(25), &[]),
        (
            rules(26),
            &["CN-51 spec.ingress: Too many: 26: must have at most 25 items"],
        ),
        (named(100), &[]),
        (
            named(101),
            &["CN-51 spec.ingress[0].name: Too long: may not be more than 100 characters"],
        ),
        (from(25), &[]),
        (
            from(26),
            &["CN-51 spec.ingress[0].from: Too many: 26: must have at most 25 items"],
        ),
        (
            from(0),
            &["CN-51 spec.ingress[0].from: Invalid value: 0: should have at least 1 item"],
        ),
        (
            cluster_rule("egress", "action: Deny"),
            &["CN-51 spec.egress[0].to: Required value"],
        ),
        (
            cluster_rule("egress", "action: Deny, to: null"),
            &["CN-51 spec.egress[0].to: Required value"],
        ),
        (
            cluster_rule("ingress", &format!("from: {EVERYBODY}")),
            &["CN-51 spec.ingress[0].action: Required value"],
        ),
        (
            cluster_rule("ingress", &format!("action: Allow, from: {EVERYBODY}")),
            &[
                "CN-51 spec.ingress[0].action: Unsupported value: \"Allow\": supported values: \"Accept\", \"Deny\", \"Pass\"",
            ],
        ),
        (
            cluster_rule("ingress", &format!("action: deny, from: {EVERYBODY}")),
            &[
                "CN-51 spec.ingress[0].action: Unsupported value: \"deny\": supported values: \"Accept\", \"Deny\", \"Pass\"",
            ],
        ),
        (
            cluster_rule("ingress", &format!("action: Deny, to: {EVERYBODY}")),
            &["V-23 unknown field `spec.ingress[0].to`"],
        ),
        (
            cluster("tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [null]"),
            &[
                "CN-51 spec.ingress[0].action: Required value",
                "CN-51 spec.ingress[0].from: Required value",
            ],
        ),
    ]);
}

#[test]
fn names_and_namespaces() {
    let spec = format!("tier: Admin, priority: 1, {SUBJECT}");
    let with = |metadata: &str| problems(&cluster(&spec).replace("{name: p}", metadata));
    assert_eq!(
        with("{name: p, namespace: x}"),
        ["OB-2 metadata.namespace: Forbidden: not allowed on this type"]
    );
    assert_eq!(with("{name: p, namespace: ''}"), [""; 0]);
    assert_eq!(with("{name: a.b-c}"), [""; 0]);
    let long = "a".repeat(254);
    assert_eq!(
        with(&format!("{{name: {long}}}")),
        [format!(
            "V-1 metadata.name: Invalid value: \"{long}\": must be no more than 253 characters"
        )]
    );
    assert_eq!(with("{name: A}").len(), 1);
}

#[test]
fn kinds_in_versions_that_do_not_have_them() {
    let versions = [
        (
            "policy.networking.k8s.io/v1alpha1",
            "ClusterNetworkPolicy",
            "policy.networking.k8s.io/v1beta1",
        ),
        (
            "policy.networking.k8s.io/v1alpha2",
            "AdminNetworkPolicy",
            "policy.networking.k8s.io/v1alpha1",
        ),
        (
            "networking.k8s.io/v1",
            "BaselineAdminNetworkPolicy",
            "policy.networking.k8s.io/v1alpha1",
        ),
    ];
    for (version, kind, right) in versions {
        let text = format!("apiVersion: {version}\nkind: {kind}\n");
        let loaded = load_with(&text, UnknownFields::Refuse);
        assert_eq!(
            loaded.diagnostics[0].message,
            format!("there is no `{kind}` in `{version}`")
        );
        assert_eq!(
            loaded.diagnostics[0].help,
            Some(format!("write `apiVersion: {right}`"))
        );
    }
    // Others have kinds of these names, too.
    let antrea = "apiVersion: crd.antrea.io/v1beta1\nkind: ClusterNetworkPolicy\n";
    let loaded = load_with(antrea, UnknownFields::Refuse);
    assert_eq!(
        loaded.diagnostics[0].message,
        "`ClusterNetworkPolicy` of `crd.antrea.io/v1beta1` is not known here, and left aside"
    );
    assert!(!loaded.has_errors());
}

/// The API server drops what it does not know before it looks at what is left.
#[test]
fn cn51_a_peer_of_an_unknown_kind_is_refused_even_where_unknown_fields_are_not() {
    let text = cluster_rule("ingress", "action: Deny, from: [{futurePeer: {}}]");
    for unknown_fields in [UnknownFields::Warn, UnknownFields::Ignore] {
        let loaded = load_with(&text, unknown_fields);
        assert!(loaded.objects.is_empty());
        let last = loaded.diagnostics.iter().find(|found| found.is_error());
        assert_eq!(
            last.map(|found| (found.rule, found.message.as_str())),
            Some((
                Some("CN-51"),
                "spec.ingress[0].from[0]: Required value: must specify exactly one of namespaces, pods"
            ))
        );
    }
}

#[test]
fn the_caret_points_at_what_is_wrong() {
    let text = "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: p}
spec:
  tier: Admin
  priority: 2000
  subject: {namespaces: {}}
  egress:
  - action: Accept
    to:
    - networks: [10.0.0.0/8]
    protocols:
    - destinationNamedPort: web
    - tcp: {}
";
    let loaded = load_with(text, UnknownFields::Refuse);
    let rendered: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|found| found.render(&loaded.sources, RenderStyle::Plain))
        .collect();
    let expected = [
        "error[CN-51]: spec.priority: Invalid value: 2000: should be less than or equal to 1000
 --> p.yaml:6:13
  |
6 |   priority: 2000
  |             ^^^^",
        "error[AM-17]: spec.egress[0].protocols[0].destinationNamedPort: Forbidden: may not be specified beside networks, which have no named ports
  --> p.yaml:13:29
   |
13 |     - destinationNamedPort: web
   |                             ^^^",
        "error[AM-15]: spec.egress[0].protocols[1].tcp: Required value: must specify destinationPort
  --> p.yaml:14:12
   |
14 |     - tcp: {}
   |            ^^
   |
   = help: for every port write `destinationPort: {range: {start: 1, end: 65535}}`",
    ];
    assert_eq!(rendered, expected);
}
