//! Names as the cluster's name server and a pod's search list resolve them (rules OB-13, OB-14).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Cluster, ObjectName, Service};

/// What a host in a pod's settings is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// A Service of the manifests.
    Service(&'a Service),
    /// The API server.
    ApiServer,
    /// A literal address.
    Address(IpAddr),
    /// The pod itself: loopback, or no address in particular.
    Itself,
    /// A name that only a cluster's name server knows, and that is no Service of the manifests.
    Nobody,
    /// A name outside of the cluster.
    External(String),
}

impl<'a> Host<'a> {
    fn external_name(&self) -> Option<&'a str> {
        match self {
            Self::Service(service) => service.external_name.as_deref(),
            Self::ApiServer
            | Self::Address(_)
            | Self::Itself
            | Self::Nobody
            | Self::External(_) => None,
        }
    }
}

/// The Services by name, and what names end with.
#[derive(Clone, Debug)]
pub(super) struct Resolver<'a> {
    cluster: &'a Cluster,
    domain: &'a str,
    namespaces: BTreeSet<&'a str>,
}

/// How many ExternalName Services may lead to one another.
const LONGEST_CHAIN: usize = 8;

/// Last labels of names that somebody outside of the cluster serves; two letters are a country.
const OUTSIDE: [&str; 24] = [
    "ai", "app", "arpa", "biz", "cloud", "com", "corp", "dev", "edu", "example", "gov", "home",
    "info", "int", "internal", "intranet", "lan", "local", "mil", "net", "org", "private", "tech",
    "test",
];

impl<'a> Resolver<'a> {
    pub(super) fn new(cluster: &'a Cluster, domain: &'a str) -> Self {
        let services = cluster.services.keys().map(|name| name.namespace.as_str());
        let namespaces = cluster.namespaces.keys().map(String::as_str);
        Self {
            cluster,
            domain,
            namespaces: services.chain(namespaces).collect(),
        }
    }

    /// What `host` is to a pod of `namespace`.
    pub(super) fn resolve(&self, host: &str, namespace: &str) -> Host<'a> {
        let mut host = host.to_owned();
        let mut namespace = namespace;
        for _ in 0..LONGEST_CHAIN {
            let found = self.step(&host, namespace);
            let Some(name) = found.external_name() else {
                return found;
            };
            // What it leads to is a whole name, to which no search list is applied.
            (host, namespace) = (name.to_ascii_lowercase(), "");
        }
        Host::Nobody
    }

    fn step(&self, host: &str, namespace: &str) -> Host<'a> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.address(address.to_canonical());
        }
        if host == "localhost" || host.ends_with(".localhost") {
            return Host::Itself;
        }
        let of_cluster = host
            .strip_suffix(self.domain)
            .and_then(|host| host.strip_suffix('.'));
        let qualified = of_cluster.unwrap_or(host);
        let labels: Vec<&str> = qualified.split('.').collect();
        let found = match labels.as_slice() {
            [name] => self.service(name, namespace),
            [service, of, "svc"] | [_, service, of, "svc"] => self.service(service, of),
            [pod_or_name, service_or_namespace] => self
                .service(pod_or_name, service_or_namespace)
                .or_else(|| self.service(service_or_namespace, namespace)),
            [_, service, of] => self.service(service, of),
            _ => None,
        };
        if let Some(service) = found {
            return if is_api_server(&service.name) {
                Host::ApiServer
            } else {
                Host::Service(service)
            };
        }
        match labels.as_slice() {
            ["kubernetes"] if namespace == "default" => Host::ApiServer,
            ["kubernetes", "default"] | ["kubernetes", "default", "svc"] => Host::ApiServer,
            _ if of_cluster.is_some() || self.is_of_cluster(&labels) => Host::Nobody,
            _ => Host::External(host.to_owned()),
        }
    }

    /// Whether nobody outside could have a name with these labels.
    fn is_of_cluster(&self, labels: &[&str]) -> bool {
        match labels {
            [] | [_] | [.., "svc"] | [_, _, "svc", ..] => true,
            [.., namespace] if self.namespaces.contains(namespace) => true,
            [.., last] => !OUTSIDE.contains(last) && last.len() != 2,
        }
    }

    fn service(&self, name: &str, namespace: &str) -> Option<&'a Service> {
        self.cluster.services.get(&ObjectName::new(namespace, name))
    }

    fn address(&self, address: IpAddr) -> Host<'a> {
        if address.is_loopback() || address.is_unspecified() {
            return Host::Itself;
        }
        let has = |service: &&Service| {
            service.cluster_addresses().contains(&address)
                || service.external_addresses.contains(&address)
        };
        match self.cluster.services.values().find(has) {
            Some(service) if is_api_server(&service.name) => Host::ApiServer,
            Some(service) => Host::Service(service),
            None => Host::Address(address),
        }
    }
}

fn is_api_server(service: &ObjectName) -> bool {
    service.namespace == "default" && service.name == "kubernetes"
}
