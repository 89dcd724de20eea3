//! Label and field selectors of a request.

mod field;
mod label;

pub use field::FieldSelector;
pub use label::LabelSelector;

use serde_json::Value;

use crate::object;

/// Which objects of a resource a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// Only with such labels.
    pub labels: LabelSelector,
    /// Only with such fields.
    pub fields: FieldSelector,
}

impl Filter {
    /// Whether `object` is meant.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        let here = self
            .namespace
            .as_deref()
            .is_none_or(|namespace| namespace == object::namespace(object));
        here && self.labels.matches(object) && self.fields.matches(object)
    }
}
