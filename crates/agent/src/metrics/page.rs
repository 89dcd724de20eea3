//! The counters as text.

use std::collections::BTreeMap;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use ringfence_compile::Reason;

use super::Sample;
use crate::flows::{FlowVerdict, Lost};

/// A label and its value, for each label.
type LabelPairs = Vec<(&'static str, String)>;

/// What Prometheus reads: `sample`, and what became of packets.
pub(crate) fn page(
    sample: &Sample,
    packets: &BTreeMap<(FlowVerdict, Reason), u64>,
    lost: Lost,
) -> String {
    let mut page = Page(Registry::with_prefix("ringfence"));
    page.health(sample);
    page.work(sample);
    page.table(sample);
    page.packets(packets, lost);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &page.0);
    text
}

struct Page(Registry);

impl Page {
    fn health(&mut self, sample: &Sample) {
        let health = &sample.health;
        self.gauge(
            "ready",
            "Whether the node enforces the policies",
            health.ready.into(),
        );
        let problem = i64::from(health.problem.is_some());
        self.gauge("problem", "Whether something is wrong", problem);
        let drift = i64::from(health.watched.drift.is_some());
        self.gauge(
            "drift",
            "Whether the table differs from the policies",
            drift,
        );
        self.counter("repairs", "Repairs of a changed table", health.repairs);
        let last = health.watched.last.as_ref();
        let verified = last.map_or(0, |last| last.at.0 / 1_000);
        self.gauge(
            "verified_timestamp_seconds",
            "When the table was last verified",
            verified,
        );
        self.gauge("endpoints", "Pods with rules", count(health.endpoints));
        let revision = |revision: Option<u64>| count(revision.unwrap_or_default());
        self.gauge(
            "heard_revision",
            "The last revision that was received",
            revision(sample.tally.heard),
        );
        self.gauge(
            "enforced_revision",
            "The last revision that is enforced",
            revision(health.applied),
        );
    }

    fn work(&mut self, sample: &Sample) {
        let tally = &sample.tally;
        self.0.register(
            "apply_seconds",
            "Time from an object to the kernel that enforces it",
            tally.latency.clone(),
        );
        self.counter("commits", "Transactions", tally.commits);
        self.counter(
            "refused_commits",
            "Transactions that the kernel did not take",
            tally.refused_commits,
        );
        self.counter(
            "revoked_connections",
            "Connections that were cut",
            tally.revoked,
        );
        let troubles = tally.troubles.iter();
        let troubles = troubles.map(|(about, found)| (vec![("about", about.clone())], found.count));
        self.counters(
            "source_failures",
            "Watches that broke, and objects that were not understood",
            troubles,
        );
    }

    fn table(&mut self, sample: &Sample) {
        self.gauge("table_rules", "Rules of the table", count(sample.rules));
        let elements = Family::<LabelPairs, Gauge>::default();
        for (set, found) in &sample.elements {
            let labels = vec![("set", set.clone())];
            elements.get_or_create(&labels).set(count(*found));
        }
        self.0
            .register("table_elements", "Elements of the table's sets", elements);
    }

    fn packets(&mut self, packets: &BTreeMap<(FlowVerdict, Reason), u64>, lost: Lost) {
        let labels = |(verdict, reason): (FlowVerdict, Reason)| {
            vec![
                ("verdict", verdict.word().to_owned()),
                ("reason", reason.word().to_owned()),
            ]
        };
        let packets = packets.iter().map(|(what, count)| (labels(*what), *count));
        self.counters(
            "packets",
            "Packets whose copies were seen, by what became of them",
            packets,
        );
        self.counter(
            "lost_packets",
            "Copies of packets that were lost, and packets in no record",
            lost.packets + lost.unrecorded,
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = (LabelPairs, u64)>,
    ) {
        let family = Family::<LabelPairs, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(name, help, family);
    }
}

fn count(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
