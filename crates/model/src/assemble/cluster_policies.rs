//! What the author of cluster-scoped policies may want to know (rules AM-13, AM-19, AM-20).

mod equal_priorities;
mod overlap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::{
    Cluster, ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterRule, DomainName, ObjectKey,
};

/// The warnings about the cluster-scoped policies of `cluster`, each with its place.
pub(super) fn warnings(cluster: &Cluster) -> Vec<Diagnostic> {
    let mut warnings = equal_priorities::warnings(cluster);
    warnings.extend(unknown_names(cluster));
    warnings.extend(two_apis(cluster));
    warnings
}

fn key(policy: &ClusterPolicy) -> ObjectKey {
    ObjectKey::cluster(policy.name.kind.into(), &policy.name.name)
}

/// Rules with names of which no address is known (rule AM-19).
fn unknown_names(cluster: &Cluster) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for policy in cluster.cluster_policies.values() {
        for rule in &policy.egress {
            let unknown = without_address(cluster, rule);
            if !unknown.is_empty() {
                let message = format!(
                    "{}: no address is known of {}, so that no destination matches",
                    key(policy),
                    unknown.join(", ")
                );
                warnings.push(
                    Diagnostic::new(Severity::Warning, message)
                        .with_rule("AM-19")
                        .with_help("say which addresses they have: --resolve NAME=ADDRESS")
                        .with_source(rule.source.clone()),
                );
            }
        }
    }
    warnings
}

/// The names of `rule` that no known name matches, as they are written.
fn without_address(cluster: &Cluster, rule: &ClusterRule) -> Vec<String> {
    let names = rule.peers.iter().flat_map(|peer| match peer {
        ClusterPeer::DomainNames(names) => names.as_slice(),
        ClusterPeer::Pods(_)
        | ClusterPeer::Networks(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::Unrecognized => &[],
    });
    let known = |name: &&DomainName| {
        let mut known = cluster.domain_addresses.keys();
        known.any(|other| name.matches(other))
    };
    let unknown = names.filter(|name| !known(name));
    unknown.map(|name| format!("`{name}`")).collect()
}

/// The two APIs say nothing of each other (rule AM-20).
fn two_apis(cluster: &Cluster) -> Option<Diagnostic> {
    let first = |new: bool| {
        cluster
            .cluster_policies
            .values()
            .find(|policy| (policy.name.kind == ClusterPolicyKind::ClusterNetworkPolicy) == new)
    };
    let (new, old) = (first(true)?, first(false)?);
    let message = format!(
        "{} and {} are of two APIs that say nothing of each other: they are asked as one list, \
         by priority and {} first",
        key(new),
        key(old),
        new.name.kind
    );
    Some(
        Diagnostic::new(Severity::Warning, message)
            .with_rule("AM-20")
            .with_source(old.source.clone()),
    )
}
