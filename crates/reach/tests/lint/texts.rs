//! What findings say, where it depends on the case.

use super::{input, report};

/// The message and help of the only finding of `lint`.
fn only(lint: &str, manifests: &str) -> (String, String) {
    let found = report(&[input("case.yaml", manifests)]);
    let of_lint = |rule: Option<&str>| rule == Some(lint);
    let mut all = found.findings.iter();
    let found = all
        .find(|finding| of_lint(finding.diagnostic.rule))
        .unwrap_or_else(|| panic!("{found:#?}"));
    let help = found.diagnostic.help.clone().unwrap_or_default();
    (found.diagnostic.message.clone(), help)
}

#[test]
fn several_target_ports_are_one_name() {
    let pod = |name: &str, port: u16| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{ namespace: shop, name: {name}, labels: {{ app: web, name: {name} }} }}
spec: {{ containers: [{{ name: c, image: i, ports: [{{ name: http, containerPort: {port} }}] }}] }}
---
"
        )
    };
    let rest = "apiVersion: v1
kind: Service
metadata: { namespace: shop, name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: a }
spec: { podSelector: { matchLabels: { app: web } }, ingress: [{ ports: [{ port: 80 }] }] }
";
    let (_, two) = only(
        "RF020",
        &[&pod("one", 8080), &pod("two", 9090), rest].concat(),
    );
    assert_eq!(
        two,
        "write the port's name, `http`, which is 8080 and 9090 on these pods"
    );
    let (_, one) = only("RF020", &[&pod("one", 8080), rest].concat());
    assert_eq!(one, "write `port: 8080`");
}

#[test]
fn what_a_deny_leaves_open_others_may_close() {
    let (message, _) = only(
        "RF033",
        r#"apiVersion: v1
kind: Pod
metadata: { namespace: shop, name: web }
spec: { containers: [{ name: c, image: i }] }
status: { podIPs: [{ ip: 10.244.1.5 }, { ip: "fd00::5" }] }
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: { name: d }
spec: { tier: Admin, priority: 1, subject: { namespaces: {} }, egress: [{ action: Deny, to: [{ networks: [0.0.0.0/0] }] }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { namespace: shop, name: a }
spec: { podSelector: {}, policyTypes: [Egress], egress: [{ to: [{ ipBlock: { cidr: "2001:db8::/32" } }] }] }
"#,
    );
    assert!(
        message.ends_with("this denies one family of addresses alone, and nothing in ::/0"),
        "{message}"
    );
}

/// A policy of the shop for web pods, with these egress rules.
fn policy(egress: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{ namespace: shop, name: web, labels: {{ app: web }} }}
spec: {{ containers: [{{ name: c, image: i }}] }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ namespace: shop, name: a }}
spec: {{ podSelector: {{}}, policyTypes: [Egress], egress: [{egress}] }}
---
"
    )
}

#[test]
fn the_dns_of_this_cluster_is_named() {
    let dns = |namespace: &str, label: &str, port: u16| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{ namespace: {namespace}, name: dns, labels: {{ {label} }} }}
spec: {{ containers: [{{ name: c, image: i, ports: [{{ containerPort: {port}, protocol: UDP }}] }}] }}
"
        )
    };
    let web = policy("{ to: [{ podSelector: {} }] }");
    let help = |manifests: &str| only("RF023", manifests).1;
    let usual = "allow UDP and TCP on port 53 to pods of `kube-system` with `k8s-app: kube-dns`";
    assert_eq!(help(&web), usual);
    let core = dns("kube-system", "k8s-app: coredns", 53);
    let named = "allow UDP and TCP on port 53 to pods of `kube-system` with `k8s-app: coredns`";
    assert_eq!(help(&format!("{web}{core}")), named);
    let label = "dns.operator.openshift.io/daemonset-dns: default";
    let other = dns("openshift-dns", label, 5353);
    assert_eq!(
        help(&format!("{web}{other}")),
        format!("allow UDP and TCP on port 5353 to pods of `openshift-dns` with `{label}`")
    );
    let tcp = policy("{ to: [{ namespaceSelector: {} }], ports: [{ port: 5353 }] }");
    assert_eq!(
        help(&format!("{tcp}{other}")),
        "a port without `protocol` is TCP: add `- {protocol: UDP, port: 5353}`"
    );
}

#[test]
fn pods_of_a_service_elsewhere_are_named_with_their_namespace() {
    let service = |namespace: &str| {
        format!(
            "apiVersion: v1
kind: Service
metadata: {{ namespace: {namespace}, name: db }}
spec: {{ clusterIP: 10.96.7.1, selector: {{ app: db }}, ports: [{{ port: 5432 }}] }}
"
        )
    };
    let block = policy("{ to: [{ ipBlock: { cidr: 10.96.7.1/32 } }] }");
    let help = |manifests: &str| only("RF014", manifests).1;
    assert_eq!(
        help(&format!("{block}{}", service("shop"))),
        "name its pods: `podSelector: {matchLabels: {app: db}}`, and their own port"
    );
    let there = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}, podSelector: {matchLabels: {app: db}}}";
    let expected = format!("name its pods: `{there}`, and their own port");
    assert_eq!(help(&format!("{block}{}", service("data"))), expected);
    let cluster = "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: { name: d }
spec: { tier: Admin, priority: 1, subject: { namespaces: {} }, egress: [{ action: Deny, to: [{ networks: [10.96.7.1/32] }] }] }
---
";
    assert_eq!(help(&format!("{cluster}{}", service("data"))), expected);
}
