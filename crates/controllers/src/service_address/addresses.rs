//! `clusterIP`, `clusterIPs` and the families of a Service.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ringfence_apiserver::object::{at, child, fields, items, set, text};
use ringfence_apiserver::status::Cause;
use serde_json::{Value, json};

/// Addresses at the start of a network that are given only to who asks for one.
const RESERVED: u32 = 16;
const SINGLE: &str = "SingleStack";
const REQUIRE_DUAL: &str = "RequireDualStack";
const PREFER_DUAL: &str = "PreferDualStack";

/// Takes away what a Service that is only a name elsewhere does not have.
pub(super) fn give_back(service: &mut Value) {
    let spec = fields(child(service, "spec"));
    for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        set(spec, field, None);
    }
}

/// Gives an address of each family that the Service is to have, or checks those that it asks for.
pub(super) fn assign(
    service: &mut Value,
    networks: &[IpNet],
    others: &[&Value],
    causes: &mut Vec<Cause>,
) {
    let wishes = wishes(service);
    let headless = wishes.first().is_some_and(|wish| wish == "None");
    let families = match families(service, networks, headless, &wishes) {
        Ok(families) => families,
        Err(cause) => return causes.push(cause),
    };
    let given = if headless {
        vec!["None".to_owned()]
    } else {
        addresses(&families, &wishes, (networks, &taken(others)), causes)
    };
    let dual = families.len() > 1;
    let spec = fields(child(service, "spec"));
    let policy = spec
        .get("ipFamilyPolicy")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let default = if dual { REQUIRE_DUAL } else { SINGLE };
    spec.insert(
        "ipFamilyPolicy".to_owned(),
        policy.unwrap_or_else(|| default.to_owned()).into(),
    );
    spec.insert(
        "ipFamilies".to_owned(),
        families
            .iter()
            .map(|family| family.word())
            .collect::<Vec<_>>()
            .into(),
    );
    set(
        spec,
        "clusterIP",
        given.first().map(|first| first.as_str().into()),
    );
    spec.insert("clusterIPs".to_owned(), given.into());
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn word(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

/// What it asks for, or has: `clusterIPs`, of which `clusterIP` is the first.
fn wishes(service: &Value) -> Vec<String> {
    let all = items(service, &["spec", "clusterIPs"])
        .iter()
        .filter_map(Value::as_str);
    let mut all: Vec<String> = all.map(str::to_owned).collect();
    let first = text(service, &["spec", "clusterIP"]);
    if !first.is_empty() && all.first().is_none_or(|one| one != first) {
        all = vec![first.to_owned()];
    }
    all
}

/// The families that it is to have, in order.
fn families(
    service: &Value,
    networks: &[IpNet],
    headless: bool,
    wishes: &[String],
) -> Result<Vec<Family>, Cause> {
    let served: Vec<Family> = networks
        .iter()
        .map(|network| Family::of(&network.network()))
        .collect();
    let policy = text(service, &["spec", "ipFamilyPolicy"]);
    // Whoever makes the endpoints of such a Service by hand may list both families.
    let by_hand = headless && policy.is_empty() && at(service, &["spec", "selector"]).is_none();
    let both = by_hand || policy == REQUIRE_DUAL || (policy == PREFER_DUAL && served.len() > 1);
    if policy == REQUIRE_DUAL && served.len() < 2 && !headless {
        let message = "this cluster is not configured for dual-stack services";
        return Err(Cause::invalid(
            "spec.ipFamilyPolicy",
            &policy.into(),
            message,
        ));
    }
    let words = items(service, &["spec", "ipFamilies"]);
    let mut families = Vec::new();
    for word in words {
        let family = match word.as_str() {
            Some("IPv4") => Family::V4,
            Some("IPv6") => Family::V6,
            Some(_) | None => {
                return Err(Cause::invalid(
                    "spec.ipFamilies",
                    word,
                    "is neither IPv4 nor IPv6",
                ));
            }
        };
        if !headless && !served.contains(&family) {
            let message = "not configured on this cluster";
            return Err(Cause::invalid("spec.ipFamilies", word, message));
        }
        families.push(family);
    }
    let wished = wishes.iter().filter_map(|wish| wish.parse().ok());
    if families.is_empty() {
        families.extend(wished.map(|wish| Family::of(&wish)));
    }
    if families.is_empty() {
        families.extend(served.first());
    }
    let first = families.first().copied().unwrap_or(Family::V4);
    families = vec![first];
    families.extend(both.then(|| first.other()));
    Ok(families)
}

fn taken(others: &[&Value]) -> BTreeSet<IpAddr> {
    let all = others.iter().flat_map(|other| wishes(other));
    all.filter_map(|address| address.parse().ok()).collect()
}

fn addresses(
    families: &[Family],
    wishes: &[String],
    (networks, taken): (&[IpNet], &BTreeSet<IpAddr>),
    causes: &mut Vec<Cause>,
) -> Vec<String> {
    let mut given = Vec::new();
    for (index, family) in families.iter().enumerate() {
        let network = networks
            .iter()
            .find(|network| Family::of(&network.network()) == *family);
        let found = match wishes.get(index) {
            Some(wish) => check(wish, network, taken),
            None => free(network, taken),
        };
        match found {
            Ok(address) => given.push(address.to_string()),
            Err(message) => {
                let wished: Value = json!(wishes);
                causes.push(Cause::invalid("spec.clusterIPs", &wished, &message));
            }
        }
    }
    given
}

fn check(wish: &str, network: Option<&IpNet>, taken: &BTreeSet<IpAddr>) -> Result<IpAddr, String> {
    let address: IpAddr = wish
        .parse()
        .map_err(|_| format!("{wish:?} is not an IP address"))?;
    let failed = |why: String| format!("failed to allocate IP {address}: {why}");
    let range = network.map_or_else(|| "none".to_owned(), IpNet::to_string);
    if !network.is_some_and(|network| network.contains(&address)) {
        return Err(failed(format!(
            "the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}"
        )));
    }
    if taken.contains(&address) {
        return Err(failed("provided IP is already allocated".to_owned()));
    }
    Ok(address)
}

fn free(network: Option<&IpNet>, taken: &BTreeSet<IpAddr>) -> Result<IpAddr, String> {
    let network =
        network.ok_or("failed to allocate an IP: the cluster has no range of this family")?;
    (RESERVED..)
        .map_while(|number| nth(*network, number))
        .find(|address| !taken.contains(address) && !is_broadcast(*network, *address))
        .ok_or_else(|| format!("failed to allocate an IP: range {network} is full"))
}

fn is_broadcast(network: IpNet, address: IpAddr) -> bool {
    address.is_ipv4() && address == network.broadcast()
}

fn nth(network: IpNet, number: u32) -> Option<IpAddr> {
    let address = match network {
        IpNet::V4(network) => IpAddr::V4(Ipv4Addr::from_bits(
            network.network().to_bits().checked_add(number)?,
        )),
        IpNet::V6(network) => {
            let number = u128::from(number);
            IpAddr::V6(Ipv6Addr::from_bits(
                network.network().to_bits().checked_add(number)?,
            ))
        }
    };
    network.contains(&address).then_some(address)
}
