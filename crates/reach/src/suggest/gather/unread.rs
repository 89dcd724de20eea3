//! What needs connections in a way that is not read: metrics that somebody collects, and kinds of others that make pods. A
//! human has to say.

use std::collections::BTreeSet;

use ringfence_model::{Described, Field, ObjectName};

use super::{Gatherer, unit_of};
use crate::foreign::{MONITORS_GROUP, is_foreign, is_foreign_version, may_make_pods};
use crate::suggest::facts::Facts;
use crate::suggest::resolve::Host;
use crate::suggest::text::names;
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

/// The kinds of the Prometheus operator that say what is scraped.
const MONITORS: [&str; 4] = ["PodMonitor", "Probe", "ScrapeConfig", "ServiceMonitor"];

/// Labels and annotations of pods and namespaces by which somebody adds containers to pods, and who.
const INJECTORS: [(&str, &str); 10] = [
    ("consul.hashicorp.com/connect-inject", "Consul"),
    ("dapr.io/enabled", "Dapr"),
    ("istio-injection", "Istio"),
    ("istio.io/rev", "Istio"),
    ("kuma.io/sidecar-injection", "Kuma"),
    ("linkerd.io/inject", "Linkerd"),
    ("sidecar.istio.io/inject", "Istio"),
    ("sidecar.jaegertracing.io/inject", "Jaeger"),
    ("sidecar.opentelemetry.io/inject", "OpenTelemetry"),
    ("vault.hashicorp.com/agent-inject", "Vault"),
];
/// Values by which nothing is added.
const NOT_INJECTED: [&str; 3] = ["", "disabled", "false"];
/// Where they stand, in the order in which they are looked for.
const METADATA: [&str; 6] = [
    "spec.template.metadata.annotations",
    "spec.template.metadata.labels",
    "spec.jobTemplate.spec.template.metadata.annotations",
    "spec.jobTemplate.spec.template.metadata.labels",
    "metadata.annotations",
    "metadata.labels",
];

/// What every annotation for an ingress controller has in its name.
const INGRESS_ANNOTATION: &str = "ingress.kubernetes.io";

/// Kinds by which nobody connects to the Services that they name.
const ABOUT_OTHERS: [&str; 3] = ["Certificate", "DestinationRule", "PeerAuthentication"];
/// Words in the names of fields that lead to a Service.
const LEADING: [&str; 12] = [
    "address",
    "backend",
    "destination",
    "endpoint",
    "host",
    "route",
    "server",
    "service",
    "target",
    "upstream",
    "uri",
    "url",
];
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
    let injectors = INJECTORS.map(|(key, _)| key);
    let mut injected = BTreeSet::new();
    for field in documents.objects_saying(&injectors) {
        if let Some(object) = Described::of(&field, namespace) {
            gatherer.injected(&object, &mut injected);
        }
    }
    for field in documents.objects_of_versions(is_foreign_version) {
        if let Some(object) = Described::of(&field, namespace) {
            gatherer.monitor(&object);
            gatherer.foreign(&object);
        }
    }
    for field in documents.objects_saying(&[INGRESS_ANNOTATION]) {
        if let Some(object) = Described::of(&field, namespace) {
            gatherer.annotations(&object);
        }
    }
    gatherer.discovers(facts);
}

fn evidence(object: &Described<'_>, of: &str, at: &Field<'_>) -> Evidence {
    Evidence {
        what: format!("{} {}{of}", object.kind, object.name),
        source: Some(at.location().source),
        target: String::new(),
    }
}

/// Whether fields of these names lead to a Service: the last one, or one around a `name`.
fn leads(names: &[&str]) -> bool {
    let says = |name: &&str| {
        let name = name.to_ascii_lowercase();
        LEADING.iter().any(|word| name.contains(word))
    };
    match names {
        ["metadata", ..] | [] => false,
        [around @ .., "name"] => around.iter().any(|name| *name == "to" || says(name)),
        [.., last] => says(last),
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

    /// Containers that somebody adds when pods are made, once for each workload or namespace and whoever adds them.
    fn injected(&mut self, object: &Described<'_>, known: &mut BTreeSet<(Unit, &'static str)>) {
        for (key, who) in INJECTORS {
            let written = METADATA
                .iter()
                .find_map(|path| object.field.get(&format!("{path}[{key}]")));
            let Some(at) = written else { continue };
            let value = at.text().unwrap_or_default();
            if NOT_INJECTED.contains(&value) {
                continue;
            }
            let evidence = evidence(object, &format!(" {key}"), &at);
            let problem = format!(
                "asks for containers that {who} adds, and what these connect to is not in the manifests"
            );
            let help = format!(
                "allow the pods what {who}'s containers need, such as its control plane, by a policy of your own: without it they may not start"
            );
            if object.group.is_empty() && object.kind == "Namespace" {
                let unit = Unit::Namespace(object.name.name.clone());
                if known.insert((unit, who)) {
                    self.unresolved_in(&object.name.name, &evidence, problem, help);
                }
                continue;
            }
            for unit in self.annotated(object) {
                if known.insert((unit.clone(), who)) {
                    self.undecided(&unit, &evidence, problem.clone(), help.clone());
                }
            }
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

    /// An object of a kind that nobody here knows may make pods, and may lead to Services.
    fn foreign(&mut self, object: &Described<'_>) {
        if !is_foreign(&object.group) {
            return;
        }
        if may_make_pods(object) {
            let problem = "may make pods, which these manifests do not hold, so that what they need is not read".to_owned();
            let help = "add the manifests that its controller makes, or write policies of your own for its pods";
            let evidence = evidence(object, "", object.field);
            self.unresolved_in(&object.name.namespace, &evidence, problem, help.to_owned());
        } else if !object.is(MONITORS_GROUP, &MONITORS)
            && !ABOUT_OTHERS.contains(&object.kind.as_str())
        {
            let texts = object.field.texts().into_iter();
            let leading = texts.filter(|(names, _)| leads(names));
            let leading = leading.map(|(_, text)| text).collect();
            self.leading(object, leading);
        }
    }

    /// Annotations of Ingresses that name Services, such as those that ask somebody else who a caller is.
    fn annotations(&mut self, object: &Described<'_>) {
        if object.kind != "Ingress" {
            return;
        }
        let annotations = object.field.get("metadata.annotations");
        let texts = annotations.map(|annotations| annotations.texts());
        let urls = texts.into_iter().flatten().map(|(_, text)| text);
        let urls = urls.filter(|text| text.text().is_some_and(|text| text.contains("://")));
        self.leading(object, urls.collect());
    }

    /// Leaves the Services that `texts` of `object` name undecided, each once.
    fn leading(&mut self, object: &Described<'_>, texts: Vec<Field<'_>>) {
        let mut known = BTreeSet::new();
        for text in texts {
            for name in names(text.text().unwrap_or_default()) {
                let found = self.resolver.resolve(&name, &object.name.namespace);
                let Host::Service(service) = found else {
                    continue;
                };
                if !known.insert(service.name.clone()) {
                    continue;
                }
                let namespace = service.name.namespace.clone();
                let problem = format!(
                    "names svc/{}, and who connects to it for that is not read",
                    service.name
                );
                let help = "allow those pods by a policy of your own, at both ends if they are selected by one";
                let evidence = evidence(object, "", &text);
                self.unresolved_in(&namespace, &evidence, problem, help.to_owned());
            }
        }
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
