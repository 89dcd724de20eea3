//! Every validation rule of NetworkPolicy (V-1 to V-24, AM-24) with the API server's own words.

use ringfence_model::{Input, LoadOptions, Loaded, Object, Severity, load};

fn load_text(text: &str) -> Loaded {
    let input = Input {
        name: "p.yaml".to_owned(),
        text: text.to_owned(),
    };
    load(&[input], &LoadOptions::default())
}

/// A policy whose `spec` is `spec`, written in flow style.
fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {spec}\n"
    )
}

fn with_metadata(metadata: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {metadata}\nspec: {{}}\n"
    )
}

fn with_port(port: &str) -> String {
    policy(&format!(
        "{{podSelector: {{}}, ingress: [{{ports: [{port}]}}]}}"
    ))
}

fn with_peer(peer: &str) -> String {
    policy(&format!(
        "{{podSelector: {{}}, egress: [{{to: [{peer}]}}]}}"
    ))
}

fn with_selector(selector: &str) -> String {
    policy(&format!("{{podSelector: {selector}}}"))
}

/// `RULE message` of each problem.
fn problems(text: &str) -> Vec<String> {
    let loaded = load_text(text);
    let refused = loaded
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    assert_eq!(
        loaded.objects.is_empty(),
        refused,
        "an object with errors is left out: {text}"
    );
    assert_eq!(loaded.has_errors(), refused);
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

fn check(cases: &[(String, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(problems(text), *expected, "{text}");
    }
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
and must start and end with an alphanumeric character (e.g. 'example.com', \
regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', \
and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', \
regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

#[test]
fn v1_names() {
    let long = "a".repeat(254);
    let text = |expected: &str| expected.to_owned();
    let cases = [
        (
            with_metadata("{}"),
            text("V-1 metadata.name: Required value: name or generateName is required"),
        ),
        (
            with_metadata("{name: Web}"),
            format!("V-1 metadata.name: Invalid value: \"Web\": {SUBDOMAIN}"),
        ),
        (
            with_metadata("{name: a..b}"),
            format!("V-1 metadata.name: Invalid value: \"a..b\": {SUBDOMAIN}"),
        ),
        (
            with_metadata(&format!("{{name: {long}}}")),
            format!(
                "V-1 metadata.name: Invalid value: \"{long}\": must be no more than 253 characters"
            ),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(&text), [expected]);
    }
    for fine in ["{name: a}", "{name: a.b-c.9}", "{generateName: web-}"] {
        assert_eq!(problems(&with_metadata(fine)), [""; 0], "{fine}");
    }
}

#[test]
fn v2_namespaces() {
    assert_eq!(
        problems(&with_metadata("{name: a, namespace: A_b}")),
        [format!(
            "V-2 metadata.namespace: Invalid value: \"A_b\": {LABEL}"
        )]
    );
    assert_eq!(
        problems(&with_metadata("{name: a, namespace: a.b}")),
        ["V-2 metadata.namespace: Invalid value: \"a.b\": must not contain dots"]
    );
    let input = Input {
        name: "p".to_owned(),
        text: with_metadata("{name: a}"),
    };
    let options = LoadOptions {
        default_namespace: String::new(),
        ..LoadOptions::default()
    };
    let loaded = load(&[input], &options);
    assert_eq!(
        loaded.diagnostics[0].message,
        "metadata.namespace: Required value"
    );
}

#[test]
fn v3_to_v6_ports() {
    check(&[
        (
            with_port("{protocol: tcp}"),
            &[
                "V-3 spec.ingress[0].ports[0].protocol: Unsupported value: \"tcp\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
            ],
        ),
        (
            with_port("{port: 0}"),
            &[
                "V-4 spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            with_port("{port: 65536}"),
            &[
                "V-4 spec.ingress[0].ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            with_port("{port: \"80\"}"),
            &[
                "V-5 spec.ingress[0].ports[0].port: Invalid value: \"80\": must contain at least one letter (a-z)",
            ],
        ),
        (
            with_port("{port: Web}"),
            &[
                "V-5 spec.ingress[0].ports[0].port: Invalid value: \"Web\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            ],
        ),
        (
            with_port("{port: a--b-}"),
            &[
                "V-5 spec.ingress[0].ports[0].port: Invalid value: \"a--b-\": must not contain consecutive hyphens",
                "V-5 spec.ingress[0].ports[0].port: Invalid value: \"a--b-\": must not begin or end with a hyphen",
            ],
        ),
        (
            with_port("{port: abcdefghijklmnop}"),
            &[
                "V-5 spec.ingress[0].ports[0].port: Invalid value: \"abcdefghijklmnop\": must be no more than 15 characters",
            ],
        ),
        (
            with_port("{endPort: 90}"),
            &[
                "V-6 spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not specified",
            ],
        ),
        (
            with_port("{port: http, endPort: 90}"),
            &[
                "V-6 spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric",
            ],
        ),
        (
            with_port("{port: 90, endPort: 80}"),
            &[
                "V-6 spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`",
            ],
        ),
        (
            with_port("{port: 90, endPort: 70000}"),
            &[
                "V-6 spec.ingress[0].ports[0].endPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            ],
        ),
        (with_port("{port: 90, endPort: 90}"), &[]),
        (with_port("{port: abcdefghijklmno}"), &[]),
        (with_port("{}"), &[]),
    ]);
}

#[test]
fn v8_to_v11_peers() {
    check(&[
        (
            with_peer("{}"),
            &["V-8 spec.egress[0].to[0]: Required value: must specify a peer"],
        ),
        (
            with_peer("{podSelector: null}"),
            &["V-8 spec.egress[0].to[0]: Required value: must specify a peer"],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"),
            &["V-9 spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer"],
        ),
        (
            with_peer("{ipBlock: {}}"),
            &["V-10 spec.egress[0].to[0].ipBlock.cidr: Required value"],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.1}}"),
            &[
                "V-10 spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"10.0.0.1\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.0/33}}"),
            &[
                "V-10 spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"10.0.0.0/33\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.0/24]}}"),
            &[
                "V-11 spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.0.0.0/24\": must be a strict subset of `cidr`",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.1.0/25, 'fd00::/64', x]}}"),
            &[
                "V-11 spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.0.1.0/25\": must be a strict subset of `cidr`",
                "V-11 spec.egress[0].to[0].ipBlock.except[1]: Invalid value: \"fd00::/64\": must be a strict subset of `cidr`",
                "V-11 spec.egress[0].to[0].ipBlock.except[2]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: x, except: [z]}}"),
            &[
                "V-10 spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.128/25]}}"),
            &[],
        ),
        (with_peer("{podSelector: {}}"), &[]),
        (with_peer("{namespaceSelector: null, podSelector: {}}"), &[]),
    ]);
}

#[test]
fn am24_odd_blocks() {
    check(&[
        (
            with_peer("{ipBlock: {cidr: 10.0.0.7/8}}"),
            &[
                "AM-24 spec.egress[0].to[0].ipBlock.cidr: CIDR value \"10.0.0.7/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.7/32\"?)",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: 010.0.0.0/8}}"),
            &[
                "V-10 spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"010.0.0.0/8\": must not have leading 0s",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: 10.0.0.0/08}}"),
            &[
                "V-10 spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"10.0.0.0/08\": must not have leading 0s",
            ],
        ),
        (
            with_peer("{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}"),
            &[
                "V-10 spec.egress[0].to[0].ipBlock.cidr: Invalid value: \"::ffff:10.0.0.0/104\": must not be an IPv4-mapped IPv6 address",
            ],
        ),
    ]);
    let loaded = load_text(&with_peer("{ipBlock: {cidr: 10.0.0.7/8}}"));
    let Object::NetworkPolicy(policy) = &loaded.objects[0] else {
        panic!("no policy")
    };
    let peer = format!("{:?}", policy.egress[0].peers[0]);
    assert!(peer.contains("10.0.0.0/8"), "masked: {peer}");
}

