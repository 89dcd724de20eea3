//! A cluster and its flows as a corpus file: Markdown with manifests and a table.

mod cluster_policy;
mod manifest;
mod yaml;

use ringfence_model::Cluster;
use ringfence_net::IpProtocol;

use crate::decider::Verdict;
use crate::flows::ProbeFlow;

/// A corpus file titled `title`: the cluster as manifests, and a row for each flow.
#[must_use]
pub fn case(title: &str, cluster: &Cluster, rows: &[(ProbeFlow, Verdict)]) -> String {
    let mut text = format!("# {title}\n\n```yaml\n{}```\n\n", manifests(cluster));
    if !cluster.domain_addresses.is_empty() {
        text.push_str(&format!("```names\n{}```\n\n", names(cluster)));
    }
    if !cluster.pod_blocks.is_empty() {
        let blocks = cluster.pod_blocks.iter();
        let blocks: String = blocks.map(|block| format!("{block}\n")).collect();
        text.push_str(&format!("```pod-blocks\n{blocks}```\n\n"));
    }
    text.push_str("| from | to | port | verdict | because |\n| --- | --- | --- | --- | --- |\n");
    for (flow, verdict) in rows {
        let port = port(flow);
        let (from, to) = (&flow.source, &flow.destination);
        text.push_str(&format!("| {from} | {to} | {port} | {verdict} | |\n"));
    }
    text
}

/// The cluster as YAML documents that load back into it.
#[must_use]
pub fn manifests(cluster: &Cluster) -> String {
    let documents: Vec<String> = manifest::objects(cluster)
        .iter()
        .map(yaml::document)
        .collect();
    documents.join("---\n")
}

/// A line for each name, with its addresses (rule AM-19).
fn names(cluster: &Cluster) -> String {
    let known = cluster.domain_addresses.iter();
    let lines = known.map(|(name, addresses)| {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        format!("{name} {}\n", addresses.join(" "))
    });
    lines.collect()
}

/// Protocol and port as the corpus writes them: `tcp/80`, `icmp`.
#[must_use]
pub fn port(flow: &ProbeFlow) -> String {
    let protocol = match flow.protocol {
        IpProtocol::ICMP => "icmp".to_owned(),
        IpProtocol::ICMPV6 => "icmpv6".to_owned(),
        other => other.as_policy().map_or_else(
            || format!("protocol-{}", other.0),
            |protocol| protocol.name().to_lowercase(),
        ),
    };
    flow.port
        .map_or(protocol.clone(), |port| format!("{protocol}/{port}"))
}
