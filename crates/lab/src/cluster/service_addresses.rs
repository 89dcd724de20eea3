//! Addresses of Services. Pure.

use std::collections::{BTreeMap, BTreeSet};
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

/// The Services in the order in which they get addresses, so that nobody is given what another one has or asks for: first
/// those that keep the address they have in `before`, then those that ask for one, then the rest.
#[must_use]
pub fn in_turn(
    wanted: impl IntoIterator<Item = Service>,
    before: &BTreeMap<ObjectName, Service>,
) -> Vec<Service> {
    let mut services: Vec<Service> = wanted
        .into_iter()
        .map(|service| keep_address(service, before))
        .collect();
    services.sort_by_key(|service| {
        let old = before.get(&service.name);
        let kept = old.is_some_and(|old| old.cluster_ip == service.cluster_ip);
        (service.cluster_ip == ClusterIp::Unassigned, !kept)
    });
    services
}

/// A Service without wish keeps what it has, a headless one included, as with the API server.
fn keep_address(service: Service, before: &BTreeMap<ObjectName, Service>) -> Service {
    let needs_one = service.cluster_ip == ClusterIp::Unassigned && service.external_name.is_none();
    match before.get(&service.name) {
        Some(old) if needs_one => Service {
            cluster_ip: old.cluster_ip.clone(),
            ..service
        },
        Some(_) | None => service,
    }
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
        named("a", spec)
    }

    fn named(name: &str, spec: &str) -> Service {
        let manifest = format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{port: 80}}], {spec}}}}}"
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
    fn whoever_has_an_address_comes_before_whoever_asks_for_it_and_both_before_the_rest() {
        let wanted = [
            named("a", ""),
            named("m", "clusterIP: 10.96.0.16"),
            named("z", ""),
        ];
        let old = named("z", "clusterIP: 10.96.0.16");
        let before = BTreeMap::from([(old.name.clone(), old.clone())]);
        let turns = in_turn(wanted, &before);
        let names: Vec<_> = turns.iter().map(|it| it.name.name.as_str()).collect();
        assert_eq!(names, ["z", "m", "a"]);
        assert_eq!(turns[0].cluster_ip, old.cluster_ip);
    }

    #[test]
    fn a_service_that_becomes_an_external_name_gives_its_address_back() {
        let old = service("clusterIP: 10.96.0.16");
        let before = BTreeMap::from([(old.name.clone(), old)]);
        let external = service("type: ExternalName, externalName: example.org");
        let turns = in_turn([external], &before);
        assert_eq!(turns[0].cluster_ip, ClusterIp::Unassigned);
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
