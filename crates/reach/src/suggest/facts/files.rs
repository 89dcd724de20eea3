//! The files of ConfigMaps and Secrets that containers see.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Field, VolumeSource};

use super::store::{Data, Kind};
use super::variables::Variables;
use super::{Described, Facts, Missing, Reader, Scope, Setting};
use crate::suggest::text::{Style, defined, from_lines, substitute};

/// Longer files are programs and data rather than configuration.
const LONGEST: usize = 1 << 20;

impl Reader<'_> {
    /// Adds the lines of every file that a container of the pod sees.
    pub(super) fn files(
        &self,
        described: &Described<'_>,
        variables: &Variables,
        facts: &mut Facts,
    ) {
        for ((kind, name), mounted) in self.volumes(described) {
            let Some(data) = self.store.get(kind, described.namespace, &name) else {
                facts
                    .missing
                    .extend(mounted.missing(described, kind, &name));
                continue;
            };
            for key in data.keys().filter(|key| mounted.seen.has(key)) {
                let scope = file(described, &data, key, variables);
                facts.scopes.extend(scope);
            }
        }
    }

    /// What holds the files, by kind and name, and which of them are seen.
    fn volumes(&self, described: &Described<'_>) -> BTreeMap<(Kind, String), Mounted> {
        let mut found: BTreeMap<(Kind, String), Mounted> = BTreeMap::new();
        for (index, volume) in described.spec.volumes.iter().enumerate() {
            let mut add = |kind, name: &str, field: Option<&Field<'_>>| {
                let known = found.entry((kind, name.to_owned()));
                let mounted = known.or_insert_with(|| Mounted {
                    seen: Seen::Some(BTreeSet::new()),
                    volume: index,
                    is_optional: true,
                });
                mounted.seen.add(Seen::of(field));
                mounted.is_optional &= field.is_some_and(is_optional);
            };
            let field = |name| self.volume_field(described, index, name);
            match &volume.source {
                VolumeSource::ConfigMap(name) => {
                    add(Kind::ConfigMap, name, field("configMap").as_ref());
                }
                VolumeSource::Secret(name) => {
                    add(Kind::Secret, name, field("secret").as_ref());
                }
                VolumeSource::Other(kind) if kind == "projected" => {
                    let sources = field("projected").map(|field| field.items_at("sources"));
                    for (kind, name, field) in sources.iter().flatten().flat_map(projected) {
                        add(kind, &name, Some(&field));
                    }
                }
                VolumeSource::EmptyDir | VolumeSource::Other(_) => {}
            }
        }
        found
    }

    fn volume_field(
        &self,
        described: &Described<'_>,
        index: usize,
        name: &str,
    ) -> Option<Field<'_>> {
        let path = format!("{}.volumes[{index}].{name}", described.path);
        let object = described.object?;
        self.store.documents().field(object, &path)
    }
}

/// How a pod sees an object's files.
struct Mounted {
    seen: Seen,
    /// The first volume that shows it.
    volume: usize,
    /// Whether every volume does without it.
    is_optional: bool,
}

impl Mounted {
    /// The object is not among the manifests, though files in it may name hosts. Those that hold certificates and keys do not.
    fn missing(&self, described: &Described<'_>, kind: Kind, name: &str) -> Option<Missing> {
        let mut words = name.split(['-', '.', '_']);
        let holds_keys = words.any(|word| KEYS.contains(&word));
        (!self.is_optional && !holds_keys).then(|| Missing {
            unit: described.unit.clone(),
            what: format!("volumes[{}]", self.volume),
            object: format!("{}/{}/{name}", kind.shown(), described.namespace),
            place: described.place(format!("{}.volumes[{}]", described.path, self.volume)),
            name: None,
        })
    }
}

/// Words in the names of objects that hold certificates and keys, and no settings.
const KEYS: [&str; 16] = [
    "bundle",
    "ca",
    "cert",
    "certificate",
    "certificates",
    "certs",
    "crt",
    "key",
    "keys",
    "keystore",
    "license",
    "password",
    "ssh",
    "tls",
    "token",
    "truststore",
];

fn is_optional(volume: &Field<'_>) -> bool {
    volume
        .get("optional")
        .is_some_and(|optional| !optional.is_null() && !optional.is_false())
}

/// Which keys of an object are files of a pod.
enum Seen {
    All,
    Some(BTreeSet<String>),
}

impl Seen {
    /// Where `items` are written, these alone.
    fn of(volume: Option<&Field<'_>>) -> Self {
        let items = volume.map_or_else(Vec::new, |volume| volume.items_at("items"));
        if items.is_empty() {
            return Self::All;
        }
        Self::Some(
            items
                .iter()
                .filter_map(|item| item.text_at("key"))
                .collect(),
        )
    }

    fn has(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(keys) => keys.contains(key),
        }
    }

    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::All, _) => {}
            (Self::Some(own), Self::Some(others)) => own.extend(others),
            (own @ Self::Some(_), Self::All) => *own = Self::All,
        }
    }
}

/// What a source of a projected volume shows.
fn projected<'a>(source: &Field<'a>) -> Vec<(Kind, String, Field<'a>)> {
    let of = |kind, field: &str| {
        let object = source.get(field)?;
        Some((kind, object.text_at("name")?, object))
    };
    let map = of(Kind::ConfigMap, "configMap");
    map.into_iter().chain(of(Kind::Secret, "secret")).collect()
}

fn file(
    described: &Described<'_>,
    data: &Data<'_>,
    key: &str,
    variables: &Variables,
) -> Option<Scope> {
    let text = data.text(key).filter(|text| text.len() <= LONGEST)?;
    let place = data.place(key);
    let mut settings = Vec::new();
    let mut parts = BTreeSet::new();
    let lines: Vec<Option<&str>> = text.lines().map(defined).collect();
    for (line, name, value) in from_lines(text) {
        if let Some(part) = lines.get(line).copied().flatten() {
            parts.insert(part.to_ascii_lowercase());
            continue;
        }
        let mut secret = data.kind == Kind::Secret;
        let value = substitute(&value, Style::Shell, |name| {
            variables.value(name, &mut secret)
        });
        settings.push(Setting {
            what: format!("{}/{} {key}", data.kind.shown(), data.name.name),
            name,
            value,
            secret,
            place: super::Place {
                line,
                ..place.clone()
            },
        });
    }
    Some(Scope {
        unit: described.unit.clone(),
        settings,
        defined: parts,
    })
}
