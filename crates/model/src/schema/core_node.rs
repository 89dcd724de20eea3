//! The group `core/v1`: nodes.

use super::core::NODE_POD_PREEMPTION_POLICY;
use super::core_volume::ATTACHED_VOLUME;
use super::meta::OBJECT_META;
use super::schemas;

schemas! {
    CONFIG_MAP_NODE_CONFIG_SOURCE "ConfigMapNodeConfigSource" {
        kubeletConfigKey: Text, name: Text, namespace: Text, resourceVersion: Text, uid: Text,
    }
    CONTAINER_IMAGE "ContainerImage" { names: [Text], sizeBytes: Int64 }
    DAEMON_ENDPOINT "DaemonEndpoint" { Port: Int32 }
    NODE "Node" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: NODE_SPEC, status: NODE_STATUS,
    }
    NODE_ADDRESS "NodeAddress" { address: Text, type: Text }
    NODE_CONDITION "NodeCondition" {
        lastHeartbeatTime: Time, lastTransitionTime: Time, message: Text, reason: Text,
        status: Text, type: Text,
    }
    NODE_CONFIG_SOURCE "NodeConfigSource" { configMap: CONFIG_MAP_NODE_CONFIG_SOURCE }
    NODE_CONFIG_STATUS "NodeConfigStatus" {
        active: NODE_CONFIG_SOURCE, assigned: NODE_CONFIG_SOURCE, error: Text,
        lastKnownGood: NODE_CONFIG_SOURCE,
    }
    NODE_DAEMON_ENDPOINTS "NodeDaemonEndpoints" { kubeletEndpoint: DAEMON_ENDPOINT }
    NODE_FEATURES "NodeFeatures" { supplementalGroupsPolicy: Bool }
    NODE_RUNTIME_HANDLER "NodeRuntimeHandler" {
        features: NODE_RUNTIME_HANDLER_FEATURES, name: Text,
    }
    NODE_RUNTIME_HANDLER_FEATURES "NodeRuntimeHandlerFeatures" {
        recursiveReadOnlyMounts: Bool, userNamespaces: Bool,
    }
    NODE_SPEC "NodeSpec" {
        configSource: NODE_CONFIG_SOURCE, externalID: Text, podCIDR: Text, podCIDRs: [Text],
        podPreemptionPolicy: NODE_POD_PREEMPTION_POLICY, providerID: Text, taints: [TAINT],
        unschedulable: Bool,
    }
    NODE_STATUS "NodeStatus" {
        addresses: [NODE_ADDRESS], allocatable: {Quantity}, capacity: {Quantity},
        conditions: [NODE_CONDITION], config: NODE_CONFIG_STATUS,
        daemonEndpoints: NODE_DAEMON_ENDPOINTS, declaredFeatures: [Text], features: NODE_FEATURES,
        images: [CONTAINER_IMAGE], nodeInfo: NODE_SYSTEM_INFO, phase: Text,
        runtimeHandlers: [NODE_RUNTIME_HANDLER], volumesAttached: [ATTACHED_VOLUME],
        volumesInUse: [Text],
    }
    NODE_SWAP_STATUS "NodeSwapStatus" { capacity: Int64 }
    NODE_SYSTEM_INFO "NodeSystemInfo" {
        architecture: Text, bootID: Text, containerRuntimeVersion: Text, kernelVersion: Text,
        kubeProxyVersion: Text, kubeletVersion: Text, machineID: Text, operatingSystem: Text,
        osImage: Text, runningInUserNamespace: Bool, swap: NODE_SWAP_STATUS, systemUUID: Text,
    }
    TAINT "Taint" { effect: Text, key: Text, timeAdded: Time, value: Text }
}
