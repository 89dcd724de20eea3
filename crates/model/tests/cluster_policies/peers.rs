//! Peers (CN-37, CN-51).

use crate::texts::{admin_rule, baseline_rule, check, cluster_rule, cluster_to, problems};

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
