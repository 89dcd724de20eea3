//! Policy tests: the group `ringfence.dev/v1alpha1`.

use super::meta::OBJECT_META;
use super::schemas;

schemas! {
    POLICY_TEST "PolicyTest" {
        apiVersion: Text, kind: Text, metadata: OBJECT_META, tests: [CASE],
    }
    CASE "a test" { name: Text, reason: Text, allow: (ASSERTION), deny: (ASSERTION) }
    ASSERTION "an assertion" { from: (Text), to: (Text), ports: (IntOrString) }
}
