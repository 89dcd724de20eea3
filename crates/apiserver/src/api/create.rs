//! Making objects.

use serde_json::{Value, json};

use super::answer::Answer;
use super::commit::{DEFINITIONS, Decision, Outcome};
use super::route::Route;
use super::{Api, Moment, Request, finish};
use crate::kind::Kind;
use crate::managed::{self, Entry};
use crate::object;
use crate::status::ApiError;
use crate::store::Name;

/// What generated names end with: no vowels, so no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How much of the given beginning a generated name keeps.
const LONGEST_BEGINNING: usize = 58;

impl Api {
    pub(super) fn create(
        &self,
        request: &Request,
        route: &Route,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        if route.kind.is_namespaced() && route.namespace.is_none() {
            let message = "an object of a namespace is made in its namespace's collection";
            return Err(ApiError::not_allowed(message));
        }
        let object = request.object(&route.kind, &route.version)?;
        self.write(request, route, moment, || {
            self.decide_create(object, request, route, moment)
        })
    }

    /// Makes of `object`, as it was sent, the object that is stored.
    pub(super) fn decide_create(
        &self,
        mut object: Value,
        request: &Request,
        route: &Route,
        moment: &Moment<'_>,
    ) -> Result<Decision, ApiError> {
        let kind = &route.kind;
        let mut warnings = finish::check_fields(&mut object, kind, request.field_validation()?)?;
        place(&mut object, route)?;
        begin(&mut object, kind, moment)?;
        self.check_definition(kind)?;
        self.check_namespace(&object, kind)?;
        warnings.extend(finish::finish(&mut object, kind)?);
        store_in_first_version(&mut object, kind);
        let name = Name::of(&object);
        if self.store().get(&kind.resource(), &name).is_some() {
            return Err(ApiError::already_exists(&kind.resource(), &name.name));
        }
        let mut decision = Decision {
            outcome: Outcome::Put(object),
            warnings,
            created: true,
        };
        let api_version = kind.api_version(&route.version);
        let writer = request.writer(route, &api_version, moment);
        let fields = managed::managed(decision.outcome.object(), kind.stored_schema());
        decision.record(&[Entry::new(&writer, false, fields)]);
        Ok(decision)
    }

    /// Custom resources are made while their definition stays.
    fn check_definition(&self, kind: &Kind) -> Result<(), ApiError> {
        let name = Name {
            namespace: String::new(),
            name: kind.resource(),
        };
        let store = self.store();
        let definition = store.get(DEFINITIONS, &name);
        if definition.is_some_and(|definition| object::is_terminating(definition)) {
            let message = "create not allowed while custom resource definition is terminating";
            return Err(ApiError::not_allowed(message));
        }
        Ok(())
    }

    /// Objects are made in namespaces that are there and stay.
    fn check_namespace(&self, object: &Value, kind: &Kind) -> Result<(), ApiError> {
        if !kind.is_namespaced() {
            return Ok(());
        }
        let name = object::namespace(object);
        let key = Name {
            namespace: String::new(),
            name: name.to_owned(),
        };
        let store = self.store();
        let Some(namespace) = store.get("namespaces", &key) else {
            return Err(ApiError::not_found("namespaces", name));
        };
        if !object::is_terminating(namespace) {
            return Ok(());
        }
        let message = format!(
            "unable to create new content in namespace {name} because it is being terminated"
        );
        let error = ApiError::forbidden(&kind.resource(), object::name(object), &message);
        Err(error.because(
            "NamespaceTerminating",
            &format!("namespace {name} is being terminated"),
            "metadata.namespace",
        ))
    }
}

/// Puts the object where its path says; it may say the same, or nothing.
pub(super) fn place(object: &mut Value, route: &Route) -> Result<(), ApiError> {
    let metadata = object::metadata(object);
    let given = metadata
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match &route.namespace {
        Some(namespace) if given.is_empty() => {
            metadata.insert("namespace".to_owned(), namespace.clone().into());
            Ok(())
        }
        Some(namespace) if given == namespace => Ok(()),
        None if given.is_empty() => Ok(()),
        Some(_) | None => Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )),
    }
}

/// Another version of the kind is stored as the first one.
pub(super) fn store_in_first_version(object: &mut Value, kind: &Kind) {
    let stored = kind.stored_api_version();
    if let Some(view) = kind.view {
        view.store(object);
    }
    object::fields(object).insert("apiVersion".to_owned(), stored.into());
}

/// Gives a new object what only the server may give.
fn begin(object: &mut Value, kind: &Kind, moment: &Moment<'_>) -> Result<(), ApiError> {
    if !object::revision(object).is_empty() {
        return Err(ApiError::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    if kind.subresources.status {
        object::fields(object).shift_remove("status");
    }
    let metadata = object::metadata(object);
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    ] {
        metadata.shift_remove(field);
    }
    if let Some(name) = generated_name(metadata, moment) {
        metadata.insert("name".to_owned(), name.into());
    }
    identify(object, moment);
    Ok(())
}

/// Gives an object its identity and its beginning.
pub(super) fn identify(object: &mut Value, moment: &Moment<'_>) {
    let metadata = object::metadata(object);
    metadata.insert("uid".to_owned(), uid((moment.random)()).into());
    metadata.insert(
        "creationTimestamp".to_owned(),
        moment.now.to_string().into(),
    );
    metadata.insert("generation".to_owned(), json!(1));
}

fn generated_name(
    metadata: &serde_json::Map<String, Value>,
    moment: &Moment<'_>,
) -> Option<String> {
    if metadata
        .get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| !name.is_empty())
    {
        return None;
    }
    let beginning = metadata
        .get("generateName")?
        .as_str()
        .filter(|text| !text.is_empty())?;
    let mut bits = (moment.random)();
    let mut name: String = beginning.chars().take(LONGEST_BEGINNING).collect();
    for _ in 0..5 {
        let count = LETTERS.len() as u128;
        let letter = usize::try_from(bits % count)
            .ok()
            .and_then(|index| LETTERS.get(index));
        name.extend(letter.map(|letter| char::from(*letter)));
        bits /= count;
    }
    Some(name)
}

/// A universally unique identifier of version 4.
fn uid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | 0x4 << 76;
    let bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_say_their_version() {
        assert_eq!(uid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
