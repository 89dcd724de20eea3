//! The group `batch/v1`.

use super::core::{OBJECT_REFERENCE, POD_TEMPLATE_SPEC};
use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::schemas;

schemas! {
    CRON_JOB "CronJob" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: CRON_JOB_SPEC,
        status: CRON_JOB_STATUS,
    }
    CRON_JOB_SPEC "CronJobSpec" {
        concurrencyPolicy: Text, failedJobsHistoryLimit: Int32, jobTemplate: JOB_TEMPLATE_SPEC,
        schedule: Text, startingDeadlineSeconds: Int64, successfulJobsHistoryLimit: Int32,
        suspend: Bool, timeZone: Text,
    }
    CRON_JOB_STATUS "CronJobStatus" {
        active: [OBJECT_REFERENCE], lastScheduleTime: Time, lastSuccessfulTime: Time,
    }
    JOB "Job" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: JOB_SPEC, status: JOB_STATUS,
    }
    JOB_CONDITION "JobCondition" {
        lastProbeTime: Time, lastTransitionTime: Time, message: Text, reason: Text, status: Text,
        type: Text,
    }
    JOB_SCHEDULING_CONFIGURATION "JobSchedulingConfiguration" {
        disruptionMode: Any, resourceClaims: [Any], schedulingConstraints: Any,
        schedulingPolicy: Any,
    }
    JOB_SPEC "JobSpec" {
        activeDeadlineSeconds: Int64, backoffLimit: Int32, backoffLimitPerIndex: Int32,
        completionMode: Text, completions: Int32, managedBy: Text, manualSelector: Bool,
        maxFailedIndexes: Int32, parallelism: Int32, podFailurePolicy: POD_FAILURE_POLICY,
        podReplacementPolicy: Text, scheduling: JOB_SCHEDULING_CONFIGURATION,
        selector: LABEL_SELECTOR, successPolicy: SUCCESS_POLICY, suspend: Bool,
        template: POD_TEMPLATE_SPEC, ttlSecondsAfterFinished: Int32,
    }
    JOB_STATUS "JobStatus" {
        active: Int32, completedIndexes: Text, completionTime: Time, conditions: [JOB_CONDITION],
        failed: Int32, failedIndexes: Text, ready: Int32, startTime: Time, succeeded: Int32,
        terminating: Int32, uncountedTerminatedPods: UNCOUNTED_TERMINATED_PODS,
    }
    JOB_TEMPLATE_SPEC "JobTemplateSpec" { metadata: OBJECT_META, spec: JOB_SPEC }
    POD_FAILURE_POLICY "PodFailurePolicy" { rules: [POD_FAILURE_POLICY_RULE] }
    POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT "PodFailurePolicyOnExitCodesRequirement" {
        containerName: Text, operator: Text, values: [Int32],
    }
    POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN "PodFailurePolicyOnPodConditionsPattern" {
        status: Text, type: Text,
    }
    POD_FAILURE_POLICY_RULE "PodFailurePolicyRule" {
        action: Text, onExitCodes: POD_FAILURE_POLICY_ON_EXIT_CODES_REQUIREMENT,
        onPodConditions: [POD_FAILURE_POLICY_ON_POD_CONDITIONS_PATTERN],
    }
    SUCCESS_POLICY "SuccessPolicy" { rules: [SUCCESS_POLICY_RULE] }
    SUCCESS_POLICY_RULE "SuccessPolicyRule" { succeededCount: Int32, succeededIndexes: Text }
    UNCOUNTED_TERMINATED_PODS "UncountedTerminatedPods" { failed: [Text], succeeded: [Text] }
}
