//! What is said about cluster-scoped policies once all objects are together (AM-13, AM-19, AM-20, OB-10).

use ringfence_model::{
    Diagnostic, DomainAddresses, Input, LoadOptions, Severity, assemble_with, load,
};

fn assembled(text: &str, known: &[&str]) -> Vec<Diagnostic> {
    let input = Input {
        name: "p.yaml".to_owned(),
        text: text.to_owned(),
    };
    let loaded = load(&[input], &LoadOptions::default());
    assert_eq!(loaded.diagnostics, [], "{text}");
    let known: DomainAddresses = known
        .iter()
        .map(|name| ((*name).to_owned(), Vec::new()))
        .collect();
    let (cluster, diagnostics) = assemble_with(&loaded.objects, known.clone());
    assert_eq!(cluster.domain_addresses, known);
    diagnostics
}

/// `RULE line message` of each warning.
fn warnings_knowing(text: &str, known: &[&str]) -> Vec<String> {
    let line = |found: &Diagnostic| {
        assert_eq!(found.severity, Severity::Warning, "{found}");
        let line = found.location.as_ref().map_or(0, |found| found.source.line);
        format!("{} {line} {}", found.rule.unwrap_or("-"), found.message)
    };
    assembled(text, known).iter().map(line).collect()
}

fn warnings(text: &str) -> Vec<String> {
    warnings_knowing(text, &[])
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}}}}}, \
         spec: {{containers: [{{name: c, image: i}}]{more}}}}}\n---\n"
    )
}

/// A policy on one line; `a` is the subject's label `app`.
fn policy(name: &str, order: &str, app: &str, rules: &str) -> String {
    let subject = if app.is_empty() {
        "{namespaces: {}}".to_owned()
    } else {
        format!("{{pods: {{podSelector: {{matchLabels: {{app: {app}}}}}}}}}")
    };
    format!(
        "{{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, \
         metadata: {{name: {name}}}, spec: {{{order}, subject: {subject}, {rules}}}}}\n---\n"
    )
}

fn ingress(action: &str) -> String {
    format!("ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]")
}

fn egress(action: &str) -> String {
    format!("egress: [{{action: {action}, to: [{{namespaces: {{}}}}]}}]")
}

const FIVE: &str = "tier: Admin, priority: 5";

fn meets(line: usize, later: &str, earlier: &str, direction: &str, pod: &str) -> String {
    format!(
        "AM-13 {line} ClusterNetworkPolicy {later} has the priority of ClusterNetworkPolicy {earlier} in tier Admin, \
         and both can match one connection in {direction} of pod default/{pod}: which of them is asked first is not defined, \
         and here it is ClusterNetworkPolicy {earlier}"
    )
}

#[test]
fn am13_equal_priorities_that_meet_at_a_pod_with_different_actions() {
    let both = |first: &str, second: &str| {
        pod("web", "") + &policy("b", FIVE, "", first) + &policy("a", FIVE, "web", second)
    };
    let (accept, deny) = (ingress("Accept"), ingress("Deny"));
    assert_eq!(
        warnings(&both(&accept, &deny)),
        [meets(3, "b", "a", "ingress", "web")]
    );
    assert_eq!(
        warnings(&both(&egress("Pass"), &egress("Deny"))),
        [meets(3, "b", "a", "egress", "web")]
    );
    // One and the same action: the order makes no difference.
    assert_eq!(warnings(&both(&deny, &deny)), [""; 0]);
    assert_eq!(warnings(&both(&deny, &egress("Accept"))), [""; 0]);
    assert_eq!(
        assembled(&both(&accept, &deny), &[])[0].help.as_deref(),
        Some("give them different priorities")
    );
}

#[test]
fn am13_asks_for_an_equal_tier_an_equal_priority_and_a_common_pod() {
    let (accept, deny) = (ingress("Accept"), ingress("Deny"));
    let against = |order: &str, app: &str, more: &str| {
        let text = pod("web", more)
            + &pod("db", "")
            + &policy("a", FIVE, "web", &accept)
            + &policy("b", order, app, &deny);
        warnings(&text).len()
    };
    assert_eq!(against(FIVE, "web", ""), 1);
    assert_eq!(against("tier: Admin, priority: 6", "web", ""), 0);
    assert_eq!(against("tier: Baseline, priority: 5", "web", ""), 0);
    assert_eq!(against(FIVE, "db", ""), 0);
    assert_eq!(against(FIVE, "web", ", hostNetwork: true"), 0);
}

