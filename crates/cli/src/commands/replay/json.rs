use ringfence_agent::flows::FlowEnd;
use serde::Serialize;

use super::judge::Replay;
use crate::output::json;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    flows: Vec<Flow<'a>>,
    unobserved: Vec<Rule>,
    /// Records of packets that were dropped for other reasons than policies.
    left_out: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Flow<'a> {
    fate: &'static str,
    recorded: &'static str,
    source: &'a FlowEnd,
    destination: &'a FlowEnd,
    protocol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    count: u64,
    because: &'a [String],
}

#[derive(Serialize)]
struct Rule {
    policy: String,
    direction: String,
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

pub(super) fn print(replay: &Replay) -> anyhow::Result<()> {
    let flows = replay.flows.iter().map(|flow| Flow {
        fate: flow.fate.word(),
        recorded: if flow.passed { "allow" } else { "deny" },
        source: &flow.source,
        destination: &flow.destination,
        protocol: &flow.protocol,
        port: flow.port,
        count: flow.count,
        because: &flow.because,
    });
    let unobserved = replay.unobserved.iter();
    let unobserved = unobserved.map(|((policy, direction, index), source)| Rule {
        policy: policy.to_string(),
        direction: direction.to_string(),
        index: *index,
        source: source.as_ref().map(ToString::to_string),
    });
    json::print(&Document {
        flows: flows.collect(),
        unobserved: unobserved.collect(),
        left_out: replay.other,
    })
}
