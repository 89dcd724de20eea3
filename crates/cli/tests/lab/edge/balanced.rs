//! A load balancer of a lab: who gets in at its addresses (OB-20), and which nodes say that they have a backend (OB-23).

use std::net::IpAddr;

use ringfence_lab::control::client::Origin;
use ringfence_model::ObjectName;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use super::{
    Addresses, DROPPED_MS, FAMILIES, WAIT_MS, answers, by_family, connect, node, outside, pod,
};
use crate::support::{Lab, eventually};

/// One lets in the network outside, and is kept to the node of its backend; the other has backends on both nodes.
pub(super) const SERVICES: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  externalTrafficPolicy: Local
  loadBalancerSourceRanges: [203.0.113.0/24, '2001:db8:203::/64']
  selector: {only: one}
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: spread}
spec:
  type: LoadBalancer
  ipFamilyPolicy: RequireDualStack
  selector: {app: web}
  ports: [{port: 80}]
";

pub(super) fn load_balancers_let_in_whom_they_list(lab: &Lab, at: &Addresses) {
    let near = by_family(&lab.pod("near").addresses);
    let name = ObjectName::new("default", "balanced");
    let cluster = lab.cluster();
    let service = &cluster.services[&name];
    let own = by_family(&service.traffic.balanced);
    let inside = lab.status().services;
    let inside = inside.iter().find(|service| service.name == name);
    let inside = by_family(&inside.unwrap().cluster_addresses);
    let tcp = ProbeProtocol::Tcp;
    let is_dropped = |from: &Origin, to: IpAddr| {
        let outcomes = connect(lab, from, (to, 80), &tcp, (1, DROPPED_MS));
        assert_eq!(outcomes, [ProbeOutcome::TimedOut], "{from:?} to {to}");
    };
    let reaches = |from: &Origin, to: IpAddr, seen: IpAddr| {
        let (pods, sources) = answers(lab, from, (to, 80), &tcp);
        assert_eq!(pods, ["one".to_owned()].into(), "{from:?} to {to}");
        assert_eq!(sources, [seen].into(), "{from:?} to {to}");
    };
    for family in FAMILIES {
        reaches(&outside(), own[family], at.client[family]);
        for stranger in [pod("near"), node("kind-worker"), node("kind-worker2")] {
            is_dropped(&stranger, own[family]);
        }
        reaches(&pod("near"), inside[family], near[family]);
    }
    let ranges = near.map(|ip| format!("'{ip}/{}'", if ip.is_ipv4() { 32 } else { 128 }));
    lab.apply(&SERVICES.replace("203.0.113.0/24, '2001:db8:203::/64'", &ranges.join(", ")));
    for family in FAMILIES {
        is_dropped(&outside(), own[family]);
        reaches(&pod("near"), own[family], near[family]);
    }
    let port = service.traffic.health_port.unwrap();
    for (address, status) in [(at.workers[0][0], "200"), (at.workers[1][0], "503")] {
        let path = "/healthz".to_owned();
        let page = ProbeProtocol::Http { path };
        let says = || {
            let outcomes = connect(
                lab,
                &node("kind-worker"),
                (address, port),
                &page,
                (1, WAIT_MS),
            );
            matches!(&outcomes[0], ProbeOutcome::Reached { detail, .. } if detail.contains(status))
                .then_some(())
        };
        eventually(&format!("{address} says {status}"), says);
    }
}
