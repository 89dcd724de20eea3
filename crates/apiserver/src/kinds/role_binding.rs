//! `RoleBinding`.

use crate::kind::Kind;

pub(super) fn kind() -> Kind {
    let description = "RoleBinding says who has a role in its namespace.";
    super::rbac::binding("RoleBinding", "rolebindings", description)
}
