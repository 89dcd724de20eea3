//! From texts to objects and diagnostics.

mod reader;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reader::Reader;

use crate::diagnostic::{Diagnostic, Severity, SourceMap};
use crate::extract::{self, kind_cluster, policy_test};
use crate::report::{Problem, Report};
use crate::schema;
use crate::view::{Path, View};
use crate::workers::{OneByOne, Workers, map_with};
use crate::yaml::{self, Document, Node};
use crate::{AllowedAccess, KindCluster, Object, PolicyTest, TrustZones};

/// A text to read, under the name that the user knows it by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Input {
    /// The file as the user named it; `<stdin>` for standard input.
    pub name: String,
    /// YAML or JSON, any number of documents.
    pub text: String,
}

/// How to read manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// The namespace of objects that name none (rule OB-2).
    pub default_namespace: String,
    /// What becomes of fields that Kubernetes does not know; an error by default (rule V-23).
    pub unknown_fields: UnknownFields,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            default_namespace: "default".to_owned(),
            unknown_fields: UnknownFields::Refuse,
        }
    }
}

/// What manifests say, and what is wrong with them. Objects with errors are left out (rule V-25).
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The valid objects, in order of appearance.
    pub objects: Vec<Object>,
    /// The problems, in order of appearance.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts, to quote from.
    pub sources: SourceMap,
}

impl Loaded {
    fn of(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut loaded = Self::default();
        for part in parts {
            loaded.objects.extend(part.objects);
            loaded.diagnostics.extend(part.diagnostics);
            loaded.sources.insert(part.file, part.text);
        }
        loaded
    }

    /// Whether something was refused, so that `objects` is not the whole input (rule V-25).
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads all of `inputs`. One bad document does not hide the others.
#[must_use]
pub fn load(inputs: &[Input], options: &LoadOptions) -> Loaded {
    load_with(inputs, options, &OneByOne)
}

/// As [`load`], by `workers`.
#[must_use]
pub fn load_with(inputs: &[Input], options: &LoadOptions, workers: &dyn Workers) -> Loaded {
    Loaded::of(map_with(workers, inputs, |input| load_one(input, options)))
}

/// As [`load_with`] of `before` and of `after`. A text that is in both, as most are of two states of one thing, is parsed once.
#[must_use]
pub fn load_both_with(
    before: &[Input],
    after: &[Input],
    options: &LoadOptions,
    workers: &dyn Workers,
) -> (Loaded, Loaded) {
    let places = after.iter().enumerate();
    let mut places: BTreeMap<&str, (usize, &Input)> = places
        .map(|(place, input)| (input.text.as_str(), (place, input)))
        .collect();
    let mut shared = BTreeSet::new();
    let mut pieces: Vec<Piece<'_>> = Vec::with_capacity(before.len());
    for input in before {
        let twin = places.remove(input.text.as_str());
        shared.extend(twin.map(|(place, _)| place));
        pieces.push(Piece::Before(input, twin));
    }
    let alone = after.iter().enumerate();
    let alone = alone.filter(|(place, _)| !shared.contains(place));
    pieces.extend(alone.map(|(place, input)| Piece::After(place, input)));
    let (mut first, mut second) = (Vec::new(), BTreeMap::new());
    for (before, after) in map_with(workers, &pieces, |piece| piece.load(options)) {
        first.extend(before);
        second.extend(after);
    }
    (Loaded::of(first), Loaded::of(second.into_values()))
}

/// A text to parse, with its place among those after if it is one of them.
enum Piece<'a> {
    Before(&'a Input, Option<(usize, &'a Input)>),
    After(usize, &'a Input),
}

impl Piece<'_> {
    fn load(&self, options: &LoadOptions) -> (Option<Part>, Option<(usize, Part)>) {
        match *self {
            Self::Before(before, None) => (Some(load_one(before, options)), None),
            Self::Before(before, Some((place, after))) => {
                let (before, after) = load_twins(before, after, options);
                (Some(before), Some((place, after)))
            }
            Self::After(place, after) => (None, Some((place, load_one(after, options)))),
        }
    }
}

/// What one input says.
struct Part {
    objects: Vec<Object>,
    diagnostics: Vec<Diagnostic>,
    file: Arc<str>,
    text: Arc<str>,
}

fn load_one(input: &Input, options: &LoadOptions) -> Part {
    let mut report = report(input, options);
    let documents = read(input, &mut report);
    objects(&documents, report, options)
}

