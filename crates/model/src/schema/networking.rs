//! The group `networking.k8s.io/v1`.

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::schemas;

schemas! {
    IP_BLOCK "IPBlock" { cidr: Text, except: [Text] }
    NETWORK_POLICY "NetworkPolicy" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: NETWORK_POLICY_SPEC,
        status: Any,
    }
    NETWORK_POLICY_EGRESS_RULE "NetworkPolicyEgressRule" {
        ports: [NETWORK_POLICY_PORT], to: [NETWORK_POLICY_PEER],
    }
    NETWORK_POLICY_INGRESS_RULE "NetworkPolicyIngressRule" {
        from: [NETWORK_POLICY_PEER], ports: [NETWORK_POLICY_PORT],
    }
    NETWORK_POLICY_PEER "NetworkPolicyPeer" {
        ipBlock: IP_BLOCK, namespaceSelector: LABEL_SELECTOR, podSelector: LABEL_SELECTOR,
    }
    NETWORK_POLICY_PORT "NetworkPolicyPort" { endPort: Int32, port: IntOrString, protocol: Text }
    NETWORK_POLICY_SPEC "NetworkPolicySpec" {
        egress: [NETWORK_POLICY_EGRESS_RULE], ingress: [NETWORK_POLICY_INGRESS_RULE],
        podSelector: LABEL_SELECTOR, policyTypes: [Text],
    }
}
