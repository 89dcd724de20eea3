//! Where in a cluster connections are opened and accepted for a question.

use std::net::IpAddr;

use ringfence_kube::{ProbePod, ProbePods, RunningPod};
use ringfence_model::{
    Cluster, ContainerPort, Endpoint, Labels, ObjectName, Pod, Query, UNKNOWN_LABEL_VALUE,
};

/// The metadata of providers, which pods of a cluster may be asked about like any address of it.
const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];

/// A pod that is made. One that opens connections never accepts any of them: to itself every way is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    accepts: bool,
    pub(super) pod: ProbePod,
    pub(super) ports: Vec<ContainerPort>,
}

/// Who accepts connections to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// The pods themselves where they have an address.
    ThoseThatRun,
    /// Pods with their labels and ports.
    StandIns,
}

pub(super) struct Places<'a> {
    cluster: &'a Cluster,
    pods: &'a ProbePods,
    outside: bool,
}

impl<'a> Places<'a> {
    pub(super) const fn new(cluster: &'a Cluster, pods: &'a ProbePods, outside: bool) -> Self {
        Self {
            cluster,
            pods,
            outside,
        }
    }

    /// Where `query` is opened, and where it is accepted unless its end is there already.
    pub(super) fn of(&self, query: &Query, ends: Ends) -> Result<(Place, Option<Place>), String> {
        let from = match &query.source {
            Endpoint::Pod(name) => self.place(self.pod(name)?, false)?,
            Endpoint::Node(name) => {
                return Err(format!(
                    "nothing is started on node {name} itself: pods alone open connections"
                ));
            }
            Endpoint::Address(address) => {
                return Err(format!(
                    "only pods open connections, and {address} is none that can be made"
                ));
            }
            Endpoint::Service(name) => return Err(format!("Service {name} opens no connections")),
        };
        let to = match &query.destination {
            Endpoint::Pod(name) => self.end(self.pod(name)?, ends)?,
            Endpoint::Address(address) => match at(self.cluster, *address) {
                Some(pod) => self.end(pod, ends)?,
                None => {
                    self.check(*address)?;
                    None
                }
            },
            Endpoint::Node(_) | Endpoint::Service(_) => None,
        };
        Ok((from, to))
    }

    fn pod(&self, name: &ObjectName) -> Result<&'a Pod, String> {
        let found = self.cluster.pods.get(name);
        let found = found.ok_or_else(|| format!("the cluster has no pod {name}"))?;
        if found.is_live() {
            return Ok(found);
        }
        Err(format!("pod {name} has ended"))
    }

    fn end(&self, pod: &Pod, ends: Ends) -> Result<Option<Place>, String> {
        let is_there = !pod.addresses.is_empty();
        if pod.host_network || (is_there && ends == Ends::ThoseThatRun) {
            return Ok(None);
        }
        self.place(pod, true).map(Some)
    }

    /// A place with what policies see of `pod`.
    fn place(&self, pod: &Pod, accepts: bool) -> Result<Place, String> {
        let namespace = &pod.name.namespace;
        if pod.host_network {
            return Err(format!(
                "{} is on the host network, and pods are made on the pod network only",
                pod.name
            ));
        }
        if !self.pods.has_namespace(namespace) {
            return Err(format!(
                "the cluster has no namespace `{namespace}`, and none is made"
            ));
        }
        let mut services = self.cluster.services.values();
        let drawn =
            services.find(|service| service.publish_not_ready_addresses && service.selects(pod));
        if let Some(service) = drawn {
            return Err(format!(
                "Service {} publishes pods that are not ready: its clients would be led to a pod that is made with the labels of {}",
                service.name, pod.name
            ));
        }
        // What a pod declares matters only to who connects to it.
        let ports: &[ContainerPort] = if accepts { &pod.ports } else { &[] };
        Ok(Place {
            accepts,
            pod: ProbePod {
                namespace: namespace.clone(),
                labels: known(&pod.labels),
                ports: ports.iter().map(declared).collect(),
            },
            ports: ports.to_vec(),
        })
    }

    /// Hosts of others are not to be bothered without being told.
    fn check(&self, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        let mut known = METADATA
            .iter()
            .filter_map(|text| text.parse::<IpAddr>().ok());
        if self.outside || known.any(|one| one == address) || self.is_own(address) {
            return Ok(());
        }
        Err(format!(
            "{address} is outside of the cluster: --probe-outside tries such addresses"
        ))
    }

    fn is_own(&self, address: IpAddr) -> bool {
        let Cluster {
            pods,
            nodes,
            services,
            ..
        } = self.cluster;
        pods.values().any(|pod| pod.addresses.contains(&address))
            || nodes.values().any(|node| node.addresses.contains(&address))
            || services
                .values()
                .any(|service| service.cluster_addresses().contains(&address))
    }
}

