//! Names in egress rules, from the question of a pod to the packet that is let through (rules CN-37, AM-19).

use ringfence_standin::probe::ProbeProtocol;

use crate::support::{Lab, Run, eventually, ringfence};

const KIND: &str = "
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {ipFamily: dual}
nodes: [{role: control-plane}, {role: worker}, {role: worker}]
";

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: client}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: client}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, labels: {app: stranger}}
spec: {nodeName: kind-worker, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: outside.example}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: dns}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress:
  - action: Accept
    to: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: names}
spec:
  tier: Admin
  priority: 2
  subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}}
  egress:
  - action: Accept
    to: [{domainNames: ['*.outside.example', alias.default.svc.cluster.local]}]
    protocols: [{tcp: {destinationPort: {number: 80}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: nothing-else}
spec:
  tier: Admin
  priority: 3
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: default}}}
  egress: [{action: Deny, to: [{networks: [0.0.0.0/0, '::/0']}]}]
";

/// Addresses of `outside.example`, and of `other.outside.example`.
const HOST: [&str; 2] = ["203.0.113.10", "2001:db8:203::10"];
const OTHER: [&str; 2] = ["203.0.113.11", "2001:db8:203::11"];

fn tcp() -> ProbeProtocol {
    ProbeProtocol::Tcp
}

fn is_verified(lab: &Lab) {
    ringfence(&["verify", "--lab", &lab.name])
        .finish()
        .expect_ok();
}

/// Whether some node's kernel opens `address` by its name.
fn is_known(lab: &Lab, address: &str) -> bool {
    let rules = lab.rules();
    let named = rules.split("map names").skip(1);
    named
        .filter_map(|set| set.split('}').next())
        .any(|set| set.contains(address))
}

#[test]
fn a_name_opens_its_addresses_for_a_while_to_those_who_may() {
    let lab = Lab::up_on(KIND, PODS);
    for address in HOST.iter().chain(&OTHER) {
        lab.is_denied("near", address, 80, tcp());
    }
    // Each family is asked for by itself, and the answer waits until the kernel knows it.
    lab.reaches("near", "other.outside.example", 80, tcp());
    for address in OTHER {
        lab.reaches("near", address, 80, tcp());
        lab.reaches("far", address, 80, tcp());
    }
    is_verified(&lab);
    // A pod that no such rule selects may ask, and gets no further; neither does another port.
    lab.is_denied("stranger", "other.outside.example", 80, tcp());
    lab.is_denied("near", OTHER[0], 81, tcp());
    // The name above the wildcard is not meant, and what it has stays closed until an alias is asked for that is.
    for address in ["outside.example", HOST[0], HOST[1]] {
        lab.is_denied("near", address, 80, tcp());
    }
    lab.reaches("far", "alias.default.svc.cluster.local", 80, tcp());
    for address in HOST {
        lab.reaches("near", address, 80, tcp());
    }
    is_verified(&lab);

    // Nobody asks any more.
    eventually("the addresses end", || {
        let known = |address: &&str| is_known(&lab, address);
        (!HOST.iter().chain(&OTHER).any(known)).then_some(())
    });
    for address in HOST.iter().chain(&OTHER) {
        lab.is_denied("near", address, 80, tcp());
    }
    is_verified(&lab);

    // The next agent knows what the last one was told.
    lab.reaches("near", "other.outside.example", 80, tcp());
    let starts = |lab: &Lab| {
        let nodes = lab.status().nodes;
        let node = nodes.into_iter().find(|node| node.name == "kind-worker");
        node.unwrap().agent_starts
    };
    let before = starts(&lab);
    lab.ok(&["kill-agent", "kind-worker"]);
    lab.reaches("near", OTHER[0], 80, tcp());
    eventually("the agent is back", || {
        (starts(&lab) > before).then_some(())
    });
    is_verified(&lab);
    lab.reaches("near", OTHER[0], 80, tcp());
    lab.reaches("near", "alias.default.svc.cluster.local", 80, tcp());
}
