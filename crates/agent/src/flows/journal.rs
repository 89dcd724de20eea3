use std::collections::{BTreeMap, VecDeque};

use ringfence_compile::Reason;

use super::record::{FlowRecord, FlowVerdict, Flows, Lost};

/// Records of one answer.
const MOST_ANSWERED: usize = 1_000;
/// Records that are kept.
const MOST_KEPT: usize = 8_192;

/// The last records, numbered.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    records: VecDeque<FlowRecord>,
    /// The number of the next record.
    next: u64,
    /// How many packets all records ever were about.
    packets: BTreeMap<(FlowVerdict, Reason), u64>,
    pub(super) lost: Lost,
    pub(super) problem: Option<String>,
}

impl Journal {
    /// Keeps a record under the next number.
    pub(super) fn push(&mut self, record: FlowRecord) {
        if self.records.len() == MOST_KEPT {
            self.records.pop_front();
            self.lost.records = self.lost.records.saturating_add(1);
        }
        let packets = self.packets.entry((record.verdict, record.reason));
        *packets.or_default() += record.count;
        self.records.push_back(FlowRecord {
            number: self.next,
            ..record
        });
        self.next += 1;
    }

    /// How many packets were recorded since the agent started, and how much was lost.
    pub(crate) fn totals(&self) -> (BTreeMap<(FlowVerdict, Reason), u64>, Lost) {
        (self.packets.clone(), self.lost)
    }

    /// Records from the number `from` on, as many as one answer holds. A number that was not given yet is one of an
    /// agent that ran before: everything is new then.
    pub(crate) fn since(&self, from: u64) -> Flows {
        let from = if from > self.next { 0 } else { from };
        let wanted = self.records.iter().filter(|record| record.number >= from);
        let records: Vec<FlowRecord> = wanted.take(MOST_ANSWERED).cloned().collect();
        let next = records.last().map_or(self.next, |last| last.number + 1);
        Flows {
            records,
            next,
            lost: self.lost,
            problem: self.problem.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::{FlowEnd, FlowVerdict};
    use ringfence_compile::Reason;
    use ringfence_model::{Labels, Timestamp};

    fn record() -> FlowRecord {
        let end = |last| FlowEnd {
            address: [10, 0, 0, last].into(),
            pod: None,
            labels: Labels::new(),
            node: None,
        };
        FlowRecord {
            time: Timestamp(0),
            node: "n".to_owned(),
            number: 0,
            verdict: FlowVerdict::Deny,
            reason: Reason::Egress,
            source: end(1),
            destination: end(2),
            protocol: "tcp".to_owned(),
            port: Some(80),
            count: 1,
            policies: Vec::new(),
            because: Vec::new(),
            nearest: None,
        }
    }

    #[test]
    fn the_oldest_are_overwritten_and_counted() {
        let mut journal = Journal::default();
        for _ in 0..MOST_KEPT + 3 {
            journal.push(record());
        }
        let answer = journal.since(0);
        assert_eq!(answer.records.first().unwrap().number, 3);
        assert_eq!(answer.lost.records, 3);
        let (packets, _) = journal.totals();
        let denied = (FlowVerdict::Deny, Reason::Egress);
        assert_eq!(packets[&denied], MOST_KEPT as u64 + 3);
    }

    #[test]
    fn answers_go_on_where_the_last_one_ended() {
        let mut journal = Journal::default();
        assert_eq!(journal.since(0).next, 0);
        for _ in 0..MOST_ANSWERED + 2 {
            journal.push(record());
        }
        let first = journal.since(0);
        assert_eq!(
            (first.records.len(), first.next),
            (MOST_ANSWERED, MOST_ANSWERED as u64)
        );
        let second = journal.since(first.next);
        assert_eq!(second.records.len(), 2);
        assert_eq!(journal.since(second.next).records, []);
        assert_eq!(journal.since(second.next).next, second.next);
        // Asked by somebody who knew an agent that has died since.
        assert_eq!(journal.since(second.next + 1), first);
    }
}
