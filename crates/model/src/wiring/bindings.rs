//! Accounts that roles are bound to.

use super::{AccountBinding, Described, Wiring};
use crate::ObjectName;

const BINDINGS: [&str; 2] = ["RoleBinding", "ClusterRoleBinding"];

/// Adds the accounts of `object` if it is a binding. Groups are left aside: those of all accounts grant what every pod
/// has and few use.
pub(super) fn read(object: &Described<'_>, wiring: &mut Wiring) {
    if !object.is("rbac.authorization.k8s.io", &BINDINGS) {
        return;
    }
    for subject in object.field.items_at("subjects") {
        if subject.text_at("kind").as_deref() != Some("ServiceAccount") {
            continue;
        }
        let Some(name) = subject.text_at("name") else {
            let message = format!("{} {} has a subject without name", object.kind, object.name);
            wiring.malformed(subject.location(), message);
            continue;
        };
        let namespace = subject.text_at("namespace");
        let namespace = namespace.unwrap_or_else(|| object.namespace.clone());
        wiring.bindings.push(AccountBinding {
            account: ObjectName::new(namespace, name),
            binding: format!("{} {}", object.kind, object.name),
            source: subject.location().source,
        });
    }
}
