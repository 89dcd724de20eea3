//! The fields of messages by their numbers.

/// What a field holds.
#[derive(Debug)]
pub(super) enum Kind {
    /// A string; an empty one is none.
    Text,
    /// A number; 0 is none.
    Number,
    /// A number that is there only if it was chosen, 0 too.
    Chosen,
    /// A boolean; `false` is none.
    Switch,
    /// A boolean that is there only if it was chosen, `false` too.
    ChosenSwitch,
    /// `IntOrString`.
    NumberOrText,
    /// `Quantity`.
    Quantity,
    /// A message whose fields JSON has among those of the message around it.
    Inlined(&'static Message),
    One(&'static Message),
    Many(&'static Message),
    Texts,
    TextMap,
    BytesMap,
    QuantityMap,
    /// What the server decides, whatever is sent.
    Skipped,
}

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    /// Number, name in JSON, and what it holds.
    pub(super) fields: &'static [(u64, &'static str, Kind)],
}

/// The message of a kind.
pub(super) fn find(api_version: &str, kind: &str) -> Option<&'static Message> {
    Some(match (api_version, kind) {
        ("v1", "Namespace") => &NAMESPACE,
        ("v1", "ConfigMap") => &CONFIG_MAP,
        ("v1", "Secret") => &SECRET,
        ("v1", "ServiceAccount") => &SERVICE_ACCOUNT,
        ("v1", "Service") => &SERVICE,
        ("v1", "Pod") => &POD,
        ("apps/v1", "Deployment") => &DEPLOYMENT,
        ("batch/v1", "Job") => &JOB,
        ("batch/v1", "CronJob") => &CRON_JOB,
        ("v1", "ResourceQuota") => &QUOTA,
        ("networking.k8s.io/v1", "Ingress") => &INGRESS,
        ("policy/v1", "PodDisruptionBudget") => &BUDGET,
        ("autoscaling/v2", "HorizontalPodAutoscaler") => &AUTOSCALER,
        ("rbac.authorization.k8s.io/v1", "Role" | "ClusterRole") => &ROLE,
        ("rbac.authorization.k8s.io/v1", "RoleBinding" | "ClusterRoleBinding") => &ROLE_BINDING,
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => &ACCESS_REVIEW,
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => &RULES_REVIEW,
        ("authentication.k8s.io/v1", "SelfSubjectReview") => &SUBJECT_REVIEW,
        _ => return None,
    })
}

macro_rules! messages {
    ($($constant:ident $name:literal { $($number:literal $field:literal $kind:ident $(($inner:ident))?),* $(,)? })*) => {
        $(static $constant: Message = Message {
            name: $name,
            fields: &[$(($number, $field, Kind::$kind $((&$inner))?)),*],
        };)*
    };
}

