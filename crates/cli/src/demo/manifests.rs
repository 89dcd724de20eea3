//! The article's manifests word for word, and those that its later chapters describe in prose.

use ringfence_model::Input;

/// `kind create cluster --name=multi-node`.
pub(crate) const CLUSTER: &str = "multi-node";

macro_rules! example {
    ($file:literal) => {
        include_str!(concat!("../../../../examples/netpol-demo/", $file))
    };
}

/// The node that examples name.
const NODE: &str = "multi-node-worker";
const EXPORTER: &str = include_str!("../../../../examples/host-firewall/exporter.yaml");
const HOST_FIREWALL: &str = include_str!("../../../../examples/host-firewall/nodes.yaml");

pub(crate) const KIND_CONFIG: &str = example!("multi-node-kind.yaml");
const APPLICATION: &str = example!("demo-app.yaml");
const CLIENT: &str = example!("client.yaml");
const DEFAULT_DENY_INGRESS: &str = example!("default-deny-ingress.yaml");
const WEB_ALLOW_FRONTEND: &str = example!("web-allow-frontend.yaml");
const DB_POLICY: &str = example!("db-policy.yaml");
const DEFAULT_DENY_EGRESS: &str = example!("default-deny-egress.yaml");
const ALLOW_DNS_AND_WEB: &str = example!("allow-dns-and-web.yaml");
const HOST_NETWORK: &str = example!("host-network.yaml");

pub(crate) fn application() -> Input {
    input("demo-app.yaml", APPLICATION)
}

pub(crate) fn client() -> Input {
    input("client.yaml", CLIENT)
}

pub(crate) fn default_deny_ingress() -> Input {
    input("default-deny-ingress.yaml", DEFAULT_DENY_INGRESS)
}

pub(crate) fn web_allow_frontend() -> Input {
    input("web-allow-frontend.yaml", WEB_ALLOW_FRONTEND)
}

pub(crate) fn db_policy() -> Input {
    input("db-policy.yaml", DB_POLICY)
}

pub(crate) fn default_deny_egress() -> Input {
    input("default-deny-egress.yaml", DEFAULT_DENY_EGRESS)
}

pub(crate) fn allow_dns_and_web() -> Input {
    input("allow-dns-and-web.yaml", ALLOW_DNS_AND_WEB)
}

/// The pod with host networking, on the node of the database.
pub(crate) fn host_network(node: &str) -> Input {
    input("host-network.yaml", &HOST_NETWORK.replace(NODE, node))
}

/// Metrics of the node, in its network.
pub(crate) fn exporter(node: &str) -> Input {
    Input {
        name: "examples/host-firewall/exporter.yaml".to_owned(),
        text: EXPORTER.replace(NODE, node),
    }
}

pub(crate) fn host_firewall() -> Input {
    Input {
        name: "examples/host-firewall/nodes.yaml".to_owned(),
        text: HOST_FIREWALL.to_owned(),
    }
}

fn input(file: &str, text: &str) -> Input {
    Input {
        name: format!("examples/netpol-demo/{file}"),
        text: text.to_owned(),
    }
}
