use ringfence_model::{
    ClusterIp, EndpointPort, Hints, Labels, PolicyPort, PortMatch, Service, ServiceEndpoint,
    ServicePort, TargetPort, Traffic, TrafficPolicy,
};

use super::{address, name, network};

/// A Service in the making.
#[derive(Clone, Debug)]
pub struct ServiceBuilder {
    service: Service,
}

/// The Service `namespace/name`, without selector, address or port.
#[must_use]
pub fn service(text: &str) -> ServiceBuilder {
    ServiceBuilder {
        service: Service {
            name: name(text),
            selector: Labels::new(),
            cluster_ip: ClusterIp::Unassigned,
            external_addresses: Vec::new(),
            ports: Vec::new(),
            traffic: Traffic::default(),
            publish_not_ready_addresses: false,
            endpoints: Vec::new(),
            external_name: None,
            source: None,
        },
    }
}

impl ServiceBuilder {
    /// Adds a pair to the selector.
    #[must_use]
    pub fn select(mut self, key: &str, value: &str) -> Self {
        self.service
            .selector
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a cluster address.
    #[must_use]
    pub fn address(mut self, text: &str) -> Self {
        let mut addresses = match self.service.cluster_ip {
            ClusterIp::Assigned(addresses) => addresses,
            ClusterIp::Unassigned | ClusterIp::Headless => Vec::new(),
        };
        addresses.push(address(text));
        self.service.cluster_ip = ClusterIp::Assigned(addresses);
        self
    }

    /// Makes it headless (rule OB-13).
    #[must_use]
    pub fn headless(mut self) -> Self {
        self.service.cluster_ip = ClusterIp::Headless;
        self
    }

    /// Adds an external or load balancer address.
    #[must_use]
    pub fn external_address(mut self, text: &str) -> Self {
        self.service.external_addresses.push(address(text));
        self
    }

    /// Adds an address of its load balancer, and blocks whose addresses this lets in (rule OB-20).
    #[must_use]
    pub fn balanced(mut self, text: &str, blocks: &[&str]) -> Self {
        let traffic = &mut self.service.traffic;
        traffic.balanced.push(address(text));
        let admitted = traffic.admitted.get_or_insert_default();
        admitted.extend(blocks.iter().map(|block| network(block)));
        self.external_address(text)
    }

    /// Leads clients back to the backend that they had within so many seconds (rule OB-21).
    #[must_use]
    pub fn affinity(mut self, seconds: u32) -> Self {
        self.service.traffic.affinity = Some(seconds);
        self
    }

    /// Keeps connections to its cluster addresses on their node (rule OB-18).
    #[must_use]
    pub fn internal_local(mut self) -> Self {
        self.service.traffic.internal = TrafficPolicy::Local;
        self
    }

    /// Gives its last port one at the nodes (rule OB-19).
    #[must_use]
    pub fn node_port(mut self, number: u16) -> Self {
        if let Some(port) = self.service.ports.last_mut() {
            port.node_port = Some(number);
        }
        self
    }

    /// Keeps connections from outside on the node that they come in at (rule OB-19).
    #[must_use]
    pub fn external_local(mut self) -> Self {
        self.service.traffic.external = TrafficPolicy::Local;
        self
    }

    /// Counts pods that are not ready as backends (rule OB-12).
    #[must_use]
    pub fn publish_not_ready(mut self) -> Self {
        self.service.publish_not_ready_addresses = true;
        self
    }

    /// Adds a port: what clients dial, and the number they reach.
    #[must_use]
    pub fn port(self, dialled: PolicyPort, target: u16) -> Self {
        self.port_to(dialled, TargetPort::Number(target))
    }

    /// Adds a port whose target is a container port's name (rule OB-11).
    #[must_use]
    pub fn port_to_name(self, dialled: PolicyPort, target: &str) -> Self {
        self.port_to(dialled, TargetPort::Name(target.to_owned()))
    }

    fn port_to(mut self, dialled: PolicyPort, target: TargetPort) -> Self {
        let PortMatch::Range(range) = dialled.port else {
            return self;
        };
        self.service.ports.push(ServicePort {
            name: Some(format!("port-{}", self.service.ports.len())),
            protocol: dialled.protocol,
            port: range.first(),
            target,
            node_port: None,
        });
        self
    }

    /// Lists an endpoint that is ready, and the port that the Service's first one leads to (rule OB-12).
    #[must_use]
    pub fn endpoint(mut self, text: &str, port: u16) -> Self {
        let ports = self.service.ports.first().map(|first| EndpointPort {
            name: first.name.clone(),
            protocol: first.protocol,
            port,
        });
        self.service.endpoints.push(ServiceEndpoint {
            address: address(text),
            ready: true,
            serving: true,
            terminating: false,
            node: None,
            hints: Hints::default(),
            ports: ports.into_iter().collect(),
        });
        self
    }

    /// The Service.
    #[must_use]
    pub fn build(self) -> Service {
        self.service
    }
}
