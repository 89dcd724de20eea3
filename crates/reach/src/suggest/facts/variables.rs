//! The environment of a container, as the kubelet puts it together.

use std::collections::BTreeMap;
use std::rc::Rc;

use ringfence_model::{Container, EnvFrom, EnvValue, EnvVar, KeyRef};

use super::store::Kind;
use super::{Described, Facts, Missing, Place, Reader, Setting};
use crate::suggest::text::{Style, substitute};

/// Variables by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    /// Those that the kubelet makes, the same for all pods of a namespace.
    made: Rc<BTreeMap<String, Setting>>,
    /// The container's own, which win.
    own: BTreeMap<String, Setting>,
}

impl Variables {
    /// The value of `name`, if it is known; `secret` is set if it comes from a Secret.
    pub(super) fn value(&self, name: &str, secret: &mut bool) -> Option<String> {
        let found = self.own.get(name).or_else(|| self.made.get(name))?;
        *secret |= found.secret;
        Some(found.value.clone())
    }

    /// Those that are the container's own, and not made by the kubelet.
    pub(super) fn settings(&self) -> Vec<Setting> {
        self.own.values().cloned().collect()
    }

    /// Adds those of another container of the pod that are not known yet.
    pub(super) fn extend(&mut self, others: Self) {
        for (name, setting) in others.own {
            if !self.made.contains_key(&name) {
                self.own.entry(name).or_insert(setting);
            }
        }
        if self.made.is_empty() {
            self.made = others.made;
        }
    }

    fn insert(&mut self, setting: Setting) {
        self.own.insert(setting.name.clone(), setting);
    }
}