/// Two inputs of one text.
fn load_twins(one: &Input, other: &Input, options: &LoadOptions) -> (Part, Part) {
    let mut first = report(one, options);
    let documents = read(one, &mut first);
    // What is wrong with the text itself is said of each by its name.
    let second = if first.diagnostics.is_empty() {
        objects(&documents, report(other, options), options)
    } else {
        load_one(other, options)
    };
    (objects(&documents, first, options), second)
}

fn report(input: &Input, options: &LoadOptions) -> Report {
    Report::new(&input.name, &input.text).with_unknown_fields(options.unknown_fields)
}

fn objects(documents: &[Document], mut report: Report, options: &LoadOptions) -> Part {
    let mut objects = Vec::new();
    let mut reader = Reader {
        report: &mut report,
        default_namespace: &options.default_namespace,
        objects: &mut objects,
        sound: true,
    };
    for document in documents {
        reader.sound = document.sound;
        reader.document(&document.root, None);
    }
    report.diagnostics.sort_by_key(place);
    Part {
        objects,
        file: Arc::clone(report.file()),
        text: Arc::clone(report.text()),
        diagnostics: report.diagnostics,
    }
}

/// The byte that a diagnostic points at first.
fn place(diagnostic: &Diagnostic) -> Option<usize> {
    let location = diagnostic.location.as_ref()?;
    Some(location.bytes.start)
}

/// What becomes of fields that Kubernetes does not know, as the API's `fieldValidation` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownFields {
    /// `Strict`: an error.
    Refuse,
    /// `Warn`: a warning.
    Warn,
    /// `Ignore`: nothing.
    Ignore,
}

/// Reads the objects of a JSON value, such as the body of a request. Nothing in it has a position.
#[must_use]
pub fn load_json(value: &serde_json::Value, options: &LoadOptions) -> Loaded {
    let mut loaded = Loaded::default();
    let mut report = Report::new("", "").with_unknown_fields(options.unknown_fields);
    let mut reader = Reader {
        report: &mut report,
        default_namespace: &options.default_namespace,
        objects: &mut loaded.objects,
        sound: true,
    };
    reader.document(&Node::from_json(value), None);
    loaded.diagnostics = report.diagnostics;
    loaded
}

/// Reads the documents of `input` as JSON values, without looking at what they say.
///
/// # Errors
/// The diagnostics, if any document cannot be read.
pub fn read_json(input: &Input) -> Result<Vec<serde_json::Value>, Vec<Diagnostic>> {
    let mut report = Report::new(&input.name, &input.text);
    let documents = read(input, &mut report);
    if report.diagnostics.is_empty() {
        Ok(documents
            .iter()
            .map(|document| document.root.to_json())
            .collect())
    } else {
        Err(report.diagnostics)
    }
}

/// Reads the configuration of a kind cluster: exactly one document.
///
/// # Errors
/// The diagnostics, if it is not valid.
pub fn kind_config(input: &Input) -> Result<KindCluster, Vec<Diagnostic>> {
    let mut report = Report::new(&input.name, &input.text);
    let documents = read(input, &mut report);
    if !report.diagnostics.is_empty() {
        return Err(report.diagnostics);
    }
    let [Document { root, .. }] = documents.as_slice() else {
        let message = format!(
            "`{}` has {} documents, a kind configuration is one",
            input.name,
            documents.len()
        );
        return Err(vec![Diagnostic::new(Severity::Error, message)]);
    };
    let cluster = read_kind(root, &mut report);
    match cluster {
        Some(cluster) if report.errors() == 0 => Ok(cluster),
        _ => Err(report.diagnostics),
    }
}

fn read_kind(document: &Node, report: &mut Report) -> Option<KindCluster> {
    let text = |key| document.get(key).and_then(Node::text).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if (version, kind) != ("kind.x-k8s.io/v1alpha4", "Cluster") {
        let message = format!("not a kind configuration: `kind: {kind}` of `{version}`");
        let help = "it begins with `kind: Cluster` and `apiVersion: kind.x-k8s.io/v1alpha4`";
        report.add(Problem::bare("kind", &Path::root(), document.span, message).with_help(help));
        return None;
    }
    schema::check(document, schema::kind_cluster(), report);
    if report.errors() > 0 {
        return None;
    }
    kind_cluster(report, &View::root(document))
}

/// The group and version of ringfence's own kinds.
const OWN: &str = "ringfence.dev/v1alpha1";

const POLICY_TEST: Own = Own {
    kind: "PolicyTest",
    meaning: "a policy test",
    schema: schema::policy_test(),
};