#[test]
fn v7_v12_to_v17_selectors() {
    let cases: [(String, Vec<String>); 9] = [
        (
            with_selector("{matchLabels: {'a/b/c': x}}"),
            vec![format!(
                "V-12 spec.podSelector.matchLabels: Invalid value: \"a/b/c\": {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                NAME_PART.replacen("name part", "a valid label key", 1)
            )],
        ),
        (
            with_selector("{matchLabels: {app: 'a b'}}"),
            vec![format!("V-12 spec.podSelector.matchLabels: Invalid value: \"a b\": {VALUE}")],
        ),
        (
            with_peer("{namespaceSelector: {matchLabels: {app: -x}}}"),
            vec![format!("V-12 spec.egress[0].to[0].namespaceSelector.matchLabels: Invalid value: \"-x\": {VALUE}")],
        ),
        (
            with_selector("{matchExpressions: [{key: '', operator: Exists}]}"),
            vec![
                "V-13 spec.podSelector.matchExpressions[0].key: Invalid value: \"\": name part must be non-empty".to_owned(),
                format!("V-13 spec.podSelector.matchExpressions[0].key: Invalid value: \"\": {NAME_PART}"),
            ],
        ),
        (
            with_selector("{matchExpressions: [{key: A/b, operator: Exists}]}"),
            vec![format!("V-13 spec.podSelector.matchExpressions[0].key: Invalid value: \"A/b\": prefix part {SUBDOMAIN}")],
        ),
        (
            with_selector("{matchExpressions: [{key: a, operator: in, values: [b]}]}"),
            vec!["V-14 spec.podSelector.matchExpressions[0].operator: Invalid value: \"in\": not a valid selector operator".to_owned()],
        ),
        (
            with_selector("{matchExpressions: [{key: a, operator: In}]}"),
            vec!["V-15 spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'".to_owned()],
        ),
        (
            with_selector("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}"),
            vec!["V-16 spec.podSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'".to_owned()],
        ),
        (
            with_selector("{matchExpressions: [{key: a, operator: NotIn, values: ['', 'x/y']}]}"),
            vec![format!("V-17 spec.podSelector.matchExpressions[0].values[1]: Invalid value: \"x/y\": {VALUE}")],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(&text), expected, "{text}");
    }
}

