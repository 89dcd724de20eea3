//! From files to the cluster that a command judges, with everything said about them on the way.

mod awake;
mod missing;
mod notes;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::ensure;
use clap::Args;
use ipnet::IpNet;
use ringfence_model::{
    Cluster, Diagnostic, LoadOptions, Loaded, Mentions, Object, ObjectName, RenderStyle, Severity,
    SourceMap, Timestamp, UnknownFields, assemble_mentioning, assemble_with, load_both_with,
    load_with,
};

use super::block;
use super::cluster::{self, ClusterArguments};
use super::known_name::{KnownName, domain_addresses};
use super::read::{Depth, FILES, Inputs, read};
use crate::clock::now;
use crate::threads::{Threads, both};

pub(crate) use awake::Awake;
pub(crate) use missing::Missing;
pub(crate) use notes::summary as note_summary;

/// The manifests of one cluster, and how they are read.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManifestArguments {
    /// Manifests: files, directories, either of them in a git revision as REV:PATH, or - for standard input
    #[arg(short, long = "filename", value_name = FILES, required_unless_present_any = ["kubeconfig", "context"])]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) options: ManifestOptions,
}

/// How manifests are read, for commands that name them in a way of their own.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManifestOptions {
    /// Read the directories in directories as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// Namespace for whatever names none
    #[arg(short, long, default_value = "default")]
    pub(crate) namespace: String,
    /// Judge without the objects that are refused, and warn of it
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Warn of fields that Kubernetes does not know, as the API server does, instead of refusing
    #[arg(long)]
    pub(crate) allow_unknown_fields: bool,
    /// Addresses of a name in `domainNames`, separated by commas; may be repeated
    #[arg(long, value_name = "NAME=ADDRESS")]
    pub(crate) resolve: Vec<KnownName>,
    /// Where pods get their addresses from, so that a rule with a block is judged for pods without one; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = block)]
    pub(crate) pod_cidr: Vec<IpNet>,
    /// Judge as at this time (RFC 3339) instead of now: which policies are in audit mode depends on it
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,
}

/// What to do about an answer that is unknown for want of a pod's address (rules Q-13, AM-22).
pub(crate) const POD_CIDR_HINT: &str = "--pod-cidr says where pods get their addresses from";

/// Manifests that can be judged.
#[derive(Clone, Debug)]
pub(crate) struct LoadedManifests {
    /// In order of appearance.
    pub(crate) objects: Vec<Object>,
    pub(crate) cluster: Cluster,
    /// The moment that it was told.
    pub(crate) at: Timestamp,
    /// The texts, to quote from.
    pub(crate) sources: SourceMap,
    /// Those of files first, those of the whole cluster last, in order of appearance. Errors only with `--skip-invalid`.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl ManifestArguments {
    /// Reads and checks the manifests, and prints to standard error what their author may want to know.
    pub(crate) fn load(&self) -> anyhow::Result<LoadedManifests> {
        self.options.load(&self.named())
    }

    /// The files, and the cluster if options name one.
    pub(crate) fn named(&self) -> Vec<PathBuf> {
        self.options.cluster.with(&self.files)
    }
}

impl ManifestOptions {
    /// Reads and checks the manifests in `files`, and prints to standard error what their author may want to know.
    pub(crate) fn load(&self, files: &[PathBuf]) -> anyhow::Result<LoadedManifests> {
        let loaded = self.load_silently(files)?;
        loaded.print_diagnostics();
        Ok(loaded)
    }

    /// As [`Self::load`], without printing.
    pub(crate) fn load_silently(&self, files: &[PathBuf]) -> anyhow::Result<LoadedManifests> {
        let depth = Depth::of(self.recursive);
        self.check_all(read(files, depth, Some(&self.cluster))?)
    }

    /// As [`Self::load_silently`], of two states of a cluster.
    pub(crate) fn load_both_silently(
        &self,
        before: &[PathBuf],
        after: &[PathBuf],
    ) -> anyhow::Result<(LoadedManifests, LoadedManifests)> {
        let depth = Depth::of(self.recursive);
        let (before, after) = both(
            || read(before, depth, Some(&self.cluster)),
            || read(after, depth, Some(&self.cluster)),
        );
        let (before, after) = (before?, after?);
        let (one, other) =
            load_both_with(&before.texts, &after.texts, &self.load_options(), &Threads);
        let (before, after) = both(|| self.check(before, one), || self.check(after, other));
        Ok((before?, after?))
    }

    /// The cluster that these objects make.
    pub(crate) fn assemble(&self, objects: &[Object]) -> Cluster {
        self.assemble_mentioning(objects, &Mentions::of(objects))
    }

