//! The group `discovery.k8s.io/v1`.

use super::core::OBJECT_REFERENCE;
use super::meta::OBJECT_META;
use super::schemas;

schemas! {
    ENDPOINT "Endpoint" {
        addresses: [Text], conditions: ENDPOINT_CONDITIONS, deprecatedTopology: {Text},
        hints: ENDPOINT_HINTS, hostname: Text, nodeName: Text, targetRef: OBJECT_REFERENCE,
        zone: Text,
    }
    ENDPOINT_CONDITIONS "EndpointConditions" { ready: Bool, serving: Bool, terminating: Bool }
    ENDPOINT_HINTS "EndpointHints" { forNodes: [FOR_NODE], forZones: [FOR_ZONE] }
    ENDPOINT_PORT "EndpointPort" { appProtocol: Text, name: Text, port: Int32, protocol: Text }
    ENDPOINT_SLICE "EndpointSlice" {
        addressType: Text, apiVersion: Text, endpoints: [ENDPOINT], kind: Text,
        metadata: OBJECT_META, ports: [ENDPOINT_PORT],
    }
    FOR_NODE "ForNode" { name: Text }
    FOR_ZONE "ForZone" { name: Text }
}
