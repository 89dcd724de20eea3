use super::Field;
use crate::ObjectName;

/// An object of whatever kind, as far as everybody wants to know.
#[derive(Clone, Debug)]
pub struct Described<'a> {
    /// The whole of it.
    pub field: &'a Field<'a>,
    /// The part of `apiVersion` before the slash; empty for the core group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its name and namespace, which is the default one if none is written (rule OB-2).
    pub name: ObjectName,
}

impl<'a> Described<'a> {
    /// What is written in an object; `None` if version, kind or name are missing.
    #[must_use]
    pub fn of(field: &'a Field<'a>, default_namespace: &str) -> Option<Self> {
        let version = field.text_at("apiVersion")?;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let namespace = field.text_at("metadata.namespace");
        let namespace = namespace.unwrap_or_else(|| default_namespace.to_owned());
        Some(Self {
            field,
            group: group.to_owned(),
            kind: field.text_at("kind")?,
            name: ObjectName::new(namespace, field.text_at("metadata.name")?),
        })
    }

    /// Whether it is of one of these kinds of a group.
    #[must_use]
    pub fn is(&self, group: &str, kinds: &[&str]) -> bool {
        self.group == group && kinds.contains(&self.kind.as_str())
    }
}
