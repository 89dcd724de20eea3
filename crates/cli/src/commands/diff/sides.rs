//! What is compared: manifests or lockfiles.

use std::path::{Path, PathBuf};

use anyhow::bail;
use ringfence_model::map_with;
use ringfence_policy::Engine;
use ringfence_reach::diff::{Difference, Locked, between_locks, difference};
use ringfence_reach::lock::{Lock, LockError};
use ringfence_reach::workload::{Groups, Outside, by_workload};

use crate::inputs::FileArguments;
use crate::inputs::cluster::is_cluster;
use crate::inputs::manifests::{LoadedManifests, ManifestOptions};
use crate::threads::Threads;

/// One of the two that are compared.
#[derive(Debug)]
pub(crate) enum Side {
    /// Manifests, and what is to be said about answers from them.
    Manifests(Box<Engine>, Option<String>),
    Lock(Lock),
}

impl Side {
    /// Both sides, and prints to standard error what their author may want to know: of the one before only what is not
    /// true of the one after.
    pub(crate) fn load_both(
        before: &[PathBuf],
        after: &[PathBuf],
        options: &ManifestOptions,
    ) -> anyhow::Result<(Self, Self)> {
        let (mut before, mut after) = (Read::new(before, options)?, Read::new(after, options)?);
        match (&mut before, &mut after) {
            (Read::Manifests(before), Read::Manifests(after)) => {
                options.add_common_pods(before, after);
                before.print_diagnostics_besides(after);
                after.print_diagnostics();
            }
            (Read::Manifests(manifests), Read::Lock(_))
            | (Read::Lock(_), Read::Manifests(manifests)) => manifests.print_diagnostics(),
            (Read::Lock(_), Read::Lock(_)) => {}
        }
        Ok((before.into(), after.into()))
    }

    pub(super) fn caveat(&self) -> Option<&str> {
        match self {
            Self::Manifests(_, caveat) => caveat.as_deref(),
            Self::Lock(_) => None,
        }
    }

    fn outside(&self) -> Outside {
        match self {
            Self::Manifests(engine, _) => Outside::of(engine.cluster()),
            Self::Lock(lock) => lock.outside(),
        }
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        match self {
            Self::Manifests(engine, _) => Some(engine),
            Self::Lock(_) => None,
        }
    }
}

/// What the files of a side hold.
enum Read {
    Manifests(Box<LoadedManifests>),
    Lock(Lock),
}

impl Read {
    /// The lockfile that `files` is, or the manifests in them.
    fn new(files: &[PathBuf], options: &ManifestOptions) -> anyhow::Result<Self> {
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
            return Ok(Self::Lock(parse_lock(&text, file)?));
        }
        let loaded = options.load_silently(files)?;
        Ok(Self::Manifests(Box::new(loaded)))
    }
}

impl From<Read> for Side {
    fn from(read: Read) -> Self {
        match read {
            Read::Lock(lock) => Self::Lock(lock),
            Read::Manifests(loaded) => Self::from(*loaded),
        }
    }
}

impl From<LoadedManifests> for Side {
    fn from(loaded: LoadedManifests) -> Self {
        let caveat = loaded.caveat();
        Self::Manifests(Box::new(Engine::new(loaded.cluster)), caveat)
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
            (Side::Manifests(before, _), Side::Manifests(after, _)) => difference(before, after),
            (before, after) => {
                let locks = (before.locked(old.as_ref()), after.locked(new.as_ref()));
                between_locks(
                    locked(&locks.0, old.as_ref()),
                    locked(&locks.1, new.as_ref()),
                )
            }
        };
        Self {
            difference,
            after: new,
        }
    }
}

impl Side {
    fn locked(&self, grouped: Option<&(&Engine, Groups)>) -> Lock {
        match (self, grouped) {
            (Self::Lock(lock), _) => lock.clone(),
            (Self::Manifests(..), Some((engine, groups))) => Lock::of(engine, groups),
            (Self::Manifests(..), None) => Lock::default(),
        }
    }
}

fn locked<'a>(lock: &'a Lock, grouped: Option<&'a (&'a Engine, Groups)>) -> Locked<'a> {
    Locked {
        lock,
        cluster: grouped.map(|(engine, groups)| (*engine, groups)),
    }
}
