//! Everything that the schemas of cluster-scoped policies refuse (CN-51, AN-1 to AN-4), with path, limit and rule.

use ringfence_model::{Input, LoadOptions, Loaded, RenderStyle, Severity, UnknownFields, load};

fn load_with(text: &str, unknown_fields: UnknownFields) -> Loaded {
    let input = Input {
        name: "p.yaml".to_owned(),
        text: text.to_owned(),
    };
    let options = LoadOptions {
        unknown_fields,
        ..LoadOptions::default()
    };
    load(&[input], &options)
}

/// `RULE message` of each problem.
fn problems(text: &str) -> Vec<String> {
    let loaded = load_with(text, UnknownFields::Refuse);
    let refused = loaded
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    assert_eq!(
        loaded.objects.is_empty(),
        refused,
        "an object with errors is left out: {text}"
    );
    loaded
        .diagnostics
        .iter()
        .map(|found| {
            let path = found.path.as_deref().unwrap_or_default();
            assert!(found.message.contains(path), "{}", found.message);
            assert!(found.location.is_some());
            format!("{} {}", found.rule.unwrap_or("-"), found.message)
        })
        .collect()
}

#[track_caller]
fn check(cases: &[(String, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(problems(text), *expected, "{text}");
    }
}

const SUBJECT: &str = "subject: {namespaces: {}}";
const EVERYBODY: &str = "[{namespaces: {}}]";

fn cluster(spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: p}}\nspec: {{{spec}}}\n"
    )
}

fn admin(spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: p}}\nspec: {{{spec}}}\n"
    )
}

fn baseline(spec: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {{name: default}}\nspec: {{{spec}}}\n"
    )
}

/// Each kind with one rule that is `rule` in this direction.
fn cluster_rule(direction: &str, rule: &str) -> String {
    cluster(&format!(
        "tier: Admin, priority: 1, {SUBJECT}, {direction}: [{{{rule}}}]"
    ))
}

fn admin_rule(direction: &str, rule: &str) -> String {
    admin(&format!(
        "priority: 1, {SUBJECT}, {direction}: [{{{rule}}}]"
    ))
}

fn baseline_rule(direction: &str, rule: &str) -> String {
    baseline(&format!("{SUBJECT}, {direction}: [{{{rule}}}]"))
}

fn cluster_to(peer: &str) -> String {
    cluster_rule("egress", &format!("action: Accept, to: [{peer}]"))
}

fn cluster_protocol(item: &str) -> String {
    cluster_rule(
        "egress",
        &format!("action: Accept, to: {EVERYBODY}, protocols: [{item}]"),
    )
}

fn admin_port(item: &str) -> String {
    admin_rule(
        "ingress",
        &format!("action: Allow, from: {EVERYBODY}, ports: [{item}]"),
    )
}

