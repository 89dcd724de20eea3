//! RF004: a `podSelector` without `namespaceSelector`, while such pods are only in other namespaces (rules NP-12, NP-15).

use crate::lint::context::Context;
use crate::lint::peer::{Fate, PeerSite};
use crate::lint::problem::Problem;
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let sites = context.peer_sites.iter();
    sites
        .filter_map(|site| {
            let nowhere = || elsewhere(site);
            empty_field(context, site).or_else(nowhere)
        })
        .collect()
}

/// `namespaceSelector:` with nothing behind it is not there (rule NP-15).
fn empty_field(context: &Context<'_>, site: &PeerSite<'_>) -> Option<Problem> {
    let path = format!("{}.namespaceSelector", site.place.path);
    let source = site.place.source.as_ref()?;
    let field = context.documents.field(source, &path)?;
    let message = format!(
        "a field without value is not there, so only pods of `{}` are meant",
        site.namespace
    );
    let mut place = site.place.clone();
    place.path = path;
    field.is_null().then(|| {
        place
            .problem(message)
            .with_help("write `namespaceSelector: {}` for every namespace, or remove the field")
    })
}

fn elsewhere(site: &PeerSite<'_>) -> Option<Problem> {
    let Fate::Elsewhere(pods) = &site.fate else {
        return None;
    };
    let first = pods.first().filter(|_| !site.may_be_half)?;
    let own = site.namespace;
    let message = format!(
        "without `namespaceSelector` only pods of `{own}` are meant, and none matches; there are {}",
        words::list(pods)
    );
    let help = format!(
        "add to this item `namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {}}}}}`",
        first.namespace
    );
    Some(site.place.clone().problem(message).with_help(help))
}
