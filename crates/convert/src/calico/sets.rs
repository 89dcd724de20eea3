//! Network sets: addresses with labels, which selectors match beside pods.

use ipnet::IpNet;
use ringfence_model::{Labels, METADATA_NAME_LABEL, Requirement};

use super::GROUPS;
use super::selector::{NAMESPACE, OF_ACCOUNT, OF_NAMESPACE};
use crate::block::net;
use crate::input::Given;
use crate::term::holds;
use crate::written::{Field, Written};

pub(super) const NAMESPACED: &str = "NetworkSet";
pub(super) const GLOBAL: &str = "GlobalNetworkSet";

/// Every network set of the input.
#[derive(Debug)]
pub(super) struct NetworkSets<'g> {
    sets: Vec<NetworkSet<'g>>,
}

#[derive(Debug)]
struct NetworkSet<'g> {
    written: &'g Written,
    labels: Labels,
    nets: Vec<IpNet>,
    /// Whether its namespace has labels that are not known.
    namespace_unknown: bool,
}

impl<'g> NetworkSets<'g> {
    pub(super) fn read(given: &'g Given<'g>) -> Self {
        let sets = given.foreign.iter().filter(|written| {
            let kind = written.type_of().0;
            GROUPS.contains(&written.group()) && (kind == NAMESPACED || kind == GLOBAL)
        });
        let sets = sets.map(|written| read(given, written)).collect();
        Self { sets }
    }

    /// The addresses of the sets that satisfy `term`; `None` if it is not known which do, which is said at `at`.
    pub(super) fn matching(&self, term: &[Requirement], at: &Field<'_>) -> Option<Vec<IpNet>> {
        let mut nets = Vec::new();
        for set in &self.sets {
            if set.namespace_unknown && asks_for_namespace_labels(term) {
                let name = crate::conversion::name_of(set.written);
                at.refuse(
                    &format!("asks for labels of namespaces, and those of {name} are not known"),
                    "name a file with the Namespace objects, too",
                );
                return None;
            }
            if holds(term, &set.labels) {
                if set.written.is_refused() {
                    let name = crate::conversion::name_of(set.written);
                    at.refuse(
                        &format!("matches {name}, which is refused"),
                        "convert that one first",
                    );
                    return None;
                }
                nets.extend(&set.nets);
            }
        }
        Some(nets)
    }

    /// Whether any set satisfies `term`.
    pub(super) fn any(&self, term: &[Requirement]) -> bool {
        self.sets
            .iter()
            .any(|set| set.namespace_unknown || holds(term, &set.labels))
    }
}

fn asks_for_namespace_labels(term: &[Requirement]) -> bool {
    let is_name = format!("{OF_NAMESPACE}{}", super::subject::NAMESPACE_NAME);
    let asks = |one: &Requirement| one.key.starts_with(OF_NAMESPACE) && one.key != is_name;
    term.iter().any(asks)
}

fn read<'g>(given: &Given<'_>, written: &'g Written) -> NetworkSet<'g> {
    let spec = written.root().get("spec");
    let nets = spec.map_or_else(Vec::new, |spec| {
        spec.only(
            &["nets"],
            &[(
                "allowedEgressDomains",
                "holds names, whose addresses are not known before they are asked for",
                "list the addresses in `nets`, or allow the names with `domainNames` of a ClusterNetworkPolicy by hand",
            )],
        );
        spec.list("nets").iter().filter_map(net).collect()
    });
    let mut labels = own_labels(written);
    let namespaced = written.type_of().0 == NAMESPACED;
    let namespace = namespaced.then(|| given.namespace_of(written));
    let object = namespace
        .as_ref()
        .and_then(|name| given.namespaces.get(name));
    if let Some(name) = &namespace {
        labels.insert(NAMESPACE.to_owned(), name.clone());
        let as_label = format!("{OF_NAMESPACE}{}", super::subject::NAMESPACE_NAME);
        labels.insert(as_label, name.clone());
        labels.insert(format!("{OF_NAMESPACE}{METADATA_NAME_LABEL}"), name.clone());
    }
    for (key, value) in object.iter().flat_map(|object| &object.labels) {
        labels.insert(format!("{OF_NAMESPACE}{key}"), value.clone());
    }
    let namespace_unknown = namespace.is_some() && object.is_none();
    NetworkSet {
        written,
        labels,
        nets,
        namespace_unknown,
    }
}

fn own_labels(written: &Written) -> Labels {
    let labels = written
        .root()
        .get("metadata")
        .and_then(|metadata| metadata.get("labels"));
    let labels = labels.map_or_else(Vec::new, |labels| labels.entries());
    let labels = labels.into_iter();
    labels
        .filter(|(key, _)| !key.starts_with(OF_NAMESPACE) && !key.starts_with(OF_ACCOUNT))
        .filter_map(|(key, value)| Some((key.to_owned(), value.as_text()?.to_owned())))
        .collect()
}
