//! Reading manifests for a lab: the same checks before it starts and when it changes.

use std::ops::Range;
use std::sync::Arc;

use ringfence_model::{
    Diagnostic, Input, LoadOptions, Loaded, Location, Object, ObjectKind, RenderStyle, Severity,
    Source, SourceMap,
};

use crate::cluster::system;

/// The objects of manifests that can be used.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// In order of appearance.
    pub objects: Vec<Object>,
    /// What their author may want to know, ready to print.
    pub warnings: Vec<String>,
    /// The texts, to quote from.
    pub sources: SourceMap,
}

/// Manifests that cannot be used: every reason, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these manifests cannot be used, so nothing was done\n\n{}", .0.join("\n\n"))]
pub struct Refused(pub Vec<String>);

impl Refused {
    /// Refuses if there are `refusals`, quoting `sources`.
    ///
    /// # Errors
    /// Itself, with all of them.
    pub fn unless_empty(refusals: Vec<Refusal>, sources: &SourceMap) -> Result<(), Self> {
        if refusals.is_empty() {
            return Ok(());
        }
        let texts = refusals.into_iter().map(|refusal| {
            refusal
                .diagnostic(sources)
                .render(sources, RenderStyle::Plain)
        });
        Err(Self(texts.collect()))
    }
}

/// Something asked for that this lab cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    message: String,
    source: Option<Source>,
    word: Option<String>,
}

impl Refusal {
    /// Refuses with `message` what was asked for at `source`.
    #[must_use]
    pub fn new(message: String, source: Option<&Source>) -> Self {
        Self {
            message,
            source: source.cloned(),
            word: None,
        }
    }

    /// Points to the first `word` of the object instead of its beginning, with the value behind it if it is a key.
    #[must_use]
    pub fn at(self, word: &str) -> Self {
        Self {
            word: Some(word.to_owned()),
            ..self
        }
    }

    fn diagnostic(self, sources: &SourceMap) -> Diagnostic {
        let found = self.source.as_ref().zip(self.word.as_deref());
        let location = found.and_then(|(source, word)| locate(source, word, sources));
        let diagnostic = Diagnostic::new(Severity::Error, self.message);
        match location {
            Some(_) => Diagnostic {
                location,
                ..diagnostic
            },
            None => diagnostic.with_source(self.source),
        }
    }
}

/// Where `word` stands first in the document that begins at `object`.
fn locate(object: &Source, word: &str, sources: &SourceMap) -> Option<Location> {
    let mut start = 0;
    for (line, number) in sources.text(&object.file)?.split_inclusive('\n').zip(1..) {
        if number > object.line && line.starts_with("---") {
            return None;
        }
        if number >= object.line
            && let Some(range) = find_word(line, word)
        {
            let before = line.get(..range.start)?.chars().count();
            return Some(Location {
                source: Source {
                    file: Arc::clone(&object.file),
                    line: number,
                    column: u32::try_from(before).ok()? + 1,
                },
                bytes: start + range.start..start + range.end,
            });
        }
        start += line.len();
    }
    None
}

