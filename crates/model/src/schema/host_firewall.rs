//! Rules for nodes: the group `ringfence.dev/v1alpha1`.

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::policy::NAMESPACED_POD;
use super::schemas;

schemas! {
    HOST_FIREWALL "HostFirewall" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: HOST_FIREWALL_SPEC,
        status: HOST_FIREWALL_STATUS,
    }
    HOST_FIREWALL_SPEC "HostFirewallSpec" {
        nodeSelector: LABEL_SELECTOR, ingress: [HOST_FIREWALL_RULE],
    }
    HOST_FIREWALL_RULE "HostFirewallRule" {
        name: Text, from: [HOST_FIREWALL_PEER], ports: [HOST_FIREWALL_PORT],
    }
    HOST_FIREWALL_PEER "HostFirewallPeer" {
        namespaces: LABEL_SELECTOR, pods: NAMESPACED_POD, nodes: LABEL_SELECTOR, networks: [Text],
    }
    HOST_FIREWALL_PORT "HostFirewallPort" { protocol: Text, port: Int32, endPort: Int32 }
    HOST_FIREWALL_STATUS "HostFirewallStatus" {
        confirmed: HOST_FIREWALL_SPEC, trial: HOST_FIREWALL_TRIAL,
    }
    HOST_FIREWALL_TRIAL "HostFirewallTrial" {
        spec: HOST_FIREWALL_SPEC, since: Time, until: Time,
    }
}
