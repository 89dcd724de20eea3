//! The result of ADD, in the form of each version of the specification.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::decode;
use crate::error::CniError;
use crate::version::SpecVersion;

/// What a chain of plugins made: interfaces, addresses, routes, name servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddResult {
    /// Of both sides.
    pub interfaces: Vec<Interface>,
    /// The pod's addresses.
    pub ips: Vec<IpConfig>,
    /// The pod's routes.
    pub routes: Vec<RouteConfig>,
    /// The pod's name servers.
    pub dns: Dns,
}

/// An interface. Those of the node have no sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The path of its network namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sandbox: String,
    /// Since 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_path: Option<String>,
    /// Since 1.1.0.
    #[serde(default, rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpConfig {
    /// With the length of its network.
    pub address: IpNet,
    /// The router of this family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Which of the interfaces has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteConfig {
    /// Where it leads.
    pub dst: IpNet,
    /// The next router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
    /// Fields since 1.1.0 that others set.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Name servers and how to ask them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Domains to try for short names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// For the resolver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    interfaces: Option<Vec<Interface>>,
    #[serde(default)]
    ips: Option<Vec<IpConfig>>,
    #[serde(default)]
    routes: Option<Vec<RouteConfig>>,
    #[serde(default)]
    dns: Option<Dns>,
}

impl AddResult {
    /// Reads a result of any version that the plugin speaks; they differ in fields that say nothing new.
    ///
    /// # Errors
    /// Code 1: it names another version. Code 6: it has not the shape of a result.
    pub fn from_json(value: &Value) -> Result<Self, CniError> {
        if let Some(text) = value.get("cniVersion").and_then(Value::as_str) {
            SpecVersion::of_config(Some(text))?;
        }
        let written: Written = decode(value, "prevResult")?;
        Ok(Self {
            interfaces: written.interfaces.unwrap_or_default(),
            ips: written.ips.unwrap_or_default(),
            routes: written.routes.unwrap_or_default(),
            dns: written.dns.unwrap_or_default(),
        })
    }

    /// The object that a runtime of this version understands.
    #[must_use]
    pub fn to_json(&self, version: SpecVersion) -> Value {
        let mut result = Map::new();
        result.insert("cniVersion".to_owned(), version.as_str().into());
        let mut list = |key: &str, values: Vec<Value>| {
            if !values.is_empty() {
                result.insert(key.to_owned(), values.into());
            }
        };
        list(
            "interfaces",
            self.interfaces
                .iter()
                .map(|part| interface(part, version))
                .collect(),
        );
        list(
            "ips",
            self.ips.iter().map(|part| ip(part, version)).collect(),
        );
        list(
            "routes",
            self.routes
                .iter()
                .map(|part| route(part, version))
                .collect(),
        );
        result.insert("dns".to_owned(), json!(self.dns));
        Value::Object(result)
    }

    /// Adds the interfaces, addresses and routes that a later plugin made.
    #[must_use]
    pub fn followed_by(mut self, other: Self) -> Self {
        let shift = self.interfaces.len();
        self.interfaces.extend(other.interfaces);
        self.ips.extend(other.ips.into_iter().map(|mut ip| {
            ip.interface = ip.interface.map(|index| index + shift);
            ip
        }));
        self.routes.extend(other.routes);
        self
    }

    /// The position of an interface inside a sandbox.
    #[must_use]
    pub fn interface_in(&self, name: &str, sandbox: &str) -> Option<usize> {
        self.interfaces
            .iter()
            .position(|part| part.name == name && part.sandbox == sandbox)
    }

    /// The addresses of one of the interfaces, sorted.
    #[must_use]
    pub fn addresses_of(&self, interface: usize) -> Vec<IpAddr> {
        let own = self.ips.iter().filter(|ip| ip.interface == Some(interface));
        let mut addresses: Vec<IpAddr> = own.map(|ip| ip.address.addr()).collect();
        addresses.sort_unstable();
        addresses
    }
}

fn interface(interface: &Interface, version: SpecVersion) -> Value {
    if version >= SpecVersion::V1_1_0 {
        return json!(interface);
    }
    json!(Interface {
        mtu: None,
        socket_path: None,
        pci_id: None,
        ..interface.clone()
    })
}

fn ip(ip: &IpConfig, version: SpecVersion) -> Value {
    let mut value = json!(ip);
    if version < SpecVersion::V1_0_0
        && let Some(fields) = value.as_object_mut()
    {
        let family = if ip.address.addr().is_ipv4() {
            "4"
        } else {
            "6"
        };
        fields.insert("version".to_owned(), family.into());
    }
    value
}

fn route(route: &RouteConfig, version: SpecVersion) -> Value {
    if version >= SpecVersion::V1_1_0 {
        return json!(route);
    }
    json!(RouteConfig {
        others: Map::new(),
        ..route.clone()
    })
}

#[cfg(test)]
mod tests;
