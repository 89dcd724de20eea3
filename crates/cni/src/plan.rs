//! What an attachment looks like in the kernel, decided without looking at the kernel.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_netlink::route::MacAddress;

use crate::endpoint::EndpointId;
use crate::result::{AddResult, Interface, IpConfig, RouteConfig};

/// What the names of all our interfaces on the node begin with; the agent's rules rely on it.
pub const HOST_INTERFACE_PREFIX: &str = "vethrf";
/// The router of every pod. Its address is never on the wire: each pod has a fixed entry for it.
pub const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
/// The same for IPv6; link-local, so that each link has its own.
pub const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// Hardware address of every node end. Links of one pod each: none can meet another of the same address.
pub const HOST_MAC: MacAddress = MacAddress([0x0a, 0x58, 169, 254, 1, 1]);
/// Begins the hardware addresses of pods; the second lowest bit of the first byte says "locally administered".
const POD_MAC_PREFIX: [u8; 2] = [0x0a, 0x58];

/// One attachment, as the kernel is to hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The node's end.
    pub host_interface: String,
    /// The pod's end.
    pub pod_interface: String,
    /// Of the pod's end.
    pub pod_mac: MacAddress,
    /// At most one of each family, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// Of both ends.
    pub mtu: u32,
}

impl Plan {
    /// The plan for an attachment with these addresses.
    #[must_use]
    pub fn new(id: &EndpointId, addresses: &[IpAddr], mtu: u32) -> Self {
        Self {
            host_interface: host_interface(id),
            pod_interface: id.interface.clone(),
            pod_mac: pod_mac(id, addresses),
            addresses: addresses.to_vec(),
            mtu,
        }
    }

    /// Whether the pod has an IPv6 address.
    #[must_use]
    pub fn has_v6(&self) -> bool {
        self.addresses.iter().any(IpAddr::is_ipv6)
    }

    /// The result to report: the node's end first, then the pod's.
    #[must_use]
    pub fn result(&self, netns: &str) -> AddResult {
        let interface = |name: &str, mac: MacAddress, sandbox: &str| Interface {
            name: name.to_owned(),
            mac: mac.to_string(),
            mtu: Some(self.mtu),
            sandbox: sandbox.to_owned(),
            ..Interface::default()
        };
        AddResult {
            interfaces: vec![
                interface(&self.host_interface, HOST_MAC, ""),
                interface(&self.pod_interface, self.pod_mac, netns),
            ],
            ips: self
                .addresses
                .iter()
                .map(|address| ip_config(*address))
                .collect(),
            routes: self
                .addresses
                .iter()
                .map(|address| route_config(*address))
                .collect(),
            ..AddResult::default()
        }
    }
}

/// The router for pods with this address.
#[must_use]
pub fn gateway(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => GATEWAY_V4.into(),
        IpAddr::V6(_) => GATEWAY_V6.into(),
    }
}

/// Everything that is not the pod itself.
#[must_use]
pub fn everywhere(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(_) => IpNet::V4(ipnet::Ipv4Net::default()),
        IpAddr::V6(_) => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}

/// The node end's name: the prefix and 36 bits of a hash, which fill the 15 bytes that the kernel allows.
/// It follows from the attachment alone, so that DEL finds the interface when the record is lost.
#[must_use]
pub fn host_interface(id: &EndpointId) -> String {
    let hash = fnv(id.to_string().as_bytes());
    let folded = (hash ^ (hash >> 36)) & 0xf_ffff_ffff;
    format!("{HOST_INTERFACE_PREFIX}{folded:09x}")
}

/// Follows from the IPv4 address, which is unique on the node and easy to recognise in a capture.
fn pod_mac(id: &EndpointId, addresses: &[IpAddr]) -> MacAddress {
    let v4 = addresses.iter().find_map(|address| match address {
        IpAddr::V4(address) => Some(address.octets()),
        IpAddr::V6(_) => None,
    });
    let [a, b] = POD_MAC_PREFIX;
    let [c, d, e, f] = v4.unwrap_or_else(|| {
        let [_, _, _, _, c, d, e, f] = fnv(id.to_string().as_bytes()).to_be_bytes();
        [c, d, e, f]
    });
    MacAddress([a, b, c, d, e, f])
}

fn ip_config(address: IpAddr) -> IpConfig {
    IpConfig {
        address: address.into(),
        gateway: Some(gateway(address)),
        interface: Some(1),
    }
}

fn route_config(address: IpAddr) -> RouteConfig {
    RouteConfig {
        dst: everywhere(address),
        gw: Some(gateway(address)),
        others: serde_json::Map::new(),
    }
}

/// FNV-1a, 64 bits: the names must not change between versions of a library's hash.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
