//! Bodies in Kubernetes' protobuf, which `kubectl create deployment` and its like send since 1.32.
//!
//! Read into the JSON that the same object has, by tables of the fields that those commands can write. A field that the
//! tables do not have is refused by its number: leaving it out would store something else than was sent.

mod tables;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use tables::{Kind, Message};

/// What every such body begins with.
pub(crate) const MAGIC: &[u8] = b"k8s\0";
/// How deep messages may be nested.
const DEEPEST: usize = 32;

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtobufError {
    #[error("the body is not Kubernetes' protobuf")]
    Malformed,
    #[error("{kind} of {api_version} cannot be read in protobuf here")]
    UnknownKind { api_version: String, kind: String },
    #[error("field number {number} of {message} cannot be read in protobuf here")]
    UnknownField { message: &'static str, number: u64 },
}

/// The object in `body`.
pub(crate) fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::Malformed)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(envelope) {
        match field? {
            (1, Wire::Bytes(meta)) => {
                for field in Fields(meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => api_version = string(text)?,
                        (2, Wire::Bytes(text)) => kind = string(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let Some(message) = tables::find(&api_version, &kind) else {
        return Err(ProtobufError::UnknownKind { api_version, kind });
    };
    let mut object = json!({"apiVersion": api_version, "kind": kind});
    let fields = read(raw, message, 0)?;
    crate::object::fields(&mut object).extend(fields);
    Ok(object)
}

fn read(
    bytes: &[u8],
    message: &'static Message,
    depth: usize,
) -> Result<Map<String, Value>, ProtobufError> {
    if depth > DEEPEST {
        return Err(ProtobufError::Malformed);
    }
    let mut fields = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let known = message.fields.iter().find(|(known, ..)| *known == number);
        let Some((_, name, kind)) = known else {
            return Err(ProtobufError::UnknownField {
                message: message.name,
                number,
            });
        };
        put(&mut fields, name, kind, wire, depth)?;
    }
    Ok(fields)
}

/// Puts one value where JSON has it. What Go writes for want of anything is left out.
fn put(
    fields: &mut Map<String, Value>,
    name: &str,
    kind: &'static Kind,
    wire: Wire<'_>,
    depth: usize,
) -> Result<(), ProtobufError> {
    let value = match (kind, wire) {
        (Kind::Skipped, _) => return Ok(()),
        (Kind::Text, Wire::Bytes([])) | (Kind::Number | Kind::Switch, Wire::Number(0)) => {
            return Ok(());
        }
        (Kind::Text, Wire::Bytes(text)) => string(text)?.into(),
        (Kind::Number | Kind::Chosen, Wire::Number(number)) => signed(number).into(),
        (Kind::Switch | Kind::ChosenSwitch, Wire::Number(number)) => (number != 0).into(),
        (Kind::One(message), Wire::Bytes(bytes)) => read(bytes, message, depth + 1)?.into(),
        (Kind::NumberOrText, Wire::Bytes(bytes)) => number_or_text(bytes)?,
        (Kind::Quantity, Wire::Bytes(bytes)) => quantity(bytes)?.into(),
        (Kind::Inlined(message), Wire::Bytes(bytes)) => {
            fields.extend(read(bytes, message, depth + 1)?);
            return Ok(());
        }
        (Kind::Many(message), Wire::Bytes(bytes)) => {
            let item = read(bytes, message, depth + 1)?;
            return push(fields, name, item.into());
        }
        (Kind::Texts, Wire::Bytes(text)) => return push(fields, name, string(text)?.into()),
        (Kind::TextMap, Wire::Bytes(entry)) => return put_entry(fields, name, entry, string),
        (Kind::BytesMap, Wire::Bytes(entry)) => {
            return put_entry(fields, name, entry, |bytes| Ok(STANDARD.encode(bytes)));
        }
        (Kind::QuantityMap, Wire::Bytes(entry)) => return put_entry(fields, name, entry, quantity),
        (_, _) => return Err(ProtobufError::Malformed),
    };
    fields.insert(name.to_owned(), value);
    Ok(())
}

fn push(fields: &mut Map<String, Value>, name: &str, item: Value) -> Result<(), ProtobufError> {
    let list = fields.entry(name).or_insert_with(|| json!([]));
    list.as_array_mut()
        .ok_or(ProtobufError::Malformed)?
        .push(item);
    Ok(())
}

fn put_entry(
    fields: &mut Map<String, Value>,
    name: &str,
    entry: &[u8],
    read: impl FnOnce(&[u8]) -> Result<String, ProtobufError>,
) -> Result<(), ProtobufError> {
    let (key, value) = map_entry(entry)?;
    let map = fields.entry(name).or_insert_with(|| json!({}));
    crate::object::fields(map).insert(key, read(value)?.into());
    Ok(())
}

fn map_entry(entry: &[u8]) -> Result<(String, &[u8]), ProtobufError> {
    let (mut key, mut value) = (String::new(), &[][..]);
    for field in Fields(entry) {
        match field? {
            (1, Wire::Bytes(text)) => key = string(text)?,
            (2, Wire::Bytes(bytes)) => value = bytes,
            _ => return Err(ProtobufError::Malformed),
        }
    }
    Ok((key, value))
}

fn number_or_text(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = signed(value),
            (3, Wire::Bytes(value)) => text = string(value)?,
            _ => return Err(ProtobufError::Malformed),
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

fn quantity(bytes: &[u8]) -> Result<String, ProtobufError> {
    let mut text = String::new();
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Bytes(value)) => text = string(value)?,
            _ => return Err(ProtobufError::Malformed),
        }
    }
    Ok(text)
}

fn string(bytes: &[u8]) -> Result<String, ProtobufError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ProtobufError::Malformed)?;
    Ok(text.to_owned())
}

/// Numbers of Go are written in two's complement.
const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// A value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field().ok_or(ProtobufError::Malformed);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            _ => return None,
        };
        Some((tag >> 3, wire))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length][..], bytes].concat()
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn an_object_becomes_its_json() {
        let metadata = [
            field(1, b"m"),
            field(2, b""),
            field(11, &[field(1, b"a"), field(2, b"b")].concat()),
        ]
        .concat();
        let entry = [field(1, b"key"), field(2, b"\xff\x00")].concat();
        let raw = [field(1, &metadata), field(2, &entry), field(3, b"Opaque")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "m", "labels": {"a": "b"}},
            "data": {"key": "/wA="}, "type": "Opaque",
        });
        assert_eq!(decode(&body("v1", "Secret", &raw)), Ok(expected));
    }

    #[test]
    fn what_the_tables_do_not_have_is_refused() {
        let unknown = ProtobufError::UnknownField {
            message: "Namespace",
            number: 15,
        };
        assert_eq!(
            decode(&body("v1", "Namespace", &field(15, b"x"))),
            Err(unknown)
        );
        let kind = ProtobufError::UnknownKind {
            api_version: "v1".to_owned(),
            kind: "Nonsense".to_owned(),
        };
        assert_eq!(decode(&body("v1", "Nonsense", b"")), Err(kind));
    }

    #[test]
    fn no_bytes_lead_astray() {
        let whole = body("v1", "Namespace", &field(1, &field(1, b"name")));
        assert!(decode(&whole).is_ok());
        for cut in 0..whole.len() {
            // A cut may end between two fields; what it yields is then an object without them.
            let _ = decode(&whole[..cut]);
        }
        for bad in [
            &b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"k8s\0\x0a\x7f",
            b"k8s\0\x0b",
            b"k8s",
        ] {
            assert_eq!(decode(bad), Err(ProtobufError::Malformed), "{bad:?}");
        }
    }
}
