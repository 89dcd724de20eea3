//! Addresses that no pod has, whatever network it is on (rule AM-22).

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Blocks of which no pod network gives an address to a pod: of this network, loopback, the link, groups and what is reserved
/// (RFC 1122 section 3.2.1.3, RFC 3927, RFC 5771, RFC 1112 section 4, RFC 4291 section 2.4), and the single addresses at
/// which clouds tell machines about themselves.
pub const RESERVED: [IpNet; 14] = [
    v4([0, 0, 0, 0], 8),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([224, 0, 0, 0], 3),
    v6([0; 8], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    v4([168, 63, 129, 16], 32),
    v4([100, 100, 100, 200], 32),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128),
];

/// Whether no pod has an address of `network`.
#[must_use]
pub fn is_reserved(network: IpNet) -> bool {
    RESERVED.iter().any(|block| block.contains(&network))
}

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(
        Ipv6Addr::new(a, b, c, d, e, f, g, h),
        length,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_wholly_in_one_is_reserved() {
        let table = [
            ("169.254.169.254/32", true),
            ("169.254.0.0/16", true),
            ("169.0.0.0/8", false),
            ("240.0.0.0/4", true),
            ("10.0.0.0/8", false),
            ("0.0.0.0/0", false),
            ("fe80::/64", true),
            ("fd00:ec2::254/128", true),
            ("fd00:ec2::/64", false),
        ];
        for (network, expected) in table {
            assert_eq!(is_reserved(network.parse().unwrap()), expected, "{network}");
        }
    }
}
