//! The group `kind.x-k8s.io/v1alpha4`: the configuration of a kind cluster. kind takes a number or a boolean for a string in
//! `runtimeConfig`, which ringfence does not read.

use super::schemas;

schemas! {
    CLUSTER "Cluster" {
        apiVersion: Text, kind: Text, name: Text, nodes: [NODE], networking: NETWORKING,
        featureGates: {Bool}, runtimeConfig: {Any}, kubeadmConfigPatches: [Text],
        kubeadmConfigPatchesJSON6902: [PATCH], containerdConfigPatches: [Text],
        containerdConfigPatchesJSON6902: [Text],
    }
    NODE "Node" {
        role: Text, image: Text, labels: {Text}, containerLabels: {Text}, extraMounts: [MOUNT],
        extraPortMappings: [PORT_MAPPING], gpus: Text, kubeadmConfigPatches: [Text],
        kubeadmConfigPatchesJSON6902: [PATCH],
    }
    NETWORKING "Networking" {
        ipFamily: Text, apiServerPort: Int32, apiServerAddress: Text, podSubnet: Text,
        serviceSubnet: Text, disableDefaultCNI: Bool, kubeProxyMode: Text, dnsSearch: [Text],
    }
    PATCH "PatchJSON6902" { group: Text, version: Text, kind: Text, name: Text, namespace: Text, patch: Text }
    MOUNT "Mount" {
        containerPath: Text, hostPath: Text, readOnly: Bool, selinuxRelabel: Bool, propagation: Text,
    }
    PORT_MAPPING "PortMapping" {
        containerPort: Int32, hostPort: Int32, listenAddress: Text, protocol: Text,
    }
}
