//! `protocols` (CN-33, CN-51, AM-15, AM-17).

use ringfence_model::UnknownFields;

use crate::texts::{
    EVERYBODY, admin_port, admin_rule, check, cluster_protocol, cluster_rule, load_with, problems,
    times,
};

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
