//! The files of ConfigMaps and Secrets that containers see.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_model::{Field, VolumeSource};

use super::store::{Data, Kind};
use super::variables::Variables;
use super::{Described, Facts, Reader, Scope, Setting};
use crate::suggest::text::{Style, from_lines, substitute};

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
        for ((kind, name), seen) in self.volumes(described) {
            let Some(data) = self.store.get(kind, described.namespace, &name) else {
                continue;
            };
            for key in data.keys().filter(|key| seen.has(key)) {
                let scope = file(described, &data, key, variables);
                facts.scopes.extend(scope);
            }
        }
    }

    /// What holds the files, by kind and name, and which of them are seen.
    fn volumes(&self, described: &Described<'_>) -> BTreeMap<(Kind, String), Seen> {
        let mut found: BTreeMap<(Kind, String), Seen> = BTreeMap::new();
        let mut add = |kind, name: &str, seen| {
            let known = found.entry((kind, name.to_owned()));
            known.or_insert(Seen::Some(BTreeSet::new())).add(seen);
        };
        for (index, volume) in described.spec.volumes.iter().enumerate() {
            let field = |name| self.volume_field(described, index, name);
            match &volume.source {
                VolumeSource::ConfigMap(name) => {
                    add(Kind::ConfigMap, name, Seen::of(field("configMap").as_ref()));
                }
                VolumeSource::Secret(name) => {
                    add(Kind::Secret, name, Seen::of(field("secret").as_ref()));
                }
                VolumeSource::Other(kind) if kind == "projected" => {
                    let sources = field("projected").map(|field| field.items_at("sources"));
                    for (kind, name, seen) in sources.iter().flatten().flat_map(projected) {
                        add(kind, &name, seen);
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
fn projected(source: &Field<'_>) -> Vec<(Kind, String, Seen)> {
    let of = |kind, field: &str| {
        let object = source.get(field)?;
        Some((kind, object.text_at("name")?, Seen::of(Some(&object))))
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
    for (line, name, value) in from_lines(text) {
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
    })
}
