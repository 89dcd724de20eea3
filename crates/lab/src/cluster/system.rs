//! What every lab has from the start: nodes as objects, the system namespaces, the cluster's DNS. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, KindCluster, KindRole, Labels, Node, ObjectKey, ObjectKind, ObjectName, Pod, Service,
    Standing,
};
use ringfence_net::Family;
use serde_json::{Value, json};

use super::scheduler::Candidate;
use super::service_addresses::DNS_OFFSET;
use crate::control::protocol::ControlPlane;
use crate::plan::{API_ENDPOINT, API_ENDPOINT_PORT, NodePlan, nth_address};

/// Namespaces that are there from the start.
pub const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const DNS_PORT: u16 = 53;
const API_SERVICE: &str = "kubernetes";
/// Where an API server listens on a node of its own.
const API_PORT: u16 = 6443;
/// Place of the API in the Service network.
const API_OFFSET: u32 = 1;

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
            kubelet_port: None,
            source: None,
        })
        .collect()
}

/// Whether the lab makes the object itself, so that no manifest may.
#[must_use]
pub fn is_own(key: &ObjectKey) -> bool {
    let own = [
        ObjectKey::namespaced(ObjectKind::Pod, &dns_pod_name()),
        ObjectKey::namespaced(ObjectKind::Service, &dns_service_name()),
        ObjectKey::namespaced(ObjectKind::Service, &api_service_name()),
    ];
    own.contains(key)
}

/// Whether each lab makes a Service of this name by itself.
#[must_use]
pub fn is_own_service(name: &ObjectName) -> bool {
    is_own(&ObjectKey::namespaced(ObjectKind::Service, name))
}

/// The name of the pod that answers names.
#[must_use]
pub fn dns_pod_name() -> ObjectName {
    ObjectName::new("kube-system", "ringfence-dns")
}

/// The name of the API's Service, and where a provider runs the control plane of its slice.
#[must_use]
pub fn api_service_name() -> ObjectName {
    ObjectName::new("default", API_SERVICE)
}

fn dns_service_name() -> ObjectName {
    ObjectName::new("kube-system", "kube-dns")
}

/// Whether an object may not be deleted.
#[must_use]
pub fn is_permanent(key: &ObjectKey) -> bool {
    key.kind == ObjectKind::Namespace && NAMESPACES.contains(&key.name.as_str())
}

/// The servers of that pod. They share its addresses, so that one answers while the other is started anew.
pub const DNS_SERVERS: [&str; 2] = ["dns", "dns-2"];

/// The pod of the cluster's DNS servers, on the first node. What runs in it is in none of its fields.
#[must_use]
pub fn dns_pod(cluster: &KindCluster) -> Value {
    let name = dns_pod_name();
    let port = |name: &str, protocol: &str| json!({"name": name, "containerPort": DNS_PORT, "protocol": protocol});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name.name, "namespace": name.namespace, "labels": dns_labels()},
        "spec": {
            "nodeName": cluster.nodes.first().map(|node| &node.name),
            "containers": [
                {
                    "name": DNS_SERVERS[0], "image": "ringfence", "imagePullPolicy": "Never",
                    "ports": [port("dns", "UDP"), port("dns-tcp", "TCP")],
                },
                {"name": DNS_SERVERS[1], "image": "ringfence", "imagePullPolicy": "Never"},
            ],
            "tolerations": [{"operator": "Exists"}],
        },
    })
}

fn dns_labels() -> Value {
    json!({"k8s-app": "kube-dns"})
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
pub fn dns_service(service_subnets: &[IpNet]) -> Value {
    let name = dns_service_name();
    let port = |name: &str, protocol: &str| json!({"name": name, "port": DNS_PORT, "protocol": protocol, "targetPort": DNS_PORT});
    let addresses = dns_addresses(service_subnets);
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name.name, "namespace": name.namespace, "labels": dns_labels()},
        "spec": {
            "clusterIP": addresses.first(), "clusterIPs": addresses, "selector": dns_labels(),
            // The pod is not ready while one of its servers is started anew, and the other one answers.
            "publishNotReadyAddresses": true,
            "ipFamilyPolicy": (addresses.len() > 1).then_some("RequireDualStack"),
            "ports": [port("dns", "UDP"), port("dns-tcp", "TCP")],
        },
    })
}

/// The Service of the API. Unless a provider runs the control plane nothing stands behind it: the API is outside of the lab, which
/// has no way out.
#[must_use]
pub fn api_service(service_subnets: &[IpNet], control_plane: ControlPlane) -> Value {
    let target = match control_plane {
        ControlPlane::Nodes => API_PORT,
        ControlPlane::Provider => API_ENDPOINT_PORT,
    };
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": API_SERVICE, "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": api_address(service_subnets),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": target}],
        },
    })
}

/// The cluster address of that Service, of the first family alone.
#[must_use]
pub fn api_address(service_subnets: &[IpNet]) -> Option<IpAddr> {
    let first = service_subnets.first()?;
    nth_address(*first, API_OFFSET)
}

/// Where a provider's API answers, as a slice in the family of its Service.
#[must_use]
pub fn api_endpoints(service_subnets: &[IpNet]) -> Option<Value> {
    let family = Family::of(api_address(service_subnets)?);
    let address = API_ENDPOINT
        .into_iter()
        .find(|address| Family::of(*address) == family)?;
    let address_type = match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    let name = api_service_name();
    Some(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": name.name, "namespace": name.namespace,
            "labels": {
                "kubernetes.io/service-name": name.name,
                "endpointslice.kubernetes.io/managed-by": "ringfence-lab",
            },
        },
        "addressType": address_type,
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": API_ENDPOINT_PORT, "protocol": "TCP"}],
    }))
}

/// How many pods stand behind a Service, or how many addresses are listed for one without selector (rule OB-12).
#[must_use]
pub fn backends(cluster: &Cluster, service: &Service) -> usize {
    if service.selector.is_empty() {
        let listed = service.endpoints.iter();
        let ready = listed.filter(|it| it.standing() == Some(Standing::Ready));
        let addresses: BTreeSet<IpAddr> = ready.map(|it| it.address).collect();
        return addresses.len();
    }
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
    use ringfence_model::{Input, Object, Phase};

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
        let subnets: [IpNet; 2] = [
            "10.96.0.0/16".parse().unwrap(),
            "fd00::/112".parse().unwrap(),
        ];
        let service = dns_service(&subnets);
        assert_eq!(
            service["spec"]["clusterIPs"],
            json!(["10.96.0.10", "fd00::a"])
        );
        let labels = &dns_pod(&cluster)["metadata"]["labels"];
        assert_eq!(service["spec"]["selector"], *labels);
        let api = api_service(&subnets, ControlPlane::Nodes);
        assert_eq!(api["spec"]["clusterIP"], "10.96.0.1");
    }

    fn pod() -> Pod {
        let pod = load(
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}",
        );
        match pod.into_iter().next() {
            Some(Object::Pod(pod)) => pod.pod,
            other => panic!("{other:?}"),
        }
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
            let mut pod = pod();
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
