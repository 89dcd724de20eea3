//! Rule AM-22: where the address of a pod may lie that is not known.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ringfence_model::{Cluster, IpBlock, Match, Party, is_reserved};
use ringfence_net::Family;

/// Where an address lies that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// It is in one of them.
    blocks: Vec<IpNet>,
    /// Whether it is a pod's of which nothing else is known: it is none that is reserved.
    is_any_pods: bool,
}

impl Whereabouts {
    /// Of `peer`, in a connection with `own`.
    #[must_use]
    pub fn of(cluster: &Cluster, own: &Party, peer: &Party) -> Self {
        let spoken = own.address().map(Family::of);
        match peer {
            Party::Pod { .. } => Self::of_pods(cluster, spoken),
            Party::Node { .. } | Party::Other(_) | Party::Loopback(_) => Self::of_others(spoken),
        }
    }

    /// Of a pod in a connection of `family`, or of any family if neither end tells.
    pub(crate) fn of_pods(cluster: &Cluster, family: Option<Family>) -> Self {
        let given = cluster.pod_blocks.iter().copied();
        let speaks = |block: &IpNet| family.is_none_or(|family| Family::of(block.addr()) == family);
        let blocks: Vec<IpNet> = given.filter(speaks).collect();
        if blocks.is_empty() {
            return Self {
                is_any_pods: true,
                ..Self::of_others(family)
            };
        }
        Self {
            blocks,
            is_any_pods: false,
        }
    }

    /// Of somebody else, who may have any address of the family.
    pub(crate) fn of_others(family: Option<Family>) -> Self {
        let families = Family::ALL.into_iter();
        let spoken = families.filter(|one| family.is_none_or(|family| *one == family));
        Self {
            blocks: spoken.map(all_of).collect(),
            is_any_pods: false,
        }
    }

    /// Whether the address is in `block` (rules NP-40, NP-41).
    #[must_use]
    pub fn within(&self, block: &IpBlock) -> Match {
        if self.is_any_pods && is_reserved(block.cidr) {
            return Match::No;
        }
        let holes = IpNet::aggregate(&block.except);
        self.all_or_none(|possible| relation(possible, block.cidr, &holes))
    }

    /// Whether the address is in `network` (rules CN-34, CN-35, CN-37).
    #[must_use]
    pub fn within_network(&self, network: IpNet) -> Match {
        if self.is_any_pods && is_reserved(network) {
            return Match::No;
        }
        self.all_or_none(|possible| relation(possible, network, &[]))
    }

    /// What holds of each block holds of the address.
    fn all_or_none(&self, test: impl Fn(IpNet) -> Match) -> Match {
        let mut found = self.blocks.iter().map(|block| test(*block));
        let first = found.next().unwrap_or(Match::Unknown);
        if found.all(|next| next == first) {
            first
        } else {
            Match::Unknown
        }
    }
}

fn all_of(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(Ipv4Net::default()),
        Family::V6 => IpNet::V6(Ipv6Net::default()),
    }
}

