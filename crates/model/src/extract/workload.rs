//! What makes pods (rule OB-8).

use std::ops::Range;

use super::pod::{owned, pod_spec};
use super::{Context, meta};
use crate::report::Report;
use crate::validate::{names, quote, selector};
use crate::view::View;
use crate::{LabelSelector, Labels, PodTemplate, RestartPolicy, Workload, WorkloadKind};

pub(super) fn workload(
    context: &mut Context<'_>,
    kind: WorkloadKind,
    root: &View<'_>,
) -> Option<Workload> {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let spec = match kind {
        WorkloadKind::CronJob => root.field("spec").field("jobTemplate").field("spec"),
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet
        | WorkloadKind::DaemonSet
        | WorkloadKind::Job
        | WorkloadKind::Custom => root.field("spec"),
    };
    let template_at = spec.field("template");
    if !template_at.is_set() {
        report.required("OB-8", &template_at, "");
        return None;
    }
    let template = template(report, kind, &template_at);
    let selector = pod_selector(
        report,
        kind,
        &spec.field("selector"),
        &template,
        &template_at,
    );
    let replicas = replicas(report, kind, &spec)?;
    Some(Workload {
        kind,
        custom_kind: None,
        name: meta.object_name(),
        labels: meta.labels,
        replicas,
        ordinals: ordinals(report, kind, &spec, replicas)?,
        selector,
        template,
        service_name: owned(&spec.field("serviceName")),
        suspended: root
            .field("spec")
            .field("suspend")
            .boolean()
            .unwrap_or(false),
        owner: meta.owner,
        source: report.source(root.span),
    })
}

/// A workload of a kind that is none of Kubernetes' own, by its pod template (rule OB-25). Its other fields may mean anything.
pub(crate) fn custom_workload(context: &mut Context<'_>, kind: &str, root: &View<'_>) -> Workload {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let report = &mut *context.report;
    let spec = root.field("spec");
    let at = spec.field("template");
    let replicas = spec.field("replicas").integer();
    Workload {
        kind: WorkloadKind::Custom,
        custom_kind: Some(kind.to_owned()),
        name: meta.object_name(),
        labels: meta.labels,
        replicas: replicas
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        ordinals: None,
        selector: LabelSelector::default(),
        template: PodTemplate {
            labels: selector::labels(report, "V-20", &at.field("metadata").field("labels")),
            spec: pod_spec(report, &at.field("spec")),
        },
        service_name: None,
        suspended: false,
        owner: meta.owner,
        source: report.source(root.span),
    }
}

fn template(report: &mut Report, kind: WorkloadKind, at: &View<'_>) -> PodTemplate {
    let spec_at = at.field("spec");
    let policy_at = spec_at.field("restartPolicy");
    let spec = pod_spec(report, &spec_at);
    match (makes_jobs(kind), spec.restart_policy) {
        (true, RestartPolicy::Always) => {
            report.required("OB-8", &policy_at, "valid values: \"OnFailure\", \"Never\"");
        }
        (false, RestartPolicy::OnFailure | RestartPolicy::Never) => {
            report.not_supported("OB-8", &policy_at, policy_at.text_or_empty(), &["Always"]);
        }
        (true, RestartPolicy::OnFailure | RestartPolicy::Never)
        | (false, RestartPolicy::Always) => {}
    }
    PodTemplate {
        labels: selector::labels(report, "V-20", &at.field("metadata").field("labels")),
        spec,
    }
}

const fn makes_jobs(kind: WorkloadKind) -> bool {
    match kind {
        WorkloadKind::Job | WorkloadKind::CronJob => true,
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::StatefulSet
        | WorkloadKind::DaemonSet
        | WorkloadKind::Custom => false,
    }
}

fn replicas(report: &mut Report, kind: WorkloadKind, spec: &View<'_>) -> Option<u32> {
    let at = spec.field(if makes_jobs(kind) {
        "parallelism"
    } else {
        "replicas"
    });
    count(report, &at, 1)
}

/// The numbers of the pods, where they have some; `None` if what says so is invalid.
fn ordinals(
    report: &mut Report,
    kind: WorkloadKind,
    spec: &View<'_>,
    replicas: u32,
) -> Option<Option<Range<u32>>> {
    match kind {
        WorkloadKind::StatefulSet => {
            let first = count(report, &spec.field("ordinals").field("start"), 0)?;
            Some(Some(first..first.saturating_add(replicas)))
        }
        WorkloadKind::Job | WorkloadKind::CronJob => {
            if spec.field("completionMode").text() != Some("Indexed") {
                return Some(None);
            }
            let completions = count(report, &spec.field("completions"), 1)?;
            Some(Some(0..completions))
        }
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::ReplicationController
        | WorkloadKind::DaemonSet
        | WorkloadKind::Custom => Some(None),
    }
}

/// A number that is not negative, `default` where none is given.
fn count(report: &mut Report, at: &View<'_>, default: i64) -> Option<u32> {
    let number = at.integer().unwrap_or(default);
    let count = u32::try_from(number).ok();
    if count.is_none() {
        let detail = "must be greater than or equal to 0";
        report.invalid("OB-9", at, &number.to_string(), detail);
    }
    count
}

fn pod_selector(
    report: &mut Report,
    kind: WorkloadKind,
    at: &View<'_>,
    template: &PodTemplate,
    template_at: &View<'_>,
) -> LabelSelector {
    let selector = match kind {
        WorkloadKind::Job | WorkloadKind::CronJob | WorkloadKind::Custom => {
            return LabelSelector::default();
        }
        WorkloadKind::ReplicationController => LabelSelector {
            match_labels: match at.set_labels(report) {
                labels if labels.is_empty() => template.labels.clone(),
                labels => labels,
            },
            match_expressions: Vec::new(),
        },
        WorkloadKind::Deployment
        | WorkloadKind::ReplicaSet
        | WorkloadKind::StatefulSet
        | WorkloadKind::DaemonSet => selector::selector(report, at),
    };
    if selector.is_empty() && !at.is_set() {
        report.required("OB-8", at, "");
    } else if selector.is_empty() {
        report.invalid(
            "OB-8",
            at,
            "{}",
            &format!("empty selector is invalid for {}", noun(kind)),
        );
    } else if !selector.matches(&template.labels) {
        let labels_at = template_at.field("metadata").field("labels");
        let written = written(&template.labels);
        report.invalid(
            "OB-8",
            &labels_at,
            &written,
            "`selector` does not match template `labels`",
        );
    }
    selector
}

impl View<'_> {
    /// The labels of an equality selector.
    fn set_labels(&self, report: &mut Report) -> Labels {
        selector::labels(report, "V-12", self)
    }
}

fn noun(kind: WorkloadKind) -> String {
    kind.to_string().to_lowercase()
}

/// The labels as JSON, which is how the API server shows them.
fn written(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{}:{}", quote(key), quote(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}
