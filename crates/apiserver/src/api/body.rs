//! Reading bodies.

use ringfence_model::Input;
use serde_json::Value;

use super::Request;
use crate::kind::Kind;
use crate::protobuf;
use crate::status::ApiError;

impl Request {
    /// The body as a value; `None` if it is empty.
    pub(crate) fn value(&self) -> Result<Option<Value>, ApiError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let form = self
            .content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if form == "application/vnd.kubernetes.protobuf" || self.body.starts_with(protobuf::MAGIC) {
            return read_protobuf(&self.body).map(Some);
        }
        if form.ends_with("yaml") {
            yaml(&self.body).map(Some)
        } else if form.is_empty() || form.ends_with("json") || form == "application/*" {
            json(&self.body).map(Some)
        } else {
            let message = format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json, application/yaml (it was {form:?})"
            );
            Err(ApiError::unsupported_media_type(message))
        }
    }

    /// The body, which must be an object of `kind`.
    pub(crate) fn object(&self, kind: &Kind, version: &str) -> Result<Value, ApiError> {
        let object = self.value()?.filter(Value::is_object);
        let mut object =
            object.ok_or_else(|| ApiError::bad_request("the body must hold an object"))?;
        crate::object::drop_nulls(&mut object);
        check_type(&mut object, kind, version)?;
        Ok(object)
    }
}

/// Whether `object` says that it is what its path says, or says nothing, which is completed.
pub(crate) fn check_type(object: &mut Value, kind: &Kind, version: &str) -> Result<(), ApiError> {
    let api_version = kind.api_version(version);
    let fields = crate::object::fields(object);
    for (field, expected) in [("apiVersion", api_version.as_str()), ("kind", &kind.kind)] {
        match fields
            .get(field)
            .map(|value| value.as_str().unwrap_or_default())
        {
            None => {
                fields.insert(field.to_owned(), expected.into());
            }
            Some(given) if given == expected => {}
            Some(given) => {
                return Err(ApiError::bad_request(format!(
                    "the {field} in the data ({given}) does not match the expected {field} ({expected})"
                )));
            }
        }
    }
    Ok(())
}

fn json(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))
}

fn yaml(body: &[u8]) -> Result<Value, ApiError> {
    let text =
        std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the body is not UTF-8"))?;
    let input = Input {
        name: "body".to_owned(),
        text: text.to_owned(),
    };
    let documents = ringfence_model::read_json(&input).map_err(|diagnostics| {
        let messages: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        ApiError::bad_request(format!("the body is not YAML: {}", messages.join("; ")))
    })?;
    match <[Value; 1]>::try_from(documents) {
        Ok([document]) => Ok(document),
        Err(documents) => {
            let message = format!("the body must be one document, it has {}", documents.len());
            Err(ApiError::bad_request(message))
        }
    }
}

fn read_protobuf(body: &[u8]) -> Result<Value, ApiError> {
    protobuf::decode(body).map_err(|error| {
        let message = format!(
            "{error}: write the object as YAML and use `kubectl create -f` or `kubectl apply -f` \
             (`--dry-run=client -o yaml` prints it)"
        );
        ApiError::unsupported_media_type(message)
    })
}
