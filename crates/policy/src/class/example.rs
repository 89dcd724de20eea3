//! An address to show for many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that readers know as those of strangers.
const WELL_KNOWN: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, 1)),
];

/// An address of `ranges` that is not `taken`: a well-known one, else the lowest that does not look like a network's.
pub(crate) fn example(
    ranges: &[(IpAddr, IpAddr)],
    taken: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let inside = |address: &IpAddr| {
        let mut ranges = ranges.iter();
        ranges.any(|(first, last)| first <= address && address <= last)
    };
    let well_known = WELL_KNOWN.into_iter().filter(inside);
    let after_first = ranges
        .iter()
        .flat_map(|(first, last)| addresses(next(*first), *last));
    let first = ranges.iter().map(|(first, _)| *first);
    let mut candidates = well_known.chain(after_first).chain(first);
    candidates.find(|address| !taken(*address))
}

/// From `first` to `last`, both included.
fn addresses(first: Option<IpAddr>, last: IpAddr) -> impl Iterator<Item = IpAddr> {
    let next = move |address: &IpAddr| next(*address).filter(|address| *address <= last);
    std::iter::successors(first.filter(|first| *first <= last), next)
}

fn next(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let next = u32::from(address).checked_add(1)?;
            Some(IpAddr::V4(Ipv4Addr::from(next)))
        }
        IpAddr::V6(address) => {
            let next = u128::from(address).checked_add(1)?;
            Some(IpAddr::V6(Ipv6Addr::from(next)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ranges: &[(&str, &str)], taken: &[&str]) -> Option<String> {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let ranges: Vec<_> = ranges
            .iter()
            .map(|(first, last)| (address(first), address(last)))
            .collect();
        let is_taken = |asked: IpAddr| taken.iter().any(|text| address(text) == asked);
        example(&ranges, is_taken).map(|address| address.to_string())
    }

    #[test]
    fn a_stranger_that_readers_know_comes_first() {
        let all = [("0.0.0.0", "255.255.255.255")];
        assert_eq!(found(&all, &[]).unwrap(), "203.0.113.1");
        assert_eq!(found(&all, &["203.0.113.1"]).unwrap(), "198.51.100.1");
        assert_eq!(found(&[("::", "ffff::")], &[]).unwrap(), "2001:db8::1");
    }

    #[test]
    fn else_the_lowest_that_is_free() {
        let block = [("10.0.0.0", "10.0.0.3"), ("10.0.0.8", "10.0.0.8")];
        assert_eq!(found(&block, &[]).unwrap(), "10.0.0.1");
        let taken = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
        assert_eq!(found(&block, &taken).unwrap(), "10.0.0.0");
        let taken = [taken.as_slice(), &["10.0.0.0"]].concat();
        assert_eq!(found(&block, &taken).unwrap(), "10.0.0.8");
        let taken = [taken.as_slice(), &["10.0.0.8"]].concat();
        assert_eq!(found(&block, &taken), None);
        assert_eq!(
            found(&[("255.255.255.255", "255.255.255.255")], &[]).unwrap(),
            "255.255.255.255"
        );
    }
}