/// The pod that has `address`: one of both families is asked about at each of its addresses.
fn at(cluster: &Cluster, address: IpAddr) -> Option<&Pod> {
    let mut pods = cluster.pods.values().filter(|pod| pod.is_live());
    pods.find(|pod| !pod.host_network && pod.addresses.contains(&address))
}

/// Whether a pod can be made that stands for `destination`.
pub(super) fn has_stand_in(cluster: &Cluster, destination: &Endpoint) -> bool {
    match destination {
        Endpoint::Pod(_) => true,
        Endpoint::Address(address) => at(cluster, *address).is_some(),
        Endpoint::Node(_) | Endpoint::Service(_) => false,
    }
}

/// The end that `made` is in place of `destination`: itself, or its address of the family that is asked about.
pub(super) fn in_place_of(destination: &Endpoint, made: &RunningPod) -> Result<Endpoint, String> {
    let Endpoint::Address(asked) = destination else {
        return Ok(Endpoint::Pod(ObjectName::new(&made.namespace, &made.name)));
    };
    let mut addresses = made.addresses.iter();
    let address = addresses.find(|address| address.is_ipv4() == asked.is_ipv4());
    let address = address.ok_or_else(|| {
        format!("the pod that is made in its place has no address of the family of {asked}")
    })?;
    Ok(Endpoint::Address(*address))
}

/// The labels that a pod can be given.
fn known(labels: &Labels) -> Labels {
    let mut known = labels.clone();
    known.retain(|_, value| value != UNKNOWN_LABEL_VALUE);
    known
}

fn declared(port: &ContainerPort) -> (Option<String>, u16, String) {
    (
        port.name.clone(),
        port.port,
        port.protocol.name().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Asked about at its second address, a pod is stood in for as at its first one, or nothing is known of UDP there.
    #[test]
    fn a_pod_has_a_stand_in_at_each_of_its_addresses() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut pod = Pod::new(ObjectName::new("shop", "db-0"), BTreeMap::new());
        pod.addresses = vec![address("10.244.0.3"), address("fd00:244::3")];
        let mut cluster = Cluster::default();
        cluster.pods.insert(pod.name.clone(), pod);
        for (text, stands) in [
            ("10.244.0.3", true),
            ("fd00:244::3", true),
            ("fd00:244::4", false),
        ] {
            let asked = Endpoint::Address(address(text));
            assert_eq!(has_stand_in(&cluster, &asked), stands, "{text}");
        }
        let mut made = RunningPod {
            namespace: "shop".to_owned(),
            name: "made".to_owned(),
            labels: BTreeMap::new(),
            addresses: vec![address("10.244.0.9"), address("fd00:244::9")],
            node: None,
        };
        let end = |asked: &str, made: &RunningPod| {
            let end = in_place_of(&Endpoint::Address(address(asked)), made);
            end.map(|end| end.to_string())
        };
        assert_eq!(end("fd00:244::3", &made).unwrap(), "fd00:244::9");
        assert_eq!(end("10.244.0.3", &made).unwrap(), "10.244.0.9");
        let itself = Endpoint::Pod(ObjectName::new("shop", "db-0"));
        let end_of_itself = in_place_of(&itself, &made).unwrap();
        assert_eq!(end_of_itself.to_string(), "shop/made");
        made.addresses.pop();
        assert!(end("fd00:244::3", &made).unwrap_err().contains("family"));
    }
}
