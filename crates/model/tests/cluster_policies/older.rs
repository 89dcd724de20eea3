//! AdminNetworkPolicy and BaselineAdminNetworkPolicy (AN-1 to AN-4).

use crate::texts::{
    EVERYBODY, SUBJECT, admin, admin_port, admin_rule, baseline, baseline_rule, check, problems,
    times,
};

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
