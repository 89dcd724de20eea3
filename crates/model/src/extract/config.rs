//! Secrets, ConfigMaps and ServiceAccounts.

use std::collections::BTreeMap;

use super::{Context, meta};
use crate::base64;
use crate::validate::names;
use crate::view::View;
use crate::{ConfigMap, Secret, ServiceAccount};

pub(super) fn secret(context: &mut Context<'_>, root: &View<'_>) -> Secret {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let mut data = encoded(&root.field("data"));
    data.extend(plain(&root.field("stringData")));
    Secret {
        name: meta.object_name(),
        data,
        source: context.report.source(root.span),
    }
}

pub(super) fn config_map(context: &mut Context<'_>, root: &View<'_>) -> ConfigMap {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    let mut data = encoded(&root.field("binaryData"));
    data.extend(plain(&root.field("data")));
    ConfigMap {
        name: meta.object_name(),
        data,
        source: context.report.source(root.span),
    }
}

pub(super) fn service_account(context: &mut Context<'_>, root: &View<'_>) -> ServiceAccount {
    let meta = meta::namespaced(context, root, names::dns_subdomain);
    ServiceAccount {
        name: meta.object_name(),
        source: context.report.source(root.span),
    }
}

fn encoded(at: &View<'_>) -> BTreeMap<String, Vec<u8>> {
    at.entries()
        .map(|(key, value)| {
            let bytes = base64::decode(value.text_or_empty()).unwrap_or_default();
            (key.text.clone(), bytes)
        })
        .collect()
}

fn plain(at: &View<'_>) -> BTreeMap<String, Vec<u8>> {
    at.entries()
        .map(|(key, value)| (key.text.clone(), value.text_or_empty().as_bytes().to_vec()))
        .collect()
}
