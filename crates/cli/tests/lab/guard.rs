//! The guard of the metadata service in the demonstration's cluster, with two families.

use std::path::Path;

use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol};

use crate::support::{DUAL_STACK, Lab, Run as _, ringfence};

const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
/// What is dropped is not waited for as long.
const DROPPED_MS: u64 = 400;

/// In the network of its node, where no policy keeps it from anything.
const INTRUDER: &str = "
apiVersion: v1
kind: Pod
metadata: {name: intruder}
spec: {nodeName: kind-worker, hostNetwork: true, containers: [{name: c, image: x}]}
";

/// Every pod is kept from it but the one that is granted, and names are found as before.
#[test]
fn the_guard_keeps_pods_from_the_metadata_service_and_not_from_names() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/netpol-demo");
    let read = |name: &str| std::fs::read_to_string(examples.join(name)).unwrap();
    let objects = [&read("demo-app.yaml"), &read("client.yaml"), INTRUDER].join("\n---\n");
    let lab = Lab::up_on(DUAL_STACK, &objects);
    let pods = lab.status().pods.into_iter();
    let pods = pods.filter(|pod| ["default", "netpol-demo"].contains(&pod.name.namespace.as_str()));
    let pods: Vec<String> = pods.map(|pod| pod.name.to_string()).collect();
    assert_eq!(pods.len(), 5, "{pods:?}");
    let tcp = || ProbeProtocol::Tcp;
    for pod in &pods {
        for address in METADATA {
            lab.reaches(pod, address, 80, tcp());
        }
    }
    let grant = "netpol-demo/[app=web]";
    let guard = ringfence(&["guard", "metadata", "--allow", grant]).finish();
    lab.apply(&guard.expect_ok());
    ringfence(&["verify", "--lab", &lab.name])
        .finish()
        .expect_ok();
    let server = lab.status().services;
    let server = server.iter().find(|one| one.name.name == "kube-dns");
    let servers = &server.unwrap().cluster_addresses;
    for pod in &pods {
        let is_let = pod.contains("web-app") || pod == "default/intruder";
        for address in METADATA {
            if is_let {
                lab.reaches(pod, address, 80, tcp());
            } else {
                let outcome = lab.probe(pod, address, 80, tcp(), DROPPED_MS);
                assert_eq!(outcome, ProbeOutcome::TimedOut, "{pod} to {address}");
            }
        }
        for address in servers {
            let name = "web-app.netpol-demo.svc.cluster.local".to_owned();
            let found = lab.probe(
                pod,
                &address.to_string(),
                53,
                ProbeProtocol::Dns { name },
                3000,
            );
            assert!(
                matches!(found, ProbeOutcome::Reached { .. }),
                "{pod}: {found:?}"
            );
        }
    }
}
