//! Which addresses are known of which name, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ringfence_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::lifetime::IN_USE;

/// Addresses that are known at once, each as often as names have it.
pub(super) const MOST_ADDRESSES: usize = 8192;

/// An address of a name, as an agent leaves it to the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownAddress {
    /// The name, lower case, without the final dot.
    pub name: String,
    /// One of its addresses.
    pub address: IpAddr,
    /// When it is known no longer.
    pub until: Timestamp,
}

/// Addresses of names.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: BTreeMap<String, BTreeMap<IpAddr, Duration>>,
    /// There was no room for an address.
    is_full: bool,
}

impl Known {
    /// Takes up addresses of a name until then, or later where that is known. Gives all of its addresses if they are others
    /// than before.
    pub(super) fn learn(
        &mut self,
        name: &str,
        addresses: &[IpAddr],
        until: Duration,
    ) -> Option<Vec<IpAddr>> {
        let mut room = MOST_ADDRESSES.saturating_sub(self.names.values().map(BTreeMap::len).sum());
        let mut known = self.names.remove(name).unwrap_or_default();
        let before = known.len();
        for address in addresses.iter().map(IpAddr::to_canonical) {
            if let Some(end) = known.get_mut(&address) {
                *end = until.max(*end);
            } else if is_of_some_host(address) {
                self.is_full |= room == 0;
                if room > 0 {
                    room = room.saturating_sub(1);
                    known.insert(address, until);
                }
            }
        }
        let all = (known.len() > before).then(|| known.keys().copied().collect());
        if !known.is_empty() {
            self.names.insert(name.to_owned(), known);
        }
        all
    }

    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// Every name with its addresses.
    pub(super) fn everything(&self) -> Vec<(String, Option<Vec<IpAddr>>)> {
        let names = self.names.iter();
        names
            .map(|(name, known)| (name.clone(), Some(known.keys().copied().collect())))
            .collect()
    }

    /// Every address of every name, and its end.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, IpAddr, Duration)> {
        self.names.iter().flat_map(|(name, known)| {
            let known = known.iter();
            known.map(|(address, end)| (name.as_str(), *address, *end))
        })
    }

    /// When the first of them ends.
    pub(super) fn first_end(&self) -> Option<Duration> {
        self.iter().map(|(.., end)| end).min()
    }

    /// Addresses that have ended.
    pub(super) fn ended(&self, now: Duration) -> BTreeSet<IpAddr> {
        let ended = self.iter().filter(|(.., end)| *end <= now);
        ended.map(|(_, address, _)| address).collect()
    }

    /// Forgets what has ended, and keeps for a while what is `used`. Gives what is known now of the names that lost some.
    pub(super) fn forget(
        &mut self,
        now: Duration,
        used: &BTreeSet<IpAddr>,
    ) -> Vec<(String, Option<Vec<IpAddr>>)> {
        let mut changed = Vec::new();
        for (name, known) in &mut self.names {
            let before = known.len();
            known.retain(|address, end| {
                if *end <= now && used.contains(address) {
                    *end = now.saturating_add(IN_USE);
                }
                *end > now
            });
            if known.len() < before {
                let left: Vec<IpAddr> = known.keys().copied().collect();
                changed.push((name.clone(), (!left.is_empty()).then_some(left)));
            }
        }
        self.names.retain(|_, known| !known.is_empty());
        self.is_full &= changed.is_empty();
        changed
    }
}

/// Whether a host elsewhere can have it. Loopback is the client itself, and what is of a link has no name in the DNS
/// (RFC 3927, RFC 4291): who answers for a name must not open the metadata service with it.
const fn is_of_some_host(address: IpAddr) -> bool {
    let is_of_link = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_of_link && !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}
