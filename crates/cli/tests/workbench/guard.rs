//! `ringfence guard` through the program.

use crate::support::{Finished, ringfence, ringfence_reading};

const PODS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {app: agent}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
status: {podIP: 192.168.0.1, hostIP: 192.168.0.1}
---
";

fn guard(manifests: &str, arguments: &[&str]) -> Finished {
    let command = [&["guard", "metadata", "-f", "-"], arguments].concat();
    ringfence_reading(manifests, &command)
}

fn code(finished: &Finished) -> i32 {
    finished.status.code().unwrap()
}

#[test]
fn what_is_printed_is_what_the_other_commands_understand() {
    let printed = ringfence(&["guard", "metadata", "--allow", "shop/[app=db]"]);
    assert_eq!(code(&printed), 0, "{}", printed.stderr);
    let together = format!("{PODS}{}", printed.stdout);
    let explain = ["explain", "shop/web", "169.254.169.254", "80", "-f", "-"];
    let explained = ringfence_reading(&together, &explain);
    assert_eq!(code(&explained), 1, "{}", explained.stderr);
    assert!(
        explained.stdout.contains("guard-metadata"),
        "{}",
        explained.stdout
    );
    let checked = ringfence_reading(&together, &["check", "-f", "-"]);
    assert!(!checked.stdout.contains("error"), "{}", checked.stdout);
}

#[test]
fn a_pod_in_the_network_of_its_node_is_judged_by_nodes_that_can_tell_it() {
    let printed = ringfence(&["guard", "metadata"]).stdout;
    let explain = ["explain", "shop/agent", "169.254.169.254", "80", "-f", "-"];
    let guarded = ringfence_reading(&format!("{PODS}{printed}"), &explain);
    let warning = "ClusterNetworkPolicy/guard-metadata egress[1] denies 169.254.169.254 to it";
    assert!(
        guarded.stderr.contains(warning) || guarded.stdout.contains(warning),
        "{guarded:?}"
    );
    let older = printed.replace("ringfence.dev/host-network-pods: judged", "a: b");
    let older = ringfence_reading(&format!("{PODS}{older}"), &explain);
    assert!(
        !older.stderr.contains("HN-4") && !older.stdout.contains("HN-4"),
        "{older:?}"
    );
    let granted = guard(PODS, &["--allow", "shop/[app=agent]", "-o", "text"]);
    assert_eq!(code(&granted), 0, "{}", granted.stderr);
    let told = "shop/agent: granted, in the network of its node";
    assert!(granted.stdout.contains(told), "{}", granted.stdout);
}

#[test]
fn it_holds_and_says_who_is_out_of_its_reach() {
    let held = guard(PODS, &["-o", "text"]);
    assert_eq!(code(&held), 0, "{}", held.stderr);
    assert!(
        held.stdout.contains("1 of 1 pods are kept from"),
        "{}",
        held.stdout
    );
    assert!(held.stdout.contains("shop/agent"), "{}", held.stdout);
    assert!(!held.stdout.contains("kind:"), "{}", held.stdout);
}

#[test]
fn a_policy_that_is_asked_first_and_opens_it_is_a_finding() {
    let first = "\
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: first}
spec:
  tier: Admin
  priority: 3
  subject: {namespaces: {}}
  egress: [{action: Accept, to: [{networks: [169.254.0.0/16]}]}]
";
    let manifests = format!("{PODS}{first}");
    assert_eq!(code(&guard(&manifests, &["-o", "text"])), 0);
    let open = guard(&manifests, &["-o", "json", "--priority", "4"]);
    assert_eq!(code(&open), 1, "{}", open.stderr);
    let found = "\"address\": \"169.254.169.254\"";
    assert!(open.stdout.contains(found), "{}", open.stdout);
    // A guard among the manifests does not count: the question is about the one that is asked for.
    let ours = ringfence(&["guard", "metadata"]).stdout;
    let both = format!("{manifests}---\n{ours}");
    assert_eq!(code(&guard(&both, &["-o", "text", "--priority", "4"])), 1);
}

#[test]
fn a_grant_that_nobody_has_is_a_finding() {
    let unused = guard(PODS, &["-o", "text", "--allow", "shop/[app=db]"]);
    assert_eq!(code(&unused), 1, "{}", unused.stderr);
    assert!(
        unused.stdout.contains("no pod is shop/[app=db]"),
        "{}",
        unused.stdout
    );
    let used = guard(PODS, &["-o", "text", "--allow", "shop/[app=web]"]);
    assert_eq!(code(&used), 0, "{}", used.stderr);
}

#[test]
fn bad_grants_are_explained() {
    for (grant, said) in [
        ("shop/web", "by their labels"),
        ("Shop", "cannot be the name of a namespace"),
        ("shop/[app=a b]", "selects nothing by labels"),
    ] {
        let refused = ringfence(&["guard", "metadata", "--allow", grant]);
        assert_eq!(code(&refused), 2, "{grant}");
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}
