//! Allowed access: the group `ringfence.dev/v1alpha1`.

use super::meta::OBJECT_META;
use super::schemas;

schemas! {
    ALLOWED_ACCESS "AllowedAccess" { apiVersion: Text, kind: Text, metadata: OBJECT_META, allowed: [PERMISSION] }
    PERMISSION "allowed access" { from: (Text), to: (Text), ports: (IntOrString), reason: Text }
}