/// Whether all or none of the addresses of `possible` are in `cidr` and in no hole. Holes have nothing in common, and
/// no two of them form a larger block.
fn relation(possible: IpNet, cidr: IpNet, holes: &[IpNet]) -> Match {
    let common = if cidr.contains(&possible) {
        possible
    } else if possible.contains(&cidr) {
        cidr
    } else {
        return Match::No;
    };
    if holes.iter().any(|hole| hole.contains(&common)) {
        return Match::No;
    }
    let is_cut = holes.iter().any(|hole| common.contains(hole));
    if common == possible && !is_cut {
        Match::Yes
    } else {
        Match::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn within(pods: &[&str], family: Option<Family>, cidr: &str, except: &[&str]) -> Match {
        let cluster = Cluster {
            pod_blocks: pods.iter().map(|text| net(text)).collect(),
            ..Cluster::default()
        };
        let block = IpBlock {
            cidr: net(cidr),
            except: except.iter().map(|text| net(text)).collect(),
        };
        Whereabouts::of_pods(&cluster, family).within(&block)
    }

    #[test]
    fn all_of_the_addresses_or_none_decide() {
        let pods = &["10.244.0.0/16"];
        let table = [
            ("10.0.0.0/8", &[][..], Match::Yes),
            ("10.244.0.0/16", &[], Match::Yes),
            ("10.244.3.0/24", &[], Match::Unknown),
            ("192.168.0.0/16", &[], Match::No),
            ("fd00::/8", &[], Match::No),
            ("10.0.0.0/8", &["10.1.0.0/16"], Match::Yes),
            ("10.0.0.0/8", &["10.244.0.0/16"], Match::No),
            ("10.0.0.0/8", &["10.244.0.0/17"], Match::Unknown),
            (
                "10.0.0.0/8",
                &["10.244.0.0/17", "10.244.128.0/17"],
                Match::No,
            ),
            (
                "10.244.3.0/24",
                &["10.244.3.0/25", "10.244.3.128/25"],
                Match::No,
            ),
        ];
        for (cidr, except, expected) in table {
            assert_eq!(
                within(pods, None, cidr, except),
                expected,
                "{cidr} {except:?}"
            );
        }
    }

    #[test]
    fn every_block_of_the_family_counts() {
        let pods = &["10.1.0.0/16", "10.2.0.0/16", "fd00::/64"];
        let v4 = Some(Family::V4);
        assert_eq!(within(pods, v4, "10.0.0.0/8", &[]), Match::Yes);
        assert_eq!(within(pods, v4, "10.1.0.0/16", &[]), Match::Unknown);
        assert_eq!(within(pods, None, "10.0.0.0/8", &[]), Match::Unknown);
        assert_eq!(within(pods, None, "192.0.2.0/24", &[]), Match::No);
        let nothing = within(&["10.1.0.0/16"], Some(Family::V6), "fd00::/8", &[]);
        assert_eq!(nothing, Match::Unknown);
    }

    #[test]
    fn the_family_that_is_spoken_decides() {
        let table = [
            (Some(Family::V6), "10.0.0.0/8", &[][..], Match::No),
            (Some(Family::V4), "10.0.0.0/8", &[], Match::Unknown),
            (Some(Family::V4), "0.0.0.0/0", &[], Match::Yes),
            (
                Some(Family::V4),
                "0.0.0.0/0",
                &["10.0.0.0/8"],
                Match::Unknown,
            ),
            (Some(Family::V6), "0.0.0.0/0", &[], Match::No),
            (None, "0.0.0.0/0", &[], Match::Unknown),
            (
                None,
                "10.0.0.0/8",
                &["10.0.0.0/9", "10.128.0.0/9"],
                Match::No,
            ),
        ];
        for (family, cidr, except, expected) in table {
            assert_eq!(
                within(&[], family, cidr, except),
                expected,
                "{cidr} {except:?}"
            );
            let block = IpBlock {
                cidr: net(cidr),
                except: except.iter().map(|text| net(text)).collect(),
            };
            assert_eq!(
                Whereabouts::of_others(family).within(&block),
                expected,
                "{cidr}"
            );
        }
        let link = IpBlock {
            cidr: net("169.254.0.0/16"),
            except: Vec::new(),
        };
        let node = Whereabouts::of_others(Some(Family::V4));
        assert_eq!(node.within(&link), Match::Unknown);
    }

    #[test]
    fn no_pod_has_an_address_of_the_link_or_of_the_metadata_service() {
        for (cidr, expected) in [
            ("169.254.169.254/32", Match::No),
            ("fd00:ec2::254/128", Match::No),
            ("169.254.0.0/16", Match::No),
            ("169.0.0.0/8", Match::Unknown),
            ("10.0.0.0/8", Match::Unknown),
        ] {
            assert_eq!(within(&[], None, cidr, &[]), expected, "{cidr}");
        }
    }
}
