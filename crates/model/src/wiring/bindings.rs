//! Accounts that roles are bound to.

use super::{AccountBinding, Described, GroupBinding, Wiring};
use crate::{Field, ObjectName};

const BINDINGS: [&str; 2] = ["RoleBinding", "ClusterRoleBinding"];

/// What the names of accounts as users begin with.
const OF_ACCOUNT: &str = "system:serviceaccount:";
/// What the names of the groups of all accounts of a namespace begin with.
const OF_NAMESPACE: &str = "system:serviceaccounts:";
/// The groups that hold every account of the cluster.
const OF_EVERYBODY: [&str; 2] = ["system:serviceaccounts", "system:authenticated"];
/// The role that a node's kubelet uses in the name of pods, to pull their images.
const OF_KUBELET: &str = "system:image-puller";
/// What the names of the cluster's own roles begin with: those that everybody has grant what few use.
const OF_CLUSTER: &str = "system:";

/// Adds the accounts of `object` if it is a binding.
pub(super) fn read(object: &Described<'_>, wiring: &mut Wiring) {
    if !object.is("rbac.authorization.k8s.io", &BINDINGS) {
        return;
    }
    for subject in object.field.items_at("subjects") {
        wiring.group_bindings.extend(group(object, &subject));
        wiring.bindings.extend(user(object, &subject));
        if subject.text_at("kind").as_deref() != Some("ServiceAccount") {
            continue;
        }
        let Some(name) = subject.text_at("name") else {
            let message = format!(
                "{} {} has a subject without name",
                object.kind, object.name.name
            );
            wiring.malformed(subject.location(), message);
            continue;
        };
        let namespace = subject.text_at("namespace");
        let namespace = namespace.unwrap_or_else(|| object.name.namespace.clone());
        wiring.bindings.push(AccountBinding {
            account: ObjectName::new(namespace, name),
            binding: format!("{} {}", object.kind, object.name.name),
            source: subject.location().source,
        });
    }
}

/// An account by the name that it has as a user.
fn user(object: &Described<'_>, subject: &Field<'_>) -> Option<AccountBinding> {
    let is_user = subject.text_at("kind").as_deref() == Some("User");
    let user = subject.text_at("name").filter(|_| is_user)?;
    let (namespace, name) = user.strip_prefix(OF_ACCOUNT)?.split_once(':')?;
    Some(AccountBinding {
        account: ObjectName::new(namespace, name),
        binding: format!("{} {}", object.kind, object.name.name),
        source: subject.location().source,
    })
}

fn group(object: &Described<'_>, subject: &Field<'_>) -> Option<GroupBinding> {
    let is_group = subject.text_at("kind").as_deref() == Some("Group");
    let role = object.field.text_at("roleRef.name").unwrap_or_default();
    let name = subject
        .text_at("name")
        .filter(|_| is_group && role != OF_KUBELET)?;
    let namespace = if OF_EVERYBODY.contains(&name.as_str()) && !role.starts_with(OF_CLUSTER) {
        None
    } else {
        Some(name.strip_prefix(OF_NAMESPACE)?.to_owned())
    };
    Some(GroupBinding {
        namespace,
        binding: format!("{} {}", object.kind, object.name.name),
        source: subject.location().source,
    })
}
