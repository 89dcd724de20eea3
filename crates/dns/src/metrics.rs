//! What a server counts, as Prometheus reads it.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::Kind;
use crate::message::kind_of;
use crate::reply::Transport;

/// Upper ends of the buckets of the time that an answer takes, in seconds: from the zone, from the cache, from
/// others.
const BUCKETS: [f64; 10] = [
    25e-6, 50e-6, 100e-6, 250e-6, 1e-3, 5e-3, 25e-3, 100e-3, 1.0, 4.0,
];

/// Counters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    questions: Family<QuestionLabels, Counter>,
    responses: Family<ResponseLabels, Counter>,
    seconds: Histogram,
    lookups: Family<LookupLabels, Counter>,
    upstream: Family<UpstreamLabels, Counter>,
    limited: Family<LimitLabels, Counter>,
    lessons: Family<LessonLabels, Counter>,
    pub(crate) cached: Gauge,
    pub(crate) serial: Gauge<u64, AtomicU64>,
    pub(crate) connections: Gauge,
}

/// Where an answer of somebody else came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Source {
    Cache,
    Upstream,
}

/// How an upstream server took a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Exchange {
    Answered,
    Refused,
    Failed,
    Silent,
}

/// What there were too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Limit {
    Questions,
    Connections,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuestionLabels {
    transport: Transport,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseLabels {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    server: String,
    exchange: Exchange,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: Limit,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LessonLabels {
    taught: Taught,
}

/// Whether agents knew an answer before it went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Taught {
    InTime,
    Late,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("ringfence_dns"),
            questions: Family::default(),
            responses: Family::default(),
            seconds: Histogram::new(BUCKETS),
            lookups: Family::default(),
            upstream: Family::default(),
            limited: Family::default(),
            lessons: Family::default(),
            cached: Gauge::default(),
            serial: Gauge::default(),
            connections: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("questions", "Questions", self.questions.clone());
        registry.register("responses", "Responses by code", self.responses.clone());
        registry.register(
            "response_seconds",
            "Time from a question to its response",
            self.seconds.clone(),
        );
        registry.register(
            "outside_lookups",
            "Names outside the cluster, by who knew them",
            self.lookups.clone(),
        );
        registry.register(
            "upstream_exchanges",
            "Questions to upstream servers, by how they ended",
            self.upstream.clone(),
        );
        registry.register(
            "limited",
            "Questions refused and connections closed because there were too many",
            self.limited.clone(),
        );
        registry.register(
            "lessons",
            "Answers with addresses for policies, by whether every agent that asked for them knew them in time",
            self.lessons.clone(),
        );
        registry.register("cached", "Answers in the cache", self.cached.clone());
        registry.register("zone_serial", "Version of the zone", self.serial.clone());
        registry.register(
            "connections",
            "Open TCP connections",
            self.connections.clone(),
        );
    }

    /// All counters in the text format of Prometheus (OpenMetrics 1.0).
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn asked(&self, transport: Transport, kind: Option<RecordType>) {
        let kind = kind.map_or("none", |kind| kind_name(kind_of(kind)));
        let labels = QuestionLabels { transport, kind };
        self.questions.get_or_create(&labels).inc();
    }

    pub(crate) fn answered(&self, code: ResponseCode, after: Duration) {
        let code = code_name(code);
        self.responses.get_or_create(&ResponseLabels { code }).inc();
        self.seconds.observe(after.as_secs_f64());
    }

    pub(crate) fn looked_up(&self, source: Source) {
        self.lookups.get_or_create(&LookupLabels { source }).inc();
    }

    pub(crate) fn exchanged(&self, server: &str, exchange: Exchange) {
        let server = server.to_owned();
        let labels = UpstreamLabels { server, exchange };
        self.upstream.get_or_create(&labels).inc();
    }

    pub(crate) fn limited(&self, limit: Limit) {
        self.limited.get_or_create(&LimitLabels { limit }).inc();
    }

    pub(crate) fn taught(&self, in_time: bool) {
        let taught = if in_time {
            Taught::InTime
        } else {
            Taught::Late
        };
        self.lessons.get_or_create(&LessonLabels { taught }).inc();
    }
}

/// A closed list: whoever asks may not make up labels.
const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::A => "A",
        Kind::Aaaa => "AAAA",
        Kind::Cname => "CNAME",
        Kind::Ns => "NS",
        Kind::Ptr => "PTR",
        Kind::Soa => "SOA",
        Kind::Srv => "SRV",
        Kind::Txt => "TXT",
        Kind::Other => "other",
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other codes come from elsewhere only, and whoever sends them may not make up labels"
)]
const fn code_name(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::BADVERS => "BADVERS",
        _ => "other",
    }
}
