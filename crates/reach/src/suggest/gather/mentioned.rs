//! Services whose names stand in what a workload is told, and that it is not shown to need: a human has to say.

use std::collections::BTreeSet;

use ringfence_model::{ObjectName, Service};

use super::Gatherer;
use super::words::{is_told, without_programs};
use crate::suggest::facts::{Facts, Scope, Setting, lists_streams};
use crate::suggest::resolve::Host;
use crate::suggest::text::{Key, names};
use crate::suggest::{End, Evidence};
use crate::workload::Unit;

/// Files with such names are texts for people, or data.
const DOCUMENTS: [&str; 8] = [
    ".crt", ".css", ".html", ".md", ".pem", ".sql", ".svg", ".txt",
];

/// Leaves undecided, once for each workload and Service, what names a Service that the workload is not shown to need.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts) {
    let ends = gatherer.needs.keys();
    let mut known: Known = Known {
        pairs: ends
            .map(|(from, to, _)| (from.clone(), to.clone()))
            .collect(),
        settled: BTreeSet::new(),
    };
    for scope in &facts.scopes {
        for setting in &scope.settings {
            gatherer.mentioned(scope, setting, &mut known);
        }
    }
}

struct Known {
    /// Who needs somebody.
    pairs: BTreeSet<(End, End)>,
    /// Of which Services a workload needs nothing said any more.
    settled: BTreeSet<(Unit, ObjectName)>,
}

impl Gatherer<'_> {
    /// Of a secret it is not said which name is in it, and of a setting that is undecided already nothing more.
    fn mentioned(&mut self, scope: &Scope, setting: &Setting, known: &mut Known) {
        let key = Key::of(&setting.name);
        let is_document = DOCUMENTS
            .iter()
            .any(|ending| setting.what.ends_with(ending));
        let is_none = key.is_own()
            || key.is_other()
            || key.lists_names()
            || key.names_an_image()
            || lists_streams(&setting.name);
        if is_none || is_document || !self.inhabitants.manages(&scope.unit) {
            return;
        }
        for name in names(&without_programs(setting)) {
            self.named_by(scope, setting, &name, known);
        }
    }

    fn named_by(&mut self, scope: &Scope, setting: &Setting, name: &str, known: &mut Known) {
        let unit = &scope.unit;
        let namespace = unit.namespace().unwrap_or_default();
        let Host::Service(service) = self.resolver.resolve(name, namespace) else {
            return;
        };
        let asked = (unit.clone(), service.name.clone());
        if known.settled.contains(&asked) || scope.defined.contains(name) {
            return;
        }
        if !self.may_need(unit, service, &known.pairs) {
            known.settled.insert(asked);
            return;
        }
        let needle = if setting.secret { "" } else { name };
        let evidence = Evidence {
            what: format!("{} {}", unit.full_name(), setting.what),
            source: self.locate(&setting.place, needle),
            target: String::new(),
        };
        if self.is_undecided(&evidence, setting) {
            return;
        }
        known.settled.insert(asked);
        let whom = match setting.secret {
            true => "a Service of these manifests".to_owned(),
            false => format!("svc/{}", service.name),
        };
        let problem =
            format!("names {whom}, and does not show whether it is needed, or at which port");
        let help = "if it is, write its port behind the name, or allow it by a policy of your own";
        self.undecided(unit, &evidence, problem, help.to_owned());
    }

    /// Whether `service` has pods of others, whom `unit` is not shown to need.
    fn may_need(&self, unit: &Unit, service: &Service, shown: &BTreeSet<(End, End)>) -> bool {
        let behind = self.behind(service);
        let behind: BTreeSet<End> = behind.into_iter().map(|(end, _)| end).collect();
        let own = self.ends_of(unit);
        let pairs = own
            .iter()
            .flat_map(|from| behind.iter().map(move |to| (from, to)));
        let mut pairs = pairs.map(|(from, to)| (from.clone(), to.clone()));
        let has_others = !behind.is_empty() && !behind.contains(&End::Workload(unit.clone()));
        has_others && !own.is_empty() && !pairs.any(|pair| shown.contains(&pair))
    }

    /// Whether something about the same setting, or the same line of a file, is for a human already.
    fn is_undecided(&self, evidence: &Evidence, setting: &Setting) -> bool {
        let line = |source: &Option<ringfence_model::Source>| {
            let source = source.as_ref()?;
            Some((source.file.clone(), source.line))
        };
        self.unresolved.iter().any(|known| {
            known.what == evidence.what
                && (is_told(setting) || line(&known.source) == line(&evidence.source))
        })
    }

    /// Whether `unit` is one of those that `service` leads to.
    pub(super) fn is_behind(&self, service: &Service, unit: &Unit) -> bool {
        let own = End::Workload(unit.clone());
        self.behind(service).iter().any(|(end, _)| *end == own)
    }
}
