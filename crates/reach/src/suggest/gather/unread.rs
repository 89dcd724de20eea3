//! What needs connections in a way that is not read: metrics that somebody collects, and kinds of others that make pods. A
//! human has to say.

use std::collections::BTreeSet;

use ringfence_model::{Described, Field, ObjectName};

use super::{Gatherer, unit_of};
use crate::suggest::facts::Facts;
use crate::suggest::{End, Evidence};
use crate::workload::Unit;

/// Where a pod or the template of one has its annotations, by the kind that holds it; elsewhere it is nearly always the first.
const ANNOTATIONS: [&str; 3] = [
    "spec.template.metadata.annotations",
    "spec.jobTemplate.spec.template.metadata.annotations",
    "metadata.annotations",
];
const SCRAPE: &str = "prometheus.io/scrape";
const SCRAPE_PORT: &str = "prometheus.io/port";
/// The part of Prometheus' configuration that makes it ask the API server whom to scrape.
const DISCOVERY: &str = "kubernetes_sd_configs";

const MONITORS_GROUP: &str = "monitoring.coreos.com";
/// The kinds of the Prometheus operator that say what is scraped.
const MONITORS: [&str; 4] = ["PodMonitor", "Probe", "ScrapeConfig", "ServiceMonitor"];

/// Fields by which an object of a kind that nobody here knows seems to make pods.
const PODS: [&str; 10] = [
    "spec.containers",
    "spec.instances",
    "spec.jobTargetRef.template.spec.containers",
    "spec.jobTemplate",
    "spec.kafka",
    "spec.nodeSets",
    "spec.podSpec",
    "spec.podTemplate",
    "spec.replicas",
    "spec.template.spec.containers",
];
/// Groups whose kinds are Kubernetes' own, or ringfence's; those of Cluster API make machines.
const KNOWN_GROUPS: [&str; 3] = [".k8s.io", "cluster.x-k8s.io", "ringfence.dev"];

/// Leaves it undecided.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts) {
    let documents = gatherer.documents;
    let namespace = &gatherer.options.default_namespace;
    let mut scraped = BTreeSet::new();
    for field in documents.objects_saying(&[SCRAPE]) {
        if let Some(object) = Described::of(&field, namespace) {
            gatherer.scraped(&object, &mut scraped);
        }
    }
    for field in documents.objects_of_versions(|version| is_foreign(group_of(version))) {
        if let Some(object) = Described::of(&field, namespace) {
            gatherer.monitor(&object);
            gatherer.foreign(&object);
        }
    }
    gatherer.discovers(facts);
}

