//! Objects of other projects: which of their kinds may make pods that manifests do not hold.

use std::collections::BTreeMap;

use ringfence_model::{Described, Documents};

/// The group of the Prometheus operator.
pub(crate) const MONITORS_GROUP: &str = "monitoring.coreos.com";

/// Groups of other projects whose kinds make no pods.
const WITHOUT_PODS: [&str; 30] = [
    "acme.cert-manager.io",
    "bitnami.com",
    "cert-manager.io",
    "cilium.io",
    "configuration.konghq.com",
    "constraints.gatekeeper.sh",
    "contour.heptio.com",
    "crd.projectcalico.org",
    "elbv2.k8s.aws",
    "external-secrets.io",
    "generators.external-secrets.io",
    "getambassador.io",
    "image.toolkit.fluxcd.io",
    "k8s.nginx.org",
    "karpenter.sh",
    "kyverno.io",
    "metallb.io",
    "networking.istio.io",
    "notification.toolkit.fluxcd.io",
    "projectcalico.org",
    "projectcontour.io",
    "route.openshift.io",
    "secrets.hashicorp.com",
    "security.istio.io",
    "security.openshift.io",
    "source.toolkit.fluxcd.io",
    "telemetry.istio.io",
    "templates.gatekeeper.sh",
    "traefik.containo.us",
    "traefik.io",
];
/// Kinds that make no pods of groups whose other kinds do.
const KINDS_WITHOUT_PODS: [(&str, &str); 14] = [
    ("argoproj.io", "AppProject"),
    ("autoscaling.k8s.io", "VerticalPodAutoscaler"),
    ("grafana.integreatly.org", "GrafanaDashboard"),
    ("grafana.integreatly.org", "GrafanaDatasource"),
    ("keda.sh", "ClusterTriggerAuthentication"),
    ("keda.sh", "ScaledObject"),
    ("keda.sh", "TriggerAuthentication"),
    (MONITORS_GROUP, "AlertmanagerConfig"),
    (MONITORS_GROUP, "PodMonitor"),
    (MONITORS_GROUP, "Probe"),
    (MONITORS_GROUP, "PrometheusRule"),
    (MONITORS_GROUP, "ScrapeConfig"),
    (MONITORS_GROUP, "ServiceMonitor"),
    ("serving.knative.dev", "DomainMapping"),
];
/// Groups whose kinds are Kubernetes' own, or ringfence's; those of Cluster API make machines.
const KNOWN_GROUPS: [&str; 3] = [".k8s.io", "cluster.x-k8s.io", "ringfence.dev"];

/// Whether kinds of the group are neither Kubernetes' own nor ringfence's.
pub(crate) fn is_foreign(group: &str) -> bool {
    group.contains('.') && !KNOWN_GROUPS.iter().any(|end| group.ends_with(end))
}

/// The same of an `apiVersion`.
pub(crate) fn is_foreign_version(version: &str) -> bool {
    is_foreign(version.split_once('/').map_or("", |(group, _)| group))
}

/// Whether an object of a foreign kind may make pods: everything but what is known not to.
pub(crate) fn may_make_pods(object: &Described<'_>) -> bool {
    let kind = (object.group.as_str(), object.kind.as_str());
    let is_without_pods = WITHOUT_PODS.contains(&kind.0) || KINDS_WITHOUT_PODS.contains(&kind);
    let is_of_cluster = kind.1.starts_with("Cluster")
        && kind.1 != "Cluster"
        && object.field.text_at("metadata.namespace").is_none();
    is_foreign(kind.0) && !is_without_pods && !is_of_cluster
}

/// By namespace the first object that may make pods there, such as `Prometheus monitoring/k8s`.
pub(crate) fn makers(documents: &Documents, default_namespace: &str) -> BTreeMap<String, String> {
    let mut makers = BTreeMap::new();
    for field in documents.objects_of_versions(is_foreign_version) {
        let object = Described::of(&field, default_namespace);
        if let Some(object) = object.filter(|object| may_make_pods(object)) {
            let name = format!("{} {}", object.kind, object.name);
            makers.entry(object.name.namespace).or_insert(name);
        }
    }
    makers
}
