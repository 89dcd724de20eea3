//! The group `policy.networking.k8s.io`: `v1beta1` and `v1alpha2`, which have the same fields, and the two kinds of `v1alpha1`.
//!
//! Fields of the experimental channel are fields here too (rules CN-1, AN-3).

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::schemas;

schemas! {
    CLUSTER_NETWORK_POLICY "ClusterNetworkPolicy" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: CLUSTER_NETWORK_POLICY_SPEC,
        status: Any,
    }
    CLUSTER_NETWORK_POLICY_EGRESS_PEER "ClusterNetworkPolicyEgressPeer" {
        domainNames: [Text], namespaces: LABEL_SELECTOR, networks: [Text], nodes: LABEL_SELECTOR,
        pods: NAMESPACED_POD,
    }
    CLUSTER_NETWORK_POLICY_EGRESS_RULE "ClusterNetworkPolicyEgressRule" {
        action: Text, name: Text, protocols: [CLUSTER_NETWORK_POLICY_PROTOCOL],
        to: [CLUSTER_NETWORK_POLICY_EGRESS_PEER],
    }
    CLUSTER_NETWORK_POLICY_INGRESS_PEER "ClusterNetworkPolicyIngressPeer" {
        namespaces: LABEL_SELECTOR, pods: NAMESPACED_POD,
    }
    CLUSTER_NETWORK_POLICY_INGRESS_RULE "ClusterNetworkPolicyIngressRule" {
        action: Text, from: [CLUSTER_NETWORK_POLICY_INGRESS_PEER], name: Text,
        protocols: [CLUSTER_NETWORK_POLICY_PROTOCOL],
    }
    CLUSTER_NETWORK_POLICY_PROTOCOL "ClusterNetworkPolicyProtocol" {
        destinationNamedPort: Text, sctp: PROTOCOL_MATCH, tcp: PROTOCOL_MATCH, udp: PROTOCOL_MATCH,
    }
    CLUSTER_NETWORK_POLICY_SPEC "ClusterNetworkPolicySpec" {
        egress: [CLUSTER_NETWORK_POLICY_EGRESS_RULE],
        ingress: [CLUSTER_NETWORK_POLICY_INGRESS_RULE], priority: Int32, subject: POLICY_SUBJECT,
        tier: Text,
    }
    NAMESPACED_POD "NamespacedPod" {
        namespaceSelector: LABEL_SELECTOR, podSelector: LABEL_SELECTOR,
    }
    POLICY_SUBJECT "Subject" { namespaces: LABEL_SELECTOR, pods: NAMESPACED_POD }
    PORT "Port" { number: Int32, range: RANGE }
    PROTOCOL_MATCH "ProtocolMatch" { destinationPort: PORT }
    RANGE "PortRange" { end: Int32, start: Int32 }

    ADMIN_NETWORK_POLICY "AdminNetworkPolicy" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: ADMIN_NETWORK_POLICY_SPEC,
        status: Any,
    }
    ADMIN_NETWORK_POLICY_EGRESS_PEER "AdminNetworkPolicyEgressPeer" {
        domainNames: [Text], namespaces: LABEL_SELECTOR, networks: [Text], nodes: LABEL_SELECTOR,
        pods: NAMESPACED_POD,
    }
    ADMIN_NETWORK_POLICY_EGRESS_RULE "AdminNetworkPolicyEgressRule" {
        action: Text, name: Text, ports: [ADMIN_NETWORK_POLICY_PORT],
        to: [ADMIN_NETWORK_POLICY_EGRESS_PEER],
    }
    ADMIN_NETWORK_POLICY_INGRESS_PEER "AdminNetworkPolicyIngressPeer" {
        namespaces: LABEL_SELECTOR, pods: NAMESPACED_POD,
    }
    ADMIN_NETWORK_POLICY_INGRESS_RULE "AdminNetworkPolicyIngressRule" {
        action: Text, from: [ADMIN_NETWORK_POLICY_INGRESS_PEER], name: Text,
        ports: [ADMIN_NETWORK_POLICY_PORT],
    }
    ADMIN_NETWORK_POLICY_PORT "AdminNetworkPolicyPort" {
        namedPort: Text, portNumber: PORT_NUMBER, portRange: PROTOCOL_RANGE,
    }
    ADMIN_NETWORK_POLICY_SPEC "AdminNetworkPolicySpec" {
        egress: [ADMIN_NETWORK_POLICY_EGRESS_RULE], ingress: [ADMIN_NETWORK_POLICY_INGRESS_RULE],
        priority: Int32, subject: POLICY_SUBJECT,
    }
    BASELINE_ADMIN_NETWORK_POLICY "BaselineAdminNetworkPolicy" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META,
        spec: BASELINE_ADMIN_NETWORK_POLICY_SPEC, status: Any,
    }
    BASELINE_ADMIN_NETWORK_POLICY_EGRESS_PEER "BaselineAdminNetworkPolicyEgressPeer" {
        namespaces: LABEL_SELECTOR, networks: [Text], nodes: LABEL_SELECTOR, pods: NAMESPACED_POD,
    }
    BASELINE_ADMIN_NETWORK_POLICY_EGRESS_RULE "BaselineAdminNetworkPolicyEgressRule" {
        action: Text, name: Text, ports: [ADMIN_NETWORK_POLICY_PORT],
        to: [BASELINE_ADMIN_NETWORK_POLICY_EGRESS_PEER],
    }
    BASELINE_ADMIN_NETWORK_POLICY_SPEC "BaselineAdminNetworkPolicySpec" {
        egress: [BASELINE_ADMIN_NETWORK_POLICY_EGRESS_RULE],
        ingress: [ADMIN_NETWORK_POLICY_INGRESS_RULE], subject: POLICY_SUBJECT,
    }
    PORT_NUMBER "PortNumber" { port: Int32, protocol: Text }
    PROTOCOL_RANGE "PortRange" { end: Int32, protocol: Text, start: Int32 }
}