#[test]
fn am13_asks_for_a_connection_that_both_can_match() {
    let against = |kind: &str, first: &str, second: &str| {
        let rules = |action: &str, rest: &str| format!("{kind}: [{{action: {action}, {rest}}}]");
        let text = pod("web", "")
            + &policy("a", FIVE, "", &rules("Accept", first))
            + &policy("b", FIVE, "", &rules("Deny", second));
        warnings(&text).len()
    };
    let from = |namespaces: &str, port: &str| {
        format!("from: [{{namespaces: {{matchLabels: {namespaces}}}}}], protocols: [{port}]")
    };
    let tcp = |port: u16| format!("tcp: {{destinationPort: {{number: {port}}}}}");
    let range = "tcp: {destinationPort: {range: {start: 1, end: 3}}}";
    let of = |port: &str| from("{team: a}", &format!("{{{port}}}"));
    assert_eq!(against("ingress", &of(&tcp(1)), &of(&tcp(1))), 1);
    assert_eq!(against("ingress", &of(&tcp(1)), &of(&tcp(2))), 0);
    assert_eq!(against("ingress", &of(&tcp(2)), &of(range)), 1);
    assert_eq!(against("ingress", &of(&tcp(4)), &of(range)), 0);
    assert_eq!(
        against("ingress", &of("destinationNamedPort: x"), &of(range)),
        1
    );
    let udp = tcp(1).replace("tcp", "udp");
    assert_eq!(against("ingress", &of(&tcp(1)), &of(&udp)), 0);
    let other = from("{team: b}", &format!("{{{}}}", tcp(1)));
    assert_eq!(against("ingress", &of(&tcp(1)), &other), 0);
    let another_label = from("{tier: b}", &format!("{{{}}}", tcp(1)));
    assert_eq!(against("ingress", &of(&tcp(1)), &another_label), 1);
    let to = |peer: &str| format!("to: [{{{peer}}}]");
    let networks = |block: &str| to(&format!("networks: [{block}]"));
    let egress = |first: &str, second: &str| against("egress", first, second);
    assert_eq!(egress(&networks("10.0.0.0/8"), &networks("10.1.0.0/16")), 1);
    assert_eq!(egress(&networks("10.0.0.0/8"), &networks("11.0.0.0/8")), 0);
    assert_eq!(egress(&networks("10.0.0.0/8"), &to("namespaces: {}")), 1);
    let node = |role: &str| to(&format!("nodes: {{matchLabels: {{role: {role}}}}}"));
    assert_eq!(egress(&node("a"), &node("a")), 1);
    assert_eq!(egress(&node("a"), &node("b")), 0);
    assert_eq!(egress(&node("a"), &to("namespaces: {}")), 0);
    assert_eq!(egress(&node("a"), &networks("10.0.0.0/8")), 1);
}

#[test]
fn am13_warns_once_for_each_policy() {
    let rules = |first: &str| {
        format!(
            "ingress: [{{action: {first}, from: [{{namespaces: {{}}}}]}}], {}",
            egress(first)
        )
    };
    let text = pod("web", "")
        + &pod("db", "")
        + &policy("a", FIVE, "db", &rules("Accept"))
        + &policy("b", FIVE, "", &rules("Deny"))
        + &policy("c", FIVE, "", &rules("Deny"))
        + &policy("d", FIVE, "web", &rules("Pass"));
    assert_eq!(
        warnings(&text),
        [
            meets(7, "b", "a", "egress", "db"),
            meets(9, "c", "a", "egress", "db"),
            meets(11, "d", "b", "egress", "web"),
        ]
    );
}

fn to_names(names: &str) -> String {
    format!(
        "egress: [{{action: Accept, to: [{{namespaces: {{}}}}]}}, {{action: Accept, to: [{{domainNames: [{names}]}}]}}]"
    )
}

#[test]
fn am19_names_without_addresses() {
    let text = policy("a", FIVE, "", &to_names("a.b, '*.c.d', E.F"));
    let told = |names: &str| {
        format!(
            "AM-19 1 ClusterNetworkPolicy a: no address is known of {names}, so that no destination matches"
        )
    };
    assert_eq!(warnings(&text), [told("`a.b`, `*.c.d`, `e.f`")]);
    assert_eq!(
        warnings_knowing(&text, &["A.B", "c.d"]),
        [told("`*.c.d`, `e.f`")]
    );
    assert_eq!(warnings_knowing(&text, &["a.b.", "x.c.d", "e.f"]), [""; 0]);
}

#[test]
fn am20_two_apis_beside_each_other() {
    let old = "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: BaselineAdminNetworkPolicy, \
               metadata: {name: default}, spec: {subject: {namespaces: {}}}}\n---\n";
    let text = old.to_owned() + &policy("a", FIVE, "", "ingress: []");
    assert_eq!(
        warnings(&text),
        [
            "AM-20 1 ClusterNetworkPolicy a and BaselineAdminNetworkPolicy default are of two APIs that say nothing \
             of each other: they are asked as one list, by priority and ClusterNetworkPolicy first"
        ]
    );
    assert_eq!(warnings(old), [""; 0]);
}

#[test]
fn ob10_labels_that_only_a_running_cluster_knows() {
    let selecting = "podSelector: {matchLabels: {pod-template-hash: x}}";
    let of_subject = policy("a", FIVE, "", &ingress("Deny")).replace(
        "subject: {namespaces: {}}",
        &format!("subject: {{pods: {{{selecting}}}}}"),
    );
    let of_peer = policy("a", FIVE, "", &egress("Deny")).replace(
        "to: [{namespaces: {}}]",
        &format!("to: [{{nodes: {{}}}}, {{pods: {{{selecting}}}}}]"),
    );
    for text in [of_subject, of_peer] {
        assert_eq!(
            warnings(&text),
            [
                "OB-10 1 ClusterNetworkPolicy a selects by `pod-template-hash`, which only a running cluster knows"
            ]
        );
    }
}
