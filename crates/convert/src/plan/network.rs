//! NetworkPolicies: isolation, and what is allowed in spite of it.

use std::collections::BTreeSet;

use ringfence_model::{
    Diagnostic, Direction, NetworkPolicy, ObjectName, PeerSelector, PolicyPeer, PolicyRule,
    Severity,
};

use super::placement::Placed;
use super::{field, is_refused, written};
use crate::conversion::{Conversion, Converted, KubernetesPolicy, name_of, origin};
use crate::input::Given;
use crate::ladder::{Ladder, Peer, Peers, Policy, Rule};
use crate::term::{Scope, holds, named, selector};
use crate::written::Written;

pub(super) fn write(
    given: &Given<'_>,
    ladder: &Ladder,
    placed: &[Vec<Placed>; 2],
    conversion: &mut Conversion,
) {
    for (index, policy) in ladder.policies.iter().enumerate() {
        let isolates = Direction::ALL
            .iter()
            .any(|direction| policy.isolates(*direction));
        let Some(written) = written(given, policy) else {
            continue;
        };
        if !isolates || is_refused(given, policy) {
            continue;
        }
        if policy.subject.is_empty() {
            let why = "selects no pod (hosts, perhaps, of which no Kubernetes policy speaks), and is left aside";
            conversion.leave_aside(written, why, given);
            continue;
        }
        let [egress, ingress] = placed.each_ref().map(|placed| rules(ladder, placed, index));
        let scopes = homes(given, policy, written, conversion);
        for (namespace, scope) in scopes {
            let made = Made {
                policy,
                namespace: &namespace,
                scope: &scope,
                ingress: &ingress,
                egress: &egress,
            };
            let policy = KubernetesPolicy::Network(made.network_policy(conversion));
            let origin = origin(written);
            conversion.objects.push(Converted { policy, origin });
        }
    }
}

/// The rules of the policy at `index` that stand in NetworkPolicies.
fn rules<'p>(ladder: &Ladder, placed: &'p [Placed], index: usize) -> Vec<&'p Rule> {
    let of_policy = |one: &&Placed| {
        let rung = ladder.rungs.get(one.rung);
        one.network && rung.is_some_and(|rung| rung.policy == index)
    };
    placed
        .iter()
        .filter(of_policy)
        .map(|one| &one.rule)
        .collect()
}

/// The namespaces in which the policy selects pods, and which there.
fn homes(
    given: &Given<'_>,
    policy: &Policy,
    written: &Written,
    conversion: &mut Conversion,
) -> Vec<(String, Scope)> {
    let mut homes = Vec::new();
    let mut chosen = BTreeSet::new();
    for scope in &policy.subject {
        if let Some(names) = scope.namespace_names() {
            homes.extend(names.iter().map(|name| (name.clone(), scope.clone())));
            continue;
        }
        if !namespaces_are_known(given, written) {
            return Vec::new();
        }
        let matching = given.namespaces.values();
        let matching = matching.filter(|namespace| holds(&scope.namespaces, &namespace.labels));
        let names: Vec<String> = matching.map(|namespace| namespace.name.clone()).collect();
        chosen.extend(names.iter().cloned());
        homes.extend(names.into_iter().map(|name| (name, scope.clone())));
    }
    let chosen_by_label = policy
        .subject
        .iter()
        .any(|scope| scope.namespace_names().is_none());
    if chosen_by_label {
        conversion.notes.push(note(given, written, &chosen));
    }
    homes
}

/// Refuses if a policy for every namespace cannot be written because not all are known.
fn namespaces_are_known(given: &Given<'_>, written: &Written) -> bool {
    let instead = "name a file with all Namespace objects, too: kubectl get namespaces -o yaml > namespaces.yaml";
    if given.namespaces.is_empty() {
        field(written, "spec").refuse(
            "isolates pods of many namespaces; a NetworkPolicy isolates those of one, and the namespaces are not known",
            instead,
        );
        return false;
    }
    let named = given
        .foreign
        .iter()
        .map(|other| other.metadata("namespace"));
    let missing: BTreeSet<&str> = named
        .filter(|name| !name.is_empty() && !given.namespaces.contains_key(*name))
        .collect();
    if missing.is_empty() {
        return true;
    }
    let names: Vec<&str> = missing.into_iter().collect();
    let why = format!(
        "isolates pods of many namespaces, and the labels of these are not known: {}",
        names.join(", ")
    );
    field(written, "spec").refuse(&why, instead);
    false
}

fn note(given: &Given<'_>, written: &Written, chosen: &BTreeSet<String>) -> Diagnostic {
    let names: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let message = if names.is_empty() {
        format!("{} selects none of the given namespaces", name_of(written))
    } else {
        format!(
            "{} becomes a NetworkPolicy in each namespace that it selects now: {}",
            name_of(written),
            names.join(", ")
        )
    };
    let help = "a namespace that is made or labelled later needs its own: convert again, or add it to your template for namespaces";
    let mut note = Diagnostic::new(Severity::Warning, message).with_help(help);
    note.location = given.documents.locate(&written.source, "spec");
    note
}

struct Made<'a> {
    policy: &'a Policy,
    namespace: &'a str,
    scope: &'a Scope,
    ingress: &'a [&'a Rule],
    egress: &'a [&'a Rule],
}

impl Made<'_> {
    fn network_policy(&self, conversion: &mut Conversion) -> NetworkPolicy {
        let rules = |rules: &[&Rule]| rules.iter().map(|rule| self.rule(rule)).collect();
        NetworkPolicy {
            name: ObjectName::new(
                self.namespace,
                conversion.name(self.namespace, &self.policy.name),
            ),
            pod_selector: selector(&self.scope.pods),
            isolates_ingress: self.policy.isolates_ingress,
            isolates_egress: self.policy.isolates_egress,
            ingress: rules(self.ingress),
            egress: rules(self.egress),
            audit: None,
            source: None,
        }
    }

    fn rule(&self, rule: &Rule) -> PolicyRule {
        let peers = match &rule.peers {
            Peers::Any => Vec::new(),
            Peers::Of(peers) => peers.iter().map(|peer| self.peer(peer)).collect(),
        };
        PolicyRule {
            peers,
            ports: rule.ports.clone(),
            source: None,
        }
    }

    fn peer(&self, peer: &Peer) -> PolicyPeer {
        match peer {
            Peer::Block(block) => PolicyPeer::IpBlock(block.clone()),
            Peer::Pods(scope) if scope.namespaces == [named(self.namespace)] => {
                PolicyPeer::Pods(PeerSelector {
                    namespaces: None,
                    pods: Some(selector(&scope.pods)),
                })
            }
            Peer::Pods(scope) => PolicyPeer::Pods(PeerSelector {
                namespaces: Some(selector(&scope.namespaces)),
                pods: (!scope.pods.is_empty()).then(|| selector(&scope.pods)),
            }),
        }
    }
}
