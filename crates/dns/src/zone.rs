use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Kind, Record, RecordData};

mod build;
mod reverse;
#[cfg(test)]
mod tests;

/// The domain of a cluster that says nothing else.
pub const DEFAULT_DOMAIN: &str = "cluster.local";

/// Aliases followed in one answer; a longer chain is a loop in practice.
const LONGEST_CHAIN: usize = 8;

/// What a zone holds besides the cluster's objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneOptions {
    /// The cluster domain, [`DEFAULT_DOMAIN`] if nothing else is said.
    pub domain: String,
    /// Names outside the cluster and their addresses: the lab's outside world.
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<IpAddr>>,
    /// Version of the zone, written into its SOA record.
    #[serde(default)]
    pub serial: u32,
}

impl Default for ZoneOptions {
    fn default() -> Self {
        Self {
            domain: DEFAULT_DOMAIN.to_owned(),
            extra: BTreeMap::new(),
            serial: 1,
        }
    }
}

/// Every name of a cluster at one moment. One zone is one line of JSON on the update stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    domain: String,
    serial: u32,
    /// Names inside the domain and reverse names. An empty list is a name that exists only because
    /// something lies below it (RFC 8020).
    names: BTreeMap<String, Vec<RecordData>>,
    /// Names outside the domain.
    extra: BTreeMap<String, Vec<RecordData>>,
}

/// How a lookup ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There are records of the asked type.
    Found,
    /// The name exists without records of the asked type.
    NoData {
        /// The SOA record that says so; none for names outside the cluster.
        authority: Option<Record>,
    },
    /// The name does not exist.
    NoSuchName {
        /// The SOA record that says so.
        authority: Record,
    },
    /// The zone does not know: the name (the last alias, if the answer has any) lies outside of it.
    Outside {
        /// The name to ask somebody else for.
        name: String,
    },
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Records in order, aliases first.
    pub records: Vec<Record>,
    /// Addresses of the hosts that the records mention.
    pub additional: Vec<Record>,
    /// How the lookup ended, behind the last alias.
    pub outcome: Outcome,
}

impl Zone {
    /// The cluster domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The version given to [`Zone::of_cluster`].
    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
    }

    /// Answers a question for `name` (any case, with or without final dot) and `kind`.
    #[must_use]
    pub fn answer(&self, name: &str, kind: Kind) -> Answer {
        let mut records = Vec::new();
        let mut name = canonical(name);
        for _ in 0..=LONGEST_CHAIN {
            let Some(found) = self.find(&name) else {
                return self.unknown(records, name);
            };
            let Some(target) = alias(found).filter(|_| kind != Kind::Cname) else {
                return self.known(records, &name, found, kind);
            };
            records.push(Record {
                name,
                data: RecordData::Cname(target.to_owned()),
            });
            name = target.to_owned();
        }
        self.unresolvable(name)
    }

    fn find(&self, name: &str) -> Option<&Vec<RecordData>> {
        self.names.get(name).or_else(|| self.extra.get(name))
    }

    fn known(
        &self,
        mut records: Vec<Record>,
        name: &str,
        found: &[RecordData],
        kind: Kind,
    ) -> Answer {
        let before = records.len();
        let matching = found.iter().filter(|data| data.kind() == kind);
        records.extend(matching.map(|data| Record {
            name: name.to_owned(),
            data: data.clone(),
        }));
        let outcome = if records.len() > before {
            Outcome::Found
        } else {
            Outcome::NoData {
                authority: self.authority(name),
            }
        };
        Answer {
            additional: self.hosts_of(&records),
            records,
            outcome,
        }
    }

    fn unknown(&self, records: Vec<Record>, name: String) -> Answer {
        let outcome = match self.authority(&name) {
            Some(authority) => Outcome::NoSuchName { authority },
            None => Outcome::Outside { name },
        };
        Answer {
            records,
            additional: Vec::new(),
            outcome,
        }
    }

    /// A loop of aliases leads nowhere, so it is no name.
    fn unresolvable(&self, name: String) -> Answer {
        self.unknown(Vec::new(), name)
    }

    /// The SOA record of the zone that `name` lies in.
    fn authority(&self, name: &str) -> Option<Record> {
        let name = self.apex_of(name)?.to_owned();
        let data = self.start_of_authority();
        Some(Record { name, data })
    }

    fn apex_of(&self, name: &str) -> Option<&str> {
        [self.domain.as_str(), reverse::V4, reverse::V6]
            .into_iter()
            .find(|apex| lies_in(name, apex))
    }

    fn start_of_authority(&self) -> RecordData {
        RecordData::Soa {
            server: format!("ns.dns.{}", self.domain),
            contact: format!("hostmaster.{}", self.domain),
            serial: self.serial,
        }
    }

    /// Addresses of SRV targets (RFC 2782 asks for them in the additional section).
    fn hosts_of(&self, records: &[Record]) -> Vec<Record> {
        let mut hosts: Vec<&str> = records.iter().filter_map(target_host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let addresses_of = |host: &str| -> Vec<Record> {
            let found = self.find(host).into_iter().flatten();
            let addresses = found.filter(|data| matches!(data.kind(), Kind::A | Kind::Aaaa));
            let record = |data: &RecordData| Record {
                name: host.to_owned(),
                data: data.clone(),
            };
            addresses.map(record).collect()
        };
        hosts.into_iter().flat_map(addresses_of).collect()
    }
}

/// Lower case, without final dot.
fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Whether `name` is `apex` or below it.
fn lies_in(name: &str, apex: &str) -> bool {
    name.strip_suffix(apex)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn alias(found: &[RecordData]) -> Option<&str> {
    found.iter().find_map(|data| match data {
        RecordData::Cname(target) => Some(target.as_str()),
        RecordData::A(_)
        | RecordData::Aaaa(_)
        | RecordData::Ns(_)
        | RecordData::Ptr(_)
        | RecordData::Soa { .. }
        | RecordData::Srv { .. }
        | RecordData::Txt(_) => None,
    })
}

fn target_host(record: &Record) -> Option<&str> {
    match &record.data {
        RecordData::Srv { target, .. } | RecordData::Ns(target) => Some(target),
        RecordData::A(_)
        | RecordData::Aaaa(_)
        | RecordData::Cname(_)
        | RecordData::Ptr(_)
        | RecordData::Soa { .. }
        | RecordData::Txt(_) => None,
    }
}
