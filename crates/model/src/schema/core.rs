//! The group `core/v1`: pods, Services, namespaces and configuration.

use super::core_volume::{POD_VOLUME_HEALTH, VOLUME, VOLUME_MOUNT_STATUS};
use super::meta::{CONDITION, LABEL_SELECTOR, OBJECT_META};
use super::schemas;

schemas! {
    AFFINITY "Affinity" {
        nodeAffinity: NODE_AFFINITY, podAffinity: POD_AFFINITY, podAntiAffinity: POD_ANTI_AFFINITY,
    }
    APP_ARMOR_PROFILE "AppArmorProfile" { localhostProfile: Text, type: Text }
    CAPABILITIES "Capabilities" { add: [Text], drop: [Text] }
    CLIENT_IP_CONFIG "ClientIPConfig" { timeoutSeconds: Int32 }
    CONFIG_MAP "ConfigMap" {
        apiVersion: Text, binaryData: {Bytes}, data: {Text}, immutable: Bool, kind: Text,
        metadata: OBJECT_META,
    }
    CONFIG_MAP_ENV_SOURCE "ConfigMapEnvSource" { name: Text, optional: Bool }
    CONFIG_MAP_KEY_SELECTOR "ConfigMapKeySelector" { key: Text, name: Text, optional: Bool }
    CONTAINER "Container" {
        args: [Text], command: [Text], env: [ENV_VAR], envFrom: [ENV_FROM_SOURCE], image: Text,
        imagePullPolicy: Text, lifecycle: LIFECYCLE, livenessProbe: PROBE, name: Text,
        ports: [CONTAINER_PORT], readinessProbe: PROBE, resizePolicy: [CONTAINER_RESIZE_POLICY],
        resources: RESOURCE_REQUIREMENTS, restartPolicy: Text,
        restartPolicyRules: [CONTAINER_RESTART_RULE], securityContext: SECURITY_CONTEXT,
        startupProbe: PROBE, stdin: Bool, stdinOnce: Bool, terminationMessagePath: Text,
        terminationMessagePolicy: Text, tty: Bool, volumeDevices: [VOLUME_DEVICE],
        volumeMounts: [VOLUME_MOUNT], workingDir: Text,
    }
    CONTAINER_EXTENDED_RESOURCE_REQUEST "ContainerExtendedResourceRequest" {
        containerName: Text, requestName: Text, resourceName: Text,
    }
    CONTAINER_PORT "ContainerPort" {
        containerPort: Int32, hostIP: Text, hostPort: Int32, name: Text, protocol: Text,
    }
    CONTAINER_RESIZE_POLICY "ContainerResizePolicy" { resourceName: Text, restartPolicy: Text }
    CONTAINER_RESTART_RULE "ContainerRestartRule" {
        action: Text, exitCodes: CONTAINER_RESTART_RULE_ON_EXIT_CODES,
    }
    CONTAINER_RESTART_RULE_ON_EXIT_CODES "ContainerRestartRuleOnExitCodes" {
        operator: Text, values: [Int32],
    }
    CONTAINER_STATE "ContainerState" {
        running: CONTAINER_STATE_RUNNING, terminated: CONTAINER_STATE_TERMINATED,
        waiting: CONTAINER_STATE_WAITING,
    }
    CONTAINER_STATE_RUNNING "ContainerStateRunning" { startedAt: Time }
    CONTAINER_STATE_TERMINATED "ContainerStateTerminated" {
        containerID: Text, exitCode: Int32, finishedAt: Time, message: Text, reason: Text,
        signal: Int32, startedAt: Time,
    }
    CONTAINER_STATE_WAITING "ContainerStateWaiting" { message: Text, reason: Text }
    CONTAINER_STATUS "ContainerStatus" {
        allocatedResources: {Quantity}, allocatedResourcesStatus: [RESOURCE_STATUS],
        containerID: Text, image: Text, imageID: Text, lastState: CONTAINER_STATE, name: Text,
        ready: Bool, resources: RESOURCE_REQUIREMENTS, restartCount: Int32, started: Bool,
        state: CONTAINER_STATE, stopSignal: Text, user: CONTAINER_USER,
        volumeMounts: [VOLUME_MOUNT_STATUS],
    }
    CONTAINER_USER "ContainerUser" { linux: LINUX_CONTAINER_USER }
    ENDPOINT_ADDRESS "EndpointAddress" {
        hostname: Text, ip: Text, nodeName: Text, targetRef: OBJECT_REFERENCE,
    }
    ENDPOINT_PORT "EndpointPort" { appProtocol: Text, name: Text, port: Int32, protocol: Text }
    ENDPOINT_SUBSET "EndpointSubset" {
        addresses: [ENDPOINT_ADDRESS], notReadyAddresses: [ENDPOINT_ADDRESS],
        ports: [ENDPOINT_PORT],
    }
    ENDPOINTS "Endpoints" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, subsets: [ENDPOINT_SUBSET],
    }
    ENV_FROM_SOURCE "EnvFromSource" {
        configMapRef: CONFIG_MAP_ENV_SOURCE, prefix: Text, secretRef: SECRET_ENV_SOURCE,
    }
    ENV_VAR "EnvVar" { name: Text, value: Text, valueFrom: ENV_VAR_SOURCE }
    ENV_VAR_SOURCE "EnvVarSource" {
        configMapKeyRef: CONFIG_MAP_KEY_SELECTOR, fieldRef: OBJECT_FIELD_SELECTOR,
        fileKeyRef: FILE_KEY_SELECTOR, resourceFieldRef: RESOURCE_FIELD_SELECTOR,
        secretKeyRef: SECRET_KEY_SELECTOR,
    }
    EPHEMERAL_CONTAINER "EphemeralContainer" {
        args: [Text], command: [Text], env: [ENV_VAR], envFrom: [ENV_FROM_SOURCE], image: Text,
        imagePullPolicy: Text, lifecycle: LIFECYCLE, livenessProbe: PROBE, name: Text,
        ports: [CONTAINER_PORT], readinessProbe: PROBE, resizePolicy: [CONTAINER_RESIZE_POLICY],
        resources: RESOURCE_REQUIREMENTS, restartPolicy: Text,
        restartPolicyRules: [CONTAINER_RESTART_RULE], securityContext: SECURITY_CONTEXT,
        startupProbe: PROBE, stdin: Bool, stdinOnce: Bool, targetContainerName: Text,
        terminationMessagePath: Text, terminationMessagePolicy: Text, tty: Bool,
        volumeDevices: [VOLUME_DEVICE], volumeMounts: [VOLUME_MOUNT], workingDir: Text,
    }
    EVICTION_RESPONDER "EvictionResponder" { name: Text, priority: Int32 }
    EXEC_ACTION "ExecAction" { command: [Text] }
    FILE_KEY_SELECTOR "FileKeySelector" { key: Text, optional: Bool, path: Text, volumeName: Text }
    GRPC_ACTION "GRPCAction" { mode: Text, port: Int32, service: Text }
    HTTP_GET_ACTION "HTTPGetAction" {
        host: Text, httpHeaders: [HTTP_HEADER], path: Text, port: IntOrString, protocol: Text,
        scheme: Text,
    }
    HTTP_HEADER "HTTPHeader" { name: Text, value: Text }
    HOST_ALIAS "HostAlias" { hostnames: [Text], ip: Text }
    HOST_IP "HostIP" { ip: Text }
    LIFECYCLE "Lifecycle" {
        postStart: LIFECYCLE_HANDLER, preStop: LIFECYCLE_HANDLER, stopSignal: Text,
    }
    LIFECYCLE_HANDLER "LifecycleHandler" {
        exec: EXEC_ACTION, httpGet: HTTP_GET_ACTION, sleep: SLEEP_ACTION,
        tcpSocket: TCP_SOCKET_ACTION,
    }
    LINUX_CONTAINER_USER "LinuxContainerUser" {
        gid: Int64, supplementalGroups: [Int64], uid: Int64,
    }
    LOAD_BALANCER_INGRESS "LoadBalancerIngress" {
        hostname: Text, ip: Text, ipMode: Text, ports: [PORT_STATUS],
    }
    LOAD_BALANCER_STATUS "LoadBalancerStatus" { ingress: [LOAD_BALANCER_INGRESS] }
    LOCAL_OBJECT_REFERENCE "LocalObjectReference" { name: Text }
    NAMESPACE "Namespace" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: NAMESPACE_SPEC,
        status: NAMESPACE_STATUS,
    }
    NAMESPACE_CONDITION "NamespaceCondition" {
        lastTransitionTime: Time, message: Text, reason: Text, status: Text, type: Text,
    }
    NAMESPACE_SPEC "NamespaceSpec" { finalizers: [Text] }
    NAMESPACE_STATUS "NamespaceStatus" { conditions: [NAMESPACE_CONDITION], phase: Text }
    NODE_AFFINITY "NodeAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: [PREFERRED_SCHEDULING_TERM],
        requiredDuringSchedulingIgnoredDuringExecution: NODE_SELECTOR,
    }
    NODE_ALLOCATABLE_MAPPED_RESOURCES "NodeAllocatableMappedResources" {
        name: Text, quantity: Quantity,
    }
    NODE_ALLOCATABLE_OVERHEAD_RESOURCES "NodeAllocatableOverheadResources" {
        name: Text, perContainer: Quantity, perPod: Quantity,
    }
    NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS "NodeAllocatableResourceClaimStatus" {
        containers: [Text], mapping: [NODE_ALLOCATABLE_MAPPED_RESOURCES],
        overhead: [NODE_ALLOCATABLE_OVERHEAD_RESOURCES], resourceClaimName: Text,
        resources: {Quantity},
    }
    NODE_POD_PREEMPTION_POLICY "NodePodPreemptionPolicy" { disableResizePreemption: [Text] }
    NODE_SELECTOR "NodeSelector" { nodeSelectorTerms: [NODE_SELECTOR_TERM] }
    NODE_SELECTOR_REQUIREMENT "NodeSelectorRequirement" {
        key: Text, operator: Text, values: [Text],
    }
    NODE_SELECTOR_TERM "NodeSelectorTerm" {
        matchExpressions: [NODE_SELECTOR_REQUIREMENT], matchFields: [NODE_SELECTOR_REQUIREMENT],
    }
    OBJECT_FIELD_SELECTOR "ObjectFieldSelector" { apiVersion: Text, fieldPath: Text }
    OBJECT_REFERENCE "ObjectReference" {
        apiVersion: Text, fieldPath: Text, kind: Text, name: Text, namespace: Text,
        resourceVersion: Text, uid: Text,
    }
    POD "Pod" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: POD_SPEC, status: POD_STATUS,
    }
    POD_AFFINITY "PodAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: [WEIGHTED_POD_AFFINITY_TERM],
        requiredDuringSchedulingIgnoredDuringExecution: [POD_AFFINITY_TERM],
    }
    POD_AFFINITY_TERM "PodAffinityTerm" {
        labelSelector: LABEL_SELECTOR, matchLabelKeys: [Text], mismatchLabelKeys: [Text],
        namespaceSelector: LABEL_SELECTOR, namespaces: [Text], topologyKey: Text,
    }
    POD_ANTI_AFFINITY "PodAntiAffinity" {
        preferredDuringSchedulingIgnoredDuringExecution: [WEIGHTED_POD_AFFINITY_TERM],
        requiredDuringSchedulingIgnoredDuringExecution: [POD_AFFINITY_TERM],
    }
    POD_CONDITION "PodCondition" {
        lastProbeTime: Time, lastTransitionTime: Time, message: Text, observedGeneration: Int64,
        reason: Text, status: Text, type: Text,
    }
    POD_DNS_CONFIG "PodDNSConfig" {
        nameservers: [Text], options: [POD_DNS_CONFIG_OPTION], searches: [Text],
    }
    POD_DNS_CONFIG_OPTION "PodDNSConfigOption" { name: Text, value: Text }
    POD_EXTENDED_RESOURCE_CLAIM_STATUS "PodExtendedResourceClaimStatus" {
        requestMappings: [CONTAINER_EXTENDED_RESOURCE_REQUEST], resourceClaimName: Text,
    }
    POD_IP "PodIP" { ip: Text }
    POD_OS "PodOS" { name: Text }
    POD_READINESS_GATE "PodReadinessGate" { conditionType: Text }
    POD_RESOURCE_CLAIM "PodResourceClaim" {
        name: Text, resourceClaimName: Text, resourceClaimTemplateName: Text,
    }
    POD_RESOURCE_CLAIM_STATUS "PodResourceClaimStatus" { name: Text, resourceClaimName: Text }
    POD_SCHEDULING_GATE "PodSchedulingGate" { name: Text }
    POD_SCHEDULING_GROUP "PodSchedulingGroup" { podGroupName: Text }
    POD_SECURITY_CONTEXT "PodSecurityContext" {
        appArmorProfile: APP_ARMOR_PROFILE, fsGroup: Int64, fsGroupChangePolicy: Text,
        runAsGroup: Int64, runAsNonRoot: Bool, runAsUser: Int64, seLinuxChangePolicy: Text,
        seLinuxOptions: SE_LINUX_OPTIONS, seccompProfile: SECCOMP_PROFILE,
        supplementalGroups: [Int64], supplementalGroupsPolicy: Text, sysctls: [SYSCTL],
        windowsOptions: WINDOWS_SECURITY_CONTEXT_OPTIONS,
    }
    POD_SPEC "PodSpec" {
        activeDeadlineSeconds: Int64, affinity: AFFINITY, automountServiceAccountToken: Bool,
        containers: [CONTAINER], dnsConfig: POD_DNS_CONFIG, dnsPolicy: Text,
        enableServiceLinks: Bool, ephemeralContainers: [EPHEMERAL_CONTAINER],
        evictionResponders: [EVICTION_RESPONDER], hostAliases: [HOST_ALIAS], hostIPC: Bool,
        hostNetwork: Bool, hostPID: Bool, hostUsers: Bool, hostname: Text, hostnameOverride: Text,
        imagePullSecrets: [LOCAL_OBJECT_REFERENCE], initContainers: [CONTAINER], nodeName: Text,
        nodeSelector: {Text}, os: POD_OS, overhead: {Quantity}, preemptionPolicy: Text,
        priority: Int32, priorityClassName: Text, readinessGates: [POD_READINESS_GATE],
        resourceClaims: [POD_RESOURCE_CLAIM], resources: RESOURCE_REQUIREMENTS,
        restartPolicy: Text, runtimeClassName: Text, schedulerName: Text,
        schedulingGates: [POD_SCHEDULING_GATE], schedulingGroup: POD_SCHEDULING_GROUP,
        securityContext: POD_SECURITY_CONTEXT, serviceAccount: Text, serviceAccountName: Text,
        setHostnameAsFQDN: Bool, shareProcessNamespace: Bool, subdomain: Text,
        terminationGracePeriodSeconds: Int64, tolerations: [TOLERATION],
        topologySpreadConstraints: [TOPOLOGY_SPREAD_CONSTRAINT], volumes: [VOLUME],
    }
    POD_STATUS "PodStatus" {
        allocatedResources: {Quantity}, conditions: [POD_CONDITION],
        containerStatuses: [CONTAINER_STATUS], ephemeralContainerStatuses: [CONTAINER_STATUS],
        extendedResourceClaimStatus: POD_EXTENDED_RESOURCE_CLAIM_STATUS, hostIP: Text,
        hostIPs: [HOST_IP], initContainerStatuses: [CONTAINER_STATUS], message: Text,
        nodeAllocatableResourceClaimStatuses: [NODE_ALLOCATABLE_RESOURCE_CLAIM_STATUS],
        nominatedNodeName: Text, observedGeneration: Int64, phase: Text, podIP: Text,
        podIPs: [POD_IP], qosClass: Text, reason: Text, resize: Text,
        resourceClaimStatuses: [POD_RESOURCE_CLAIM_STATUS], resources: RESOURCE_REQUIREMENTS,
        startTime: Time, volumeHealth: [POD_VOLUME_HEALTH],
    }
    POD_TEMPLATE_SPEC "PodTemplateSpec" { metadata: OBJECT_META, spec: POD_SPEC }
    PORT_STATUS "PortStatus" { error: Text, port: Int32, protocol: Text }
    PREFERRED_SCHEDULING_TERM "PreferredSchedulingTerm" {
        preference: NODE_SELECTOR_TERM, weight: Int32,
    }
    PROBE "Probe" {
        exec: EXEC_ACTION, failureThreshold: Int32, grpc: GRPC_ACTION, httpGet: HTTP_GET_ACTION,
        initialDelaySeconds: Int32, periodSeconds: Int32, successThreshold: Int32,
        tcpSocket: TCP_SOCKET_ACTION, terminationGracePeriodSeconds: Int64, timeoutSeconds: Int32,
    }
    REPLICATION_CONTROLLER "ReplicationController" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: REPLICATION_CONTROLLER_SPEC,
        status: REPLICATION_CONTROLLER_STATUS,
    }
    REPLICATION_CONTROLLER_CONDITION "ReplicationControllerCondition" {
        lastTransitionTime: Time, message: Text, reason: Text, status: Text, type: Text,
    }
    REPLICATION_CONTROLLER_SPEC "ReplicationControllerSpec" {
        minReadySeconds: Int32, replicas: Int32, selector: {Text}, template: POD_TEMPLATE_SPEC,
    }
    REPLICATION_CONTROLLER_STATUS "ReplicationControllerStatus" {
        availableReplicas: Int32, conditions: [REPLICATION_CONTROLLER_CONDITION],
        fullyLabeledReplicas: Int32, observedGeneration: Int64, readyReplicas: Int32,
        replicas: Int32,
    }
    RESOURCE_CLAIM "ResourceClaim" { name: Text, request: Text }
    RESOURCE_FIELD_SELECTOR "ResourceFieldSelector" {
        containerName: Text, divisor: Quantity, resource: Text,
    }
    RESOURCE_HEALTH "ResourceHealth" { health: Text, message: Text, resourceID: Text }
    RESOURCE_REQUIREMENTS "ResourceRequirements" {
        claims: [RESOURCE_CLAIM], limits: {Quantity}, requests: {Quantity},
    }
    RESOURCE_STATUS "ResourceStatus" { name: Text, resources: [RESOURCE_HEALTH] }
    SE_LINUX_OPTIONS "SELinuxOptions" { level: Text, role: Text, type: Text, user: Text }
    SECCOMP_PROFILE "SeccompProfile" { localhostProfile: Text, type: Text }
    SECRET "Secret" {
        apiVersion: Text, data: {Bytes}, immutable: Bool, kind: Text, metadata: OBJECT_META,
        stringData: {Text}, type: Text,
    }
    SECRET_ENV_SOURCE "SecretEnvSource" { name: Text, optional: Bool }
    SECRET_KEY_SELECTOR "SecretKeySelector" { key: Text, name: Text, optional: Bool }
    SECURITY_CONTEXT "SecurityContext" {
        allowPrivilegeEscalation: Bool, appArmorProfile: APP_ARMOR_PROFILE,
        capabilities: CAPABILITIES, privileged: Bool, procMount: Text,
        readOnlyRootFilesystem: Bool, runAsGroup: Int64, runAsNonRoot: Bool, runAsUser: Int64,
        seLinuxOptions: SE_LINUX_OPTIONS, seccompProfile: SECCOMP_PROFILE,
        windowsOptions: WINDOWS_SECURITY_CONTEXT_OPTIONS,
    }
    SERVICE "Service" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: SERVICE_SPEC,
        status: SERVICE_STATUS,
    }
    SERVICE_ACCOUNT "ServiceAccount" {
        apiVersion: Text, automountServiceAccountToken: Bool,
        imagePullSecrets: [LOCAL_OBJECT_REFERENCE], kind: Text, metadata: OBJECT_META,
        secrets: [OBJECT_REFERENCE],
    }
    SERVICE_PORT "ServicePort" {
        appProtocol: Text, name: Text, nodePort: Int32, port: Int32, protocol: Text,
        targetPort: IntOrString,
    }
    SERVICE_SPEC "ServiceSpec" {
        allocateLoadBalancerNodePorts: Bool, clusterIP: Text, clusterIPs: [Text],
        externalIPs: [Text], externalName: Text, externalTrafficPolicy: Text,
        healthCheckNodePort: Int32, internalTrafficPolicy: Text, ipFamilies: [Text],
        ipFamilyPolicy: Text, loadBalancerClass: Text, loadBalancerIP: Text,
        loadBalancerSourceRanges: [Text], ports: [SERVICE_PORT], publishNotReadyAddresses: Bool,
        selector: {Text}, sessionAffinity: Text, sessionAffinityConfig: SESSION_AFFINITY_CONFIG,
        trafficDistribution: Text, type: Text,
    }
    SERVICE_STATUS "ServiceStatus" { conditions: [CONDITION], loadBalancer: LOAD_BALANCER_STATUS }
    SESSION_AFFINITY_CONFIG "SessionAffinityConfig" { clientIP: CLIENT_IP_CONFIG }
    SLEEP_ACTION "SleepAction" { seconds: Int64 }
    SYSCTL "Sysctl" { name: Text, value: Text }
    TCP_SOCKET_ACTION "TCPSocketAction" { host: Text, port: IntOrString }
    TOLERATION "Toleration" {
        effect: Text, key: Text, operator: Text, tolerationSeconds: Int64, value: Text,
    }
    TOPOLOGY_SPREAD_CONSTRAINT "TopologySpreadConstraint" {
        labelSelector: LABEL_SELECTOR, matchLabelKeys: [Text], maxSkew: Int32, minDomains: Int32,
        nodeAffinityPolicy: Text, nodeTaintsPolicy: Text, topologyKey: Text,
        whenUnsatisfiable: Text,
    }
    VOLUME_DEVICE "VolumeDevice" { devicePath: Text, name: Text }
    VOLUME_MOUNT "VolumeMount" {
        bindMountOptions: [Text], mountPath: Text, mountPropagation: Text, name: Text,
        readOnly: Bool, recursiveReadOnly: Text, subPath: Text, subPathExpr: Text,
    }
    WEIGHTED_POD_AFFINITY_TERM "WeightedPodAffinityTerm" {
        podAffinityTerm: POD_AFFINITY_TERM, weight: Int32,
    }
    WINDOWS_SECURITY_CONTEXT_OPTIONS "WindowsSecurityContextOptions" {
        gmsaCredentialSpec: Text, gmsaCredentialSpecName: Text, hostProcess: Bool,
        runAsUserName: Text,
    }
}
