use std::collections::BTreeMap;

use ringfence_compile::Reason;
use ringfence_model::Timestamp;

use super::packet::Header;

/// Milliseconds within which equal packets are one flow.
pub(super) const WINDOW: i64 = 1_000;
/// Different flows that are counted at once; more are lost, and that is counted.
const MOST_OPEN: usize = 4_096;

/// What makes packets equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    pub(super) reason: Reason,
    pub(super) header: Header,
    /// Index of the interface that it came in by; 0 for none.
    pub(super) input: u32,
}

/// Equal packets so far, and what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted<T> {
    pub(super) flow: Flow,
    pub(super) first: Timestamp,
    pub(super) count: u64,
    /// What was found out when the first one came.
    pub(super) known: T,
}

/// Counts equal packets within a second of the first.
#[derive(Debug)]
pub(super) struct Aggregator<T> {
    open: BTreeMap<Flow, Counted<T>>,
    /// Packets that are in no flow.
    pub(super) lost: u64,
}

impl<T> Aggregator<T> {
    pub(super) const fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            lost: 0,
        }
    }

    /// Counts a packet; `learn` is asked once per flow.
    pub(super) fn add(&mut self, flow: Flow, now: Timestamp, learn: impl FnOnce(&Flow) -> T) {
        if let Some(counted) = self.open.get_mut(&flow) {
            counted.count = counted.count.saturating_add(1);
        } else if self.open.len() < MOST_OPEN {
            let counted = Counted {
                known: learn(&flow),
                flow: flow.clone(),
                first: now,
                count: 1,
            };
            self.open.insert(flow, counted);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// The flows whose second has passed, oldest first.
    pub(super) fn finish(&mut self, now: Timestamp) -> Vec<Counted<T>> {
        // A clock that was set back must not keep flows for ever.
        let over = |first: Timestamp| (now.0 - first.0 >= WINDOW) || now < first;
        let ended = self.open.extract_if(.., |_, counted| over(counted.first));
        let mut ended: Vec<Counted<T>> = ended.map(|(_, counted)| counted).collect();
        ended.sort_by_key(|counted| counted.first);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_net::IpProtocol;

    fn flow(port: u16) -> Flow {
        Flow {
            reason: Reason::Egress,
            header: Header {
                source: [10, 0, 0, 1].into(),
                destination: [10, 0, 0, 2].into(),
                protocol: IpProtocol(6),
                port: Some(port),
            },
            input: 3,
        }
    }

    fn counts(ended: &[Counted<()>]) -> Vec<(Option<u16>, i64, u64)> {
        let of = |it: &Counted<()>| (it.flow.header.port, it.first.0, it.count);
        ended.iter().map(of).collect()
    }

    #[test]
    fn equal_packets_within_a_second_are_one_flow() {
        let mut flows = Aggregator::new();
        flows.add(flow(81), Timestamp(100), |_| ());
        for at in [0, 1, 999] {
            flows.add(flow(80), Timestamp(at), |_| ());
        }
        assert_eq!(counts(&flows.finish(Timestamp(999))), []);
        assert_eq!(counts(&flows.finish(Timestamp(1_000))), [(Some(80), 0, 3)]);
        flows.add(flow(80), Timestamp(1_050), |_| ());
        let rest = flows.finish(Timestamp(5_000));
        assert_eq!(counts(&rest), [(Some(81), 100, 1), (Some(80), 1_050, 1)]);
    }

    #[test]
    fn each_flow_is_asked_about_once() {
        let mut asked = 0;
        let mut flows = Aggregator::new();
        for _ in 0..3 {
            flows.add(flow(80), Timestamp(0), |_| asked += 1);
        }
        assert_eq!(asked, 1);
    }

    #[test]
    fn a_scan_is_bounded_and_its_rest_counted() {
        let mut flows = Aggregator::new();
        for port in 0..5_000 {
            flows.add(flow(port), Timestamp(0), |_| ());
        }
        assert_eq!(flows.lost, 5_000 - MOST_OPEN as u64);
        assert_eq!(flows.finish(Timestamp(WINDOW)).len(), MOST_OPEN);
        flows.add(flow(1), Timestamp(WINDOW), |_| ());
        assert_eq!(flows.lost, 5_000 - MOST_OPEN as u64);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing() {
        let mut flows = Aggregator::new();
        flows.add(flow(80), Timestamp(9_000), |_| ());
        assert_eq!(flows.finish(Timestamp(10)).len(), 1);
    }
}
