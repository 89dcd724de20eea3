//! Pods with addresses of both families, and policies that treat the families differently (rules NP-40, CN-34).

use std::fs;
use std::path::Path;

use super::two::Two;
use crate::support::{Finished, ringfence, ringfence_reading};

const PODS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 172.18.0.2}, {type: InternalIP, address: "fc00:f::2"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {phase: Running, hostIP: 172.18.0.2, podIPs: [{ip: 10.244.1.10}, {ip: "fd00:1::10"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: mon, namespace: ops}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {phase: Running, hostIP: 172.18.0.2, podIPs: [{ip: 10.244.1.30}, {ip: "fd00:1::30"}]}
---
"#;

const CLOSED: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
";

const OPEN: &str = "  ingress: [{from: [{ipBlock: {cidr: 'fd00:1::30/128'}}]}]\n";

const ZONES: &str = "
apiVersion: ringfence.dev/v1alpha1
kind: TrustZones
zones:
- {name: ops, pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}}}
- {name: shop, pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}}
intended: []
";

/// Runs a command in whose arguments `closed.yaml`, `open.yaml` and the others are files.
fn with_files(arguments: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("closed.yaml"), format!("{PODS}{CLOSED}")).unwrap();
    fs::write(file("open.yaml"), format!("{PODS}{CLOSED}{OPEN}")).unwrap();
    fs::write(file("zones.yaml"), ZONES).unwrap();
    let locked = ringfence(&["lock", "-f", file("closed.yaml").to_str().unwrap()]);
    fs::write(file("closed.lock"), locked.stdout).unwrap();
    let place = |word: &&str| {
        let is_file = Path::new(word).extension().is_some();
        is_file.then(|| file(word).to_str().unwrap().to_owned())
    };
    let all: Vec<String> = arguments
        .iter()
        .map(|word| place(word).unwrap_or_else(|| (*word).to_owned()))
        .collect();
    ringfence(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn what_is_newly_allowed_in_the_second_family_is_newly_allowed() {
    let gate = [
        "diff",
        "closed.yaml",
        "open.yaml",
        "--gate",
        "no-new-access",
    ];
    let failed = with_files(&gate).expect(1);
    assert!(
        failed.contains("+ ops/mon -> shop/web: some all  (not permitted)"),
        "{failed}"
    );
    assert!(failed.contains("ops/mon -> fd00:1::10"), "{failed}");
    assert!(
        failed.contains("now      ingress allowed: shop/closed ingress[0]"),
        "{failed}"
    );
    let less = with_files(&["diff", "open.yaml", "closed.yaml"]).expect(1);
    assert!(less.contains("- ops/mon -> shop/web: some all"), "{less}");
}

#[test]
fn a_lock_notices_the_second_family() {
    let failed = with_files(&["lock", "-f", "open.yaml", "--check", "closed.lock"]).expect(1);
    assert!(
        failed.contains("+ ops/mon -> shop/web: some all"),
        "{failed}"
    );
    assert!(failed.contains("ops/mon -> fd00:1::10"), "{failed}");
    let locked = with_files(&["lock", "-f", "open.yaml"]).expect(0);
    assert!(
        locked.contains("ops/pod/mon -> shop/pod/web: some all\n"),
        "{locked}"
    );
}

const NAMESPACES: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops}
---
";

/// Two pods with these addresses beside those of IPv4; one of them lets in who has such an address.
fn in_ipv4_and(web: &str, mon: &str, rules: &str) -> String {
    let pod = |namespace: &str, name: &str, ip: &str, other: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{phase: Running, podIPs: [{{ip: {ip}}}{other}]}}
---
"
        )
    };
    let pods = pod("shop", "web", "10.244.1.10", web) + &pod("ops", "mon", "10.244.1.30", mon);
    format!("{NAMESPACES}{pods}{CLOSED}  ingress: [{{from: [{rules}]}}]\n")
}

