//! What others answered, remembered for as long as they allow. Pure: the time is handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// Longest time that anything is remembered, in seconds: that of CoreDNS in a usual cluster (`cache 30`).
const LONGEST: u32 = 30;
/// How long a failure is remembered, in seconds: at least one (RFC 9520).
const FAILURE: u32 = 1;
/// Most answers.
const MOST_ENTRIES: usize = 10_000;
/// Most bytes of all answers, as they came over the wire.
const MOST_BYTES: usize = 8 << 20;
/// Bytes of an answer that is worth remembering.
const LARGEST_ENTRY: usize = 16 << 10;

/// A question; names are equal whatever their letter case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) name: Name,
    kind: u16,
}

impl Key {
    pub(crate) fn new(name: Name, kind: RecordType) -> Self {
        let kind = u16::from(kind);
        Self { name, kind }
    }

    pub(crate) fn kind(&self) -> RecordType {
        RecordType::from(self.kind)
    }
}

/// What somebody else says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) code: ResponseCode,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    /// Bytes of the message.
    length: usize,
}

impl Found {
    /// The part of an upstream server's answer that is handed on.
    pub(crate) fn new(message: Message, length: usize) -> Self {
        Self {
            code: message.metadata.response_code,
            answers: message.answers,
            authorities: message.authorities,
            length,
        }
    }

    /// Nobody answers.
    pub(crate) const fn failure() -> Self {
        Self {
            code: ResponseCode::ServFail,
            answers: Vec::new(),
            authorities: Vec::new(),
            length: 0,
        }
    }

    /// Seconds that it may be remembered: as long as each of its records; an absence as long as its SOA
    /// record says, and not at all without one (RFC 2308).
    fn lifetime(&self) -> u32 {
        let shortest = self.answers.iter().map(|record| record.ttl).min();
        let lifetime = match (self.code, shortest) {
            (ResponseCode::NoError, Some(shortest)) if !self.ends_in_absence() => shortest,
            (ResponseCode::NoError | ResponseCode::NXDomain, shortest) => {
                let absence = self.authorities.iter().find_map(absence).unwrap_or(0);
                absence.min(shortest.unwrap_or(absence))
            }
            _ => FAILURE,
        };
        lifetime.min(LONGEST)
    }

    /// Aliases that lead to nothing.
    fn ends_in_absence(&self) -> bool {
        let is_alias = |record: &Record| record.record_type() == RecordType::CNAME;
        self.answers.iter().all(is_alias)
            && self
                .authorities
                .iter()
                .any(|record| absence(record).is_some())
    }

    fn aged(&self, seconds: u32) -> Self {
        let mut aged = self.clone();
        for record in aged.answers.iter_mut().chain(&mut aged.authorities) {
            record.ttl = record.ttl.min(LONGEST).saturating_sub(seconds);
        }
        aged
    }
}

fn absence(record: &Record) -> Option<u32> {
    let RData::SOA(soa) = &record.data else {
        return None;
    };
    Some(record.ttl.min(soa.minimum))
}

#[derive(Debug)]
struct Entry {
    found: Arc<Found>,
    since: Instant,
    until: Instant,
}

/// Answers of others. When it is full, the one that would expire first goes.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: BTreeMap<Key, Entry>,
    by_end: BTreeSet<(Instant, Key)>,
    bytes: usize,
}

impl Cache {
    /// What is remembered, with what is left of its lifetime in its records.
    pub(crate) fn get(&self, key: &Key, now: Instant) -> Option<Found> {
        let entry = self.entries.get(key).filter(|entry| now < entry.until)?;
        let age = now.saturating_duration_since(entry.since).as_secs();
        Some(entry.found.aged(u32::try_from(age).unwrap_or(u32::MAX)))
    }

    /// Remembers an answer in the place of what was known before.
    pub(crate) fn insert(&mut self, key: &Key, found: Arc<Found>, now: Instant) {
        let lifetime = Duration::from_secs(u64::from(found.lifetime()));
        self.remove(key);
        if lifetime.is_zero() || found.length > LARGEST_ENTRY {
            return;
        }
        let until = now + lifetime;
        self.bytes += found.length;
        self.by_end.insert((until, key.clone()));
        let entry = Entry {
            found,
            since: now,
            until,
        };
        self.entries.insert(key.clone(), entry);
        self.shrink(now);
    }

    /// Number of answers, those that have expired and were not needed since among them.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Removes what has expired, and what is too much.
    fn shrink(&mut self, now: Instant) {
        while let Some((until, key)) = self.by_end.first() {
            if *until > now && self.len() <= MOST_ENTRIES && self.bytes <= MOST_BYTES {
                return;
            }
            let key = key.clone();
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some((key, entry)) = self.entries.remove_entry(key) {
            self.bytes = self.bytes.saturating_sub(entry.found.length);
            self.by_end.remove(&(entry.until, key));
        }
    }
}

#[cfg(test)]
mod tests;