messages! {
    OBJECT_META "ObjectMeta" {
        1 "name" Text, 2 "generateName" Text, 3 "namespace" Text, 4 "selfLink" Skipped, 5 "uid" Text,
        6 "resourceVersion" Text, 7 "generation" Skipped, 8 "creationTimestamp" Skipped,
        9 "deletionTimestamp" Skipped, 10 "deletionGracePeriodSeconds" Skipped, 11 "labels" TextMap,
        12 "annotations" TextMap, 13 "ownerReferences" Many(OWNER), 14 "finalizers" Texts,
        17 "managedFields" Skipped,
    }
    OWNER "OwnerReference" {
        1 "kind" Text, 3 "name" Text, 4 "uid" Text, 5 "apiVersion" Text, 6 "controller" ChosenSwitch,
        7 "blockOwnerDeletion" ChosenSwitch,
    }
    NAMESPACE "Namespace" { 1 "metadata" One(OBJECT_META), 2 "spec" One(NAMESPACE_SPEC), 3 "status" Skipped }
    NAMESPACE_SPEC "NamespaceSpec" { 1 "finalizers" Texts }
    ACCESS_REVIEW "SelfSubjectAccessReview" {
        1 "metadata" One(OBJECT_META), 2 "spec" One(ACCESS_REVIEW_SPEC), 3 "status" Skipped,
    }
    ACCESS_REVIEW_SPEC "SelfSubjectAccessReviewSpec" {
        1 "resourceAttributes" One(RESOURCE_ATTRIBUTES), 2 "nonResourceAttributes" One(PATH_ATTRIBUTES),
    }
    RESOURCE_ATTRIBUTES "ResourceAttributes" {
        1 "namespace" Text, 2 "verb" Text, 3 "group" Text, 4 "version" Text, 5 "resource" Text,
        6 "subresource" Text, 7 "name" Text,
    }
    PATH_ATTRIBUTES "NonResourceAttributes" { 1 "path" Text, 2 "verb" Text }
    RULES_REVIEW "SelfSubjectRulesReview" {
        1 "metadata" One(OBJECT_META), 2 "spec" One(RULES_REVIEW_SPEC), 3 "status" Skipped,
    }
    RULES_REVIEW_SPEC "SelfSubjectRulesReviewSpec" { 1 "namespace" Text }
    SUBJECT_REVIEW "SelfSubjectReview" { 1 "metadata" One(OBJECT_META), 2 "status" Skipped }
    CONFIG_MAP "ConfigMap" {
        1 "metadata" One(OBJECT_META), 2 "data" TextMap, 3 "binaryData" BytesMap, 4 "immutable" ChosenSwitch,
    }
    SECRET "Secret" {
        1 "metadata" One(OBJECT_META), 2 "data" BytesMap, 3 "type" Text, 4 "stringData" TextMap,
        5 "immutable" ChosenSwitch,
    }
    SERVICE_ACCOUNT "ServiceAccount" {
        1 "metadata" One(OBJECT_META), 3 "imagePullSecrets" Many(LOCAL_REFERENCE),
        4 "automountServiceAccountToken" ChosenSwitch,
    }
    LOCAL_REFERENCE "LocalObjectReference" { 1 "name" Text }
    SERVICE "Service" { 1 "metadata" One(OBJECT_META), 2 "spec" One(SERVICE_SPEC), 3 "status" Skipped }
    SERVICE_SPEC "ServiceSpec" {
        1 "ports" Many(SERVICE_PORT), 2 "selector" TextMap, 3 "clusterIP" Text, 4 "type" Text,
        5 "externalIPs" Texts, 7 "sessionAffinity" Text, 8 "loadBalancerIP" Text,
        9 "loadBalancerSourceRanges" Texts, 10 "externalName" Text, 11 "externalTrafficPolicy" Text,
        12 "healthCheckNodePort" Number, 13 "publishNotReadyAddresses" Switch, 17 "ipFamilyPolicy" Text,
        18 "clusterIPs" Texts, 19 "ipFamilies" Texts,
    }
    SERVICE_PORT "ServicePort" {
        1 "name" Text, 2 "protocol" Text, 3 "port" Number, 4 "targetPort" NumberOrText,
        5 "nodePort" Number, 6 "appProtocol" Text,
    }
    LABEL_SELECTOR "LabelSelector" { 1 "matchLabels" TextMap, 2 "matchExpressions" Many(REQUIREMENT) }
    REQUIREMENT "LabelSelectorRequirement" { 1 "key" Text, 2 "operator" Text, 3 "values" Texts }
    DEPLOYMENT "Deployment" {
        1 "metadata" One(OBJECT_META), 2 "spec" One(DEPLOYMENT_SPEC), 3 "status" Skipped,
    }
    DEPLOYMENT_SPEC "DeploymentSpec" {
        1 "replicas" Chosen, 2 "selector" One(LABEL_SELECTOR), 3 "template" One(POD_TEMPLATE),
        4 "strategy" One(STRATEGY), 5 "minReadySeconds" Number, 6 "revisionHistoryLimit" Chosen,
        7 "paused" Switch, 9 "progressDeadlineSeconds" Chosen,
    }
    STRATEGY "DeploymentStrategy" { 1 "type" Text }
    POD_TEMPLATE "PodTemplateSpec" { 1 "metadata" One(OBJECT_META), 2 "spec" One(POD_SPEC) }
    POD "Pod" { 1 "metadata" One(OBJECT_META), 2 "spec" One(POD_SPEC), 3 "status" Skipped }
    POD_SPEC "PodSpec" {
        1 "volumes" Many(VOLUME), 2 "containers" Many(CONTAINER), 3 "restartPolicy" Text, 4 "terminationGracePeriodSeconds" Chosen,
        5 "activeDeadlineSeconds" Chosen, 6 "dnsPolicy" Text, 7 "nodeSelector" TextMap,
        8 "serviceAccountName" Text, 9 "serviceAccount" Text, 10 "nodeName" Text, 11 "hostNetwork" Switch,
        12 "hostPID" Switch, 13 "hostIPC" Switch, 14 "securityContext" One(NO_SECURITY), 16 "hostname" Text, 17 "subdomain" Text,
        19 "schedulerName" Text, 20 "initContainers" Many(CONTAINER), 22 "tolerations" Many(TOLERATION),
        24 "priorityClassName" Text,
    }
    TOLERATION "Toleration" {
        1 "key" Text, 2 "operator" Text, 3 "value" Text, 4 "effect" Text, 5 "tolerationSeconds" Chosen,
    }
    VOLUME "Volume" { 1 "name" Text, 2 "" Inlined(VOLUME_SOURCE) }
    VOLUME_SOURCE "VolumeSource" { 1 "hostPath" One(HOST_PATH) }
    HOST_PATH "HostPathVolumeSource" { 1 "path" Text, 2 "type" Text }
    VOLUME_MOUNT "VolumeMount" {
        1 "name" Text, 2 "readOnly" Switch, 3 "mountPath" Text, 4 "subPath" Text, 5 "mountPropagation" Text,
        6 "subPathExpr" Text, 7 "recursiveReadOnly" Text,
    }
    SECURITY "SecurityContext" { 2 "privileged" ChosenSwitch }
    CONTAINER "Container" {
        1 "name" Text, 2 "image" Text, 3 "command" Texts, 4 "args" Texts, 5 "workingDir" Text,
        6 "ports" Many(CONTAINER_PORT), 7 "env" Many(ENV), 8 "resources" One(NOTHING), 9 "volumeMounts" Many(VOLUME_MOUNT), 15 "securityContext" One(SECURITY),
        13 "terminationMessagePath" Text, 14 "imagePullPolicy" Text, 16 "stdin" Switch,
        17 "stdinOnce" Switch, 18 "tty" Switch, 20 "terminationMessagePolicy" Text,
    }
    NOTHING "ResourceRequirements" {}
    NO_SECURITY "PodSecurityContext" {}
    CONTAINER_PORT "ContainerPort" {
        1 "name" Text, 2 "hostPort" Number, 3 "containerPort" Number, 4 "protocol" Text, 5 "hostIP" Text,
    }
    ENV "EnvVar" { 1 "name" Text, 2 "value" Text }
    JOB "Job" { 1 "metadata" One(OBJECT_META), 2 "spec" One(JOB_SPEC), 3 "status" Skipped }
    JOB_SPEC "JobSpec" {
        1 "parallelism" Chosen, 2 "completions" Chosen, 3 "activeDeadlineSeconds" Chosen,
        4 "selector" One(LABEL_SELECTOR), 5 "manualSelector" ChosenSwitch, 6 "template" One(POD_TEMPLATE),
        7 "backoffLimit" Chosen,
    }
    CRON_JOB "CronJob" { 1 "metadata" One(OBJECT_META), 2 "spec" One(CRON_JOB_SPEC), 3 "status" Skipped }
    CRON_JOB_SPEC "CronJobSpec" {
        1 "schedule" Text, 2 "startingDeadlineSeconds" Chosen, 3 "concurrencyPolicy" Text,
        4 "suspend" ChosenSwitch, 5 "jobTemplate" One(JOB_TEMPLATE), 6 "successfulJobsHistoryLimit" Chosen,
        7 "failedJobsHistoryLimit" Chosen, 8 "timeZone" Text,
    }
    JOB_TEMPLATE "JobTemplateSpec" { 1 "metadata" One(OBJECT_META), 2 "spec" One(JOB_SPEC) }
    QUOTA "ResourceQuota" { 1 "metadata" One(OBJECT_META), 2 "spec" One(QUOTA_SPEC), 3 "status" Skipped }
    QUOTA_SPEC "ResourceQuotaSpec" { 1 "hard" QuantityMap, 2 "scopes" Texts }
    INGRESS "Ingress" { 1 "metadata" One(OBJECT_META), 2 "spec" One(INGRESS_SPEC), 3 "status" Skipped }
    INGRESS_SPEC "IngressSpec" {
        1 "defaultBackend" One(INGRESS_BACKEND), 2 "tls" Many(INGRESS_TLS), 3 "rules" Many(INGRESS_RULE),
        4 "ingressClassName" Text,
    }
    INGRESS_BACKEND "IngressBackend" { 4 "service" One(INGRESS_SERVICE) }
    INGRESS_SERVICE "IngressServiceBackend" { 1 "name" Text, 2 "port" One(INGRESS_PORT) }
    INGRESS_PORT "ServiceBackendPort" { 1 "name" Text, 2 "number" Number }
    INGRESS_TLS "IngressTLS" { 1 "hosts" Texts, 2 "secretName" Text }
    INGRESS_RULE "IngressRule" { 1 "host" Text, 2 "" Inlined(INGRESS_RULE_VALUE) }
    INGRESS_RULE_VALUE "IngressRuleValue" { 1 "http" One(INGRESS_HTTP) }
    INGRESS_HTTP "HTTPIngressRuleValue" { 1 "paths" Many(INGRESS_PATH) }
    INGRESS_PATH "HTTPIngressPath" { 1 "path" Text, 2 "backend" One(INGRESS_BACKEND), 3 "pathType" Text }
    BUDGET "PodDisruptionBudget" { 1 "metadata" One(OBJECT_META), 2 "spec" One(BUDGET_SPEC), 3 "status" Skipped }
    BUDGET_SPEC "PodDisruptionBudgetSpec" {
        1 "minAvailable" NumberOrText, 2 "selector" One(LABEL_SELECTOR), 3 "maxUnavailable" NumberOrText,
        4 "unhealthyPodEvictionPolicy" Text,
    }
    AUTOSCALER "HorizontalPodAutoscaler" {
        1 "metadata" One(OBJECT_META), 2 "spec" One(AUTOSCALER_SPEC), 3 "status" Skipped,
    }
    AUTOSCALER_SPEC "HorizontalPodAutoscalerSpec" {
        1 "scaleTargetRef" One(TARGET_REF), 2 "minReplicas" Chosen, 3 "maxReplicas" Number, 4 "metrics" Many(METRIC),
    }
    TARGET_REF "CrossVersionObjectReference" { 1 "kind" Text, 2 "name" Text, 3 "apiVersion" Text }
    METRIC "MetricSpec" { 1 "type" Text, 4 "resource" One(RESOURCE_METRIC) }
    RESOURCE_METRIC "ResourceMetricSource" { 1 "name" Text, 2 "target" One(METRIC_TARGET) }
    METRIC_TARGET "MetricTarget" {
        1 "type" Text, 2 "value" Quantity, 3 "averageValue" Quantity, 4 "averageUtilization" Chosen,
    }
    ROLE "Role" { 1 "metadata" One(OBJECT_META), 2 "rules" Many(RULE), 3 "aggregationRule" One(AGGREGATION) }
    RULE "PolicyRule" {
        1 "verbs" Texts, 2 "apiGroups" Texts, 3 "resources" Texts, 4 "resourceNames" Texts, 5 "nonResourceURLs" Texts,
    }
    AGGREGATION "AggregationRule" { 1 "clusterRoleSelectors" Many(LABEL_SELECTOR) }
    ROLE_BINDING "RoleBinding" { 1 "metadata" One(OBJECT_META), 2 "subjects" Many(SUBJECT), 3 "roleRef" One(ROLE_REF) }
    SUBJECT "Subject" { 1 "kind" Text, 2 "apiGroup" Text, 3 "name" Text, 4 "namespace" Text }
    ROLE_REF "RoleRef" { 1 "apiGroup" Text, 2 "kind" Text, 3 "name" Text }
}
