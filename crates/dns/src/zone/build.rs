//! From a cluster's objects to names, after the Kubernetes DNS specification 1.1.0.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterIp, Pod, Service, ServicePort, TargetPort};
use ringfence_net::Protocol;

use super::reverse::{dashed, reverse_name};
use super::{Zone, ZoneOptions, canonical};
use crate::RecordData;

/// The version of the specification that these names follow.
const SPECIFICATION: &str = "1.1.0";

/// Pods of a StatefulSet carry their own name here; the set's headless Service gives it as host name.
const STATEFUL_POD_LABEL: &str = "statefulset.kubernetes.io/pod-name";

impl Zone {
    /// All names of `cluster`.
    #[must_use]
    pub fn of_cluster(cluster: &Cluster, options: &ZoneOptions) -> Self {
        let mut zone = Self::empty(options);
        for namespace in cluster.namespaces.keys() {
            let name = format!("{namespace}.svc.{}", zone.domain);
            zone.exists(&name);
        }
        for service in cluster.services.values() {
            zone.add_service(cluster, service);
        }
        for pod in cluster.pods.values().filter(|pod| pod.is_live()) {
            zone.add_pod(pod);
        }
        for records in zone.names.values_mut() {
            records.sort_unstable();
            records.dedup();
        }
        zone
    }

    /// A zone with the names that every cluster has.
    fn empty(options: &ZoneOptions) -> Self {
        let addresses = |list: &Vec<IpAddr>| list.iter().copied().map(RecordData::from).collect();
        let mut zone = Self {
            domain: canonical(&options.domain),
            serial: options.serial,
            names: BTreeMap::new(),
            extra: options
                .extra
                .iter()
                .map(|(name, list)| (canonical(name), addresses(list)))
                .collect(),
        };
        let domain = zone.domain.clone();
        let version = RecordData::Txt(SPECIFICATION.to_owned());
        zone.add(&domain, zone.start_of_authority());
        zone.add(&domain, RecordData::Ns(format!("ns.dns.{domain}")));
        zone.add(&format!("dns-version.{domain}"), version);
        zone.exists(&format!("svc.{domain}"));
        zone.exists(&format!("pod.{domain}"));
        zone
    }

    fn add_service(&mut self, cluster: &Cluster, service: &Service) {
        let name = format!(
            "{}.{}.svc.{}",
            service.name.name, service.name.namespace, self.domain
        );
        if let Some(target) = &service.external_name {
            self.add(&name, RecordData::Cname(canonical(target)));
            return;
        }
        match &service.cluster_ip {
            ClusterIp::Unassigned => self.exists(&name),
            ClusterIp::Headless => self.add_headless(cluster, service, &name),
            ClusterIp::Assigned(addresses) => self.add_cluster_ip(service, &name, addresses),
        }
    }

    fn add_cluster_ip(&mut self, service: &Service, name: &str, addresses: &[IpAddr]) {
        for address in addresses {
            self.add(name, RecordData::from(*address));
            self.add(&reverse_name(*address), RecordData::Ptr(name.to_owned()));
        }
        for port in &service.ports {
            if let Some(owner) = port_name(port, name) {
                self.add_port(&owner, port.port, 100, name);
            }
        }
    }

    /// A headless Service is what stands behind it: its addresses, and a name for each of them (rule OB-13).
    fn add_headless(&mut self, cluster: &Cluster, service: &Service, name: &str) {
        self.exists(name);
        let hosts = match service.selector.is_empty() {
            true => listed_hosts(service),
            false => pod_hosts(cluster, service),
        };
        let weight = u16::try_from(100 / hosts.len().max(1))
            .unwrap_or(100)
            .max(1);
        for host in hosts {
            let host_name = format!("{}.{name}", host.label);
            self.add(name, RecordData::from(host.address));
            self.add(&host_name, RecordData::from(host.address));
            let pointer = RecordData::Ptr(host_name.clone());
            self.add(&reverse_name(host.address), pointer);
            for (port, number) in host.ports {
                if let Some(owner) = port_name(port, name) {
                    self.add_port(&owner, number, weight, &host_name);
                }
            }
        }
    }

