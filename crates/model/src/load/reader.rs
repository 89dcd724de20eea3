use crate::Object;
use crate::diagnostic::{Severity, UNJUDGED, UNKNOWN_KIND};
use crate::extract::{Context, custom_workload, extract};
use crate::report::{Problem, Report};
use crate::schema::{self, Found, Handling};
use crate::view::{Path, View};
use crate::yaml::Node;

/// Sorts documents by kind and turns them into objects.
pub(super) struct Reader<'r> {
    pub(super) report: &'r mut Report,
    pub(super) default_namespace: &'r str,
    pub(super) objects: &'r mut Vec<Object>,
    /// Whether the current document is free of faults in its YAML.
    pub(super) sound: bool,
}

/// The version and kind that the items of a typed list have (rule OB-1).
type ItemType = (&'static str, &'static str);

impl Reader<'_> {
    pub(super) fn document(&mut self, document: &Node, inherited: Option<ItemType>) {
        let root = View::root(document);
        let Some((version, kind)) = self.type_of(document, inherited) else {
            return;
        };
        match schema::find(version, kind) {
            Found::Known { schema, handling } => self.object(document, schema, handling, kind),
            Found::List {
                item_version,
                item_kind,
            } => {
                self.list(document, item_kind.map(|kind| (item_version, kind)));
            }
            Found::Removed { instead } => {
                let message = format!("`{kind}` of `{version}` is not served any more");
                let help = format!("write `apiVersion: {instead}`");
                self.refuse("OB-6", &root.field("apiVersion"), message, help);
            }
            Found::OtherVersion { versions } => {
                let message = format!("there is no `{kind}` in `{version}`");
                let help = format!("write `apiVersion: {versions}`");
                self.refuse("OB-1", &root.field("apiVersion"), message, help);
            }
            Found::Unknown => self.unknown(document, version, kind),
        }
    }

    fn type_of<'a>(
        &mut self,
        document: &'a Node,
        inherited: Option<ItemType>,
    ) -> Option<(&'a str, &'a str)> {
        let view = View::root(document);
        let (version, kind) = (view.field("apiVersion"), view.field("kind"));
        match (version.text(), kind.text(), inherited) {
            (Some(version), Some(kind), _) => return Some((version, kind)),
            (None, None, Some(inherited)) => return Some(inherited),
            _ => {}
        }
        let missing = if kind.text().is_none() {
            "kind"
        } else {
            "apiVersion"
        };
        let message = format!("not a Kubernetes object: it has no `{missing}`");
        let mut problem = Problem::bare("OB-1", &Path::root(), document.span, message);
        let keys = document
            .entries()
            .iter()
            .map(|entry| entry.key.text.as_str());
        if let Some(meant) = schema::nearest(missing, keys) {
            problem = problem.with_help(format!("did you mean `{missing}` by `{meant}`?"));
        }
        self.report.add(problem);
        None
    }

    fn object(
        &mut self,
        document: &Node,
        schema: &'static schema::Schema,
        handling: Handling,
        kind: &str,
    ) {
        if is_encrypted(document, handling) {
            let message = format!(
                "{kind} is encrypted by SOPS, and left aside: policy does not depend on it"
            );
            self.leave_aside(&View::root(document).field("sops"), message);
            return;
        }
        self.report.begin_object();
        let before = self.report.errors();
        let readable = self.report.errors_in_fields();
        schema::check(document, schema, self.report);
        if !self.sound || self.report.errors_in_fields() > readable {
            return;
        }
        if handling == Handling::Skipped {
            if self.report.errors() > before {
                return;
            }
            let message = format!("{kind} is left aside: policy does not depend on it");
            self.leave_aside(&View::root(document).field("kind"), message);
            return;
        }
        let mut context = Context {
            report: self.report,
            default_namespace: self.default_namespace,
        };
        let object = extract(&mut context, handling, &View::root(document));
        if self.report.errors() == before {
            self.objects.extend(object);
        }
    }

    fn list(&mut self, document: &Node, item: Option<ItemType>) {
        schema::check(document, schema::list(), self.report);
        let items = document.get("items").map(Node::items).unwrap_or_default();
        for node in items {
            self.document(node, item);
        }
    }

    /// A kind that is nearly one of ours is a mistake; any other belongs to somebody else (rule OB-1).
    fn unknown(&mut self, document: &Node, version: &str, kind: &str) {
        let at = View::root(document).field("kind");
        if let Some(meant) = schema::nearest(kind, schema::kinds(version)) {
            let message = format!("there is no `{kind}` in `{version}`");
            self.refuse(
                "OB-1",
                &at,
                message,
                format!("did you mean `kind: {meant}`?"),
            );
        } else if has_pod_template(document) {
            self.custom_workload(document, version, kind);
        } else {
            self.leave_aside(&at, format!("`{kind}` of `{version}` {UNKNOWN_KIND}"));
        }
    }

    /// OB-25: what has a pod template where Kubernetes' own workloads have it. Whatever else is in it is not for us to judge.
    fn custom_workload(&mut self, document: &Node, version: &str, kind: &str) {
        let root = View::root(document);
        let mut report = self.report.aside();
        let template = document.get("spec").and_then(|spec| spec.get("template"));
        if let Some(template) = template {
            schema::check(template, schema::pod_template(), &mut report);
        }
        let mut context = Context {
            report: &mut report,
            default_namespace: self.default_namespace,
        };
        let workload = custom_workload(&mut context, kind, &root);
        let message = if self.sound && report.errors() == 0 {
            self.objects.push(Object::Workload(Box::new(workload)));
            format!("`{kind}` of `{version}` is judged by its pod template alone")
        } else {
            format!(
                "`{kind}` of `{version}` has a pod template that Kubernetes would refuse: {UNJUDGED}"
            )
        };
        self.tell("OB-25", &root.field("kind"), message);
    }

    fn refuse(&mut self, rule: &'static str, at: &View<'_>, message: String, help: String) {
        self.report
            .add(Problem::bare(rule, &at.path, at.span, message).with_help(help));
    }

    fn leave_aside(&mut self, at: &View<'_>, message: String) {
        self.tell("OB-1", at, message);
    }

    fn tell(&mut self, rule: &'static str, at: &View<'_>, message: String) {
        self.report
            .add(Problem::bare(rule, &at.path, at.span, message).with_severity(Severity::Note));
    }
}

/// Whether it has containers where Kubernetes' own workloads have them.
fn has_pod_template(document: &Node) -> bool {
    let at = ["spec", "template", "spec", "containers"];
    let found = at.iter().try_fold(document, |node, field| node.get(field));
    found.is_some_and(|containers| !containers.items().is_empty())
}

/// Whether SOPS has encrypted this Secret or ConfigMap, which is then no object that Kubernetes would take (rule OB-1).
fn is_encrypted(document: &Node, handling: Handling) -> bool {
    (handling == Handling::Secret || handling == Handling::ConfigMap)
        && document
            .get("sops")
            .is_some_and(|sops| sops.get("mac").is_some())
}
