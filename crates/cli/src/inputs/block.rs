//! Blocks of addresses on the command line.

use std::net::IpAddr;

use ipnet::IpNet;

/// `text` as a block. It is typed, so that a misunderstanding is refused and not masked (compare rule AM-24).
pub(crate) fn block(text: &str) -> Result<IpNet, String> {
    let Ok(block) = text.parse::<IpNet>() else {
        return Err(match text.parse::<IpAddr>() {
            Ok(address) => format!("an address is no block: write {}", around(address)),
            Err(_) => "a block is written like 10.244.0.0/16 or fd00:10:244::/56".to_owned(),
        });
    };
    if block.addr() != block.network() {
        return Err(format!("no block begins there: write {}", block.trunc()));
    }
    if block.addr().to_canonical() != block.addr() {
        return Err("an IPv4 block is written as one: like 10.244.0.0/16".to_owned());
    }
    Ok(block)
}

/// A block as pods may have one.
fn around(address: IpAddr) -> String {
    let length = if address.is_ipv4() { 16 } else { 64 };
    IpNet::new(address, length).map_or_else(
        |_| "a block".to_owned(),
        |block| format!("a block, such as {}", block.trunc()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_block_is_refused_with_what_to_write() {
        assert_eq!(block("10.2.0.0/15").unwrap().to_string(), "10.2.0.0/15");
        let table = [
            (
                "10.244.1.7",
                "an address is no block: write a block, such as 10.244.0.0/16",
            ),
            ("10.3.0.0/15", "no block begins there: write 10.2.0.0/15"),
            ("fd00::1/64", "no block begins there: write fd00::/64"),
            (
                "::ffff:10.0.0.0/104",
                "an IPv4 block is written as one: like 10.244.0.0/16",
            ),
            (
                "10.0.0.0/33",
                "a block is written like 10.244.0.0/16 or fd00:10:244::/56",
            ),
            (
                "pods",
                "a block is written like 10.244.0.0/16 or fd00:10:244::/56",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(block(text).unwrap_err(), expected, "{text}");
        }
    }
}
