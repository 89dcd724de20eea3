//! The group `apps/v1`.

use super::core::POD_TEMPLATE_SPEC;
use super::core_volume::PERSISTENT_VOLUME_CLAIM;
use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::schemas;

schemas! {
    DAEMON_SET "DaemonSet" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: DAEMON_SET_SPEC,
        status: DAEMON_SET_STATUS,
    }
    DAEMON_SET_CONDITION "DaemonSetCondition" {
        lastTransitionTime: Time, message: Text, reason: Text, status: Text, type: Text,
    }
    DAEMON_SET_SPEC "DaemonSetSpec" {
        minReadySeconds: Int32, revisionHistoryLimit: Int32, selector: LABEL_SELECTOR,
        template: POD_TEMPLATE_SPEC, updateStrategy: DAEMON_SET_UPDATE_STRATEGY,
    }
    DAEMON_SET_STATUS "DaemonSetStatus" {
        collisionCount: Int32, conditions: [DAEMON_SET_CONDITION], currentNumberScheduled: Int32,
        desiredNumberScheduled: Int32, numberAvailable: Int32, numberMisscheduled: Int32,
        numberReady: Int32, numberUnavailable: Int32, observedGeneration: Int64,
        updatedNumberScheduled: Int32,
    }
    DAEMON_SET_UPDATE_STRATEGY "DaemonSetUpdateStrategy" {
        rollingUpdate: ROLLING_UPDATE_DAEMON_SET, type: Text,
    }
    DEPLOYMENT "Deployment" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: DEPLOYMENT_SPEC,
        status: DEPLOYMENT_STATUS,
    }
    DEPLOYMENT_CONDITION "DeploymentCondition" {
        lastTransitionTime: Time, lastUpdateTime: Time, message: Text, reason: Text, status: Text,
        type: Text,
    }
    DEPLOYMENT_SPEC "DeploymentSpec" {
        minReadySeconds: Int32, paused: Bool, progressDeadlineSeconds: Int32, replicas: Int32,
        revisionHistoryLimit: Int32, selector: LABEL_SELECTOR, strategy: DEPLOYMENT_STRATEGY,
        template: POD_TEMPLATE_SPEC,
    }
    DEPLOYMENT_STATUS "DeploymentStatus" {
        availableReplicas: Int32, collisionCount: Int32, conditions: [DEPLOYMENT_CONDITION],
        observedGeneration: Int64, readyReplicas: Int32, replicas: Int32,
        terminatingReplicas: Int32, unavailableReplicas: Int32, updatedReplicas: Int32,
    }
    DEPLOYMENT_STRATEGY "DeploymentStrategy" {
        rollingUpdate: ROLLING_UPDATE_DEPLOYMENT, type: Text,
    }
    REPLICA_SET "ReplicaSet" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: REPLICA_SET_SPEC,
        status: REPLICA_SET_STATUS,
    }
    REPLICA_SET_CONDITION "ReplicaSetCondition" {
        lastTransitionTime: Time, message: Text, reason: Text, status: Text, type: Text,
    }
    REPLICA_SET_SPEC "ReplicaSetSpec" {
        minReadySeconds: Int32, replicas: Int32, selector: LABEL_SELECTOR,
        template: POD_TEMPLATE_SPEC,
    }
    REPLICA_SET_STATUS "ReplicaSetStatus" {
        availableReplicas: Int32, conditions: [REPLICA_SET_CONDITION], fullyLabeledReplicas: Int32,
        observedGeneration: Int64, readyReplicas: Int32, replicas: Int32,
        terminatingReplicas: Int32,
    }
    ROLLING_UPDATE_DAEMON_SET "RollingUpdateDaemonSet" {
        maxSurge: IntOrString, maxUnavailable: IntOrString,
    }
    ROLLING_UPDATE_DEPLOYMENT "RollingUpdateDeployment" {
        maxSurge: IntOrString, maxUnavailable: IntOrString,
    }
    ROLLING_UPDATE_STATEFUL_SET_STRATEGY "RollingUpdateStatefulSetStrategy" {
        maxUnavailable: IntOrString, partition: Int32,
    }
    STATEFUL_SET "StatefulSet" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, spec: STATEFUL_SET_SPEC,
        status: STATEFUL_SET_STATUS,
    }
    STATEFUL_SET_CONDITION "StatefulSetCondition" {
        lastTransitionTime: Time, message: Text, reason: Text, status: Text, type: Text,
    }
    STATEFUL_SET_ORDINALS "StatefulSetOrdinals" { start: Int32 }
    STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY "StatefulSetPersistentVolumeClaimRetentionPolicy" {
        whenDeleted: Text, whenScaled: Text,
    }
    STATEFUL_SET_SPEC "StatefulSetSpec" {
        minReadySeconds: Int32, ordinals: STATEFUL_SET_ORDINALS,
        persistentVolumeClaimRetentionPolicy: STATEFUL_SET_PERSISTENT_VOLUME_CLAIM_RETENTION_POLICY,
        podManagementPolicy: Text, replicas: Int32, revisionHistoryLimit: Int32,
        selector: LABEL_SELECTOR, serviceName: Text, template: POD_TEMPLATE_SPEC,
        updateStrategy: STATEFUL_SET_UPDATE_STRATEGY,
        volumeClaimTemplates: [PERSISTENT_VOLUME_CLAIM],
    }
    STATEFUL_SET_STATUS "StatefulSetStatus" {
        availableReplicas: Int32, collisionCount: Int32, conditions: [STATEFUL_SET_CONDITION],
        currentReplicas: Int32, currentRevision: Text, observedGeneration: Int64,
        readyReplicas: Int32, replicas: Int32, updateRevision: Text, updatedReplicas: Int32,
    }
    STATEFUL_SET_UPDATE_STRATEGY "StatefulSetUpdateStrategy" {
        rollingUpdate: ROLLING_UPDATE_STATEFUL_SET_STRATEGY, type: Text,
    }
}