impl Reader<'_> {
    /// The variables of `container`, which is described at `path`: those of Services, then `envFrom`, then `env`.
    pub(super) fn variables(
        &self,
        described: &Described<'_>,
        container: &Container,
        path: &str,
        facts: &mut Facts,
    ) -> Variables {
        let mut variables = Variables {
            made: self.of_services(described.namespace),
            own: BTreeMap::new(),
        };
        for (index, from) in container.env_from.iter().enumerate() {
            let place = described.place(format!("{path}.envFrom[{index}]"));
            self.all_keys(described, from, place, &mut variables, facts);
        }
        for (index, variable) in container.env.iter().enumerate() {
            let place = |field: &str| described.place(format!("{path}.env[{index}].{field}"));
            if let Some(setting) = self.one(described, variable, &place, &variables, facts) {
                variables.insert(setting);
            }
        }
        variables
    }

    /// `API_SERVICE_HOST`, `API_PORT_80_TCP_ADDR` and the like, which the kubelet sets for every Service of the namespace. The host
    /// is given as the Service's name, which leads to the same place.
    fn of_services(&self, namespace: &str) -> Rc<BTreeMap<String, Setting>> {
        let mut known = self.made.borrow_mut();
        match known.get(namespace) {
            Some(made) => Rc::clone(made),
            None => {
                let made = Rc::new(self.made_for(namespace));
                known.insert(namespace.to_owned(), Rc::clone(&made));
                made
            }
        }
    }

    fn made_for(&self, namespace: &str) -> BTreeMap<String, Setting> {
        let mut variables = BTreeMap::new();
        let mut insert = |name: String, value: String| {
            variables.insert(name.clone(), made(name, value));
        };
        let first = ringfence_model::ObjectName::new(namespace, "");
        let services = self.inhabitants.cluster.services.range(first..);
        for (name, service) in services.take_while(|(name, _)| name.namespace == namespace) {
            let stem = name.name.to_ascii_uppercase().replace('-', "_");
            let port = service.ports.first().map(|port| port.port.to_string());
            insert(format!("{stem}_SERVICE_HOST"), name.name.clone());
            if let Some(port) = port {
                insert(
                    format!("{stem}_PORT"),
                    format!("tcp://{}:{port}", name.name),
                );
                insert(format!("{stem}_SERVICE_PORT"), port);
            }
            for port in &service.ports {
                let (protocol, number) = (port.protocol.to_string(), port.port);
                let one = format!("{stem}_PORT_{number}_{}", protocol.to_ascii_uppercase());
                insert(format!("{one}_ADDR"), name.name.clone());
                insert(format!("{one}_PORT"), number.to_string());
                insert(one, format!("{protocol}://{}:{number}", name.name));
                if let Some(named) = &port.name {
                    let named = named.to_ascii_uppercase().replace('-', "_");
                    insert(format!("{stem}_SERVICE_PORT_{named}"), number.to_string());
                }
            }
        }
        let host = "kubernetes.default.svc".to_owned();
        insert("KUBERNETES_SERVICE_HOST".to_owned(), host);
        insert("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned());
        variables
    }

    fn all_keys(
        &self,
        described: &Described<'_>,
        from: &EnvFrom,
        place: Place,
        variables: &mut Variables,
        facts: &mut Facts,
    ) {
        let (kind, name, prefix, optional) = match from {
            EnvFrom::Secret {
                name,
                prefix,
                optional,
            } => (Kind::Secret, name, prefix, *optional),
            EnvFrom::ConfigMap {
                name,
                prefix,
                optional,
            } => (Kind::ConfigMap, name, prefix, *optional),
        };
        let Some(data) = self.store.get(kind, described.namespace, name) else {
            let missing = (kind, name.as_str(), None);
            missed(
                described,
                missing,
                "envFrom".to_owned(),
                place,
                optional,
                facts,
            );
            return;
        };
        for key in data.keys() {
            let Some(text) = data.text(key) else {
                continue;
            };
            variables.insert(Setting {
                what: format!("env {prefix}{key} of {}/{name}", kind.shown()),
                name: format!("{prefix}{key}"),
                value: text.to_owned(),
                secret: kind == Kind::Secret,
                place: data.place(key),
            });
        }
    }

    fn one(
        &self,
        described: &Described<'_>,
        variable: &EnvVar,
        place: &impl Fn(&str) -> Place,
        others: &Variables,
        facts: &mut Facts,
    ) -> Option<Setting> {
        let what = format!("env {}", variable.name);
        let (kind, key) = match &variable.value {
            EnvValue::Literal(text) => {
                let mut secret = false;
                let value = |name: &str| others.value(name, &mut secret);
                let value = substitute(text, Style::Kubelet, value);
                return Some(Setting {
                    what,
                    name: variable.name.clone(),
                    value,
                    secret,
                    place: place("value"),
                });
            }
            EnvValue::Secret(key) => (Kind::Secret, key),
            EnvValue::ConfigMap(key) => (Kind::ConfigMap, key),
            EnvValue::Field(_) | EnvValue::Other(_) => return None,
        };
        let KeyRef {
            name,
            key,
            optional,
        } = key;
        let data = self.store.get(kind, described.namespace, name);
        let Some((data, text)) = data.and_then(|data| Some((data, data.text(key)?))) else {
            let missing = (kind, name.as_str(), Some(variable.name.clone()));
            missed(
                described,
                missing,
                what,
                place("valueFrom"),
                *optional,
                facts,
            );
            return None;
        };
        Some(Setting {
            what: format!("{what} of {}/{name}", kind.shown()),
            name: variable.name.clone(),
            value: text.to_owned(),
            secret: kind == Kind::Secret,
            place: data.place(key),
        })
    }
}

/// A variable that the kubelet makes, which shows nothing by itself.
fn made(name: String, value: String) -> Setting {
    Setting {
        what: String::new(),
        name,
        value,
        secret: false,
        place: Place {
            object: None,
            path: String::new(),
            line: 0,
        },
    }
}

fn missed(
    described: &Described<'_>,
    (kind, object, name): (Kind, &str, Option<String>),
    what: String,
    place: Place,
    optional: bool,
    facts: &mut Facts,
) {
    if !optional {
        facts.missing.push(Missing {
            unit: described.unit.clone(),
            what,
            object: format!("{}/{}/{object}", kind.shown(), described.namespace),
            place,
            name,
        });
    }
}
