//! What every written object goes through: its fields are checked, its defaults filled in, its rules applied.

use ringfence_model::{Diagnostic, LoadOptions, UnknownFields};
use serde_json::Value;

use super::request::FieldValidation;
use crate::check::check;
use crate::kind::Kind;
use crate::object;
use crate::status::{ApiError, Cause};

/// Takes out, or refuses, what the kind does not have; returns what to warn of.
pub(super) fn check_fields(
    object: &mut Value,
    kind: &Kind,
    validation: FieldValidation,
) -> Result<Vec<String>, ApiError> {
    let findings = check(object, kind);
    let (name, version) = (&kind.kind, kind.version());
    let cannot = |what: String| {
        let message =
            format!("{name} in version {version:?} cannot be handled as a {name}: {what}");
        ApiError::bad_request(message)
    };
    if !findings.wrong.is_empty() {
        return Err(cannot(findings.wrong.join(", ")));
    }
    let unknown = findings
        .unknown
        .iter()
        .map(|path| format!("unknown field {path:?}"));
    let unknown: Vec<String> = unknown.collect();
    match validation {
        FieldValidation::Strict if !unknown.is_empty() => Err(cannot(format!(
            "strict decoding error: {}",
            unknown.join(", ")
        ))),
        FieldValidation::Strict | FieldValidation::Warn => Ok(unknown),
        FieldValidation::Ignore => Ok(Vec::new()),
    }
}

/// Fills in defaults and applies the rules; returns what to warn of.
pub(super) fn finish(object: &mut Value, kind: &Kind) -> Result<Vec<String>, ApiError> {
    kind.complete(object);
    let mut causes = Vec::new();
    check_metadata(object, kind, &mut causes);
    (kind.validate)(object, &mut causes);
    if let Some(structure) = kind.structure_of(object) {
        structure.validate(object, &mut causes);
    }
    let mut warnings = (kind.warnings)(object);
    for diagnostic in model_diagnostics(object) {
        if diagnostic.is_error() {
            causes.push(cause(diagnostic));
        } else {
            warnings.push(diagnostic.message);
        }
    }
    refuse(object, kind, &causes)?;
    Ok(warnings)
}

/// 422 if there is a cause.
pub(super) fn refuse(object: &Value, kind: &Kind, causes: &[Cause]) -> Result<(), ApiError> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(
        &kind.qualified_kind(),
        object::name(object),
        causes,
    ))
}

/// The rules that ringfence has for manifests, whatever reads them.
fn model_diagnostics(object: &Value) -> Vec<Diagnostic> {
    let text = |field| object::text(object, &[field]);
    if ringfence_model::schema(text("apiVersion"), text("kind")).is_none() {
        return Vec::new();
    }
    let options = LoadOptions {
        unknown_fields: UnknownFields::Ignore,
        ..LoadOptions::default()
    };
    ringfence_model::load_json(object, &options).diagnostics
}

fn cause(diagnostic: Diagnostic) -> Cause {
    let field = diagnostic.path.unwrap_or_default();
    let message = diagnostic.message.strip_prefix(&format!("{field}: "));
    Cause {
        reason: "FieldValueInvalid",
        message: message.unwrap_or(&diagnostic.message).to_owned(),
        field,
    }
}

/// Names that are part of a path must not look like one.
fn check_metadata(object: &Value, kind: &Kind, causes: &mut Vec<Cause>) {
    let name = object::name(object);
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
        return;
    }
    if let Some(message) = wrong_name(name, kind.has_path_names) {
        causes.push(Cause::invalid("metadata.name", &name.into(), message));
    }
    for key in ["labels", "annotations"] {
        let values = object::at(object, &["metadata", key]).and_then(Value::as_object);
        for (name, value) in values.into_iter().flatten() {
            let value = if key == "labels" {
                value.as_str().unwrap_or_default()
            } else {
                ""
            };
            if let Err(error) = ringfence_model::check_label(name, value) {
                let path = format!("metadata.{key}");
                causes.push(Cause::invalid(
                    &path,
                    &name.as_str().into(),
                    &error.to_string(),
                ));
            }
        }
    }
}

/// What is wrong with a name: one of DNS, or, in some kinds, any that can be one part of a path.
fn wrong_name(name: &str, any_of_path: bool) -> Option<&'static str> {
    if any_of_path {
        let wrong = matches!(name, "." | "..") || name.contains(['/', '%']);
        return wrong.then_some("may not be '.' or '..', and may not contain '/' or '%'");
    }
    let wrong = name.len() > 253 || !name.split('.').all(is_label);
    wrong.then_some(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
         and must start and end with an alphanumeric character",
    )
}

fn is_label(part: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let bytes = part.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    bytes.iter().all(inner)
        && ends
            .iter()
            .all(|byte| byte.is_some_and(|byte| *byte != b'-'))
}
