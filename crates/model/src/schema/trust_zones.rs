//! Trust zones: the group `ringfence.dev/v1alpha1`.

use super::meta::{LABEL_SELECTOR, OBJECT_META};
use super::schemas;

schemas! {
    TRUST_ZONES "TrustZones" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, zones: [ZONE], intended: [ACCESS],
    }
    ZONE "a zone" {
        name: Text, pods: (SCOPE), nodes: LABEL_SELECTOR, cidrs: (Text), closed: Bool,
    }
    SCOPE "pods of a zone" { namespaceSelector: LABEL_SELECTOR, podSelector: LABEL_SELECTOR }
    ACCESS "intended access" {
        from: (Text), to: (Text), ports: (IntOrString), optional: Bool, reason: Text,
    }
}