#[test]
fn what_is_denied_in_a_new_family_was_not_allowed_before() {
    let ipv4 = "{ipBlock: {cidr: 10.244.0.0/16}}";
    let both = "{ipBlock: {cidr: 10.244.0.0/16}}, {ipBlock: {cidr: 'fd00:1::30/128'}}";
    let added = (", {ip: 'fd00:1::10'}", ", {ip: 'fd00:1::30'}");
    let before = in_ipv4_and("", "", ipv4);
    let check = |after: &str| Two::of(&before, after).check().expect(1);
    let told = check(&in_ipv4_and(added.0, added.1, ipv4));
    assert!(!told.contains("Newly denied"), "{told}");
    assert!(told.contains("New: internet-ipv6"), "{told}");
    assert!(!check(&in_ipv4_and(added.0, added.1, both)).contains("Newly denied"));
    let closed = "{ipBlock: {cidr: 'fd00:1::30/128'}}";
    let told = check(&in_ipv4_and(added.0, added.1, closed));
    assert!(
        told.contains("Newly denied\n  - ops/mon, 10.244.0.0/16 -> shop/web: all"),
        "{told}"
    );
}

#[test]
fn a_matrix_and_a_way_have_the_second_family() {
    let matrix = [
        "matrix",
        "-f",
        "open.yaml",
        "--from",
        "ops/mon",
        "--to",
        "shop/*",
    ];
    let matrix = with_files(&matrix).expect(0);
    assert!(matrix.contains("some all"), "{matrix}");
    let way = [
        "zones",
        "-f",
        "open.yaml",
        "--zones",
        "zones.yaml",
        "--path",
        "ops",
        "shop",
    ];
    let way = with_files(&way);
    assert!(way.stdout.contains("fd00:1::10"), "{way:?}");
}

/// What one family alone was closed for is open as soon as there is the other.
#[test]
fn a_family_that_pods_get_is_judged_by_what_the_other_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let deny = "
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: c}
spec:
  {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}
