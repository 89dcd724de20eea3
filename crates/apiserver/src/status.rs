//! Refusals, as the `Status` objects that kubectl prints.

use serde_json::{Value, json};

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP code.
    pub code: u16,
    /// The word that clients decide by.
    pub reason: &'static str,
    /// The sentence that users read.
    pub message: String,
    /// What it is about, and the causes one by one.
    pub details: Option<Value>,
}

/// One reason why an object is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Such as `FieldValueInvalid`.
    pub reason: &'static str,
    /// What is wrong, without the field.
    pub message: String,
    /// The field, such as `spec.ports[0].port`.
    pub field: String,
}

impl Cause {
    /// A field that must be there.
    #[must_use]
    pub fn required(field: &str, message: &str) -> Self {
        let message = match message {
            "" => "Required value".to_owned(),
            _ => format!("Required value: {message}"),
        };
        Self {
            reason: "FieldValueRequired",
            message,
            field: field.to_owned(),
        }
    }

    /// A field whose value cannot be.
    #[must_use]
    pub fn invalid(field: &str, value: &Value, message: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {message}"),
            field: field.to_owned(),
        }
    }

    /// A field that names what is not there.
    #[must_use]
    pub fn not_found(field: &str, value: &Value) -> Self {
        Self {
            reason: "FieldValueNotFound",
            message: format!("Not found: {value}"),
            field: field.to_owned(),
        }
    }

    /// A field that may not be set or changed.
    #[must_use]
    pub fn forbidden(field: &str, message: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {message}"),
            field: field.to_owned(),
        }
    }
}

impl ApiError {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
        }
    }

    /// 400: the request cannot be understood.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 for an object, `resource` as in `deployments.apps`.
    #[must_use]
    pub fn not_found(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {name:?} not found")).about(resource, name)
    }

    /// 404 for a path that leads nowhere.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    /// 405: the resource exists, the verb does not, and why.
    #[must_use]
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(405, "MethodNotAllowed", message)
    }

    /// 409: it is there already.
    #[must_use]
    pub fn already_exists(resource: &str, name: &str) -> Self {
        let message = format!("{resource} {name:?} already exists");
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    /// 409: it is not what the writer believed.
    #[must_use]
    pub fn conflict(resource: &str, name: &str, message: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {message}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(resource: &str, name: &str, message: &str) -> Self {
        let message = format!("{resource} {name:?} is forbidden: {message}");
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 410: the revision asked for is no longer known.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 415.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 422: the object can be read, and is wrong. `kind` as in `NetworkPolicy.networking.k8s.io`.
    #[must_use]
    pub fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Self {
        let one = |cause: &Cause| format!("{}: {}", cause.field, cause.message);
        let texts: Vec<String> = causes.iter().map(one).collect();
        let all = match texts.as_slice() {
            [only] => only.clone(),
            _ => format!("[{}]", texts.join(", ")),
        };
        let causes: Vec<Value> = causes
            .iter()
            .map(|cause| {
                json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
            })
            .collect();
        let mut error = Self::new(422, "Invalid", format!("{kind} {name:?} is invalid: {all}"));
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        error.details = Some(json!({"name": name, "group": group, "kind": kind, "causes": causes}));
        error
    }

    /// 500: the server is at fault.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// Names the object that it is about.
    #[must_use]
    pub fn about(mut self, resource: &str, name: &str) -> Self {
        let (kind, group) = resource.split_once('.').unwrap_or((resource, ""));
        let mut details = json!({"name": name, "kind": kind});
        if let Some(details) = details.as_object_mut().filter(|_| !group.is_empty()) {
            details.insert("group".to_owned(), group.into());
        }
        self.details = Some(details);
        self
    }

    /// Adds one cause to its details.
    #[must_use]
    pub fn because(mut self, reason: &str, message: &str, field: &str) -> Self {
        let cause = json!({"reason": reason, "message": message, "field": field});
        let details = self.details.get_or_insert_with(|| json!({}));
        match details.get_mut("causes").and_then(Value::as_array_mut) {
            Some(causes) => causes.push(cause),
            None => {
                if let Some(details) = details.as_object_mut() {
                    details.insert("causes".to_owned(), json!([cause]));
                }
            }
        }
        self
    }

    /// The `Status` object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason,
        });
        if let Some(object) = status.as_object_mut() {
            if let Some(details) = &self.details {
                object.insert("details".to_owned(), details.clone());
            }
            object.insert("code".to_owned(), self.code.into());
        }
        status
    }
}