fn group_of(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether kinds of the group are neither Kubernetes' own nor ringfence's.
fn is_foreign(group: &str) -> bool {
    group.contains('.') && !KNOWN_GROUPS.iter().any(|end| group.ends_with(end))
}

fn evidence(object: &Described<'_>, of: &str, at: &Field<'_>) -> Evidence {
    Evidence {
        what: format!("{} {}{of}", object.kind, object.name),
        source: Some(at.location().source),
        target: String::new(),
    }
}

impl Gatherer<'_> {
    /// Pods that ask to be scraped by annotation, once for each workload, if nobody is shown to do so.
    fn scraped(&mut self, object: &Described<'_>, known: &mut BTreeSet<Unit>) {
        let asks = |path: &&&str| {
            let asked = object.field.text_at(&format!("{path}[{SCRAPE}]"));
            asked.as_deref() == Some("true")
        };
        let Some(path) = ANNOTATIONS.iter().find(asks) else {
            return;
        };
        let Some(at) = object.field.get(&format!("{path}[{SCRAPE}]")) else {
            return;
        };
        let port = object.field.text_at(&format!("{path}[{SCRAPE_PORT}]"));
        for unit in self.annotated(object) {
            if self.is_needed_at(&unit, port.as_deref()) || !known.insert(unit.clone()) {
                continue;
            }
            let port = port
                .as_deref()
                .and_then(|port| port.parse::<u16>().ok())
                .map_or_else(String::new, |port| format!(" at port {port}"));
            let problem = format!(
                "{} asks to be scraped{port}, and these manifests do not show by whom",
                unit.full_name()
            );
            let help = "allow its Prometheus by a policy of your own, or name the target in the configuration of Prometheus";
            let evidence = evidence(object, &format!(" annotation {SCRAPE}"), &at);
            self.undecided(&unit, &evidence, problem, help.to_owned());
        }
    }

    /// The workloads that annotations of `object` are about. An object that another one makes says nothing of its own.
    fn annotated(&self, object: &Described<'_>) -> BTreeSet<Unit> {
        let ObjectName { namespace, name } = &object.name;
        let cluster = self.inhabitants.cluster;
        match (object.group.as_str(), object.kind.as_str()) {
            ("", "Service") => {
                let service = cluster.services.get(&object.name);
                let pods = service.map_or_else(Vec::new, |found| self.inhabitants.backends(found));
                pods.into_iter().map(unit_of).collect()
            }
            ("", "Pod") => {
                let pod = cluster.pods.get(&object.name);
                pod.map(unit_of).into_iter().collect()
            }
            ("" | "apps" | "batch", kind) => {
                let made = object.field.items_at("metadata.ownerReferences");
                let unit = Unit::workload(namespace.as_str(), kind, name.as_str());
                let is_there = made.is_empty() && !self.inhabitants.pods_of(&unit).is_empty();
                is_there.then_some(unit).into_iter().collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Whether somebody needs `unit` at `port`.
    fn is_needed_at(&self, unit: &Unit, port: Option<&str>) -> bool {
        let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) else {
            return false;
        };
        let end = End::Workload(unit.clone());
        let mut needs = self.needs.keys();
        needs.any(|(_, to, needed)| *to == end && needed.number == port)
    }

    fn monitor(&mut self, object: &Described<'_>) {
        if !object.is(MONITORS_GROUP, &MONITORS) {
            return;
        }
        let named = object.field.items_at("spec.namespaceSelector.matchNames");
        let named = named.iter().filter_map(Field::text).map(str::to_owned);
        let named: BTreeSet<String> = named.chain([object.name.namespace.clone()]).collect();
        let help = "allow its Prometheus the ports that it scrapes, by a policy of your own";
        for namespace in named {
            let problem = "says what is scraped, which is not read".to_owned();
            let evidence = evidence(object, "", object.field);
            self.unresolved_in(&namespace, &evidence, problem, help.to_owned());
        }
    }

    /// An object of a kind that nobody here knows, and that seems to make pods.
    fn foreign(&mut self, object: &Described<'_>) {
        let has = |path: &&str| object.field.get(path).is_some_and(|field| !field.is_null());
        if !is_foreign(&object.group) || !PODS.iter().any(has) {
            return;
        }
        let problem = "seems to make pods, which these manifests do not hold, so that what they need is not read".to_owned();
        let help = "add the manifests that its controller makes, or write policies of your own for its pods";
        let evidence = evidence(object, "", object.field);
        self.unresolved_in(&object.name.namespace, &evidence, problem, help.to_owned());
    }

    /// Programs that ask the API server whom to scrape.
    fn discovers(&mut self, facts: &Facts) {
        let mut known = BTreeSet::new();
        for scope in &facts.scopes {
            for setting in &scope.settings {
                if setting.name != DISCOVERY || !known.insert((&scope.unit, &setting.what)) {
                    continue;
                }
                let unit = &scope.unit;
                let evidence = Evidence {
                    what: format!("{} {}", unit.full_name(), setting.what),
                    source: self.locate(&setting.place, DISCOVERY),
                    target: String::new(),
                };
                self.needs_api_server(unit, &evidence);
                let problem = format!(
                    "scrapes what it finds at the API server ({DISCOVERY}), which these manifests do not tell"
                );
                let help =
                    "allow it the pods that it scrapes by a policy of your own, at both ends";
                self.undecided(unit, &evidence, problem, help.to_owned());
            }
        }
    }
}