/// `item` so many times.
fn times(item: &str, count: usize) -> String {
    vec![item; count].join(", ")
}

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
fn cn51_peers_of_a_cluster_network_policy() {
    let networks = |list: &str| cluster_to(&format!("{{networks: [{list}]}}"));
    let blocks: Vec<String> = (0..26)
        .map(|number| format!("10.{number}.0.0/16"))
        .collect();
    let names: Vec<String> = (0..26).map(|number| format!("a{number}.b")).collect();
    let longest = "2001:0db8:0000:0000:0000:0000:0000:0001/128";
    check(&[
        (
            cluster_rule("ingress", "action: Deny, from: [{}, null]"),
            &[
                "CN-51 spec.ingress[0].from[0]: Required value: must specify exactly one of namespaces, pods",
                "CN-51 spec.ingress[0].from[1]: Required value: must specify exactly one of namespaces, pods",
            ],
        ),
        (
            cluster_rule("ingress", "action: Deny, from: [{networks: [10.0.0.0/8]}]"),
            &["V-23 unknown field `spec.ingress[0].from[0].networks`"],
        ),
        (
            cluster_to("{}"),
            &[
                "CN-51 spec.egress[0].to[0]: Required value: must specify exactly one of namespaces, pods, networks, nodes, domainNames",
            ],
        ),
        (
            cluster_to("{nodes: {}, networks: [10.0.0.0/8], pods: {podSelector: {}}}"),
            &[
                "CN-51 spec.egress[0].to[0]: Too many: 3: must specify exactly one of namespaces, pods, networks, nodes, domainNames",
            ],
        ),
        (
            cluster_to("{pods: {}}"),
            &["CN-51 spec.egress[0].to[0].pods.podSelector: Required value"],
        ),
        (
            cluster_to("{nodes: {matchLabels: {role: no/t}}}"),
            &[
                "V-12 spec.egress[0].to[0].nodes.matchLabels: Invalid value: \"no/t\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            ],
        ),
        (networks(&blocks[..25].join(", ")), &[]),
        (
            networks(&blocks.join(", ")),
            &["CN-51 spec.egress[0].to[0].networks: Too many: 26: must have at most 25 items"],
        ),
        (
            networks(""),
            &["CN-51 spec.egress[0].to[0].networks: Invalid value: 0: should have at least 1 item"],
        ),
        (
            networks("10.0.0.0/8, 10.0.0.0/8"),
            &["CN-51 spec.egress[0].to[0].networks[1]: Duplicate value: \"10.0.0.0/8\""],
        ),
        (
            networks("10.0.0.1"),
            &[
                "CN-51 spec.egress[0].to[0].networks[0]: Invalid value: \"10.0.0.1\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
        (
            networks("10.0.0.7/8"),
            &[
                "AM-24 spec.egress[0].to[0].networks[0]: CIDR value \"10.0.0.7/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.7/32\"?)",
            ],
        ),
        (
            networks("010.0.0.0/8"),
            &[
                "CN-51 spec.egress[0].to[0].networks[0]: Invalid value: \"010.0.0.0/8\": must not have leading 0s",
            ],
        ),
        (networks(&format!("'{longest}'")), &[]),
        (
            networks(&format!("'{longest}0'")),
            &[
                "CN-51 spec.egress[0].to[0].networks[0]: Too long: may not be more than 43 characters",
            ],
        ),
        (
            cluster_to(&format!("{{domainNames: [{}]}}", names[..25].join(", "))),
            &[],
        ),
        (
            cluster_to(&format!("{{domainNames: [{}]}}", names.join(", "))),
            &["CN-51 spec.egress[0].to[0].domainNames: Too many: 26: must have at most 25 items"],
        ),
        (
            cluster_to("{domainNames: []}"),
            &[
                "CN-51 spec.egress[0].to[0].domainNames: Invalid value: 0: should have at least 1 item",
            ],
        ),
        (
            cluster_to("{domainNames: [a.b, a.b]}"),
            &["CN-51 spec.egress[0].to[0].domainNames[1]: Duplicate value: \"a.b\""],
        ),
        (cluster_to("{domainNames: [a.b, A.b, a.b.]}"), &[]),
    ]);
}

#[test]
fn cn37_forms_of_domain_names() {
    let name = |name: &str| problems(&cluster_to(&format!("{{domainNames: ['{name}']}}")));
    for fine in [
        "a.b",
        "*.a.b",
        "A-1.B_2.c.",
        "*.a.b.",
        "1.2",
        "xn--bcher-kva.example",
    ] {
        assert_eq!(name(fine), [""; 0], "{fine}");
    }
    for wrong in [
        "",
        "a",
        "*",
        "*.",
        "*.a",
        "a.*",
        "*.*.a.b",
        "a*.b.c",
        ".a.b",
        "a..b",
        "a.b..",
        "-a.b",
        "a-.b",
        "_a.b",
        "a b.c",
        "é.com",
        "https://a.b",
        "a.b:80",
    ] {
        assert_eq!(
            name(wrong),
            [format!(
                "CN-51 spec.egress[0].to[0].domainNames[0]: Invalid value: {wrong:?}: must be a domain name of two labels or more, such as example.com or *.example.com"
            )]
        );
    }
}

#[test]
fn cn37_domain_names_are_for_accept_alone() {
    let rule = |action: &str| format!("action: {action}, to: [{{domainNames: [a.b]}}]");
    check(&[
        (cluster_rule("egress", &rule("Accept")), &[]),
        (
            cluster_rule("egress", &rule("Deny")),
            &[
                "CN-37 spec.egress[0].to[0].domainNames: Forbidden: may only be specified with action Accept",
            ],
        ),
        (
            cluster_rule("egress", &rule("Pass")),
            &[
                "CN-37 spec.egress[0].to[0].domainNames: Forbidden: may only be specified with action Accept",
            ],
        ),
        (admin_rule("egress", &rule("Allow")), &[]),
        (
            admin_rule("egress", &rule("Deny")),
            &[
                "CN-37 spec.egress[0].to[0].domainNames: Forbidden: may only be specified with action Allow",
            ],
        ),
        (
            baseline_rule("egress", &rule("Allow")),
            &["V-23 unknown field `spec.egress[0].to[0].domainNames`"],
        ),
    ]);
}

#[test]
fn cn51_protocols_of_a_cluster_network_policy() {
    let number = |number: &str| {
        cluster_protocol(&format!(
            "{{udp: {{destinationPort: {{number: {number}}}}}}}"
        ))
    };
    let range = |range: &str| {
        cluster_protocol(&format!(
            "{{tcp: {{destinationPort: {{range: {{{range}}}}}}}}}"
        ))
    };
    let item = "{tcp: {destinationPort: {number: 1}}}";
    check(&[
        (cluster_protocol(&times(item, 25)), &[]),
        (
            cluster_protocol(&times(item, 26)),
            &["CN-51 spec.egress[0].protocols: Too many: 26: must have at most 25 items"],
        ),
        (
            cluster_protocol(""),
            &["CN-51 spec.egress[0].protocols: Invalid value: 0: should have at least 1 item"],
        ),
        (
            cluster_protocol("{}"),
            &[
                "CN-51 spec.egress[0].protocols[0]: Required value: must specify exactly one of tcp, udp, sctp, destinationNamedPort",
            ],
        ),
        (
            cluster_protocol(
                "{tcp: {destinationPort: {number: 1}}, udp: {destinationPort: {number: 1}}}",
            ),
            &[
                "CN-51 spec.egress[0].protocols[0]: Too many: 2: must specify exactly one of tcp, udp, sctp, destinationNamedPort",
            ],
        ),
        (
            cluster_protocol("{tcp: {destinationPort: {}}}"),
            &[
                "CN-51 spec.egress[0].protocols[0].tcp.destinationPort: Required value: must specify exactly one of number, range",
            ],
        ),
        (
            cluster_protocol("{tcp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}"),
            &[
                "CN-51 spec.egress[0].protocols[0].tcp.destinationPort: Too many: 2: must specify exactly one of number, range",
            ],
        ),
        (number("1"), &[]),
        (number("65535"), &[]),
        (
            number("0"),
            &[
                "CN-51 spec.egress[0].protocols[0].udp.destinationPort.number: Invalid value: 0: should be greater than or equal to 1",
            ],
        ),
        (
            number("65536"),
            &[
                "CN-51 spec.egress[0].protocols[0].udp.destinationPort.number: Invalid value: 65536: should be less than or equal to 65535",
            ],
        ),
        (
            number("'80'"),
            &[
                "V-22 spec.egress[0].protocols[0].udp.destinationPort.number: expected an integer, found the string \"80\"",
            ],
        ),
        (range("start: 1, end: 2"), &[]),
        (
            range("start: 2, end: 2"),
            &[
                "CN-51 spec.egress[0].protocols[0].tcp.destinationPort.range.end: Invalid value: 2: must be greater than `start`",
            ],
        ),
        (
            range("start: 3, end: 2"),
            &[
                "CN-51 spec.egress[0].protocols[0].tcp.destinationPort.range.end: Invalid value: 2: must be greater than `start`",
            ],
        ),
        (
            range("start: 0, end: 65536"),
            &[
                "CN-51 spec.egress[0].protocols[0].tcp.destinationPort.range.start: Invalid value: 0: should be greater than or equal to 1",
                "CN-51 spec.egress[0].protocols[0].tcp.destinationPort.range.end: Invalid value: 65536: should be less than or equal to 65535",
            ],
        ),
        (
            range("start: 5"),
            &["CN-51 spec.egress[0].protocols[0].tcp.destinationPort.range.end: Required value"],
        ),
    ]);
}

#[test]
fn am15_a_protocol_needs_a_port() {
    for protocol in ["tcp", "udp", "sctp"] {
        for nothing in ["{}", "{destinationPort: null}"] {
            let text = cluster_protocol(&format!("{{{protocol}: {nothing}}}"));
            assert_eq!(
                problems(&text),
                [format!(
                    "AM-15 spec.egress[0].protocols[0].{protocol}: Required value: must specify destinationPort"
                )]
            );
        }
    }
    let loaded = load_with(&cluster_protocol("{tcp: {}}"), UnknownFields::Refuse);
    assert_eq!(
        loaded.diagnostics[0].help.as_deref(),
        Some("for every port write `destinationPort: {range: {start: 1, end: 65535}}`")
    );
    // `tcp: null` is not there at all.
    assert_eq!(
        problems(&cluster_protocol("{tcp: null}"))[0]
            .split(' ')
            .next(),
        Some("CN-51")
    );
}

#[test]
fn am17_named_ports_and_peers_that_have_none() {
    let rule = |action: &str, ports: &str, peer: &str| {
        format!("action: {action}, to: [{{namespaces: {{}}}}, {{{peer}}}], {ports}")
    };
    let named = "protocols: [{tcp: {destinationPort: {number: 1}}}, {destinationNamedPort: web}]";
    let old = "ports: [{portNumber: {port: 1}}, {namedPort: web}]";
    let peers = [
        ("networks", "networks: [10.0.0.0/8]"),
        ("nodes", "nodes: {}"),
        ("domainNames", "domainNames: [a.b]"),
    ];
    for (field, peer) in peers {
        let why =
            format!("Forbidden: may not be specified beside {field}, which have no named ports");
        assert_eq!(
            problems(&cluster_rule("egress", &rule("Accept", named, peer))),
            [format!(
                "AM-17 spec.egress[0].protocols[1].destinationNamedPort: {why}"
            )]
        );
        assert_eq!(
            problems(&admin_rule("egress", &rule("Allow", old, peer))),
            [format!("AN-4 spec.egress[0].ports[1].namedPort: {why}")]
        );
    }
    check(&[
        (
            cluster_rule("egress", &rule("Deny", named, "pods: {podSelector: {}}")),
            &[],
        ),
        (
            cluster_rule(
                "ingress",
                &format!("action: Deny, from: {EVERYBODY}, {named}"),
            ),
            &[],
        ),
    ]);
}

/// The schema lets such names pass, so that it is only a warning.
#[test]
fn cn33_names_that_no_container_port_can_have() {
    for name in ["Web", "", "80", "a--b", "abcdefghijklmnop"] {
        let why = format!("no container port can be named {name:?}: it matches nothing");
        assert_eq!(
            problems(&cluster_protocol(&format!(
                "{{destinationNamedPort: '{name}'}}"
            ))),
            [format!(
                "CN-33 spec.egress[0].protocols[0].destinationNamedPort: {why}"
            )]
        );
        assert_eq!(
            problems(&admin_port(&format!("{{namedPort: '{name}'}}"))),
            [format!("CN-33 spec.ingress[0].ports[0].namedPort: {why}")]
        );
    }
}

#[test]
fn an1_what_the_two_older_kinds_are() {
    let named = |metadata: &str| baseline(SUBJECT).replace("{name: default}", metadata);
    let only = "a cluster has one BaselineAdminNetworkPolicy, which is named \"default\"";
    let action = |action: &str| format!("action: {action}, from: {EVERYBODY}");
    assert_eq!(
        problems(&named("{name: other}")),
        [format!(
            "AN-1 metadata.name: Invalid value: \"other\": {only}"
        )]
    );
    assert_eq!(
        problems(&named("{generateName: default-}")),
        [format!(
            "AN-1 metadata.name: Invalid value: \"default-00003\": {only}"
        )]
    );
    check(&[
        (
            named("{}"),
            &["V-1 metadata.name: Required value: name or generateName is required"],
        ),
        (
            baseline(&format!("priority: 1, {SUBJECT}")),
            &["V-23 unknown field `spec.priority`"],
        ),
        (
            baseline_rule("ingress", &action("Pass")),
            &[
                "AN-1 spec.ingress[0].action: Unsupported value: \"Pass\": supported values: \"Allow\", \"Deny\"",
            ],
        ),
        (
            admin_rule("ingress", &action("Accept")),
            &[
                "AN-1 spec.ingress[0].action: Unsupported value: \"Accept\": supported values: \"Allow\", \"Deny\", \"Pass\"",
            ],
        ),
        (
            admin_rule("ingress", &format!("from: {EVERYBODY}")),
            &["AN-1 spec.ingress[0].action: Required value"],
        ),
        (admin_rule("ingress", &action("Pass")), &[]),
        (baseline_rule("ingress", &action("Allow")), &[]),
        (
            admin(&format!("tier: Admin, priority: 1, {SUBJECT}")),
            &["V-23 unknown field `spec.tier`"],
        ),
    ]);
}

#[test]
fn an2_limits_of_the_two_older_kinds() {
    let deny = format!("{{action: Deny, from: {EVERYBODY}}}");
    let rules = |count| format!("{SUBJECT}, ingress: [{}]", times(&deny, count));
    let peers = |count| format!("action: Deny, from: [{}]", times("{namespaces: {}}", count));
    let ports = |count| {
        format!(
            "action: Deny, from: {EVERYBODY}, ports: [{}]",
            times("{portNumber: {port: 1}}", count)
        )
    };
    let long = format!("name: {}, action: Deny, from: {EVERYBODY}", "a".repeat(101));
    check(&[
        (baseline(&rules(100)), &[]),
        (
            baseline(&rules(101)),
            &["AN-2 spec.ingress: Too many: 101: must have at most 100 items"],
        ),
        (admin_rule("ingress", &peers(100)), &[]),
        (
            admin_rule("ingress", &peers(101)),
            &["AN-2 spec.ingress[0].from: Too many: 101: must have at most 100 items"],
        ),
        (
            admin_rule("ingress", &peers(0)),
            &["AN-2 spec.ingress[0].from: Invalid value: 0: should have at least 1 item"],
        ),
        (
            admin_rule("ingress", "action: Deny"),
            &["AN-2 spec.ingress[0].from: Required value"],
        ),
        (admin_rule("ingress", &ports(100)), &[]),
        (
            admin_rule("ingress", &ports(101)),
            &["AN-2 spec.ingress[0].ports: Too many: 101: must have at most 100 items"],
        ),
        (
            admin_rule("ingress", &ports(0)),
            &["AN-2 spec.ingress[0].ports: Invalid value: 0: should have at least 1 item"],
        ),
        (
            baseline_rule("ingress", &long),
            &["AN-2 spec.ingress[0].name: Too long: may not be more than 100 characters"],
        ),
        (
            admin(&format!("priority: 1001, {SUBJECT}")),
            &["AN-2 spec.priority: Invalid value: 1001: should be less than or equal to 1000"],
        ),
        (admin(SUBJECT), &["AN-2 spec.priority: Required value"]),
        (
            baseline_rule("egress", "action: Deny, to: [{networks: [a]}]"),
            &[
                "AN-2 spec.egress[0].to[0].networks[0]: Invalid value: \"a\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
    ]);
}

#[test]
fn an3_subjects_and_peers_of_the_two_older_kinds() {
    check(&[
        (
            admin("priority: 1, subject: {pods: {podSelector: {}}}"),
            &["AN-3 spec.subject.pods.namespaceSelector: Required value"],
        ),
        (
            baseline("subject: {pods: {}}"),
            &[
                "AN-3 spec.subject.pods.namespaceSelector: Required value",
                "AN-3 spec.subject.pods.podSelector: Required value",
            ],
        ),
        (admin("priority: 1"), &["AN-3 spec.subject: Required value"]),
        (
            admin("priority: 1, subject: {}"),
            &["AN-3 spec.subject: Required value: must specify exactly one of namespaces, pods"],
        ),
        (
            admin_rule("egress", "action: Deny, to: [{}]"),
            &[
                "AN-3 spec.egress[0].to[0]: Required value: must specify exactly one of namespaces, pods, networks, nodes, domainNames",
            ],
        ),
        (
            baseline_rule("egress", "action: Deny, to: [{}]"),
            &[
                "AN-3 spec.egress[0].to[0]: Required value: must specify exactly one of namespaces, pods, networks, nodes",
            ],
        ),
        (
            baseline_rule("ingress", "action: Deny, from: [{pods: {podSelector: {}}}]"),
            &["AN-3 spec.ingress[0].from[0].pods.namespaceSelector: Required value"],
        ),
    ]);
}

#[test]
fn an4_ports_of_the_two_older_kinds() {
    check(&[
        (
            admin_port("{}"),
            &[
                "AN-4 spec.ingress[0].ports[0]: Required value: must specify exactly one of portNumber, portRange, namedPort",
            ],
        ),
        (
            admin_port("{portNumber: {port: 1}, namedPort: web}"),
            &[
                "AN-4 spec.ingress[0].ports[0]: Too many: 2: must specify exactly one of portNumber, portRange, namedPort",
            ],
        ),
        (
            admin_port("{portNumber: {protocol: TCP}}"),
            &["AN-4 spec.ingress[0].ports[0].portNumber.port: Required value"],
        ),
        (
            admin_port("{portNumber: {port: 0, protocol: tcp}}"),
            &[
                "AN-4 spec.ingress[0].ports[0].portNumber.port: Invalid value: 0: should be greater than or equal to 1",
                "AN-4 spec.ingress[0].ports[0].portNumber.protocol: Unsupported value: \"tcp\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
            ],
        ),
        (
            admin_port("{portRange: {start: 9, end: 8}}"),
            &[
                "AN-4 spec.ingress[0].ports[0].portRange.end: Invalid value: 8: must be greater than or equal to `start`",
            ],
        ),
        (admin_port("{portRange: {start: 9, end: 9}}"), &[]),
        (
            admin_port("{portRange: {end: 9}}"),
            &["AN-4 spec.ingress[0].ports[0].portRange.start: Required value"],
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
            "policy.networking.k8s.io/v1alpha2",
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
