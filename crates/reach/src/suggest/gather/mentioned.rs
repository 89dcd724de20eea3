//! Services that programs are told of, where nothing shows that they are needed: a human has to say.

use std::collections::BTreeSet;

use ringfence_model::{BackendPort, ObjectName, Service};

use super::Gatherer;
use super::service::Wanted;
use super::words::is_told;
use crate::suggest::facts::{Facts, Scope, Setting};
use crate::suggest::resolve::Host;
use crate::suggest::text::{Key, host_words};
use crate::suggest::{End, Evidence};
use crate::workload::Unit;

/// Leaves every mention of one of the `idle` Services undecided.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts, idle: &[ObjectName]) {
    let idle: BTreeSet<&ObjectName> = idle.iter().collect();
    for scope in &facts.scopes {
        for setting in &scope.settings {
            gatherer.mentioned(scope, setting, &idle);
        }
    }
}

impl Gatherer<'_> {
    /// Of a secret it is not said that a name is in it, and of a setting that is undecided already nothing more.
    fn mentioned(&mut self, scope: &Scope, setting: &Setting, idle: &BTreeSet<&ObjectName>) {
        let key = Key::of(&setting.name);
        if !is_told(setting) || setting.secret || key.is_own() || key.is_other() {
            return;
        }
        let unit = &scope.unit;
        let what = format!("{} {}", unit.full_name(), setting.what);
        if self.unresolved.iter().any(|known| known.what == what) {
            return;
        }
        let namespace = unit.namespace().unwrap_or_default();
        for (host, _, _) in host_words(&setting.value) {
            let Host::Service(service) = self.resolver.resolve(&host, namespace) else {
                continue;
            };
            if !idle.contains(&service.name) || self.is_behind(service, unit) {
                continue;
            }
            let evidence = Evidence {
                what: what.clone(),
                source: self.locate(&setting.place, &host),
                target: String::new(),
            };
            let problem = format!(
                "names svc/{}, and does not show whether it is needed, or at which port",
                service.name
            );
            let help =
                "if it is, write its port behind the name, or allow it by a policy of your own";
            self.undecided(unit, &evidence, problem, help.to_owned());
        }
    }

    /// Whether `unit` is one of those that `service` leads to.
    fn is_behind(&self, service: &Service, unit: &Unit) -> bool {
        let own = End::Workload(unit.clone());
        service.ports.iter().any(|port| {
            let wanted = Wanted {
                port: Some(BackendPort::Number(port.port)),
                protocol: Some(port.protocol),
                usual: None,
            };
            let found = self.destinations(service, &wanted);
            found.is_ok_and(|(ends, _)| ends.iter().any(|(end, _)| *end == own))
        })
    }
}
