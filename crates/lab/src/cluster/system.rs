//! What every lab has from the start: nodes as objects, the system namespaces, the cluster's DNS. Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ClusterIp, ContainerPort, KindCluster, KindRole, Labels, Namespace, Node, ObjectKey,
    ObjectKind, ObjectName, Phase, Pod, RestartPolicy, Service, ServicePort, TargetPort, Traffic,
};
use ringfence_net::Protocol;

use super::desired::{DesiredContainer, DesiredPod, Program};
use super::scheduler::Candidate;
use super::service_addresses::DNS_OFFSET;
use crate::plan::{NodePlan, nth_address};

/// Namespaces that are there from the start.
pub const NAMESPACES: [&str; 2] = ["default", "kube-system"];
const DNS_PORT: u16 = 53;

/// The nodes as the scheduler sees them.
#[must_use]
pub fn candidates(cluster: &KindCluster, plans: &[NodePlan]) -> Vec<Candidate> {
    let has_workers = cluster
        .nodes
        .iter()
        .any(|node| node.role == KindRole::Worker);
    cluster
        .nodes
        .iter()
        .zip(plans)
        .map(|(node, plan)| Candidate {
            name: node.name.clone(),
            pod_cidrs: plan.pod_cidrs.clone(),
            labels: node_labels(node.role, &node.name, &node.labels),
            reserved: has_workers && node.role == KindRole::ControlPlane,
        })
        .collect()
}

fn node_labels(role: KindRole, name: &str, own: &Labels) -> Labels {
    let mut labels = own.clone();
    labels.insert("kubernetes.io/hostname".to_owned(), name.to_owned());
    labels.insert("kubernetes.io/os".to_owned(), "linux".to_owned());
    if role == KindRole::ControlPlane {
        labels.insert(
            "node-role.kubernetes.io/control-plane".to_owned(),
            String::new(),
        );
    }
    labels
}

/// The nodes as policy sees them.
#[must_use]
pub fn nodes(cluster: &KindCluster, plans: &[NodePlan]) -> Vec<Node> {
    cluster
        .nodes
        .iter()
        .zip(plans)
        .map(|(node, plan)| Node {
            name: node.name.clone(),
            labels: node_labels(node.role, &node.name, &node.labels),
            addresses: plan.addresses.clone(),
            pod_cidrs: plan.pod_cidrs.clone(),
            source: None,
        })
        .collect()
}

/// The namespaces that are there from the start.
#[must_use]
pub fn namespaces() -> Vec<Namespace> {
    NAMESPACES
        .map(|name| Namespace::new(name, Labels::new()))
        .to_vec()
}

/// Whether the lab makes the object itself, so that no manifest may.
#[must_use]
pub fn is_own(key: &ObjectKey) -> bool {
    let own = [
        ObjectKey::namespaced(ObjectKind::Pod, &dns_pod_name()),
        ObjectKey::namespaced(ObjectKind::Service, &dns_service_name()),
    ];
    own.contains(key)
}

fn dns_pod_name() -> ObjectName {
    ObjectName::new("kube-system", "ringfence-dns")
}

fn dns_service_name() -> ObjectName {
    ObjectName::new("kube-system", "kube-dns")
}

/// Whether an object may not be deleted.
#[must_use]
pub fn is_permanent(key: &ObjectKey) -> bool {
    key.kind == ObjectKind::Namespace && NAMESPACES.contains(&key.name.as_str())
}

fn dns_labels() -> Labels {
    Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())])
}

/// The pod of the cluster's DNS server, on the first node.
#[must_use]
pub fn dns_pod(cluster: &KindCluster) -> DesiredPod {
    let name = dns_pod_name();
    let port = |name: &str, protocol| ContainerPort {
        name: Some(name.to_owned()),
        protocol,
        port: DNS_PORT,
    };
    let ports = vec![port("dns", Protocol::Udp), port("dns-tcp", Protocol::Tcp)];
    DesiredPod {
        hostname: name.name.clone(),
        pod: Pod {
            name,
            labels: dns_labels(),
            node: cluster.nodes.first().map(|node| node.name.clone()),
            host_network: false,
            phase: Phase::Pending,
            addresses: Vec::new(),
            host_addresses: Vec::new(),
            ports: ports.clone(),
            ready: false,
            workload: None,
            terminating: false,
            source: None,
        },
        owner: None,
        node_selector: Labels::new(),
        restart: RestartPolicy::Always,
        containers: vec![DesiredContainer {
            interactive: None,
            name: "dns".to_owned(),
            image: "ringfence".to_owned(),
            program: Program::Dns,
            environment: std::collections::BTreeMap::new(),
            ports,
        }],
    }
}

/// Addresses of the cluster's DNS Service.
#[must_use]
pub fn dns_addresses(service_subnets: &[IpNet]) -> Vec<IpAddr> {
    service_subnets
        .iter()
        .filter_map(|subnet| nth_address(*subnet, DNS_OFFSET))
        .collect()
}

