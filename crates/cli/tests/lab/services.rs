//! Services: spreading, hairpin, nobody behind, named ports, UDP, headless names.

use std::collections::BTreeMap;

use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use crate::support::Lab;

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: web
        ports: [{name: http, containerPort: 80}, {name: names, containerPort: 53, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 8080, targetPort: http}
  - {name: names, port: 5353, targetPort: names, protocol: UDP}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, labels: {app: alone}}
spec: {containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: alone}
spec: {selector: {app: alone}, ports: [{port: 80}]}
";

/// Who answers, and how often, over a number of connections.
fn answers(
    lab: &Lab,
    port: u16,
    protocol: &ProbeProtocol,
    count: usize,
) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let outcome = lab.probe("client", "web", port, protocol.clone(), 3000);
        let ProbeOutcome::Reached {
            peer: Some(peer), ..
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        *seen.entry(peer.pod).or_default() += 1;
    }
    seen
}

#[test]
fn connections_spread_over_backends_and_named_ports_lead_to_theirs() {
    let lab = Lab::up(PODS);
    let tcp = answers(&lab, 8080, &ProbeProtocol::Tcp, 40);
    assert_eq!(tcp.len(), 2, "{tcp:?}");
    let udp = answers(&lab, 5353, &ProbeProtocol::Udp, 40);
    assert_eq!(udp.len(), 2, "{udp:?}");
    assert_eq!(
        tcp.keys().collect::<Vec<_>>(),
        udp.keys().collect::<Vec<_>>()
    );
}

#[test]
fn a_pod_reaches_itself_through_its_service() {
    let lab = Lab::up(PODS);
    lab.reaches("alone", "alone", 80, ProbeProtocol::Tcp);
    // Also where a policy lets nobody else in: a pod may always reach itself.
    lab.apply(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: alone}}}
",
    );
    lab.reaches("alone", "alone", 80, ProbeProtocol::Tcp);
    lab.is_denied("client", "alone", 80, ProbeProtocol::Tcp);
}

#[test]
fn a_service_without_backends_refuses_at_once() {
    let lab = Lab::up(PODS);
    let outcome = lab.probe("client", "nobody", 80, ProbeProtocol::Tcp, 3000);
    assert_eq!(outcome, ProbeOutcome::Refused);
}

#[test]
fn a_service_follows_its_pods() {
    let lab = Lab::up(PODS);
    lab.apply(&PODS.replace("replicas: 2", "replicas: 1"));
    assert_eq!(answers(&lab, 8080, &ProbeProtocol::Tcp, 6).len(), 1);
    lab.apply(&PODS.replace("replicas: 2", "replicas: 0"));
    let outcome = lab.probe("client", "web", 8080, ProbeProtocol::Tcp, 3000);
    assert_eq!(outcome, ProbeOutcome::Refused);
    lab.apply(PODS);
    assert_eq!(answers(&lab, 8080, &ProbeProtocol::Tcp, 40).len(), 2);
}

#[test]
fn a_headless_service_names_its_pods() {
    let lab = Lab::up(PODS);
    let found = lab
        .exec(
            "client",
            &["getent", "ahostsv4", "headless.default.svc.cluster.local"],
        )
        .expect_ok();
    for pod in lab.status().pods {
        let backend = pod.name.name.starts_with("web-");
        let named = pod.addresses.iter().any(|address| {
            found
                .lines()
                .any(|line| line.split_whitespace().next() == Some(&address.to_string()))
        });
        assert_eq!(named, backend, "{pod:?}: {found}");
    }
}

/// Rule OB-12: who has a listed address is a peer of policy like any other.
#[test]
fn a_service_without_selector_leads_to_what_is_listed_for_it() {
    let lab = Lab::up(PODS);
    let service = "
apiVersion: v1
kind: Service
metadata: {name: listed}
spec: {ports: [{name: web, port: 8000}]}
";
    lab.apply(service);
    let probe = || lab.probe("client", "listed", 8000, ProbeProtocol::Tcp, 1000);
    assert_eq!(probe(), ProbeOutcome::Refused);
    let alone = lab.pod("alone").addresses[0];
    lab.apply(&format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: listed-1, labels: {{kubernetes.io/service-name: listed}}}}
addressType: IPv4
endpoints: [{{addresses: [{alone}]}}]
ports: [{{name: web, port: 80}}]
"
    ));
    lab.reaches("client", "listed", 8000, ProbeProtocol::Tcp);
    lab.apply(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: alone}}}
",
    );
    lab.is_denied("client", "listed", 8000, ProbeProtocol::Tcp);
}
