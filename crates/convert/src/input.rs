//! The input: objects to be converted, and what of the cluster they depend on.

use std::collections::BTreeMap;

use ringfence_model::{
    ClusterPolicy, Diagnostic, Documents, Input, LoadOptions, Loaded, Namespace, NetworkPolicy,
    Object, Severity, Source, SourceMap, UnknownFields, load, read_json,
};
use serde_json::Value;

use crate::Options;
use crate::written::Written;

/// Everything that was given.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    pub(crate) options: &'a Options,
    /// Objects of foreign groups, in order of appearance.
    pub(crate) foreign: Vec<Written>,
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    pub(crate) network_policies: Vec<NetworkPolicy>,
    pub(crate) cluster_policies: Vec<ClusterPolicy>,
    pub(crate) documents: Documents,
    pub(crate) sources: SourceMap,
}

impl Given<'_> {
    pub(crate) fn default_namespace(&self) -> &str {
        let named = self.options.default_namespace.as_str();
        if named.is_empty() { "default" } else { named }
    }

    /// The namespace of a namespaced object (rule OB-2).
    pub(crate) fn namespace_of(&self, written: &Written) -> String {
        match written.metadata("namespace") {
            "" => self.default_namespace().to_owned(),
            name => name.to_owned(),
        }
    }
}

/// The groups whose objects are converted, or refused.
const FOREIGN: [&str; 3] = ["projectcalico.org", "crd.projectcalico.org", "cilium.io"];

pub(crate) fn read<'a>(
    inputs: &[Input],
    options: &'a Options,
) -> Result<Given<'a>, Vec<Diagnostic>> {
    let mut foreign = Vec::new();
    for input in inputs {
        foreign.extend(foreign_of(input)?);
    }
    let named = options.default_namespace.as_str();
    let loading = LoadOptions {
        default_namespace: if named.is_empty() { "default" } else { named }.to_owned(),
        unknown_fields: UnknownFields::Warn,
    };
    let loaded = load(inputs, &loading);
    let documents = Documents::new(&loaded.sources);
    refuse(&loaded, &foreign, &documents)?;
    let mut given = Given {
        options,
        foreign,
        documents,
        namespaces: BTreeMap::new(),
        network_policies: Vec::new(),
        cluster_policies: Vec::new(),
        sources: loaded.sources,
    };
    loaded
        .objects
        .into_iter()
        .for_each(|object| given.add(object));
    Ok(given)
}

impl Given<'_> {
    fn add(&mut self, object: Object) {
        match object {
            Object::Namespace(namespace) => {
                self.namespaces.insert(namespace.name.clone(), namespace);
            }
            Object::NetworkPolicy(policy) => self.network_policies.push(policy),
            Object::ClusterPolicy(policy) => self.cluster_policies.push(policy),
            Object::Node(_)
            | Object::Pod(_)
            | Object::Workload(_)
            | Object::HostFirewall(_)
            | Object::Service(_)
            | Object::Secret(_)
            | Object::ConfigMap(_)
            | Object::ServiceAccount(_)
            | Object::KindCluster(_)
            | Object::Endpoints(_) => {}
        }
    }
}

/// Fails for what is wrong with objects of Kubernetes; those of others are none of the loader's business.
fn refuse(
    loaded: &Loaded,
    foreign: &[Written],
    documents: &Documents,
) -> Result<(), Vec<Diagnostic>> {
    let is_foreign = |found: &Diagnostic| {
        let object = found.location.as_ref();
        let object = object.and_then(|location| documents.object_at(location));
        object.is_some_and(|source| foreign.iter().any(|written| written.source == source))
    };
    let wrong: Vec<Diagnostic> = loaded
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error && !is_foreign(found))
        .cloned()
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn foreign_of(input: &Input) -> Result<Vec<Written>, Vec<Diagnostic>> {
    let mut values = Vec::new();
    for value in read_json(input)? {
        flatten(value, &mut values);
    }
    let sources = sources_of(input);
    if sources.len() != values.len() {
        let message = format!("`{}` cannot be read object by object", input.name);
        return Err(vec![Diagnostic::new(Severity::Error, message)]);
    }
    let written = values.into_iter().zip(sources);
    let written = written.map(|(value, source)| Written::new(value, source));
    Ok(written
        .filter(|written| FOREIGN.contains(&written.group()))
        .collect())
}

/// Where the objects of `input` begin.
fn sources_of(input: &Input) -> Vec<Source> {
    let mut map = SourceMap::default();
    map.insert(input.name.as_str(), input.text.as_str());
    let documents = Documents::new(&map);
    let objects = documents.objects_saying(&[""]);
    objects.map(|object| object.location().source).collect()
}

/// Lists become their items, as in [`Documents`]. What items of a typed list do not say of themselves, the list says (rule
/// OB-1).
fn flatten(mut value: Value, values: &mut Vec<Value>) {
    let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let list = text("kind").and_then(|kind| Some(kind.strip_suffix("List")?.to_owned()));
    let Some(kind) = list else {
        values.push(value);
        return;
    };
    let version = text("apiVersion").filter(|_| !kind.is_empty());
    let Some(Value::Array(items)) = value.get_mut("items").map(Value::take) else {
        return;
    };
    for mut item in items {
        if let (Some(version), Some(fields)) = (&version, item.as_object_mut()) {
            let mut add = |key: &str, value: &str| {
                fields.entry(key).or_insert_with(|| value.into());
            };
            add("apiVersion", version);
            add("kind", &kind);
        }
        flatten(item, values);
    }
}
