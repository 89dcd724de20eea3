//! Server-side apply: the writer says what it wants to manage, and only that.

use serde_json::{Map, Value, json};

use ringfence_model::Schema;

use super::answer::Answer;
use super::body::check_type;
use super::commit::Decision;
use super::route::Route;
use super::update::decide_update;
use super::{Api, Moment, Request, finish};
use crate::kind::Kind;
use crate::managed::{self, Entry, FieldSet, Step, Writer};
use crate::object;
use crate::patch::{ListRule, Position};
use crate::status::ApiError;

impl Api {
    pub(super) fn apply(
        &self,
        request: &Request,
        route: &Route,
        name: &str,
        moment: &Moment<'_>,
    ) -> Result<Answer, ApiError> {
        let schema = route.kind.schema;
        if request.parameter("fieldManager").is_none() {
            return Err(ApiError::bad_request(
                "fieldManager is required for apply patch",
            ));
        }
        if let Some(view) = route.kind.view {
            let message = format!(
                "objects of {} are applied as what they are stored as: {}",
                route.kind.group, view.api_version
            );
            return Err(ApiError::unsupported_media_type(message));
        }
        let mut wanted = request.apply_body()?;
        check_type(&mut wanted, &route.kind, &route.version)?;
        if !object::items(&wanted, &["metadata", "managedFields"]).is_empty() {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let warnings = finish::check_fields(&mut wanted, &route.kind, request.field_validation()?)?;
        self.write(request, route, moment, || {
            let mut decision =
                self.decide_apply(&wanted, schema, (request, route, name), moment)?;
            decision.warnings.extend(warnings);
            Ok(decision)
        })
    }

    fn decide_apply(
        &self,
        wanted: &Value,
        schema: &'static Schema,
        (request, route, name): (&Request, &Route, &str),
        moment: &Moment<'_>,
    ) -> Result<Decision, ApiError> {
        let api_version = route.kind.api_version(&route.version);
        let writer = request.writer(route, &api_version, moment);
        let current = self.find(&route.kind, &route.key(name));
        let Ok(current) = current else {
            let mut new = wanted.clone();
            object::metadata(&mut new).insert("name".to_owned(), name.into());
            let mut decision = self.decide_create(new, request, route, moment)?;
            let fields = managed::managed(wanted, schema);
            decision.record(&[Entry::new(&writer, true, fields)]);
            return Ok(decision);
        };
        let (object, entries) = merged(
            &current,
            wanted,
            (&route.kind, schema),
            &writer,
            request.is_set("force"),
        )?;
        let mut decision = decide_update(&current, object, (request, route), moment)?;
        decision.record_over(&current, &entries);
        Ok(decision)
    }
}

impl Request {
    /// The body of an apply, which is YAML, and so may be JSON.
    fn apply_body(&self) -> Result<Value, ApiError> {
        let json = self.body.first() == Some(&b'{');
        let form = if json {
            "application/json"
        } else {
            "application/yaml"
        };
        let sent = Self {
            content_type: form.to_owned(),
            ..self.clone()
        };
        let value = sent.value()?.filter(Value::is_object);
        let mut value =
            value.ok_or_else(|| ApiError::bad_request("the body must hold an object"))?;
        object::drop_nulls(&mut value);
        Ok(value)
    }

    pub(super) fn writer<'a>(
        &'a self,
        route: &'a Route,
        api_version: &'a str,
        moment: &Moment<'_>,
    ) -> Writer<'a> {
        Writer {
            manager: self.manager(),
            subresource: route.subresource.as_deref().unwrap_or_default(),
            api_version,
            now: moment.now,
        }
    }
}

/// The object with what the writer wants, and the entries of all managers afterwards.
fn merged(
    current: &Value,
    wanted: &Value,
    (kind, schema): (&Kind, &'static Schema),
    writer: &Writer<'_>,
    force: bool,
) -> Result<(Value, Vec<Entry>), ApiError> {
    let fields = managed::managed(wanted, schema);
    let entries = managed::entries(current, schema);
    let mut object = current.clone();
    merge(&mut object, wanted, Position::Object(schema));
    let mut completed = object.clone();
    kind.complete(&mut completed);
    let contested = fields.differing(current, &completed);
    let conflicts = conflicts(&entries, &contested, writer);
    if !force && !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }
    let mine = entries.iter().position(|entry| entry.is_of(writer, true));
    let mut others = entries.clone();
    let before = mine.map(|index| others.remove(index));
    for entry in &mut others {
        entry.fields = entry.fields.minus(&contested);
    }
    let kept = others
        .iter()
        .fold(fields.clone(), |kept, entry| kept.union(&entry.fields));
    if let Some(before) = &before {
        managed::remove(&mut object, &before.fields.minus(&kept), &kept);
    }
    // An entry that says what it said keeps its time, so that nothing is different.
    let after = before.filter(|before| before.fields == fields);
    let after = after.unwrap_or_else(|| Entry::new(writer, true, fields));
    let mut entries = others;
    entries.insert(mine.unwrap_or(entries.len()), after);
    Ok((object, entries))
}

/// Who else manages what the writer wants to be different: manager, version and fields.
fn conflicts(
    entries: &[Entry],
    contested: &FieldSet,
    writer: &Writer<'_>,
) -> Vec<(String, String)> {
    let mut conflicts = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.is_of(writer, true)) {
        let who = format!("{:?} using {}", entry.manager, entry.api_version);
        let shared = entry.fields.common(contested);
        shared.walk(&mut Vec::new(), &mut |path, _| {
            conflicts.push((who.clone(), path.iter().map(step).collect()));
        });
    }
    conflicts
}

fn step(step: &Step) -> String {
    match step {
        Step::Field(name) => format!(".{name}"),
        Step::Item(keys) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("[{}]", keys.join(","))
        }
        Step::Member(value) => format!("[={value}]"),
    }
}

fn conflict(conflicts: &[(String, String)]) -> ApiError {
    let count = conflicts.len();
    let plural = if count == 1 { "" } else { "s" };
    let all: Vec<String> = conflicts
        .iter()
        .map(|(who, field)| format!("conflict with {who}: {field}"))
        .collect();
    let message = format!(
        "Apply failed with {count} conflict{plural}: {}",
        all.join("\n")
    );
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(who, field)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": field})
        })
        .collect();
    ApiError {
        details: Some(json!({"causes": causes})),
        ..ApiError::new(409, "Conflict", message)
    }
}

/// Writes `wanted` over `target`, item by item where lists have keys.
fn merge(target: &mut Value, wanted: &Value, at: Position) {
    match (wanted, at) {
        (Value::Object(fields), Position::Object(_) | Position::Map(_) | Position::Free) => {
            let target = object::fields(target);
            for (name, value) in fields {
                merge(
                    target.entry(name).or_insert(Value::Null),
                    value,
                    at.applied_field(name),
                );
            }
        }
        (Value::Array(list), Position::List(_, ListRule::Keyed { .. } | ListRule::Set)) => {
            if !target.is_array() {
                *target = Value::Array(Vec::new());
            }
            merge_items(target, list, at);
        }
        (wanted, _) => target.clone_from(wanted),
    }
}

fn merge_items(target: &mut Value, list: &[Value], at: Position) {
    let Value::Array(target) = target else {
        return;
    };
    for item in list {
        let same = |other: &Value| {
            let one = |value: &Value| FieldSet::of(&json!([value]), at);
            one(other).below_steps().eq(one(item).below_steps())
        };
        match target.iter_mut().find(|other| same(other)) {
            Some(other) => merge(other, item, at.item()),
            None => target.push(item.clone()),
        }
    }
}
