//! `Role`.

use crate::kind::Kind;

pub(super) fn kind() -> Kind {
    let description = "Role says what may be done with the objects of its namespace.";
    super::rbac::role("Role", "roles", description)
}