#[test]
fn np22_missing_values_are_pointed_out() {
    check(&[
        (
            with_selector("{matchLabels: {app: }}"),
            &[
                "NP-22 spec.podSelector.matchLabels[app]: the value is missing, and read as the empty string",
            ],
        ),
        (with_selector("{matchLabels: {app: ''}}"), &[]),
    ]);
}

#[test]
fn au2_what_says_no_audit_mode_is_warned_of_and_enforces() {
    let policy = |mode: &str| {
        with_metadata(&format!(
            "{{name: p, annotations: {{ringfence.dev/audit-mode: '{mode}'}}}}"
        ))
    };
    let ok = policy("2026-01-01T00:00:00Z/2026-04-01T00:00:00Z");
    check(&[(ok, &[])]);
    for mode in [
        "",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z/2026-04-01T00:00:01Z",
        "2026-02-01T00:00:00Z/2026-01-01T00:00:00Z",
    ] {
        let text = policy(mode);
        let [problem] = problems(&text).try_into().unwrap();
        let expected = format!(
            "AU-2 metadata.annotations[ringfence.dev/audit-mode]: Invalid value: {mode:?}: must "
        );
        assert!(problem.starts_with(&expected), "{problem}");
        assert!(
            problem.ends_with("; until then the policy enforces"),
            "{problem}"
        );
        let loaded = load_text(&text);
        let [Object::NetworkPolicy(policy)] = loaded.objects.as_slice() else {
            panic!("no policy: {:?}", loaded.objects);
        };
        assert_eq!(policy.audit, None);
    }
}

#[test]
fn v18_v19_policy_types() {
    check(&[
        (
            policy("{policyTypes: [Ingress, Egress, ingress]}"),
            &[
                "V-18 spec.policyTypes: Invalid value: [\"Ingress\", \"Egress\", \"ingress\"]: may not specify more than two policyTypes",
            ],
        ),
        (
            policy("{policyTypes: [ingress]}"),
            &[
                "V-19 spec.policyTypes[0]: Unsupported value: \"ingress\": supported values: \"Ingress\", \"Egress\"",
            ],
        ),
        (policy("{policyTypes: [Ingress, Ingress]}"), &[]),
    ]);
}

