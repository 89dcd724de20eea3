//! `Secret`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::kind::{Column, Kind, age_column};
use crate::object::{at, default, fields, text};

pub(super) fn kind() -> Kind {
    Kind {
        columns: vec![
            Column::new("Type", |object, _| text(object, &["type"]).into()),
            Column::number("Data", |object, _| {
                at(object, &["data"]).and_then(Value::as_object).map_or(0, Map::len).into()
            }),
            age_column(),
        ],
        selectable: &["type"],
        defaults,
        immutable: &[("type", "field is immutable")],
        ..Kind::namespaced(
            "",
            "v1",
            "Secret",
            "secrets",
            "Secret holds bytes for pods to read, each in base64.",
            super::schema("v1", "Secret"),
        )
    }
}

/// Plain text becomes data, and is never kept as it was written.
fn defaults(secret: &mut Value) {
    let secret = fields(secret);
    default(secret, "type", "Opaque");
    let Some(Value::Object(plain)) = secret.shift_remove("stringData") else {
        return;
    };
    let data = fields(secret.entry("data").or_insert(Value::Null));
    for (key, value) in plain {
        let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
        data.insert(key, encoded.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_text_is_stored_as_data() {
        let mut secret = json!({"data": {"a": "eA=="}, "stringData": {"b": "postgres"}});
        defaults(&mut secret);
        let expected = json!({"data": {"a": "eA==", "b": "cG9zdGdyZXM="}, "type": "Opaque"});
        assert_eq!(secret, expected);
    }
}
