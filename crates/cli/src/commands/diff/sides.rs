//! What is compared: manifests or lockfiles.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use ringfence_model::{AuditMode, AuditPhase, Cluster, Diagnostic, Severity, Timestamp, map_with};
use ringfence_net::Family;
use ringfence_policy::Engine;
use ringfence_reach::diff::{Difference, Locked, Stage, between_locks, difference};
use ringfence_reach::lock::{Lock, LockError};
use ringfence_reach::workload::{Groups, Outside, by_workload};

use crate::inputs::cluster::is_cluster;
use crate::inputs::manifests::{LoadedManifests, ManifestOptions, Missing};
use crate::inputs::{FileArguments, unread_below};
use crate::output::plain::plain;
use crate::paint;
use crate::threads::{Threads, both};

/// One of the two that are compared.
#[derive(Debug)]
pub(crate) enum Side {
    Manifests(Box<Manifests>),
    /// With the file that it is in.
    Lock(Lock, Arc<str>),
}

/// The cluster that manifests make.
#[derive(Debug)]
pub(crate) struct Manifests {
    engine: Engine,
    /// The moment that it is judged at.
    at: Timestamp,
    /// What is to be said about answers from it.
    caveat: Option<String>,
    /// Whose addresses are not known.
    pub(crate) missing: Missing,
    /// How many objects of kinds that are not known were left aside.
    aside: usize,
    /// The file of the first object.
    first: Arc<str>,
}

impl Side {
    /// Both sides, and prints to standard error what their author may want to know: of the one before only what is not
    /// true of the one after.
    pub(crate) fn load_both(
        before: &[PathBuf],
        after: &[PathBuf],
        options: &ManifestOptions,
    ) -> anyhow::Result<(Self, Self)> {
        let (mut before, mut after) = match (lock_in(before)?, lock_in(after)?) {
            (None, None) => {
                let (before, after) = options.load_both_silently(before, after)?;
                (Read::manifests(before), Read::manifests(after))
            }
            (one, other) => (
                Read::new(one, before, options)?,
                Read::new(other, after, options)?,
            ),
        };
        match (&mut before, &mut after) {
            (Read::Manifests(before), Read::Manifests(after)) => {
                options.add_common_pods(before, after);
                before.print_diagnostics_besides(after);
                after.print_diagnostics();
            }
            (Read::Manifests(manifests), Read::Lock(..))
            | (Read::Lock(..), Read::Manifests(manifests)) => manifests.print_diagnostics(),
            (Read::Lock(..), Read::Lock(..)) => {}
        }
        let ready = |read| {
            let side = Self::from(read);
            if let Some(engine) = side.engine() {
                engine.prepare();
            }
            side
        };
        Ok(both(|| ready(before), || ready(after)))
    }

    pub(super) fn caveat(&self) -> Option<&str> {
        match self {
            Self::Manifests(manifests) => manifests.caveat.as_deref(),
            Self::Lock(..) => None,
        }
    }

    fn outside(&self) -> Outside {
        match self {
            Self::Manifests(manifests) => manifests.outside(),
            Self::Lock(lock, _) => lock.outside(),
        }
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        match self {
            Self::Manifests(manifests) => Some(&manifests.engine),
            Self::Lock(..) => None,
        }
    }
}

/// What the files of a side hold.
enum Read {
    Manifests(Box<LoadedManifests>),
    /// With the file that it is in.
    Lock(Lock, Arc<str>),
}

impl Read {
    /// The lockfile that was found, or else the manifests in `files`.
    fn new(
        lock: Option<(Lock, Arc<str>)>,
        files: &[PathBuf],
        options: &ManifestOptions,
    ) -> anyhow::Result<Self> {
        match lock {
            Some((lock, name)) => Ok(Self::Lock(lock, name)),
            None => Ok(Self::manifests(options.load_silently(files)?)),
        }
    }

    fn manifests(loaded: LoadedManifests) -> Self {
        Self::Manifests(Box::new(loaded))
    }
}

/// The lockfile that `files` is, with its name.
fn lock_in(files: &[PathBuf]) -> anyhow::Result<Option<(Lock, Arc<str>)>> {
    for file in files {
        let Some(text) = lock_text(file)? else {
            continue;
        };
        if files.len() > 1 {
            bail!(
                "{} is a lockfile, which is a side by itself",
                file.display()
            );
        }
        let name = file.display().to_string();
        return Ok(Some((parse_lock(&text, file)?, name.into())));
    }
    Ok(None)
}

/// A gate that did not see a file must not look as if it had.
pub(super) fn warn_of_unread(files: &[PathBuf]) {
    for directory in unread_below(files) {
        anstream::eprintln!(
            "{}: {} holds manifests that are not compared: --recursive reads the directories in directories as well",
            paint::bad("warning"),
            plain(&directory.display().to_string())
        );
    }
}

