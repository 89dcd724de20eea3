//! Rules NP-30 to NP-38 and CN-31 to CN-33: ports and protocols.

use ringfence_model::{ClusterPort, ClusterRule, ContainerPort, PolicyPort, PolicyRule, PortMatch};
use ringfence_net::Protocol;

use super::direction::Attempt;

impl Attempt<'_> {
    /// NP-10: no item admits every protocol and port, ICMP too (AM-9); else one item must match.
    pub(super) fn ports_match(&self, rule: &PolicyRule) -> bool {
        let mut items = rule.ports.iter();
        rule.ports.is_empty() || items.any(|item| self.port_matches(item))
    }

    /// CN-31: no item admits every protocol, ICMP too; else one item must match.
    pub(super) fn cluster_ports_match(&self, rule: &ClusterRule) -> bool {
        let mut items = rule.ports.iter();
        rule.ports.is_empty() || items.any(|item| self.cluster_port_matches(item))
    }

    /// NP-38: an item speaks of its own protocol alone. NP-31, NP-32, NP-37: then the number decides.
    fn port_matches(&self, item: &PolicyPort) -> bool {
        self.dials(item.protocol)
            && match &item.port {
                PortMatch::Any => self.dialled.port.is_some(),
                PortMatch::Range(range) => {
                    self.dialled.port.is_some_and(|port| range.contains(port))
                }
                PortMatch::Name(name) => self
                    .destination_ports
                    .iter()
                    .filter(|declared| declared.protocol == item.protocol)
                    .any(|declared| self.is_named_and_dialled(name, declared)),
            }
    }

    /// CN-32: the protocol is never defaulted. CN-33: a name stands for the port's own protocol and number.
    fn cluster_port_matches(&self, item: &ClusterPort) -> bool {
        match item {
            ClusterPort::Range(protocol, range) => {
                self.dials(*protocol) && self.dialled.port.is_some_and(|port| range.contains(port))
            }
            ClusterPort::Name(name) => self
                .destination_ports
                .iter()
                .any(|declared| self.is_named_and_dialled(name, declared)),
        }
    }

    /// NP-34, NP-36: a port of the destination pod with this name, and the protocol and number that are dialled.
    fn is_named_and_dialled(&self, name: &str, declared: &ContainerPort) -> bool {
        declared.name.as_deref() == Some(name)
            && self.dials(declared.protocol)
            && self.dialled.port == Some(declared.port)
    }

    fn dials(&self, protocol: Protocol) -> bool {
        self.dialled.protocol.as_policy() == Some(protocol)
    }
}
