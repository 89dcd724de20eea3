//! Which connections a change may deny, by their ends.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_netlink::conntrack::End;

/// So many ranges are looked through for each connection; with more of them all are judged.
const RANGES: usize = 64;
/// The connections with an address at one end are asked of the kernel for so many one after the other; of more, all are listed.
pub(super) const ASKED_ONE_BY_ONE: usize = 8;

/// Addresses of which a connection may be denied that was allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspects {
    everybody: bool,
    addresses: BTreeSet<(IpAddr, End)>,
    /// First and last addresses.
    ranges: BTreeSet<(IpAddr, IpAddr)>,
    /// Addresses and UDP ports of Services that led elsewhere before; without address, ports of nodes.
    redirected: BTreeSet<(Option<IpAddr>, u16)>,
}

impl Suspects {
    pub(crate) fn everybody() -> Self {
        Self {
            everybody: true,
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the addresses from `first` to `last`, at these ends; ranges at both.
    pub(crate) fn add(&mut self, first: IpAddr, last: IpAddr, ends: &[End]) {
        if first == last {
            self.addresses.extend(ends.iter().map(|end| (first, *end)));
        } else {
            self.ranges.insert((first, last));
            self.everybody |= self.ranges.len() > RANGES;
        }
    }

    /// Adds what a Service serves over UDP and where it led elsewhere before; without address, at all nodes.
    pub(crate) fn redirect(&mut self, address: Option<IpAddr>, port: u16) {
        self.redirected.insert((address, port));
    }

    pub(crate) fn are_redirected(&self, (address, port): (IpAddr, u16)) -> bool {
        let mut ends = [Some(address), None].into_iter();
        ends.any(|address| self.redirected.contains(&(address, port)))
    }

    pub(crate) const fn are_everybody(&self) -> bool {
        self.everybody
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.everybody |= other.everybody;
        self.addresses.extend(other.addresses);
        self.redirected.extend(other.redirected);
        for (first, last) in other.ranges {
            self.add(first, last, &End::ALL);
        }
    }

    pub(crate) fn include(&self, address: IpAddr, end: End) -> bool {
        let within = |(first, last): &(IpAddr, IpAddr)| (*first..=*last).contains(&address);
        self.everybody || self.addresses.contains(&(address, end)) || self.ranges.iter().any(within)
    }

    /// All of them, if they are so few that the kernel is asked about each.
    pub(crate) fn few(&self) -> Option<&BTreeSet<(IpAddr, End)>> {
        let are_single = !self.everybody && self.ranges.is_empty() && self.redirected.is_empty();
        let are_few = are_single && self.addresses.len() <= ASKED_ONE_BY_ONE;
        are_few.then_some(&self.addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_hold_their_ends_and_one_family_alone() {
        let mut suspects = Suspects::default();
        suspects.add(ip("10.0.0.4"), ip("10.0.0.7"), &End::ALL);
        suspects.add(ip("fd00::1"), ip("fd00::1"), &End::ALL);
        let included = [
            "10.0.0.3", "10.0.0.4", "10.0.0.7", "10.0.0.8", "fd00::1", "fd00::2",
        ];
        let included = included.map(|address| suspects.include(ip(address), End::Client));
        assert_eq!(included, [false, true, true, false, true, false]);
        assert_eq!(suspects.few(), None);
    }

    #[test]
    fn too_many_are_everybody() {
        let mut suspects = Suspects::default();
        for number in 0..=64 {
            assert!(!suspects.include(ip("192.0.2.1"), End::Server));
            suspects.add(
                ip(&format!("10.0.{number}.1")),
                ip(&format!("10.0.{number}.9")),
                &[End::Server],
            );
        }
        assert!(suspects.include(ip("192.0.2.1"), End::Client));
    }

    #[test]
    fn an_address_at_one_end_is_not_meant_at_the_other() {
        let mut suspects = Suspects::default();
        suspects.add(ip("10.0.0.1"), ip("10.0.0.1"), &[End::Server]);
        assert!(suspects.include(ip("10.0.0.1"), End::Server));
        assert!(!suspects.include(ip("10.0.0.1"), End::Client));
        assert_eq!(suspects.few().map(BTreeSet::len), Some(1));
    }

    #[test]
    fn a_few_addresses_are_asked_about_one_by_one() {
        let mut suspects = Suspects::default();
        for (number, are_few) in [(1, true), (4, true), (4, true), (5, false)] {
            for other in 1..number {
                let address = ip(&format!("10.0.0.{other}"));
                suspects.add(address, address, &End::ALL);
            }
            let address = ip(&format!("10.0.0.{number}"));
            suspects.add(address, address, &End::ALL);
            assert_eq!(suspects.few().is_some(), are_few);
        }
        assert_eq!(Suspects::everybody().few(), None);
        let mut redirected = Suspects::default();
        redirected.redirect(Some(ip("10.96.0.10")), 53);
        assert_eq!(
            redirected.few(),
            None,
            "the kernel is not asked by what was dialled"
        );
        assert!(!redirected.is_empty());
    }
}
