//! Names of addresses: `5.1.244.10.in-addr.arpa`, `...8.b.d.0.1.0.0.2.ip6.arpa`, `10-244-1-5`.

use std::fmt::Write as _;
use std::net::IpAddr;

/// Apex of the names of IPv4 addresses.
pub(super) const V4: &str = "in-addr.arpa";
/// Apex of the names of IPv6 addresses.
pub(super) const V6: &str = "ip6.arpa";

/// The name whose PTR record names `address`.
pub(super) fn reverse_name(address: IpAddr) -> String {
    let mut name = String::new();
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            name = format!("{d}.{c}.{b}.{a}.{V4}");
        }
        IpAddr::V6(address) => {
            for octet in address.octets().into_iter().rev() {
                // Writing to a string cannot fail.
                let _ = write!(name, "{:x}.{:x}.", octet & 0xf, octet >> 4);
            }
            name.push_str(V6);
        }
    }
    name
}

/// `address` as one label: dots and colons become dashes, as the DNS specification writes pods.
pub(super) fn dashed(address: IpAddr) -> String {
    let text = address.to_string().replace(['.', ':'], "-");
    // A label neither begins nor ends with a dash: `::5` is `0--5`.
    let start = if text.starts_with('-') { "0" } else { "" };
    let end = if text.ends_with('-') { "0" } else { "" };
    format!("{start}{text}{end}")
}