";
    let single = PODS.replace(r#", {ip: "fd00:1::10"}"#, "");
    let single = single.replace(r#", {ip: "fd00:1::30"}"#, "");
    fs::write(path("single.yaml"), format!("{single}{deny}")).unwrap();
    fs::write(path("dual.yaml"), format!("{PODS}{deny}")).unwrap();
    let diff = |old: &str, new: &str| {
        ringfence(&["diff", &path(old), &path(new), "--gate", "no-new-access"])
    };
    let said = diff("single.yaml", "dual.yaml").expect(1);
    assert!(said.contains("ops/mon -> shop/web"), "{said}");
    assert!(!said.contains("newly denied"), "{said}");
    let said = diff("dual.yaml", "single.yaml");
    assert_eq!(said.status.code(), Some(0), "{}", said.stdout);
    assert!(
        said.stdout.to_lowercase().contains("newly denied"),
        "{}",
        said.stdout
    );
}

/// Ends that had no family in common could not meet at all; who lets them now is newly open.
#[test]
fn ends_that_meet_for_the_first_time_are_newly_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let gets_v6 = |text: &str| text.replace(r#", {ip: "fd00:1::10"}"#, "");
    let only_v6 = PODS.replace(r#"{ip: 10.244.1.30}, "#, "");
    let rule = "  ingress: [{from: [{ipBlock: {cidr: '2000::/3'}}]}]\n";
    for (open, expected) in [
        (true, "ops/mon -> shop/web"),
        (false, "2000::/3 -> shop/web"),
    ] {
        let (pods, policy) = match open {
            true => (only_v6.as_str(), String::new()),
            false => (PODS, format!("{CLOSED}{rule}")),
        };
        fs::write(path("old.yaml"), format!("{}{policy}", gets_v6(pods))).unwrap();
        fs::write(path("new.yaml"), format!("{pods}{policy}")).unwrap();
        let arguments = [
            &path("old.yaml"),
            &path("new.yaml"),
            "--gate",
            "no-new-access",
        ];
        let said = ringfence(&[&["diff"], &arguments[..]].concat()).expect(1);
        assert!(said.contains(expected), "{said}");
    }
}

/// Q-7, AM-22: an end of which no address is known goes along with each family of the other one, whichever comes first.
#[test]
fn a_pod_without_address_meets_both_families() {
    let cluster = |addresses: &str, rule: &str| {
        format!(
            "apiVersion: v1
kind: Namespace
metadata: {{name: x}}
---
apiVersion: v1
kind: Pod
metadata: {{name: known, namespace: x, labels: {{app: known}}}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{podIPs: [{addresses}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: new, namespace: x}}
spec:
  selector: {{matchLabels: {{app: new}}}}
  template: {{metadata: {{labels: {{app: new}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: new, namespace: x}}
spec:
  podSelector: {{matchLabels: {{app: new}}}}
  policyTypes: [Ingress, Egress]
{rule}"
        )
    };
    let (v4_first, v6_first) = (
        "{ip: 10.1.0.2}, {ip: 'fd01::2'}",
        "{ip: 'fd01::2'}, {ip: 10.1.0.2}",
    );
    for (rule, from, to) in [
        (
            "  egress: [{to: [{ipBlock: {cidr: 10.1.0.2/32}}]}]\n",
            "x/new",
            "x/known",
        ),
        (
            "  ingress: [{from: [{ipBlock: {cidr: 10.1.0.2/32}}]}]\n",
            "x/known",
            "x/new",
        ),
    ] {
        for addresses in [v4_first, v6_first] {
            let (closed, open) = (cluster(addresses, ""), cluster(addresses, rule));
            let explained = ringfence_reading(&open, &["explain", from, to, "80", "-f", "-"]);
            let told = explained.expect(1);
            for family in ["IPv4", "IPv6"] {
                assert!(told.contains(&format!(" over {family}")), "{told}");
            }
            let cells = ["matrix", "--from", from, "--to", to, "-f", "-"];
            let matrix = ringfence_reading(&open, &cells).expect(0);
            assert!(matrix.contains("some all"), "{matrix}");
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str, text: &str| {
                let path = folder.path().join(name);
                fs::write(&path, text).unwrap();
                path.to_str().unwrap().to_owned()
            };
            let (closed, open) = (file("closed.yaml", &closed), file("open.yaml", &open));
            let gate = ["diff", &closed, &open, "--gate", "no-new-access"];
            let gate = ringfence(&gate).expect(1);
            assert!(gate.contains(&format!("{from} -> {to}")), "{gate}");
        }
    }
}

/// Q-5, NP-50: what a neighbour alone reports is an address of the pod's own node as well.
#[test]
fn an_address_that_a_neighbour_reports_is_of_the_own_node() {
    let cluster = |rule: &str| {
        format!(
            "apiVersion: v1
kind: Namespace
metadata: {{name: x}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: x, labels: {{app: web}}}}
spec: {{nodeName: w0, containers: [{{name: c, image: i}}]}}
status: {{hostIP: 10.9.0.1, podIPs: [{{ip: 10.1.0.10}}, {{ip: 'fd01::a'}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: neighbour, namespace: x}}
spec: {{nodeName: w0, hostNetwork: true, containers: [{{name: c, image: i}}]}}
status: {{hostIPs: [{{ip: 10.9.0.1}}, {{ip: 'fd09::1'}}], podIPs: [{{ip: 10.9.0.1}}, {{ip: 'fd09::1'}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: x}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
{rule}"
        )
    };
    let rule = "  ingress: [{from: [{ipBlock: {cidr: 'fd09::/64'}}]}]\n";
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (closed, open) = (
        file("closed.yaml", &cluster("")),
        file("open.yaml", &cluster(rule)),
    );
    let told = ringfence(&["diff", &open, &closed]).expect(1);
    assert!(told.contains("fd09::/64 -> x/web: all"), "{told}");
    assert!(!told.contains("nodes ->"), "{told}");
    assert!(!told.contains("example  fd09::1 "), "{told}");
}
