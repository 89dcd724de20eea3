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

#[cfg(test)]
mod tests {
    use ringfence_model::Object;

    use super::*;
    use crate::cluster::sample::load;

    /// A Service `default/a` with this YAML in its spec.
    fn service(spec: &str) -> Service {
        let manifest = format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{ports: [{{port: 80}}], {spec}}}}}"
        );
        match load(&manifest).pop() {
            Some(Object::Service(service)) => service,
            other => panic!("{other:?}"),
        }
    }

    fn assigned(spec: &str, subnets: &[&str], taken: &[&str]) -> Result<ClusterIp, String> {
        let mut service = service(spec);
        let subnets: Vec<IpNet> = subnets.iter().map(|net| net.parse().unwrap()).collect();
        let taken = taken.iter().map(|address| address.parse().unwrap());
        let taken = taken.collect();
        match assign(&mut service, &subnets, &taken) {
            Ok(()) => Ok(service.cluster_ip),
            Err(error) => Err(error.to_string()),
        }
    }

    fn addresses(texts: &[&str]) -> Result<ClusterIp, String> {
        let parsed = texts.iter().map(|text| text.parse().unwrap());
        Ok(ClusterIp::Assigned(parsed.collect()))
    }

    #[test]
    fn each_family_gives_the_first_free_address_after_the_reserved_ones() {
        let both = ["10.96.0.0/16", "fd00:10:96::/112"];
        assert_eq!(
            assigned("", &both, &[]),
            addresses(&["10.96.0.16", "fd00:10:96::10"])
        );
        let taken = ["10.96.0.16", "10.96.0.17", "fd00:10:96::10"];
        assert_eq!(
            assigned("", &both, &taken),
            addresses(&["10.96.0.18", "fd00:10:96::11"])
        );
    }

    #[test]
    fn headless_and_external_services_need_none() {
        let subnets = ["10.96.0.0/16"];
        assert_eq!(
            assigned("clusterIP: None", &subnets, &[]),
            Ok(ClusterIp::Headless)
        );
        let external = "type: ExternalName, externalName: example.org";
        assert_eq!(assigned(external, &subnets, &[]), Ok(ClusterIp::Unassigned));
    }

    #[test]
    fn wishes_are_met_or_the_reason_is_named() {
        let wish = "clusterIP: 10.96.0.3";
        assert_eq!(
            assigned(wish, &["10.96.0.0/16"], &[]),
            addresses(&["10.96.0.3"])
        );
        assert_eq!(
            assigned(wish, &["10.96.0.0/16"], &["10.96.0.3"]),
            Err("Service default/a: clusterIP 10.96.0.3 is already taken".to_owned())
        );
        let elsewhere = ["10.97.0.0/16", "fd00::/112"];
        let message = "Service default/a: clusterIP 10.96.0.3 is not in the service subnet \
                       10.97.0.0/16, fd00::/112";
        assert_eq!(assigned(wish, &elsewhere, &[]), Err(message.to_owned()));
        assert_eq!(
            assigned("", &["10.96.0.0/28"], &[]),
            Err(
                "Service default/a: the service subnet 10.96.0.0/28 has no free address".to_owned()
            )
        );
    }
}
