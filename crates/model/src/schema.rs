//! The fields of the kinds that ringfence reads, as tables, and the check of a document against them.
//!
//! Covers the served fields of Kubernetes 1.32 to 1.37, so that no real manifest is refused.

mod allowed_access;
mod apps;
mod batch;
mod check;
mod core;
mod core_node;
mod core_volume;
mod discovery;
mod host_firewall;
mod kind;
mod meta;
mod networking;
mod policy;
mod policy_test;
mod registry;
mod suggest;
mod trust_zones;

#[cfg(test)]
mod tests;

pub(crate) use check::check;
pub(crate) use registry::{Found, Handling, find, kinds};
pub(crate) use suggest::nearest;

/// What a field may hold.
#[derive(Debug)]
pub enum Type {
    /// A string.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number of 32 bits with sign.
    Int32,
    /// A whole number of 64 bits with sign.
    Int64,
    /// `intstr.IntOrString`: a whole number of 32 bits or a string.
    IntOrString,
    /// `resource.Quantity`: a string or a number.
    Quantity,
    /// A time, written as a string.
    Time,
    /// Base64.
    Bytes,
    /// Anything at all.
    Any,
    /// An object with these fields.
    Object(&'static Schema),
    /// A list of such items.
    List(&'static Type),
    /// A list, or one item alone.
    OneOrMore(&'static Type),
    /// Such values by key.
    Map(&'static Type),
}

/// The fields of one object type.
#[derive(Debug)]
pub struct Schema {
    /// The type's name in the Kubernetes API.
    pub name: &'static str,
    /// The fields by name.
    pub fields: &'static [(&'static str, Type)],
}

/// The fields of a kind of Kubernetes, such as `NetworkPolicy` of `networking.k8s.io/v1`; `None` for a kind that ringfence
/// does not read.
#[must_use]
pub fn schema(api_version: &str, kind: &str) -> Option<&'static Schema> {
    match find(api_version, kind) {
        Found::Known { schema, .. } => Some(schema),
        Found::List { .. }
        | Found::Removed { .. }
        | Found::OtherVersion { .. }
        | Found::Unknown => None,
    }
}

/// A list of objects, typed or not.
pub(crate) const fn list() -> &'static Schema {
    &meta::LIST
}

/// The template of a workload's pods.
pub(crate) const fn pod_template() -> &'static Schema {
    &core::POD_TEMPLATE_SPEC
}

/// The configuration of a kind cluster.
pub(crate) const fn kind_cluster() -> &'static Schema {
    &kind::CLUSTER
}

/// A file of policy tests.
pub(crate) const fn policy_test() -> &'static Schema {
    &policy_test::POLICY_TEST
}

/// A file of trust zones.
pub(crate) const fn trust_zones() -> &'static Schema {
    &trust_zones::TRUST_ZONES
}

/// A file of allowed access.
pub(crate) const fn allowed_access() -> &'static Schema {
    &allowed_access::ALLOWED_ACCESS
}

impl Schema {
    /// What the field called `name` may hold; `None` if there is no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Type> {
        self.fields
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, kind)| kind)
    }
}

/// Writes tables: `CONSTANT "ApiName" { field: Type, list: [Type], map: {Type}, one_or_more: (Type) }`.
macro_rules! schemas {
    ($($constant:ident $name:literal { $($field:ident : $kind:tt),* $(,)? })*) => {
        $(pub(in crate::schema) static $constant: $crate::schema::Schema = $crate::schema::Schema {
            name: $name,
            fields: &[$((stringify!($field), schemas!(@ $kind))),*],
        };)*
    };
    (@ [$inner:tt]) => { $crate::schema::Type::List(&schemas!(@ $inner)) };
    (@ {$inner:tt}) => { $crate::schema::Type::Map(&schemas!(@ $inner)) };
    (@ ($inner:tt)) => { $crate::schema::Type::OneOrMore(&schemas!(@ $inner)) };
    (@ Text) => { $crate::schema::Type::Text };
    (@ Bool) => { $crate::schema::Type::Bool };
    (@ Int32) => { $crate::schema::Type::Int32 };
    (@ Int64) => { $crate::schema::Type::Int64 };
    (@ IntOrString) => { $crate::schema::Type::IntOrString };
    (@ Quantity) => { $crate::schema::Type::Quantity };
    (@ Time) => { $crate::schema::Type::Time };
    (@ Bytes) => { $crate::schema::Type::Bytes };
    (@ Any) => { $crate::schema::Type::Any };
    (@ $object:ident) => { $crate::schema::Type::Object(&$object) };
}

use schemas;
