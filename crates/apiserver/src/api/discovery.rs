//! Which kinds there are, in the forms in which clients ask: all at once, or group by group.

use serde_json::{Value, json};

use super::answer::Answer;
use super::reviews::{self, Review};
use super::{Api, Request};
use crate::kind::{Kind, Scope};

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];
const CHANGE: [&str; 3] = ["get", "patch", "update"];

impl Api {
    pub(super) fn core_discovery(&self, request: &Request) -> Answer {
        if let Some(version) = aggregated(request) {
            return self.aggregated(version, |group| group.is_empty());
        }
        Answer::json(
            200,
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
        )
    }

    pub(super) fn group_discovery(&self, request: &Request) -> Answer {
        if let Some(version) = aggregated(request) {
            return self.aggregated(version, |group| !group.is_empty());
        }
        let groups = self
            .groups()
            .into_iter()
            .filter(|(group, _)| !group.is_empty());
        let groups: Vec<Value> = groups
            .map(|(group, versions)| api_group(&group, &versions))
            .collect();
        Answer::json(
            200,
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
        )
    }

    pub(super) fn group(&self, name: &str) -> Option<Answer> {
        let groups = self.groups().into_iter();
        let (group, versions) = groups
            .filter(|(group, _)| !group.is_empty())
            .find(|(group, _)| group == name)?;
        let mut group = api_group(&group, &versions);
        let fields = crate::object::fields(&mut group);
        fields.insert("kind".to_owned(), "APIGroup".into());
        fields.insert("apiVersion".to_owned(), "v1".into());
        Some(Answer::json(200, group))
    }

    /// The resources of one version of a group.
    pub(super) fn resources(&self, group: &str, version: &str) -> Option<Answer> {
        let served = self.served();
        let kinds = served.iter().filter(|kind| serves(kind, group, version));
        let questions = reviews::of_group(group, version).map(legacy_question);
        let kinds = kinds.flat_map(|kind| legacy(kind));
        let resources: Vec<Value> = kinds.chain(questions).collect();
        if resources.is_empty() {
            return None;
        }
        let group_version = if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        };
        Some(Answer::json(
            200,
            json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources,
            }),
        ))
    }

    /// Groups with their versions, of the kinds and of the questions.
    pub(super) fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut groups = self.served().group_versions();
        for group in reviews::groups() {
            groups.push((group.to_owned(), vec![reviews::VERSION.to_owned()]));
        }
        groups
    }

    fn aggregated(&self, version: &'static str, wanted: impl Fn(&str) -> bool) -> Answer {
        let groups = self.groups().into_iter().filter(|(group, _)| wanted(group));
        let items: Vec<Value> = groups
            .map(|(group, versions)| self.group_item(&group, &versions))
            .collect();
        let list = json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
            "metadata": {}, "items": items,
        });
        Answer {
            content_type: if version == "v2" {
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            } else {
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
            },
            ..Answer::json(200, list)
        }
    }

    fn group_item(&self, group: &str, versions: &[String]) -> Value {
        let of_version = |version: &String| {
            let served = self.served();
            let kinds = served.iter().filter(|kind| serves(kind, group, version));
            let questions = reviews::of_group(group, version).map(question);
            let kinds = kinds.map(|kind| resource(kind, version));
            let resources: Vec<Value> = kinds.chain(questions).collect();
            json!({"version": version, "freshness": "Current", "resources": resources})
        };
        let versions: Vec<Value> = versions.iter().map(of_version).collect();
        let metadata = if group.is_empty() {
            json!({})
        } else {
            json!({"name": group})
        };
        json!({"metadata": metadata, "versions": versions})
    }
}

/// The version of aggregated discovery that the client takes.
fn aggregated(request: &Request) -> Option<&'static str> {
    let forms = request.accept.split(',');
    let mut lists = forms.filter(|form| form.contains("as=APIGroupDiscoveryList"));
    lists.find_map(|form| {
        let mut versions = form
            .split(';')
            .filter_map(|part| part.trim().strip_prefix("v="));
        versions.find_map(|version| match version {
            "v2" => Some("v2"),
            "v2beta1" => Some("v2beta1"),
            _ => None,
        })
    })
}