/// The bytes of `word`, and of the value behind it if it is a key, where it is not part of a longer word.
fn find_word(line: &str, word: &str) -> Option<Range<usize>> {
    let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let (start, _) = line.match_indices(word).find(|(start, _)| {
        let before = line.get(..*start).and_then(|text| text.chars().next_back());
        let after = line
            .get(start + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })?;
    let rest = line.get(start + word.len()..)?;
    let value = rest
        .trim_start_matches(['"', '\''])
        .strip_prefix(':')
        .map_or("", |_| {
            let end = rest.find([',', '}', '#', '\n', '\r']).unwrap_or(rest.len());
            rest.get(..end).unwrap_or_default().trim_end()
        });
    Some(start..start + word.len() + value.len())
}

/// Reads `inputs`; objects without namespace get `namespace`.
///
/// # Errors
/// [`Refused`], with all that is wrong.
pub fn load(inputs: &[Input], namespace: &str) -> Result<Manifests, Refused> {
    let options = LoadOptions {
        default_namespace: namespace.to_owned(),
        ..LoadOptions::default()
    };
    let mut loaded = ringfence_model::load(inputs, &options);
    leave_aside(&mut loaded);
    let (mut errors, warnings): (Vec<_>, Vec<_>) = loaded
        .diagnostics
        .into_iter()
        .partition(Diagnostic::is_error);
    let refused = loaded.objects.iter().filter_map(not_in_a_lab);
    errors.extend(refused.map(|refusal| refusal.diagnostic(&loaded.sources)));
    let render = |diagnostics: Vec<Diagnostic>| -> Vec<String> {
        let lines = diagnostics.iter();
        lines
            .map(|diagnostic| diagnostic.render(&loaded.sources, RenderStyle::Plain))
            .collect()
    };
    if errors.is_empty() {
        Ok(Manifests {
            objects: loaded.objects,
            warnings: render(warnings),
            sources: loaded.sources,
        })
    } else {
        Err(Refused(render(errors)))
    }
}

/// OB-25: nobody in a lab makes the pods of workloads that are none of Kubernetes' own.
fn leave_aside(loaded: &mut Loaded) {
    let (custom, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut loaded.objects)
        .into_iter()
        .partition(|object| object.key().kind == ObjectKind::CustomWorkload);
    loaded.objects = rest;
    loaded.diagnostics.retain(|one| one.rule != Some("OB-25"));
    let notes = custom.iter().map(|object| {
        let message = format!("nobody in a lab makes the pods of {}", object.key());
        Diagnostic::new(Severity::Note, message).with_source(object.source().cloned())
    });
    loaded.diagnostics.extend(notes);
}

fn not_in_a_lab(object: &Object) -> Option<Refusal> {
    let key = object.key();
    let message = if matches!(object, Object::Node(_) | Object::KindCluster(_)) {
        format!(
            "{key}: nodes of a lab come from its kind configuration: ringfence lab up --config FILE"
        )
    } else if system::is_own(&key) {
        format!("{key} is made by the lab itself; choose another name")
    } else if key.kind == ObjectKind::ReplicationController {
        let message = format!("{key}: nobody in a lab looks after one; write a Deployment");
        return Some(Refusal::new(message, object.source()).at("kind"));
    } else {
        return None;
    };
    Some(Refusal::new(message, object.source()).at("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_of_other_projects_are_left_aside() {
        let text = "apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec: {template: {spec: {containers: [{name: c, image: i}]}}}
";
        let input = Input {
            name: "r.yaml".into(),
            text: text.into(),
        };
        let found = load(&[input], "shop").unwrap();
        assert!(found.objects.is_empty());
        let [warning] = found.warnings.as_slice() else {
            panic!("{:?}", found.warnings);
        };
        let said = "nobody in a lab makes the pods of workload shop/Rollout/web";
        assert!(warning.contains(said), "{warning}");
    }

    #[test]
    fn words_are_found_whole_and_keys_with_their_value() {
        let found =
            |line: &'static str, word| find_word(line, word).and_then(|range| line.get(range));
        assert_eq!(
            found("  nodeName: w9 # far\n", "nodeName"),
            Some("nodeName: w9")
        );
        assert_eq!(
            found("{nodeName: w9, x: 1}", "nodeName"),
            Some("nodeName: w9")
        );
        assert_eq!(found("- name: PASSWORD", "PASSWORD"), Some("PASSWORD"));
        assert_eq!(found("a-name: web-1 web", "web"), Some("web"));
        assert_eq!(found("subnodeName: w9", "nodeName"), None);
    }

    #[test]
    fn a_word_is_looked_for_in_its_own_document_only() {
        let mut sources = SourceMap::default();
        sources.insert("f", "nodeName: a\n---\nkind: Pod\n---\nnodeName: b\n");
        let object = Source {
            file: "f".into(),
            line: 3,
            column: 1,
        };
        assert_eq!(locate(&object, "nodeName", &sources), None);
        let kind = locate(&object, "kind", &sources).unwrap();
        assert_eq!((kind.source.line, kind.bytes), (3, 16..25));
    }
}
