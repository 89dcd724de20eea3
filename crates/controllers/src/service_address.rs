//! Addresses, node ports and ports for health checks of Services: given when a Service is written, so that the answer has them already.
//!
//! Nothing is kept: what is taken is what the other Services have, so that a Service that goes gives back what it had.

mod addresses;
mod health_port;
mod node_ports;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use ipnet::IpNet;
use ringfence_apiserver::api::{Admission, Write};
use ringfence_apiserver::kind::Kind;
use ringfence_apiserver::object::{self, text};
use ringfence_apiserver::status::{ApiError, Cause};
use ringfence_apiserver::store::Store;
use serde_json::Value;

/// The resource of Services.
pub(crate) const SERVICES: &str = "services";

/// What a cluster has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRanges {
    /// A network for each family, the one that Services get by default first. Its first sixteen addresses, with those of
    /// `kubernetes` and `kube-dns` among them, are given only to who asks for one.
    pub networks: Vec<IpNet>,
    /// The ports that nodes open for Services.
    pub node_ports: RangeInclusive<u16>,
}

impl ServiceRanges {
    /// Kubernetes' node ports beside these networks.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self {
            networks,
            node_ports: 30_000..=32_767,
        }
    }

    /// Gives `service`, which is about to be stored, what it needs and does not have: addresses, families, node ports, the
    /// port for health checks.
    /// `before` is what it was; `others` are the Services that there are, itself among them or not.
    ///
    /// # Errors
    /// 422 with all causes if it asks for what is not to be had.
    pub fn complete<'a>(
        &self,
        service: &mut Value,
        before: Option<&Value>,
        others: impl Iterator<Item = &'a Value>,
    ) -> Result<(), ApiError> {
        let key = |service: &Value| {
            (
                object::namespace(service).to_owned(),
                object::name(service).to_owned(),
            )
        };
        let own = key(service);
        let others: Vec<&Value> = others.filter(|other| key(other) != own).collect();
        let mut causes = Vec::new();
        if text(service, &["spec", "type"]) == "ExternalName" {
            addresses::give_back(service);
        } else {
            addresses::assign(service, &self.networks, &others, &mut causes);
        }
        node_ports::assign(service, before, &self.node_ports, &others, &mut causes);
        health_port::assign(service, before, &self.node_ports, &others, &mut causes);
        refuse(service, &causes)
    }
}

impl Admission for ServiceRanges {
    fn admit(&self, _: &Write<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    fn complete(
        &self,
        store: &Store,
        kind: &Kind,
        before: Option<&Value>,
        object: &mut Value,
    ) -> Result<(), ApiError> {
        if kind.resource() != SERVICES {
            return Ok(());
        }
        let others = store.objects(SERVICES).map(|(_, service)| service.as_ref());
        ServiceRanges::complete(self, object, before, others)
    }
}

fn refuse(service: &Value, causes: &[Cause]) -> Result<(), ApiError> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid("Service", object::name(service), causes))
}
