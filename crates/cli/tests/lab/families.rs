//! Dual-stack and IPv6-only clusters: addresses, policy, Services, names and the tunnel for both families.

use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use crate::support::Lab;

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  nodeName: kind-worker
  containers:
  - name: c
    image: web
    ports: [{containerPort: 80}, {containerPort: 5353, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {ipFamilyPolicy: PreferDualStack, selector: {app: server}, ports: [{port: 8080, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: outside.example}
---
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {role: friend}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {role: friend}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
";

const FRIENDS_ONLY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends-only}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{from: [{podSelector: {matchLabels: {role: friend}}}], ports: [{port: 80}]}]
";

/// An ipBlock for each family that leaves out everything the pods have.
const BLOCKS: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: blocks}
spec:
  podSelector: {matchLabels: {role: friend}}
  policyTypes: [Egress]
  egress:
  - to:
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}
    - ipBlock: {cidr: '::/0', except: ['fd00::/16']}
";

fn kind(family: &str) -> String {
    format!(
        "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {{ipFamily: {family}}}
nodes: [{{role: control-plane}}, {{role: worker}}, {{role: worker}}]
"
    )
}

fn everything_holds(lab: &Lab, families: usize) {
    let addresses = lab.pod("server").addresses;
    assert_eq!(addresses.len(), families, "{addresses:?}");
    let services = lab.status().services;
    let service = services.iter().find(|one| one.name.name == "server");
    let cluster_addresses = &service.unwrap().cluster_addresses;
    assert_eq!(cluster_addresses.len(), families);
    let tcp = || ProbeProtocol::Tcp;
    let direct: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let virtual_ones: Vec<_> = cluster_addresses.iter().map(ToString::to_string).collect();
    for from in ["near", "far", "stranger"] {
        for target in &direct {
            lab.reaches(from, target, 80, tcp());
            lab.reaches(from, target, 5353, ProbeProtocol::Udp);
        }
        for target in &virtual_ones {
            lab.reaches(from, target, 8080, tcp());
        }
    }
    lab.reaches("far", "server.default", 8080, tcp());
    lab.apply(FRIENDS_ONLY);
    for target in &direct {
        for friend in ["near", "far"] {
            lab.reaches(friend, target, 80, tcp());
        }
        lab.is_denied("stranger", target, 80, tcp());
        lab.is_denied("far", target, 5353, ProbeProtocol::Udp);
    }
    for target in &virtual_ones {
        lab.reaches("far", target, 8080, tcp());
        lab.is_denied("stranger", target, 8080, tcp());
    }
    lab.apply(BLOCKS);
    for target in &direct {
        lab.is_denied("far", target, 80, tcp());
    }
}

/// Addresses of a name, as the machine's own resolver finds them in the pod.
fn looked_up(lab: &Lab, name: &str) -> String {
    lab.exec("far", &["getent", "ahosts", name]).expect_ok()
}

/// A lab that is ready forwards both families: no first segment is lost, which is sent again after a second.
fn both_families_lead_out_at_once(lab: &Lab) {
    let elsewhere = lab.cluster().nodes["kind-control-plane"].addresses.clone();
    for target in ["203.0.113.10", "2001:db8:203::10"] {
        let outcome = lab.probe("near", target, 80, ProbeProtocol::Tcp, 900);
        assert!(outcome.is_reached(), "{target}: {outcome:?}");
    }
    assert_eq!(elsewhere.len(), 2, "{elsewhere:?}");
    for target in elsewhere {
        let outcome = lab.probe("far", &target.to_string(), 1, ProbeProtocol::Tcp, 900);
        assert_eq!(outcome, ProbeOutcome::Refused, "{target}");
    }
}

#[test]
fn dual_stack() {
    let lab = Lab::up_on(&kind("dual"), PODS);
    both_families_lead_out_at_once(&lab);
    let addresses = lab.pod("server").addresses;
    assert!(addresses[0].is_ipv4() && addresses[1].is_ipv6());
    let services = lab.status().services;
    let service = services.iter().find(|one| one.name.name == "server");
    let addresses = &service.unwrap().cluster_addresses;
    // Through the search path, and past it: a name with fewer dots than `ndots` is looked for below each domain of it first.
    let full = "server.default.svc.cluster.local";
    let absolute = format!("{full}.");
    for name in [
        "server",
        "server.default",
        "server.default.svc",
        full,
        absolute.as_str(),
    ] {
        let found = looked_up(&lab, name);
        for address in addresses {
            assert!(found.contains(&address.to_string()), "{name}: {found}");
        }
    }
    let outside = looked_up(&lab, "outside.example");
    assert!(outside.contains("203.0.113.10") && outside.contains("2001:db8:203::10"));
    assert_eq!(looked_up(&lab, "alias"), outside);
    for address in addresses {
        let named = lab.exec("far", &["getent", "hosts", &address.to_string()]);
        let named = named.expect_ok();
        assert!(named.trim_end().ends_with(full), "{named}");
    }
    assert_ne!(
        lab.exec("far", &["getent", "ahosts", "nobody"]).code(),
        Some(0)
    );
    everything_holds(&lab, 2);
}

#[test]
fn ipv6_only() {
    let lab = Lab::up_on(&kind("ipv6"), PODS);
    assert!(lab.pod("server").addresses[0].is_ipv6());
    assert!(looked_up(&lab, "server.default").contains("fd00:"));
    everything_holds(&lab, 1);
}
