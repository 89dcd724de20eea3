//! Nodes: labels, addresses and pod blocks (rules Q-5, OB-16).

use super::{Context, meta};
use crate::Node;
use crate::validate::{address, names};
use crate::view::View;

pub(super) fn node(context: &mut Context<'_>, root: &View<'_>) -> Node {
    let meta = meta::cluster_scoped(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let addresses = root.field("status").field("addresses");
    let kubelet = root.field("status").field("daemonEndpoints");
    let kubelet = kubelet.field("kubeletEndpoint");
    let spec = root.field("spec");
    let (blocks, block) = (spec.field("podCIDRs"), spec.field("podCIDR"));
    Node {
        name: meta.name,
        labels: meta.labels,
        addresses: addresses
            .items()
            .filter(|item| matches!(item.field("type").text(), Some("InternalIP" | "ExternalIP")))
            .filter_map(|item| address::ip(report, "Q-5", &item.field("address")))
            .collect(),
        pod_cidrs: if blocks.is_set() {
            blocks
                .items()
                .filter_map(|item| address::cidr(report, "OB-16", &item))
                .collect()
        } else {
            block
                .set()
                .and_then(|block| address::cidr(report, "OB-16", &block))
                .into_iter()
                .collect()
        },
        kubelet_port: kubelet
            .field("Port")
            .integer()
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0),
        source: report.source(root.span),
    }
}