impl From<Read> for Side {
    fn from(read: Read) -> Self {
        match read {
            Read::Lock(lock, file) => Self::Lock(lock, file),
            Read::Manifests(loaded) => Self::from(*loaded),
        }
    }
}

impl From<LoadedManifests> for Side {
    fn from(loaded: LoadedManifests) -> Self {
        Self::Manifests(Box::new(loaded.into()))
    }
}

impl From<LoadedManifests> for Manifests {
    fn from(loaded: LoadedManifests) -> Self {
        Self {
            caveat: loaded.caveat(),
            missing: loaded.missing(),
            aside: loaded.left_aside(),
            first: loaded.first_file(),
            at: loaded.at,
            engine: Engine::new(loaded.cluster),
        }
    }
}

/// That audit mode begins later, and that a lock counts it from now on.
pub(crate) fn audits_ahead(cluster: &Cluster) -> Vec<Diagnostic> {
    let policies = cluster.network_policies.values();
    let ahead = policies.filter_map(|policy| {
        let is_ahead = |mode: &AuditMode| mode.phase() == Some(AuditPhase::Ahead);
        let since = policy.audit.filter(is_ahead)?.since();
        let message = format!(
            "NetworkPolicy {}: audit mode begins at {since}: what it lets pass then counts as allowed now",
            policy.name
        );
        let warning = Diagnostic::new(Severity::Warning, message).with_rule("AU-1");
        Some(warning.with_source(policy.source.clone()))
    });
    ahead.collect()
}

impl Manifests {
    pub(crate) fn outside(&self) -> Outside {
        Outside::of(self.engine.cluster())
    }

    /// What may be opened, now or at a later moment without another change.
    pub(crate) fn lock(&self, outside: &Outside) -> Lock {
        let of = |engine: &Engine| {
            let groups = Groups::of(engine, outside, by_workload);
            Lock::of(engine, &groups).with_imagined(engine)
        };
        let moments = self.moments().into_iter();
        let later = moments.map(|moment| of(&self.engine_at(moment)));
        later.fold(of(&self.engine), Lock::or)
    }

    /// What changes from this to `after`, now or at a later moment without another change.
    fn difference(&self, after: &Self) -> Difference {
        let between = |before: &Engine, after: &Engine| {
            difference(before, after).with_imagined(before, after)
        };
        let mut found = between(&self.engine, &after.engine);
        for moment in &self.moments() | &after.moments() {
            let engines = [self, after].map(|side| side.engine_at(moment));
            let [before, after] = &engines;
            found.add_later(moment, &between(before, after));
        }
        found
    }

    /// When what may be opened changes by itself (rule AU-1).
    fn moments(&self) -> BTreeSet<Timestamp> {
        self.engine.cluster().audit_changes(self.at)
    }

    /// The same with no other addresses of pods than those of `families`.
    fn in_families(&self, families: &BTreeSet<Family>) -> Self {
        let mut cluster = self.engine.cluster().clone();
        for pod in cluster.pods.values_mut() {
            let is_known = |address: &IpAddr| families.contains(&Family::of(*address));
            pod.addresses.retain(is_known);
        }
        Self {
            at: self.at,
            engine: Engine::new(cluster),
            caveat: self.caveat.clone(),
            missing: self.missing.clone(),
            aside: self.aside,
            first: Arc::clone(&self.first),
        }
    }

    fn engine_at(&self, moment: Timestamp) -> Engine {
        let mut cluster = self.engine.cluster().clone();
        cluster.tell_time(moment);
        Engine::new(cluster)
    }
}

/// The lockfile in `file`.
pub(crate) fn read_lock(file: &Path) -> anyhow::Result<Lock> {
    let text = text(file)?.unwrap_or_default();
    parse_lock(&text, file)
}

fn parse_lock(text: &str, file: &Path) -> anyhow::Result<Lock> {
    let refused = |error: LockError| anyhow::anyhow!("{}:{error}", file.display());
    text.parse().map_err(refused)
}

/// The text of `file` if it is a lockfile. Manifests are told by their names, so that they are not read twice.
fn lock_text(file: &Path) -> anyhow::Result<Option<String>> {
    let extension = file.extension().unwrap_or_default();
    let is_manifest = ["yaml", "yml", "json"]
        .iter()
        .any(|other| extension == *other);
    if is_manifest
        || is_cluster(file)
        || file == Path::new("-")
        || file.is_dir()
        || (extension.is_empty() && !file.is_file())
    {
        return Ok(None);
    }
    Ok(text(file)?.filter(|text| Lock::is_meant(text)))
}