    fn add_port(&mut self, owner: &str, port: u16, weight: u16, target: &str) {
        let target = target.to_owned();
        self.add(
            owner,
            RecordData::Srv {
                weight,
                port,
                target,
            },
        );
    }

    /// `10-244-1-5.shop.pod.cluster.local`, for addresses that a pod of that namespace has: a name
    /// that is made up from an address says nothing about who is there.
    fn add_pod(&mut self, pod: &Pod) {
        for address in &pod.addresses {
            let label = dashed(*address);
            let name = format!("{label}.{}.pod.{}", pod.name.namespace, self.domain);
            self.add(&name, RecordData::from(*address));
        }
    }

    fn add(&mut self, name: &str, data: RecordData) {
        self.exists(name);
        self.names.entry(name.to_owned()).or_default().push(data);
    }

    /// Makes `name` and every name between it and its apex exist.
    fn exists(&mut self, name: &str) {
        let mut name = name;
        while self.apex_of(name).is_some() && !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), Vec::new());
            let Some((_, parent)) = name.split_once('.') else {
                return;
            };
            name = parent;
        }
    }
}

/// One address of a headless Service.
struct Host<'a> {
    label: String,
    address: IpAddr,
    /// The Service's ports, and their numbers there.
    ports: Vec<(&'a ServicePort, u16)>,
}

/// Each address of each pod that the selector chooses.
fn pod_hosts<'a>(cluster: &Cluster, service: &'a Service) -> Vec<Host<'a>> {
    let of_pod = |pod: &Pod| -> Vec<Host<'a>> {
        let ports = service.ports.iter();
        let ports: Vec<_> = ports
            .filter_map(|port| Some((port, port_on(pod, port)?)))
            .collect();
        let addresses = pod.addresses.iter();
        let host = |address: &IpAddr| Host {
            label: host_label(pod, *address),
            address: *address,
            ports: ports.clone(),
        };
        addresses.map(host).collect()
    };
    backends(cluster, service).flat_map(of_pod).collect()
}

/// Each address that EndpointSlices list, once (rule OB-12).
fn listed_hosts(service: &Service) -> Vec<Host<'_>> {
    let mut hosts: BTreeMap<IpAddr, BTreeSet<(usize, u16)>> = BTreeMap::new();
    for endpoint in service.endpoints.iter().filter(|endpoint| endpoint.ready) {
        let ports = service.ports.iter().enumerate();
        let served = ports.filter_map(|(index, port)| Some((index, endpoint.port_for(port)?)));
        hosts.entry(endpoint.address).or_default().extend(served);
    }
    let host = |(address, ports): (IpAddr, BTreeSet<(usize, u16)>)| Host {
        label: dashed(address),
        address,
        ports: ports
            .into_iter()
            .filter_map(|(index, number)| Some((service.ports.get(index)?, number)))
            .collect(),
    };
    hosts.into_iter().map(host).collect()
}

/// The pods behind `service` (rule OB-12).
fn backends<'a>(cluster: &'a Cluster, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
    cluster.pods.values().filter(|pod| {
        let ready = pod.ready && !pod.terminating;
        pod.is_live() && (ready || service.publish_not_ready_addresses) && service.selects(pod)
    })
}

/// The label of a pod below a headless Service.
fn host_label(pod: &Pod, address: IpAddr) -> String {
    match pod.labels.get(STATEFUL_POD_LABEL) {
        Some(name) if *name == pod.name.name => name.clone(),
        Some(_) | None => dashed(address),
    }
}

/// `_http._tcp.` before the Service's name; a port without name has no SRV record.
fn port_name(port: &ServicePort, service: &str) -> Option<String> {
    let name = port.name.as_ref().filter(|name| !name.is_empty())?;
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    };
    Some(format!("_{name}._{protocol}.{service}"))
}

/// The number of a Service port on `pod` (rule OB-11).
fn port_on(pod: &Pod, port: &ServicePort) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => pod
            .ports
            .iter()
            .find(|held| held.name.as_ref() == Some(name) && held.protocol == port.protocol)
            .map(|held| held.port),
    }
}
