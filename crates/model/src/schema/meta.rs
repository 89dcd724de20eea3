//! The types that every group shares.

use super::schemas;

schemas! {
    CONDITION "Condition" {
        lastTransitionTime: Time, message: Text, observedGeneration: Int64, reason: Text,
        status: Text, type: Text,
    }
    LIST "List" { apiVersion: Text, items: [Any], kind: Text, metadata: LIST_META }
    LIST_META "ListMeta" {
        continue: Text, remainingItemCount: Int64, resourceVersion: Text, selfLink: Text,
    }
    LABEL_SELECTOR "LabelSelector" {
        matchExpressions: [LABEL_SELECTOR_REQUIREMENT], matchLabels: {Text},
    }
    LABEL_SELECTOR_REQUIREMENT "LabelSelectorRequirement" {
        key: Text, operator: Text, values: [Text],
    }
    MANAGED_FIELDS_ENTRY "ManagedFieldsEntry" {
        apiVersion: Text, fieldsType: Text, fieldsV1: Any, manager: Text, operation: Text,
        subresource: Text, time: Time,
    }
    OBJECT_META "ObjectMeta" {
        annotations: {Text}, creationTimestamp: Time, deletionGracePeriodSeconds: Int64,
        deletionTimestamp: Time, finalizers: [Text], generateName: Text, generation: Int64,
        labels: {Text}, managedFields: [MANAGED_FIELDS_ENTRY], name: Text, namespace: Text,
        ownerReferences: [OWNER_REFERENCE], resourceVersion: Text, selfLink: Text, uid: Text,
    }
    OWNER_REFERENCE "OwnerReference" {
        apiVersion: Text, blockOwnerDeletion: Bool, controller: Bool, kind: Text, name: Text,
        uid: Text,
    }
}
