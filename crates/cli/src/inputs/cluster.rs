//! Live clusters among the inputs: `--kubeconfig`, `--context`, and `cluster:CONTEXT` where files are named.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, ValueHint};
use ringfence_kube::{Access, Snapshot};
use ringfence_model::{
    Diagnostic, LoadOptions, Loaded, Object, ObjectKey, Severity, UnknownFields, load_with,
};

use crate::threads::Threads;

/// How an input begins that is a cluster.
const PREFIX: &str = "cluster:";

/// Which live cluster is read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ClusterArguments {
    /// Read a live cluster as well, by this kubeconfig: everything that policy depends on, once, and writes nothing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Read a live cluster as well, by this context of the kubeconfig, which is KUBECONFIG or ~/.kube/config; empty for the
    /// current one
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

impl ClusterArguments {
    /// `files`, and the cluster if an option names one that is not among them.
    pub(crate) fn with(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        let mut inputs = files.to_vec();
        if self.is_given() && !files.iter().any(|file| is_cluster(file)) {
            inputs.push(PathBuf::from(PREFIX));
        }
        inputs
    }

    /// Whether an option names a cluster.
    pub(crate) const fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// The cluster, where it is all that is read.
    pub(crate) fn only(&self, files: &[PathBuf]) -> Option<Access> {
        match self.with(files).as_slice() {
            [one] => self.access(one),
            _ => None,
        }
    }

    /// The cluster that `input` names: `cluster:` that of the options, `cluster:NAME` that of another context.
    pub(super) fn access(&self, input: &Path) -> Option<Access> {
        let named = input.to_str()?.strip_prefix(PREFIX)?;
        let own = (!named.is_empty()).then(|| named.to_owned());
        let context = own.or_else(|| self.context.clone());
        Some(Access {
            kubeconfig: self.kubeconfig.clone(),
            context: context.filter(|name| !name.is_empty()),
        })
    }
}

/// Whether `input` names a cluster, and no file.
pub(crate) fn is_cluster(input: &Path) -> bool {
    input.to_str().is_some_and(|text| text.starts_with(PREFIX))
}

/// Clusters that were read. Each is read once, so that both sides of a comparison see the same moment.
static READ: Mutex<BTreeMap<Access, Arc<Snapshot>>> = Mutex::new(BTreeMap::new());

/// What the cluster of `access` holds.
pub(super) fn read(access: &Access) -> anyhow::Result<Arc<Snapshot>> {
    let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(snapshot) = known.get(access) {
        return Ok(Arc::clone(snapshot));
    }
    let snapshot = Arc::new(ringfence_kube::read(access)?);
    known.insert(access.clone(), Arc::clone(&snapshot));
    Ok(snapshot)
}

/// The objects of `snapshot`. A field that is not known here comes from a newer Kubernetes; in a policy it may change what
/// it says, so it is told.
pub(super) fn load(snapshot: &Snapshot) -> Loaded {
    let options = |unknown_fields| LoadOptions {
        unknown_fields,
        ..LoadOptions::default()
    };
    let mut loaded = load_with(&snapshot.objects, &options(UnknownFields::Ignore), &Threads);
    let policies = load_with(&snapshot.policies, &options(UnknownFields::Warn), &Threads);
    add(&mut loaded, policies);
    loaded.diagnostics.extend(snapshot.notes.iter().map(|note| {
        let message = format!("{note} (context {})", snapshot.context);
        Diagnostic::new(Severity::Warning, message)
    }));
    loaded
}

/// Puts what `cluster` holds behind what files say. A manifest stands for the object of its name in the cluster, as if it
/// were applied.
pub(super) fn add_behind(files: &mut Loaded, mut cluster: Loaded) {
    let written: BTreeSet<ObjectKey> = files.objects.iter().map(Object::key).collect();
    let replaced: Vec<Object> = cluster
        .objects
        .extract_if(.., |object| written.contains(&object.key()))
        .collect();
    files.diagnostics.extend(replaced.iter().map(replacement));
    add(files, cluster);
}

fn replacement(object: &Object) -> Diagnostic {
    let message = "a manifest stands for the object of the same name in the cluster";
    Diagnostic::new(Severity::Note, message)
        .with_rule("OB-3")
        .with_source(object.source().cloned())
}

fn add(loaded: &mut Loaded, other: Loaded) {
    loaded.objects.extend(other.objects);
    loaded.diagnostics.extend(other.diagnostics);
    for (name, text) in other.sources.iter() {
        loaded.sources.insert(Arc::clone(name), Arc::clone(text));
    }
}