const TRUST_ZONES: Own = Own {
    kind: "TrustZones",
    meaning: "a file of trust zones",
    schema: schema::trust_zones(),
};

const ALLOWED_ACCESS: Own = Own {
    kind: "AllowedAccess",
    meaning: "a file of allowed access",
    schema: schema::allowed_access(),
};

/// A kind of ringfence's own, which is read from files of its own.
struct Own {
    kind: &'static str,
    meaning: &'static str,
    schema: &'static schema::Schema,
}

impl Own {
    fn how_it_begins(&self) -> String {
        format!(
            "it begins with `apiVersion: {OWN}` and `kind: {}`",
            self.kind
        )
    }

    fn not_one(&self, input: &Input, documents: usize) -> String {
        let (name, meaning) = (&input.name, self.meaning);
        format!("`{name}` has {documents} documents, {meaning} has one")
    }

    /// Whether `document` is of this kind and has no field that the kind does not have.
    fn check(&self, document: &Node, report: &mut Report) -> bool {
        let text = |key| document.get(key).and_then(Node::text).unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        let before = report.errors();
        if (version, kind) == (OWN, self.kind) {
            schema::check(document, self.schema, report);
        } else {
            let message = format!("not {}: `kind: {kind}` of `{version}`", self.meaning);
            let at = View::root(document).field("kind");
            let problem = Problem::bare(self.kind, &at.path, at.span, message);
            report.add(problem.with_help(self.how_it_begins()));
        }
        report.errors() == before
    }
}

/// Reads a file of policy tests: one or more documents, nothing else among them.
///
/// # Errors
/// The diagnostics, if anything in it is not valid.
pub fn policy_tests(input: &Input) -> Result<Vec<PolicyTest>, Vec<Diagnostic>> {
    let mut report = Report::new(&input.name, &input.text);
    let documents = read(input, &mut report);
    let tests: Vec<PolicyTest> = documents
        .iter()
        .filter_map(|document| read_policy_test(&document.root, &mut report))
        .collect();
    if report.diagnostics.is_empty() && tests.is_empty() {
        let message = format!("`{}` holds no policy test", input.name);
        report
            .diagnostics
            .push(Diagnostic::new(Severity::Error, message).with_help(POLICY_TEST.how_it_begins()));
    }
    if report.diagnostics.is_empty() {
        Ok(tests)
    } else {
        report.diagnostics.sort_by_key(place);
        Err(report.diagnostics)
    }
}

fn read_policy_test(document: &Node, report: &mut Report) -> Option<PolicyTest> {
    let sound = POLICY_TEST.check(document, report);
    sound.then(|| policy_test(report, &View::root(document)))
}

/// Reads a file of trust zones: exactly one document.
///
/// # Errors
/// The diagnostics, if it is not valid.
pub fn trust_zones(input: &Input) -> Result<TrustZones, Vec<Diagnostic>> {
    read_own(input, &TRUST_ZONES, extract::trust_zones)
}

/// Reads a file of allowed access: exactly one document.
///
/// # Errors
/// The diagnostics, if it is not valid.
pub fn allowed_access(input: &Input) -> Result<AllowedAccess, Vec<Diagnostic>> {
    read_own(input, &ALLOWED_ACCESS, extract::allowed_access)
}

/// Reads the only document of a file of ringfence's own.
fn read_own<T>(
    input: &Input,
    own: &Own,
    extract: impl FnOnce(&mut Report, &View<'_>) -> T,
) -> Result<T, Vec<Diagnostic>> {
    let mut report = Report::new(&input.name, &input.text);
    let documents = read(input, &mut report);
    let found = match documents.as_slice() {
        [Document { root, .. }] if own.check(root, &mut report) => {
            Some(extract(&mut report, &View::root(root)))
        }
        [_] => None,
        _ => {
            let found = Diagnostic::new(Severity::Error, own.not_one(input, documents.len()));
            report
                .diagnostics
                .push(found.with_help(own.how_it_begins()));
            None
        }
    };
    match found {
        Some(found) if !report.diagnostics.iter().any(Diagnostic::is_error) => Ok(found),
        _ => {
            report.diagnostics.sort_by_key(place);
            Err(report.diagnostics)
        }
    }
}

fn read(input: &Input, report: &mut Report) -> Vec<Document> {
    let (documents, errors) = yaml::parse(&input.text);
    for error in errors {
        report.add_yaml_error(error);
    }
    documents
}