fn serves(kind: &Kind, group: &str, version: &str) -> bool {
    kind.group == group && kind.versions.iter().any(|served| served == version)
}

fn api_group(group: &str, versions: &[String]) -> Value {
    let of_version = |version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(of_version).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

const fn scope(kind: &Kind) -> &'static str {
    match kind.scope {
        Scope::Cluster => "Cluster",
        Scope::Namespaced => "Namespaced",
    }
}

fn resource(kind: &Kind, version: &str) -> Value {
    let own = json!({"group": kind.group, "version": version, "kind": kind.kind});
    let mut subresources = Vec::new();
    if kind.subresources.status {
        subresources.push(json!({"subresource": "status", "responseKind": own, "verbs": CHANGE}));
    }
    if kind.subresources.scale {
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        subresources.push(json!({"subresource": "scale", "responseKind": scale, "verbs": CHANGE}));
    }
    for (name, (group, version, answer), verbs) in others(kind) {
        let response = json!({"group": group, "version": version, "kind": answer});
        subresources.push(json!({"subresource": name, "responseKind": response, "verbs": verbs}));
    }
    json!({
        "resource": kind.plural, "responseKind": own, "scope": scope(kind),
        "singularResource": kind.singular, "verbs": VERBS, "shortNames": kind.short_names,
        "categories": kind.categories, "subresources": subresources,
    })
}

fn legacy(kind: &Kind) -> Vec<Value> {
    let mut resources = vec![json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.is_namespaced(),
        "kind": kind.kind, "verbs": VERBS, "shortNames": kind.short_names,
        "categories": kind.categories,
    })];
    if kind.subresources.status {
        resources.push(json!({
            "name": format!("{}/status", kind.plural), "singularName": "",
            "namespaced": kind.is_namespaced(), "kind": kind.kind, "verbs": CHANGE,
        }));
    }
    if kind.subresources.scale {
        resources.push(json!({
            "name": format!("{}/scale", kind.plural), "singularName": "",
            "namespaced": kind.is_namespaced(), "group": "autoscaling", "version": "v1",
            "kind": "Scale", "verbs": CHANGE,
        }));
    }
    for (name, (group, version, answer), verbs) in others(kind) {
        resources.push(json!({
            "name": format!("{}/{name}", kind.plural), "singularName": "",
            "namespaced": kind.is_namespaced(), "group": group, "version": version,
            "kind": answer, "verbs": verbs,
        }));
    }
    resources
}

type Other = (
    &'static str,
    (&'static str, &'static str, &'static str),
    &'static [&'static str],
);

/// What pods have beside what other kinds have: the name, what is sent or answered, the verbs.
const OTHERS: [Other; 7] = [
    ("attach", ("", "v1", "PodAttachOptions"), &["create", "get"]),
    ("binding", ("", "v1", "Binding"), &["create"]),
    ("ephemeralcontainers", ("", "v1", "Pod"), &CHANGE),
    ("eviction", ("policy", "v1", "Eviction"), &["create"]),
    ("exec", ("", "v1", "PodExecOptions"), &["create", "get"]),
    ("log", ("", "v1", "Pod"), &["get"]),
    (
        "portforward",
        ("", "v1", "PodPortForwardOptions"),
        &["create", "get"],
    ),
];

fn others(kind: &Kind) -> &'static [Other] {
    if kind.kind == "Pod" && kind.group.is_empty() {
        &OTHERS
    } else {
        &[]
    }
}

fn question(review: &Review) -> Value {
    let own = json!({"group": review.group, "version": reviews::VERSION, "kind": review.kind});
    json!({
        "resource": review.plural, "responseKind": own, "scope": "Cluster",
        "singularResource": review.kind.to_lowercase(), "verbs": ["create"],
    })
}

fn legacy_question(review: &Review) -> Value {
    json!({
        "name": review.plural, "singularName": review.kind.to_lowercase(), "namespaced": false,
        "kind": review.kind, "verbs": ["create"],
    })
}
