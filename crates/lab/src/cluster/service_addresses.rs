//! Addresses of Services. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{ClusterIp, ObjectName, Service};

use crate::plan::nth_address;

/// Place of the cluster's DNS in the Service network, as kubeadm has it.
pub const DNS_OFFSET: u32 = 10;
/// Addresses at the start of the network that are given out only on request.
const RESERVED: u32 = 16;

/// Why a Service gets no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAddressError {
    /// A manifest asks for an address outside of the Service network.
    #[error("Service {service}: clusterIP {address} is not in the service subnet {subnets}")]
    OutOfRange {
        /// The Service.
        service: ObjectName,
        /// The address it asks for.
        address: IpAddr,
        /// The configured subnets.
        subnets: String,
    },
    /// A manifest asks for an address that another Service has.
    #[error("Service {service}: clusterIP {address} is already taken")]
    Taken {
        /// The Service.
        service: ObjectName,
        /// The address it asks for.
        address: IpAddr,
    },
    /// The network is used up.
    #[error("Service {service}: the service subnet {subnet} has no free address")]
    Exhausted {
        /// The Service.
        service: ObjectName,
        /// The subnet.
        subnet: IpNet,
    },
}

/// Gives `service` an address in each subnet if it needs one, or checks those it asks for. `taken` are the addresses of
/// all other Services.
///
/// # Errors
/// [`ServiceAddressError`].
pub fn assign(
    service: &mut Service,
    subnets: &[IpNet],
    taken: &BTreeSet<IpAddr>,
) -> Result<(), ServiceAddressError> {
    match &service.cluster_ip {
        ClusterIp::Headless => Ok(()),
        ClusterIp::Assigned(addresses) => check(service, addresses, subnets, taken),
        ClusterIp::Unassigned if service.external_name.is_some() => Ok(()),
        ClusterIp::Unassigned => {
            let free = |subnet: &IpNet| {
                (RESERVED..)
                    .map_while(|number| nth_address(*subnet, number))
                    .find(|address| !taken.contains(address))
                    .ok_or_else(|| ServiceAddressError::Exhausted {
                        service: service.name.clone(),
                        subnet: *subnet,
                    })
            };
            let addresses = subnets.iter().map(free).collect::<Result<_, _>>()?;
            service.cluster_ip = ClusterIp::Assigned(addresses);
            Ok(())
        }
    }
}

fn check(
    service: &Service,
    addresses: &[IpAddr],
    subnets: &[IpNet],
    taken: &BTreeSet<IpAddr>,
) -> Result<(), ServiceAddressError> {
    for address in addresses {
        if !subnets.iter().any(|subnet| subnet.contains(address)) {
            return Err(ServiceAddressError::OutOfRange {
                service: service.name.clone(),
                address: *address,
                subnets: subnets
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        }
        if taken.contains(address) {
            return Err(ServiceAddressError::Taken {
                service: service.name.clone(),
                address: *address,
            });
        }
    }
    Ok(())
}