    /// Puts the pods of `wanted` into the cluster that a workload makes and that no selector names (rule OB-9).
    pub(crate) fn add_pods(
        &self,
        loaded: &mut LoadedManifests,
        wanted: impl IntoIterator<Item = ObjectName>,
    ) {
        let known = &loaded.cluster.pods;
        let missing = wanted.into_iter().filter(|pod| !known.contains_key(pod));
        let missing: Vec<ObjectName> = missing.collect();
        if !missing.is_empty() {
            let mentions = Mentions::of(&loaded.objects).with_pods(missing);
            loaded.cluster = self.assemble_mentioning(&loaded.objects, &mentions);
        }
    }

    /// Puts the pods into both clusters that selectors of either name, so that each is compared with itself (rule OB-9).
    pub(crate) fn add_common_pods(&self, one: &mut LoadedManifests, other: &mut LoadedManifests) {
        let mentions = (Mentions::of(&one.objects), Mentions::of(&other.objects));
        if mentions.0 != mentions.1 {
            let both = mentions.0.union(&mentions.1);
            for side in [one, other] {
                side.cluster = self.assemble_mentioning(&side.objects, &both);
            }
        }
    }

    fn assemble_mentioning(&self, objects: &[Object], mentions: &Mentions) -> Cluster {
        let addresses = domain_addresses(&self.resolve);
        let (mut cluster, _) = assemble_mentioning(objects, addresses, mentions);
        cluster.tell_time(self.at.unwrap_or_else(now));
        cluster.pod_blocks = self.pod_cidr.iter().map(IpNet::trunc).collect();
        cluster
    }

    fn load_options(&self) -> LoadOptions {
        LoadOptions {
            default_namespace: self.namespace.clone(),
            unknown_fields: if self.allow_unknown_fields {
                UnknownFields::Warn
            } else {
                UnknownFields::Refuse
            },
        }
    }

    fn check_all(&self, inputs: Inputs) -> anyhow::Result<LoadedManifests> {
        let loaded = load_with(&inputs.texts, &self.load_options(), &Threads);
        self.check(inputs, loaded)
    }

    /// What was read and `loaded`. Fails if anything is refused, unless it is to be skipped (rule V-25).
    fn check(&self, inputs: Inputs, mut loaded: Loaded) -> anyhow::Result<LoadedManifests> {
        for snapshot in &inputs.clusters {
            cluster::add_behind(&mut loaded, cluster::load(snapshot));
        }
        ensure!(
            !loaded.objects.is_empty() || !loaded.diagnostics.is_empty(),
            "{} holds nothing to judge: what should have written it may have failed",
            named(&inputs)
        );
        let is_strange = !loaded.diagnostics.is_empty()
            && loaded.diagnostics.iter().all(Diagnostic::is_unknown_kind);
        ensure!(
            !loaded.objects.is_empty() || !is_strange,
            "{} holds nothing to judge: {}",
            named(&inputs),
            strange(&loaded.diagnostics)
        );
        let (mut cluster, of_cluster) =
            assemble_with(&loaded.objects, domain_addresses(&self.resolve));
        let at = self.at.unwrap_or_else(now);
        cluster.tell_time(at);
        let mut diagnostics = inputs.warnings;
        diagnostics.extend(loaded.diagnostics);
        diagnostics.extend(of_cluster);
        cluster.pod_blocks = self.pod_cidr.iter().map(IpNet::trunc).collect();
        diagnostics.extend(strays(&cluster));
        if !self.skip_invalid {
            refuse(&diagnostics, &loaded.sources)?;
        }
        Ok(LoadedManifests {
            objects: loaded.objects,
            cluster,
            at,
            sources: loaded.sources,
            diagnostics,
        })
    }
}

/// The kind that a directory of kustomize is described by.
const KUSTOMIZATION: &str = "`Kustomization`";

/// Why nothing can be judged where all objects are of kinds that are not known.
fn strange(notes: &[Diagnostic]) -> String {
    let messages: BTreeSet<&str> = notes.iter().map(|note| note.message.as_str()).collect();
    let messages: Vec<&str> = messages.into_iter().collect();
    let is_kustomize = messages
        .iter()
        .any(|message| message.contains(KUSTOMIZATION));
    let advice = if is_kustomize {
        "; `kubectl kustomize DIR` writes the manifests that it stands for, and `-f -` reads them"
    } else {
        ""
    };
    format!("{}{advice}", messages.join("; "))
}

/// What was read, by name.
fn named(inputs: &Inputs) -> String {
    let names: Vec<&str> = inputs
        .texts
        .iter()
        .map(|input| input.name.as_str())
        .collect();
    names.join(", ")
}

