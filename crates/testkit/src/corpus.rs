//! Literate cases: Markdown that is specification and test at once.
//!
//! A file is prose, fenced `yaml` blocks with manifests, and tables of flows:
//!
//! ```text
//! | from | to | port | verdict | because |
//! | --- | --- | --- | --- | --- |
//! | shop/web | shop/db | tcp/5432 | allow | NP-12, shop/db ingress[0] |
//! ```
//!
//! A `##` heading begins a scenario of its own; manifests above the first one belong to all of them.
//! A block fenced as `yaml refused V-8` must be refused with that rule; one fenced as `names` has a name and its
//! addresses on each line (rule AM-19), one as `pod-blocks` a block on each that pods get addresses from (rule AM-22). A peer `namespaces: { matchLabels: { peer-kind: unknown } }` of a cluster-scoped
//! policy stands for one of a kind that is not known (rule CN-38), which no manifest can have. What the ends are called is in
//! [`row`], what `because` can claim in [`claim`].

mod beyond;
pub mod claim;
mod markdown;
pub mod row;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use ringfence_model::{Cluster, Diagnostic, Input, LoadOptions, assemble, load};

use self::markdown::Document;
use self::row::Row;
use crate::decider::Decider;
use crate::generate::MOMENT;

/// A cluster and the flows to try in it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file, and the heading inside it.
    pub name: String,
    /// What its manifests say.
    pub cluster: Cluster,
    /// Its table, in order.
    pub rows: Vec<Row>,
}

impl Scenario {
    /// What `decider` answers otherwise than the table says, one line for each such row.
    pub fn failures(&self, decider: &mut dyn Decider) -> Vec<String> {
        let mut failures = Vec::new();
        for row in &self.rows {
            let found = decider.decide(&self.cluster, &row.flow);
            if found.verdict != row.verdict {
                failures.push(format!(
                    "{}, line {}: {} says {}, not {}\n{}",
                    self.name,
                    row.line,
                    decider.name(),
                    found.verdict,
                    row.verdict,
                    found.because
                ));
            }
        }
        failures
    }
}

/// Why a corpus file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// It cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Its Markdown is not in the form of a case.
    #[error("{file}:{line}: {problem}")]
    Form {
        /// The file.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Its manifests are refused.
    #[error("{name}: {diagnostic}")]
    Refused {
        /// The scenario.
        name: String,
        /// The first error.
        diagnostic: Box<Diagnostic>,
    },
    /// Manifests that must be refused are not, or for another reason.
    #[error("{file}:{line}: not refused by {rule}: {found}")]
    NotRefused {
        /// The file.
        file: String,
        /// Line of the block.
        line: usize,
        /// The rule that must refuse it.
        rule: String,
        /// What the loader says of it.
        found: String,
    },
}

/// The directory of the cases about policy that every decider must get right, the kernel too.
#[must_use]
pub fn policy_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/policy")
}

/// The directory of the cases about cluster-scoped policies.
#[must_use]
pub fn cluster_policy_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/cluster-policy")
}

/// The directory of the cases about endpoints of Services.
#[must_use]
pub fn endpoints_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/endpoints")
}

/// Every directory of cases.
#[must_use]
pub fn directories() -> [PathBuf; 3] {
    [
        policy_directory(),
        cluster_policy_directory(),
        endpoints_directory(),
    ]
}

/// Every scenario of every directory, for deciders that know all of policy.
///
/// # Errors
/// [`CorpusError`] for the first file that cannot be used.
pub fn every_scenario() -> Result<Vec<Scenario>, CorpusError> {
    let every = directories().map(|from| scenarios(&from));
    every.into_iter().try_fold(Vec::new(), |mut all, found| {
        all.extend(found?);
        Ok(all)
    })
}

/// The rules that refuse something in the files of `directory`, each once for each block.
///
/// # Errors
/// [`CorpusError`] for the first file that cannot be used.
pub fn refusing_rules(directory: &Path) -> Result<Vec<String>, CorpusError> {
    let mut rules = Vec::new();
    for path in files(directory)? {
        let document = Document::parse(&title(&path), &read_file(&path)?)?;
        rules.extend(document.refused.into_iter().map(|block| block.rule));
    }
    Ok(rules)
}

/// Every scenario of every `.md` file in `directory`, in order of name.
///
/// # Errors
/// [`CorpusError`] for the first file that cannot be used.
pub fn scenarios(directory: &Path) -> Result<Vec<Scenario>, CorpusError> {
    let mut scenarios = Vec::new();
    for path in files(directory)? {
        scenarios.extend(scenarios_of(&title(&path), &read_file(&path)?)?);
    }
    Ok(scenarios)
}

fn title(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into())
}

fn read_file(path: &Path) -> Result<String, CorpusError> {
    std::fs::read_to_string(path).map_err(|source| CorpusError::Read {
        path: path.to_owned(),
        source,
    })
}

fn files(directory: &Path) -> Result<BTreeSet<PathBuf>, CorpusError> {
    let unreadable = |source| CorpusError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.insert(path);
        }
    }
    Ok(files)
}

/// The scenarios of one file, called `file` in messages and sources.
///
/// # Errors
/// [`CorpusError`] if it is not in the form of a case or its manifests do not load as it says.
pub fn scenarios_of(file: &str, text: &str) -> Result<Vec<Scenario>, CorpusError> {
    let document = Document::parse(file, text)?;
    document
        .refused
        .iter()
        .try_for_each(|block| must_be_refused(file, block))?;
    let mut scenarios = Vec::new();
    for section in document
        .sections
        .iter()
        .filter(|section| !section.rows.is_empty())
    {
        let name = format!("{file} {}", section.heading);
        let manifests = [document.shared.as_slice(), &section.manifests].concat();
        let mut cluster = cluster_of(&name, &manifests)?;
        beyond::unknown_peers(&mut cluster);
        let names = [&document.shared_names, &section.names].into_iter();
        cluster.domain_addresses = names.flat_map(Clone::clone).collect();
        let blocks = document.shared_blocks.iter().chain(&section.blocks);
        cluster.pod_blocks = blocks.map(IpNet::trunc).collect();
        scenarios.push(Scenario {
            name,
            cluster,
            rows: section.rows.clone(),
        });
    }
    Ok(scenarios)
}

fn cluster_of(name: &str, manifests: &[Input]) -> Result<Cluster, CorpusError> {
    let (cluster, diagnostics) = read(manifests);
    match diagnostics.into_iter().find(Diagnostic::is_error) {
        Some(error) => Err(CorpusError::Refused {
            name: name.to_owned(),
            diagnostic: Box::new(error),
        }),
        None => Ok(cluster),
    }
}

fn read(manifests: &[Input]) -> (Cluster, Vec<Diagnostic>) {
    let loaded = load(manifests, &LoadOptions::default());
    let (mut cluster, diagnostics) = assemble(&loaded.objects);
    cluster.tell_time(MOMENT);
    (cluster, [loaded.diagnostics, diagnostics].concat())
}

fn must_be_refused(file: &str, block: &markdown::Refused) -> Result<(), CorpusError> {
    let (_, diagnostics) = read(std::slice::from_ref(&block.manifest));
    let errors: Vec<&Diagnostic> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .collect();
    if errors
        .iter()
        .any(|error| error.rule == Some(block.rule.as_str()))
    {
        return Ok(());
    }
    let found: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Err(CorpusError::NotRefused {
        file: file.to_owned(),
        line: block.line,
        rule: block.rule.clone(),
        found: if found.is_empty() {
            "it loads".to_owned()
        } else {
            found.join("; ")
        },
    })
}
