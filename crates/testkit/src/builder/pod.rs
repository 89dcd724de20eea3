use ringfence_model::{ContainerPort, Labels, Phase, Pod, PolicyPort, PortMatch};

use super::{address, name};

/// A pod in the making: running, ready, on the pod network.
#[derive(Clone, Debug)]
pub struct PodBuilder {
    pod: Pod,
}

/// The pod `namespace/name`.
#[must_use]
pub fn pod(text: &str) -> PodBuilder {
    PodBuilder {
        pod: Pod::new(name(text), Labels::new()),
    }
}

impl PodBuilder {
    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.pod.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an address.
    #[must_use]
    pub fn address(mut self, text: &str) -> Self {
        self.pod.addresses.push(address(text));
        self
    }

    /// Adds a named container port, `port("http", tcp(8080))`.
    #[must_use]
    pub fn port(mut self, name: &str, port: PolicyPort) -> Self {
        let PortMatch::Range(range) = port.port else {
            return self;
        };
        self.pod.ports.push(ContainerPort {
            name: Some(name.to_owned()),
            protocol: port.protocol,
            port: range.first(),
        });
        self
    }

    /// Puts it on the node `name`.
    #[must_use]
    pub fn on_node(mut self, name: &str) -> Self {
        self.pod.node = Some(name.to_owned());
        self
    }

    /// Adds an address of its host (rule Q-5).
    #[must_use]
    pub fn host_address(mut self, text: &str) -> Self {
        self.pod.host_addresses.push(address(text));
        self
    }

    /// Makes it a host pod (rule NP-53).
    #[must_use]
    pub fn host_network(mut self) -> Self {
        self.pod.host_network = true;
        self
    }

    /// Sets its phase.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.pod.phase = phase;
        self
    }

    /// Makes it unready (rule OB-12).
    #[must_use]
    pub fn not_ready(mut self) -> Self {
        self.pod.ready = false;
        self
    }

    /// Marks it as being deleted (rules Q-4, OB-12).
    #[must_use]
    pub fn terminating(mut self) -> Self {
        self.pod.terminating = true;
        self
    }

    /// The pod.
    #[must_use]
    pub fn build(self) -> Pod {
        self.pod
    }
}