/// The text of `file`, if it is one file.
fn text(file: &Path) -> anyhow::Result<Option<String>> {
    let arguments = FileArguments {
        files: vec![file.to_owned()],
        recursive: false,
    };
    let mut inputs = arguments.read()?;
    let first = inputs.pop().filter(|_| inputs.is_empty());
    Ok(first.map(|input| input.text))
}

/// What changes from one side to the other, and the units of the side after if it is a cluster.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) difference: Difference,
    pub(super) after: Option<(&'a Engine, Groups)>,
    /// How many objects were left aside: before, and after.
    pub(super) aside: [usize; 2],
    /// The first file of the side after.
    pub(super) first: Arc<str>,
    /// Whose addresses are not known: after, or else before.
    missing: Option<&'a Missing>,
    /// The lockfile before, if it says nothing of pods that manifests do not hold.
    silent: Option<&'a str>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn of(before: &'a Side, after: &'a Side) -> Self {
        let outside = before.outside().union(&after.outside());
        let grouped = |side: &'a Side| {
            let engine = side.engine()?;
            Some((engine, Groups::of(engine, &outside, by_workload)))
        };
        let mut both = map_with(&Threads, &[before, after], |side| grouped(side)).into_iter();
        let (old, new) = (both.next().flatten(), both.next().flatten());
        let difference = match (before, after) {
            (Side::Manifests(before), Side::Manifests(after)) => before.difference(after),
            (before, after) => {
                let locks = (before.locked(&outside), after.locked(&outside));
                let in_common = after.in_families_of(before, &outside);
                let stages = [before, after].map(|side| side.engine().map(Stage::of));
                let [old_stage, new_stage] = stages.each_ref().map(Option::as_ref);
                let after = Locked {
                    in_common: in_common.as_ref(),
                    ..locked(&locks.1, new.as_ref(), new_stage)
                };
                between_locks(locked(&locks.0, old.as_ref(), old_stage), after)
            }
        };
        Self {
            difference,
            after: new,
            aside: [before, after].map(Side::aside),
            first: after.first(),
            missing: [after, before]
                .into_iter()
                .filter_map(Side::missing)
                .find(|missing| missing.is_somebody()),
            silent: before.silent(),
        }
    }

    /// Says whose addresses a change depends on, if one does, and that a lockfile may be of an earlier version.
    pub(crate) fn tell_missing(&self) {
        let silent = self.silent.filter(|_| self.difference.names_absent_pods());
        if let Some(file) = silent {
            anstream::eprintln!(
                "{}: {} says nothing of pods that rules name and manifests do not hold, as no file of an earlier version does\n  = help: if it is of one, write it anew with `ringfence lock`",
                paint::dim("note"),
                plain(file)
            );
        }
        if let Some(missing) = self.missing {
            missing.tell_if(self.difference.is_unknown());
        }
    }
}

impl Side {
    fn missing(&self) -> Option<&Missing> {
        match self {
            Self::Manifests(manifests) => Some(&manifests.missing),
            Self::Lock(..) => None,
        }
    }

    fn silent(&self) -> Option<&str> {
        match self {
            Self::Lock(lock, file) if !lock.names_absent_pods() => Some(file),
            Self::Lock(..) | Self::Manifests(_) => None,
        }
    }

    fn aside(&self) -> usize {
        match self {
            Self::Manifests(manifests) => manifests.aside,
            Self::Lock(..) => 0,
        }
    }

    fn first(&self) -> Arc<str> {
        match self {
            Self::Manifests(manifests) => Arc::clone(&manifests.first),
            Self::Lock(_, file) => Arc::clone(file),
        }
    }

    /// What may be opened in the families that `before`, a lockfile, has; `None` if these are all.
    fn in_families_of(&self, before: &Self, outside: &Outside) -> Option<Lock> {
        let (Self::Manifests(now), Self::Lock(lock, _)) = (self, before) else {
            return None;
        };
        let (known, places) = (lock.outside(), now.outside());
        let known = known.families();
        let is_narrower = !known.is_empty() && !places.families().is_subset(known);
        is_narrower.then(|| now.in_families(known).lock(outside))
    }

    fn locked(&self, outside: &Outside) -> Lock {
        match self {
            Self::Lock(lock, _) => lock.clone(),
            Self::Manifests(manifests) => manifests.lock(outside),
        }
    }
}

fn locked<'a>(
    lock: &'a Lock,
    grouped: Option<&'a (&'a Engine, Groups)>,
    stage: Option<&'a Stage>,
) -> Locked<'a> {
    Locked {
        lock,
        cluster: grouped.map(|(engine, groups)| (*engine, groups)),
        in_common: None,
        stage,
    }
}
