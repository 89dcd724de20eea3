//! How lists of the built-in kinds are merged: item by item by a key, as a set, or as a whole.

use ringfence_model::{Schema, Type};

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListRule {
    /// Replaced as a whole.
    Atomic,
    /// Items are the same if their keys are.
    Keyed {
        /// The key of strategic merge.
        merge: &'static str,
        /// The keys of server-side apply.
        apply: &'static [&'static str],
    },
    /// Plain values, each there once.
    Set,
}

/// Where in the tables a value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Position {
    /// An object with these fields.
    Object(&'static Schema),
    /// A list of such items, merged like this.
    List(&'static Type, ListRule),
    /// Such values by key.
    Map(&'static Type),
    /// Inside of a custom resource: objects are merged field by field, lists are wholes.
    Free,
    /// A single value, or nothing that is known.
    Leaf,
}

impl Position {
    /// Where the field `name` stands.
    pub(crate) fn field(self, name: &str) -> Self {
        match self {
            Self::Object(schema) if name == "metadata" && schema.field("kind").is_some() => {
                crate::check::metadata_type()
                    .map_or(Self::Leaf, |kind| Self::of(kind, ListRule::Atomic))
            }
            Self::Object(schema) if schema.name == crate::kind::CUSTOM.name => Self::Free,
            Self::Free => Self::Free,
            Self::Object(schema) => schema.field(name).map_or(Self::Leaf, |kind| {
                Self::of(kind, list_rule(schema.name, name))
            }),
            Self::Map(kind) => Self::of(kind, ListRule::Atomic),
            Self::List(..) | Self::Leaf => Self::Leaf,
        }
    }

    /// Where the field `name` stands for server-side apply, to which some objects and maps are single values.
    pub(crate) fn applied_field(self, name: &str) -> Self {
        match (self, self.field(name)) {
            (_, Self::Object(schema)) if ATOMIC.contains(&schema.name) => Self::Leaf,
            (Self::Object(outer), Self::Map(_)) if ATOMIC_MAPS.contains(&(outer.name, name)) => {
                Self::Leaf
            }
            (_, found) => found,
        }
    }

    /// Where an item stands.
    pub(crate) const fn item(self) -> Self {
        match self {
            Self::List(kind, _) => Self::of(kind, ListRule::Atomic),
            Self::Object(_) | Self::Map(_) | Self::Free | Self::Leaf => Self::Leaf,
        }
    }

    const fn of(kind: &'static Type, rule: ListRule) -> Self {
        match kind {
            Type::Object(schema) => Self::Object(schema),
            Type::List(item) | Type::OneOrMore(item) => Self::List(item, rule),
            Type::Map(item) => Self::Map(item),
            Type::Text
            | Type::Bool
            | Type::Int32
            | Type::Int64
            | Type::IntOrString
            | Type::Quantity
            | Type::Time
            | Type::Bytes
            | Type::Any => Self::Leaf,
        }
    }
}

/// Types that one manager has as a whole (`structType=atomic`).
const ATOMIC: [&str; 10] = [
    "ConfigMapKeySelector",
    "LabelSelector",
    "LocalObjectReference",
    "NodeSelector",
    "NodeSelectorTerm",
    "ObjectFieldSelector",
    "ObjectReference",
    "ResourceFieldSelector",
    "SecretKeySelector",
    "TypedLocalObjectReference",
];

/// Maps that one manager has as a whole (`mapType=atomic`).
const ATOMIC_MAPS: [(&str, &str); 2] = [("PodSpec", "nodeSelector"), ("ServiceSpec", "selector")];

const fn keyed(merge: &'static str, apply: &'static [&'static str]) -> ListRule {
    ListRule::Keyed { merge, apply }
}

/// How the list `field` of an object type is merged. What is not named here is atomic: all lists of policies are.
fn list_rule(object: &str, field: &str) -> ListRule {
    match (object, field) {
        (_, "conditions") => keyed("type", &["type"]),
        ("PodSpec", "containers" | "initContainers" | "ephemeralContainers")
        | ("PodSpec", "volumes" | "imagePullSecrets" | "schedulingGates" | "resourceClaims")
        | ("Container" | "EphemeralContainer", "env")
        | ("ServiceAccount", "secrets" | "imagePullSecrets") => keyed("name", &["name"]),
        ("PodSpec", "hostAliases") | ("PodStatus", "podIPs" | "hostIPs") => keyed("ip", &["ip"]),
        ("PodSpec", "topologySpreadConstraints") => {
            keyed("topologyKey", &["topologyKey", "whenUnsatisfiable"])
        }
        ("Container" | "EphemeralContainer", "ports") => {
            keyed("containerPort", &["containerPort", "protocol"])
        }
        ("Container" | "EphemeralContainer", "volumeMounts") => keyed("mountPath", &["mountPath"]),
        ("Container" | "EphemeralContainer", "volumeDevices") => {
            keyed("devicePath", &["devicePath"])
        }
        ("ServiceSpec", "ports") => keyed("port", &["port", "protocol"]),
        ("ObjectMeta", "ownerReferences") => keyed("uid", &["uid"]),
        ("NodeStatus", "addresses") => keyed("type", &["type"]),
        ("NodeSpec", "taints") => keyed("key", &["key", "effect"]),
        ("ObjectMeta", "finalizers") | ("NodeSpec", "podCIDRs") => ListRule::Set,
        _ => ListRule::Atomic,
    }
}
