//! The files of ConfigMaps and Secrets that containers see.

use std::collections::BTreeSet;

use ringfence_model::VolumeSource;

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
        for (kind, name) in self.volumes(described) {
            let Some(data) = self.store.get(kind, described.namespace, &name) else {
                continue;
            };
            for key in data.keys() {
                let scope = file(described, &data, key, variables);
                facts.scopes.extend(scope);
            }
        }
    }

    /// What holds the files, by kind and name.
    fn volumes(&self, described: &Described<'_>) -> BTreeSet<(Kind, String)> {
        let mut found = BTreeSet::new();
        for (index, volume) in described.spec.volumes.iter().enumerate() {
            match &volume.source {
                VolumeSource::ConfigMap(name) => found.extend([(Kind::ConfigMap, name.clone())]),
                VolumeSource::Secret(name) => found.extend([(Kind::Secret, name.clone())]),
                VolumeSource::Other(kind) if kind == "projected" => {
                    found.extend(self.projected(described, index));
                }
                VolumeSource::EmptyDir | VolumeSource::Other(_) => {}
            }
        }
        found
    }

    fn projected(&self, described: &Described<'_>, index: usize) -> Vec<(Kind, String)> {
        let path = format!("{}.volumes[{index}].projected", described.path);
        let field = described
            .object
            .and_then(|object| self.store.documents().field(object, &path));
        let sources = field.map_or_else(Vec::new, |field| field.items_at("sources"));
        let names = sources.iter().flat_map(|source| {
            let map = source
                .text_at("configMap.name")
                .map(|name| (Kind::ConfigMap, name));
            let secret = source
                .text_at("secret.name")
                .map(|name| (Kind::Secret, name));
            map.into_iter().chain(secret)
        });
        names.collect()
    }
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
