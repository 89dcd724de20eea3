//! Rules: an end of a connection before its address is chosen.

use std::net::IpAddr;

use ringfence_model::Party;
use ringfence_net::Family;

/// An endpoint before the family is chosen: who it is, and every address it could use.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The party, its address still open unless the query names it.
    pub(crate) party: Party,
    /// Its addresses in order of preference; empty if none is known (rule AM-22).
    pub(crate) addresses: Vec<IpAddr>,
}

impl Candidate {
    pub(crate) fn literal(party: Party, address: IpAddr) -> Self {
        Self {
            party,
            addresses: vec![address],
        }
    }

    /// The same party without its addresses of the other family.
    pub(crate) fn restricted_to(self, family: Family) -> Self {
        let of_family = |address: &IpAddr| Family::of(*address) == family;
        Self {
            addresses: self.addresses.into_iter().filter(of_family).collect(),
            ..self
        }
    }

    /// Whether it has an address of `family`, or may have one (rule AM-22).
    pub(crate) fn can_speak(&self, family: Family) -> bool {
        self.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|address| Family::of(*address) == family)
    }

    /// The party with the address of `family` that it would use.
    pub(crate) fn in_family(&self, family: Option<Family>) -> Party {
        let chosen = self
            .addresses
            .iter()
            .copied()
            .find(|address| Some(Family::of(*address)) == family);
        match self.party.clone() {
            Party::Pod { name, .. } => Party::Pod {
                name,
                address: chosen,
            },
            Party::Node { name, host_pod, .. } => Party::Node {
                name,
                host_pod,
                address: chosen,
            },
            party @ (Party::Other(_) | Party::Loopback(_)) => party,
        }
    }
}