/// The Service of the cluster's DNS.
#[must_use]
pub fn dns_service(service_subnets: &[IpNet]) -> Service {
    let port = |name: &str, protocol| ServicePort {
        name: Some(name.to_owned()),
        protocol,
        port: DNS_PORT,
        target: TargetPort::Number(DNS_PORT),
    };
    Service {
        name: dns_service_name(),
        selector: dns_labels(),
        cluster_ip: ClusterIp::Assigned(dns_addresses(service_subnets)),
        external_addresses: Vec::new(),
        ports: vec![port("dns", Protocol::Udp), port("dns-tcp", Protocol::Tcp)],
        traffic: Traffic::default(),
        publish_not_ready_addresses: false,
        endpoints: Vec::new(),
        external_name: None,
        source: None,
    }
}

/// A Service's cluster addresses.
#[must_use]
pub fn cluster_addresses(service: &Service) -> Vec<IpAddr> {
    match &service.cluster_ip {
        ClusterIp::Assigned(addresses) => addresses.clone(),
        ClusterIp::Unassigned | ClusterIp::Headless => Vec::new(),
    }
}

/// How many pods stand behind a Service (rule OB-12).
#[must_use]
pub fn backends(cluster: &Cluster, service: &Service) -> usize {
    selected(cluster, service)
        .filter(|pod| pod.ready || service.publish_not_ready_addresses)
        .count()
}

/// The live pods with addresses that a Service selects, ready or not (rule OB-12).
pub fn selected<'a>(cluster: &'a Cluster, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
    let selected = |pod: &&Pod| {
        pod.name.namespace == service.name.namespace
            && !service.selector.is_empty()
            && service
                .selector
                .iter()
                .all(|(key, value)| pod.labels.get(key) == Some(value))
    };
    let lives = |pod: &&Pod| pod.is_live() && !pod.terminating && !pod.addresses.is_empty();
    cluster.pods.values().filter(selected).filter(lives)
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Input, Object};

    use super::*;
    use crate::cluster::sample::load;
    use crate::plan::plan;

    fn kind(nodes: &str) -> KindCluster {
        let text =
            format!("{{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, nodes: [{nodes}]}}");
        let name = "kind.yaml".to_owned();
        ringfence_model::kind_config(&Input { name, text }).unwrap()
    }

    fn reserved(nodes: &str) -> Vec<(String, bool)> {
        let cluster = kind(nodes);
        let plans = plan(cluster.nodes.len(), &cluster.pod_subnets).unwrap();
        let candidates = candidates(&cluster, &plans);
        candidates
            .into_iter()
            .map(|node| (node.name, node.reserved))
            .collect()
    }

    #[test]
    fn a_control_plane_takes_pods_only_where_there_is_no_worker() {
        let with_worker = reserved("{role: control-plane}, {role: worker}");
        let expected = [("kind-control-plane", true), ("kind-worker", false)];
        assert_eq!(
            with_worker,
            expected.map(|(name, is)| (name.to_owned(), is))
        );
        let alone = reserved("{role: control-plane}");
        assert_eq!(alone, [("kind-control-plane".to_owned(), false)]);
    }

    #[test]
    fn nodes_have_the_labels_of_kubernetes_and_their_own() {
        let cluster = kind("{role: control-plane, labels: {disk: ssd}}");
        let plans = plan(1, &cluster.pod_subnets).unwrap();
        let expected = [
            ("disk", "ssd"),
            ("kubernetes.io/hostname", "kind-control-plane"),
            ("kubernetes.io/os", "linux"),
            ("node-role.kubernetes.io/control-plane", ""),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let nodes = nodes(&cluster, &plans);
        assert_eq!(nodes[0].labels, Labels::from(expected));
        assert_eq!(nodes[0].addresses, plans[0].addresses);
    }

    #[test]
    fn the_dns_service_selects_the_dns_pod_at_the_usual_address() {
        let cluster = kind("{role: control-plane}");
        let service = dns_service(&[
            "10.96.0.0/16".parse().unwrap(),
            "fd00::/112".parse().unwrap(),
        ]);
        let addresses: Vec<_> = cluster_addresses(&service)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(addresses, ["10.96.0.10", "fd00::a"]);
        assert_eq!(service.selector, dns_pod(&cluster).pod.labels);
    }

    #[test]
    fn backends_are_selected_pods_of_the_namespace_that_serve() {
        let manifest = "
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
";
        let Some(Object::Service(mut service)) = load(manifest).pop() else {
            panic!("no Service");
        };
        let mut cluster = Cluster::default();
        let mut add = |namespace: &str, name: &str, change: fn(&mut Pod)| {
            let mut pod = dns_pod(&kind("{role: control-plane}")).pod;
            pod.name = ObjectName::new(namespace, name);
            pod.labels = Labels::from([("app".to_owned(), "web".to_owned())]);
            pod.phase = Phase::Running;
            pod.ready = true;
            pod.addresses = vec![IpAddr::from([10, 244, 0, 5])];
            change(&mut pod);
            cluster.pods.insert(pod.name.clone(), pod);
        };
        add("default", "serves", |_| {});
        add("default", "unready", |pod| pod.ready = false);
        add("default", "ended", |pod| pod.phase = Phase::Succeeded);
        add("default", "leaving", |pod| pod.terminating = true);
        add("default", "homeless", |pod| pod.addresses.clear());
        add("default", "other", |pod| pod.labels.clear());
        add("elsewhere", "serves", |_| {});
        assert_eq!(backends(&cluster, &service), 1);
        service.publish_not_ready_addresses = true;
        assert_eq!(backends(&cluster, &service), 2);
        service.selector.clear();
        assert_eq!(backends(&cluster, &service), 0);
    }
}
