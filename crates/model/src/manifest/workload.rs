use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{ObjectKind, PodSpec};
use crate::{LabelSelector, Labels, ObjectName, Source};

/// What makes pods from a template (rules OB-8 to OB-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Which kind of workload.
    pub kind: WorkloadKind,
    /// Its kind as written, if that is none of Kubernetes' own.
    #[serde(default)]
    pub custom_kind: Option<String>,
    /// Namespace and name.
    pub name: ObjectName,
    /// Its own labels; its pods have the template's.
    pub labels: Labels,
    /// `replicas`, or `parallelism` of a Job; 1 by default. A DaemonSet has one pod per node whatever this says.
    pub replicas: u32,
    /// The numbers that its pods have, where each has one of its own: the ordinals of a StatefulSet, the completion indexes
    /// of a Job or CronJob with `completionMode: Indexed`.
    #[serde(default)]
    pub ordinals: Option<Range<u32>>,
    /// Which pods belong to it. Empty for a Job or CronJob, whose selector the server makes.
    pub selector: LabelSelector,
    /// What its pods look like.
    pub template: PodTemplate,
    /// `serviceName` of a StatefulSet.
    pub service_name: Option<String>,
    /// `suspend` of a Job or CronJob.
    pub suspended: bool,
    /// What made it, such as the Deployment of a ReplicaSet.
    pub owner: Option<Owner>,
    /// Where it was written.
    pub source: Option<Source>,
}

impl Workload {
    /// Its kind as written.
    #[must_use]
    pub fn kind_name(&self) -> &str {
        let custom = self.custom_kind.as_deref();
        custom.unwrap_or_else(|| ObjectKind::from(self.kind).name())
    }
}

/// The object that controls another one: the reference of `metadata.ownerReferences` with `controller: true`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Its kind.
    pub kind: String,
    /// Its name, in the same namespace.
    pub name: String,
}

/// The pods of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodTemplate {
    /// `metadata.labels`.
    pub labels: Labels,
    /// What runs in them.
    pub spec: PodSpec,
}

/// The kinds of workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkloadKind {
    /// `apps/v1`
    Deployment,
    /// `apps/v1`
    ReplicaSet,
    /// `v1`
    ReplicationController,
    /// `apps/v1`
    StatefulSet,
    /// `apps/v1`
    DaemonSet,
    /// `batch/v1`
    Job,
    /// `batch/v1`
    CronJob,
    /// Of a kind that is none of Kubernetes' own, with a pod template (rule OB-25).
    Custom,
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(ObjectKind::from(*self).name())
    }
}