#[test]
fn v20_metadata() {
    assert_eq!(
        problems(&with_metadata(
            "{name: a, labels: {app: 'é'}, annotations: {'': x}}"
        )),
        [
            format!("V-20 metadata.labels: Invalid value: \"é\": {VALUE}"),
            "V-20 metadata.annotations: Invalid value: \"\": name part must be non-empty"
                .to_owned(),
            format!("V-20 metadata.annotations: Invalid value: \"\": {NAME_PART}"),
        ]
    );
    assert_eq!(
        problems(&with_metadata(
            "{name: a, annotations: {Any/Case: \"a b\"}}"
        )),
        [""; 0]
    );
}

#[test]
fn v22_types_come_first() {
    check(&[
        (
            with_port("{port: 80, endPort: \"90\"}"),
            &[
                "V-22 spec.ingress[0].ports[0].endPort: expected an integer, found the string \"90\"",
            ],
        ),
        (
            with_port("{port: 80.5, protocol: tcp}"),
            &[
                "V-22 spec.ingress[0].ports[0].port: expected an integer or a string, found the number `80.5`",
            ],
        ),
        (
            with_port("{port: 99999999999}"),
            &["V-22 spec.ingress[0].ports[0].port: 99999999999 does not fit a 32-bit integer"],
        ),
        (
            policy("{podSelector: []}"),
            &["V-22 spec.podSelector: expected a mapping, found a list"],
        ),
        (
            with_selector("{matchLabels: {a: yes, b: on, c: 1, d: no}}"),
            &[
                "OB-5 spec.podSelector.matchLabels[a]: expected a string, found the boolean `yes`",
                "OB-5 spec.podSelector.matchLabels[b]: expected a string, found the boolean `on`",
                "V-22 spec.podSelector.matchLabels[c]: expected a string, found the integer `1`",
                "OB-5 spec.podSelector.matchLabels[d]: expected a string, found the boolean `no`",
            ],
        ),
        (
            policy("{policyTypes: Ingress}"),
            &["V-22 spec.policyTypes: expected a list, found the string \"Ingress\""],
        ),
        (with_port("{port: 80.0}"), &[]),
    ]);
}

#[test]
fn v23_unknown_fields() {
    check(&[
        (
            policy("{podSelector: {}, policyType: [Ingress]}"),
            &["V-23 unknown field `spec.policyType`"],
        ),
        (
            with_peer("{namespaceselector: {}}"),
            &["V-23 unknown field `spec.egress[0].to[0].namespaceselector`"],
        ),
        (
            policy("{podSelector: {}, podSelector: {}}"),
            &["OB-5 duplicate key `podSelector`"],
        ),
    ]);
    let label = |text: &str| load_text(text).diagnostics[0].label.clone().unwrap();
    assert_eq!(
        label(&policy("{policyType: []}")),
        "did you mean `policyTypes`?"
    );
    assert_eq!(
        label(&with_peer("{namespaceselector: {}}")),
        "did you mean `namespaceSelector`?"
    );
    assert_eq!(
        label(&with_peer("{ip_block: {}}")),
        "did you mean `ipBlock`?"
    );
    let misplaced = load_text(&policy(
        "{podSelector: {}, ingress: [{from: [{ports: []}]}]}",
    ));
    assert_eq!(
        misplaced.diagnostics[0].help.as_deref(),
        Some("`ports` is a field of NetworkPolicyIngressRule: is the indentation right?")
    );
}

#[test]
fn v24_status_is_ignored() {
    let text = policy("{}") + "status: {conditions: []}\n";
    assert_eq!(problems(&text), [""; 0]);
}

#[test]
fn np3_effective_types() {
    let cases = [
        ("{}", true, false),
        ("{policyTypes: []}", true, false),
        ("{policyTypes: null, egress: []}", true, false),
        ("{egress: [{}]}", true, true),
        ("{ingress: [{}], egress: []}", true, false),
        ("{policyTypes: [Egress], ingress: [{}]}", false, true),
        ("{policyTypes: [Ingress], egress: [{}]}", true, false),
        ("{policyTypes: [Ingress, Egress]}", true, true),
        ("{policyTypes: [Ingress, Ingress]}", true, false),
    ];
    for (spec, ingress, egress) in cases {
        let loaded = load_text(&policy(spec));
        let Object::NetworkPolicy(policy) = &loaded.objects[0] else {
            panic!("no policy")
        };
        let isolates = (policy.isolates_ingress, policy.isolates_egress);
        assert_eq!(isolates, (ingress, egress), "{spec}");
    }
}
