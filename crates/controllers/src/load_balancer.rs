//! Addresses of load balancers, which a cloud gives elsewhere: one of each family for a Service that asks for one.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_apiserver::object::{is_terminating, items, text};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};

use crate::service_address::SERVICES;
use crate::view::View;
use crate::write::{Write, Writes, old_status};

/// The networks that addresses come from, for documentation (RFC 5737, RFC 3849): the first of each ends with 1.
const V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 0);
const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0);
/// How many there are of each family.
const MOST: u8 = 254;

/// What is due for Services that ask for a load balancer, or did.
#[must_use]
pub fn decide(view: &View, _: Timestamp) -> Vec<Write> {
    let mut writes = Writes::default();
    let mut taken: BTreeSet<IpAddr> = view.objects(SERVICES).flat_map(addresses).collect();
    for service in view.objects(SERVICES).filter(|it| !is_terminating(it)) {
        let had = items(service, &["status", "loadBalancer", "ingress"]);
        let wanted = match (asks(service), had.is_empty()) {
            (true, true) => give(service, &mut taken),
            (false, false) => Vec::new(),
            (true, false) | (false, true) => continue,
        };
        let mut status = old_status(service);
        let balancer = if wanted.is_empty() {
            json!({})
        } else {
            json!({"ingress": wanted})
        };
        status.insert("loadBalancer".to_owned(), balancer);
        writes.status(service, status);
    }
    writes.into_list()
}

/// One that names a class is somebody else's.
fn asks(service: &Value) -> bool {
    text(service, &["spec", "type"]) == "LoadBalancer"
        && text(service, &["spec", "loadBalancerClass"]).is_empty()
}

/// Every address outside of the cluster that a Service has.
fn addresses(service: &Value) -> impl Iterator<Item = IpAddr> + '_ {
    let ingress = items(service, &["status", "loadBalancer", "ingress"]).iter();
    let external = items(service, &["spec", "externalIPs"]).iter();
    let texts = ingress.map(|item| text(item, &["ip"]));
    let texts = texts.chain(external.filter_map(Value::as_str));
    texts.filter_map(|text| text.parse().ok())
}

/// The address that it wishes, if that is free, or else the first that is.
fn give(service: &Value, taken: &mut BTreeSet<IpAddr>) -> Vec<Value> {
    let wish: Option<IpAddr> = text(service, &["spec", "loadBalancerIP"]).parse().ok();
    let families = items(service, &["spec", "ipFamilies"]).iter();
    let given = families.filter_map(|family| {
        let all = (1..=MOST).map(|number| address(family == "IPv6", number));
        let mut free = all.filter(|address| !taken.contains(address));
        let wished = wish.filter(|wish| free.clone().any(|address| address == *wish));
        let address = wished.or_else(|| free.next())?;
        taken.insert(address);
        Some(json!({"ip": address.to_string(), "ipMode": "VIP"}))
    });
    given.collect()
}

fn address(is_v6: bool, number: u8) -> IpAddr {
    if is_v6 {
        IpAddr::V6(Ipv6Addr::from_bits(V6.to_bits() | u128::from(number)))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(V4.to_bits() | u32::from(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{NOW, told, view, with};

    fn service(name: &str, kind: &str, families: &[&str]) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": kind, "ipFamilies": families, "ports": [{"port": 80}]},
        })
    }

    fn given(objects: &[Value]) -> Vec<(String, Vec<String>)> {
        let writes = decide(&view(objects), NOW);
        let given = writes.iter().map(|write| {
            let ingress = items(&write.object, &["status", "loadBalancer", "ingress"]);
            let ips = ingress.iter().map(|item| text(item, &["ip"]).to_owned());
            (
                ringfence_apiserver::object::name(&write.object).to_owned(),
                ips.collect(),
            )
        });
        given.collect()
    }

    #[test]
    fn who_asks_gets_an_address_of_each_family_that_nobody_has() {
        let ingress = ["status", "loadBalancer", "ingress"];
        let old = service("old", "LoadBalancer", &["IPv4"]);
        let old = with(&old, &ingress, json!([{"ip": "198.51.100.1"}]));
        let external = service("external", "ClusterIP", &["IPv4"]);
        let external = with(&external, &["spec", "externalIPs"], json!(["198.51.100.3"]));
        let wishes = service("wishes", "LoadBalancer", &["IPv4"]);
        let wish = ["spec", "loadBalancerIP"];
        let found = given(&[
            old,
            external,
            service("dual", "LoadBalancer", &["IPv4", "IPv6"]),
            service("more", "LoadBalancer", &["IPv4"]),
            with(&wishes, &wish, "198.51.100.77"),
            with(
                &service("classed", "LoadBalancer", &["IPv4"]),
                &["spec", "loadBalancerClass"],
                "example.com/own",
            ),
        ]);
        let pair = |name: &str, ips: &[&str]| {
            let ips = ips.iter().map(|ip| (*ip).to_owned());
            (name.to_owned(), ips.collect::<Vec<_>>())
        };
        assert_eq!(
            found,
            [
                pair("dual", &["198.51.100.2", "2001:db8:100::1"]),
                pair("more", &["198.51.100.4"]),
                pair("wishes", &["198.51.100.77"]),
            ]
        );
    }

    #[test]
    fn who_asks_no_more_gives_it_back() {
        let ingress = ["status", "loadBalancer", "ingress"];
        let changed = with(
            &service("web", "ClusterIP", &["IPv4"]),
            &ingress,
            json!([{"ip": "198.51.100.1"}]),
        );
        let writes = decide(&view(std::slice::from_ref(&changed)), NOW);
        assert_eq!(told(&writes), ["Status Service/web"]);
        assert_eq!(given(&[changed]), [("web".to_owned(), Vec::new())]);
    }

    #[test]
    fn where_none_is_left_it_waits() {
        let mut all: Vec<Value> = (1..=MOST)
            .map(|number| {
                let name = format!("s{number}");
                let service = service(&name, "LoadBalancer", &["IPv4"]);
                let ip = address(false, number).to_string();
                let ingress = ["status", "loadBalancer", "ingress"];
                with(&service, &ingress, json!([{"ip": ip}]))
            })
            .collect();
        all.push(service("late", "LoadBalancer", &["IPv4"]));
        assert_eq!(decide(&view(&all), NOW), []);
    }
}
