//! From a cluster's objects to names, after the Kubernetes DNS specification 1.1.0.

use std::collections::BTreeMap;
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

    /// A headless Service is its pods: their addresses, and a name for each of them (rule OB-13).
    fn add_headless(&mut self, cluster: &Cluster, service: &Service, name: &str) {
        self.exists(name);
        let pods: Vec<&Pod> = backends(cluster, service).collect();
        let count = pods.iter().map(|pod| pod.addresses.len()).sum::<usize>();
        let weight = u16::try_from(100 / count.max(1)).unwrap_or(100).max(1);
        for pod in pods {
            for address in &pod.addresses {
                let host = format!("{}.{name}", host_label(pod, *address));
                self.add(name, RecordData::from(*address));
                self.add(&host, RecordData::from(*address));
                self.add(&reverse_name(*address), RecordData::Ptr(host.clone()));
                for port in &service.ports {
                    if let Some((owner, number)) = port_name(port, name).zip(port_on(pod, port)) {
                        self.add_port(&owner, number, weight, &host);
                    }
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

/// The pods behind `service` (rule OB-12).
fn backends<'a>(cluster: &'a Cluster, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
    cluster.pods.values().filter(|pod| {
        let labels_match = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
        let ready = pod.ready && !pod.terminating;
        pod.name.namespace == service.name.namespace
            && pod.is_live()
            && (ready || service.publish_not_ready_addresses)
            && !service.selector.is_empty()
            && service.selector.iter().all(labels_match)
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
