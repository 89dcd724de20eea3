//! `metadata` (rules V-1, V-2, V-20, OB-2, OB-15).

use super::Context;
use crate::validate::{invalid_text, names, quote, selector};
use crate::view::View;
use crate::{Labels, ObjectName, Owner};

/// The explanations why a text is no name of some kind.
pub(super) type NameCheck = fn(&str) -> Vec<String>;

/// What every object says of itself.
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: Labels,
    pub(super) owner: Option<Owner>,
}

impl Meta {
    pub(super) fn object_name(&self) -> ObjectName {
        ObjectName::new(&self.namespace, &self.name)
    }
}

/// The metadata of an object in a namespace.
pub(super) fn namespaced(context: &mut Context<'_>, root: &View<'_>, check: NameCheck) -> Meta {
    let mut meta = common(context, root, check);
    let at = root.field("metadata").field("namespace");
    match at.text() {
        None | Some("") if context.default_namespace.is_empty() => {
            context.report.required("V-2", &at, "");
        }
        None | Some("") => context.default_namespace.clone_into(&mut meta.namespace),
        Some(namespace) => {
            invalid_text(
                context.report,
                "V-2",
                &at,
                namespace,
                names::dns_label(namespace),
            );
            namespace.clone_into(&mut meta.namespace);
        }
    }
    meta
}

/// The metadata of an object outside of namespaces.
pub(super) fn cluster_scoped(context: &mut Context<'_>, root: &View<'_>, check: NameCheck) -> Meta {
    let at = root.field("metadata").field("namespace");
    if at.text().is_some_and(|namespace| !namespace.is_empty()) {
        context
            .report
            .forbidden("OB-2", &at, "not allowed on this type");
    }
    common(context, root, check)
}

fn common(context: &mut Context<'_>, root: &View<'_>, check: NameCheck) -> Meta {
    let at = root.field("metadata");
    let labels_at = at.field("labels");
    let meta = Meta {
        name: name(context, &at, check),
        namespace: String::new(),
        labels: selector::labels(context.report, "V-20", &labels_at),
        owner: owner(&at.field("ownerReferences")),
    };
    annotations(context, &at.field("annotations"));
    meta
}

fn owner(at: &View<'_>) -> Option<Owner> {
    let controller = at
        .items()
        .find(|item| item.field("controller").boolean() == Some(true))?;
    Some(Owner {
        kind: controller.field("kind").text_or_empty().to_owned(),
        name: controller.field("name").text_or_empty().to_owned(),
    })
}

/// The name; one that the server makes up is made up here too, from the prefix and the line.
fn name(context: &mut Context<'_>, at: &View<'_>, check: NameCheck) -> String {
    let (name_at, prefix_at) = (at.field("name"), at.field("generateName"));
    let (name, prefix) = (name_at.text_or_empty(), prefix_at.text_or_empty());
    if !name.is_empty() {
        invalid_text(context.report, "V-1", &name_at, name, check(name));
        return name.to_owned();
    }
    if prefix.is_empty() {
        context
            .report
            .required("V-1", &name_at, "name or generateName is required");
        return String::new();
    }
    let made = format!("{prefix}{:05}", at.span.line);
    for message in check(&made) {
        context
            .report
            .invalid("V-1", &prefix_at, &quote(prefix), &message);
    }
    made
}

fn annotations(context: &mut Context<'_>, at: &View<'_>) {
    for (key, _) in at.entries() {
        let key_at = at.pointing_at(key.span);
        let messages = names::qualified_name(&key.text.to_lowercase());
        invalid_text(context.report, "V-20", &key_at, &key.text, messages);
    }
}
