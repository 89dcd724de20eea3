//! Pods that do not exist yet: `demo/[app=web,tier=front]`.

use std::fmt;

use anyhow::{Context as _, bail, ensure};
use ringfence_model::{Labels, ObjectName, check_label};

use super::{ENDPOINT_FORMS, EndpointArgument};
use crate::inputs::names;

/// The pod that `text` describes; `None` if it is of another form.
pub(super) fn parse(text: &str, namespace: &str) -> anyhow::Result<Option<EndpointArgument>> {
    let Some((before, inside)) = text.split_once('[') else {
        return Ok(None);
    };
    let Some(inside) = inside.strip_suffix(']') else {
        bail!("`{text}` does not end with a `]`\n{ENDPOINT_FORMS}");
    };
    let namespace = match before.strip_suffix('/') {
        Some(named) => named,
        None if before.is_empty() => namespace,
        None => bail!("`{text}`: between namespace and labels stands a `/`: {before}/[{inside}]"),
    };
    names::check_label("namespace", namespace)?;
    Ok(Some(EndpointArgument::NewPod {
        namespace: namespace.to_owned(),
        labels: labels(inside)?,
    }))
}

fn labels(text: &str) -> anyhow::Result<Labels> {
    let mut labels = Labels::new();
    if text.trim().is_empty() {
        return Ok(labels);
    }
    refuse_selectors(text)?;
    for label in text.split(',') {
        let (key, value) = label
            .split_once('=')
            .with_context(|| format!("`{}` is no label: write KEY=VALUE", label.trim()))?;
        let value = value.strip_prefix('=').unwrap_or(value);
        let (key, value) = (key.trim(), value.trim());
        check_label(key, value)?;
        let before = labels.insert(key.to_owned(), value.to_owned());
        ensure!(before.is_none(), "label `{key}` is given twice");
    }
    Ok(labels)
}

/// A pod has one value of each label, and a selector describes many pods.
fn refuse_selectors(text: &str) -> anyhow::Result<()> {
    let set = text
        .split([' ', '('])
        .any(|word| matches!(word, "in" | "notin"));
    ensure!(
        !set && !text.contains('!'),
        "`{text}` selects among pods; a pod has its labels: write KEY=VALUE,KEY=VALUE"
    );
    Ok(())
}

pub(super) fn write(f: &mut fmt::Formatter<'_>, namespace: &str, labels: &Labels) -> fmt::Result {
    write!(f, "{}", ObjectName::by_labels(namespace, labels))
}