/// Pods with an address that `--pod-cidr` does not speak of, although it speaks of others of its family.
fn strays(cluster: &Cluster) -> Vec<Diagnostic> {
    let is_stray = |address: &IpAddr| {
        let family = |block: &&IpNet| block.addr().is_ipv4() == address.is_ipv4();
        let mut blocks = cluster.pod_blocks.iter().filter(family).peekable();
        blocks.peek().is_some() && !blocks.any(|block| block.contains(address))
    };
    let pods = cluster.pods.values().filter(|pod| pod.is_on_pod_network());
    let strays = pods.filter_map(|pod| Some((pod, pod.addresses.iter().find(|at| is_stray(at))?)));
    let told = strays.map(|(pod, address)| {
        let message = format!(
            "pod {} has the address {address}, which is in no --pod-cidr",
            pod.name
        );
        Diagnostic::new(Severity::Warning, message)
            .with_rule("AM-22")
            .with_source(pod.source.clone())
            .with_help("name every block that pods get addresses from")
    });
    told.collect()
}

fn refuse(diagnostics: &[Diagnostic], sources: &SourceMap) -> anyhow::Result<()> {
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .map(|diagnostic| diagnostic.render(sources, RenderStyle::Colored))
        .collect();
    anyhow::ensure!(
        errors.is_empty(),
        "these manifests cannot be used; --skip-invalid judges without what is refused\n\n{}",
        errors.join("\n\n")
    );
    Ok(())
}

impl LoadedManifests {
    /// Whose addresses are not known, and what would tell them.
    pub(crate) fn missing(&self) -> Missing {
        Missing::of(&self.cluster, &self.objects)
    }

    /// What every answer has to be read with: that something was refused and is missing from it (rule V-25).
    pub(crate) fn caveat(&self) -> Option<String> {
        let errors = self.diagnostics.iter().filter(|found| found.is_error());
        match errors.count() {
            0 => None,
            1 => Some("what has an error in the manifests is left out of this answer".to_owned()),
            errors => Some(format!(
                "what has one of the {errors} errors in the manifests is left out of this answer"
            )),
        }
    }

    /// Says on standard error what the answer has to be read with.
    pub(crate) fn tell_caveat(&self) {
        if let Some(caveat) = self.caveat() {
            anstream::eprintln!("{}: {caveat}", crate::paint::bad("warning"));
        }
    }

    /// The file of the first object, or else one that was read.
    pub(crate) fn first_file(&self) -> Arc<str> {
        let object = self.objects.iter().find_map(Object::source);
        let file = object.map(|source| Arc::clone(&source.file));
        file.or_else(|| self.sources.iter().map(|(name, _)| Arc::clone(name)).next())
            .unwrap_or_else(|| "<stdin>".into())
    }

    /// How many objects are of kinds that are not known, and left aside.
    pub(crate) fn left_aside(&self) -> usize {
        let notes = self
            .diagnostics
            .iter()
            .filter(|found| found.is_unknown_kind());
        notes.count()
    }

    /// Takes out the notes that objects of `kinds` are not known: what reads them has no use for those.
    pub(crate) fn forget_notes_of(&mut self, kinds: &[&str]) {
        self.diagnostics.retain(|found| {
            let is_of = |kind: &&str| {
                let starts = [format!("`{kind}` of "), format!("`{kind}List` of ")];
                starts.iter().any(|start| found.message.starts_with(start))
            };
            found.severity != Severity::Note || !kinds.iter().any(is_of)
        });
    }

    /// Prints to standard error: errors and warnings with the line they are about, then a line for each sort of note.
    pub(crate) fn print_diagnostics(&self) {
        print(&self.told());
    }

    /// As [`Self::print_diagnostics`], without what was said of `other` in the same words.
    pub(crate) fn print_diagnostics_besides(&self, other: &Self) {
        let words = |found: &Diagnostic| (found.severity, found.rule, found.message.clone());
        let said: BTreeSet<_> = other.diagnostics.iter().map(words).collect();
        let new = self.diagnostics.iter();
        let new = new.filter(|found| !said.contains(&words(found))).cloned();
        print(&self.rendered(&new.collect::<Vec<_>>()));
    }

    fn told(&self) -> String {
        self.rendered(&self.diagnostics)
    }

    fn rendered(&self, diagnostics: &[Diagnostic]) -> String {
        let quoted = diagnostics
            .iter()
            .filter(|found| found.severity != Severity::Note)
            .map(|found| found.render(&self.sources, RenderStyle::Colored));
        let notes = notes::summary(diagnostics);
        quoted
            .chain((!notes.is_empty()).then_some(notes))
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

fn print(told: &str) {
    if !told.is_empty() {
        anstream::eprintln!("{told}\n");
    }
}
