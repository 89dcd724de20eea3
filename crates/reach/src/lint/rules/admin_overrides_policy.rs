//! RF031: what NetworkPolicy says and the Admin tier has decided before (rules Q-10, CN-20), proven by the engine.

use std::collections::BTreeSet;

use ringfence_model::{
    Because, ClusterTier, Direction, Endpoint, LabelSelector, NetworkPolicy, ObjectName, PolicyRule,
};
use ringfence_net::ConnectionSet;
use ringfence_policy::Change;

use crate::lint::cluster_site::cluster_rules;
use crate::lint::context::{Context, PodGroup};
use crate::lint::problem::{Place, Problem};
use crate::lint::proof::Trial;
use crate::lint::redundancy::{Cause, Redundant};
use crate::lint::sample::{SOMEBODY, decision, query};
use crate::lint::words;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let moot = moot(context);
    let policies = moot.iter().map(|one| policy_problem(context, one));
    let rules = context.redundant().iter();
    let rules = rules.filter(|one| !moot.iter().any(|moot| moot.has(one)));
    policies.chain(rules.filter_map(rule_problem)).collect()
}

/// A policy for whose pods the Admin tier decides everything in one direction.
struct Moot<'a> {
    policy: &'a NetworkPolicy,
    direction: Direction,
}

impl Moot<'_> {
    fn has(&self, rule: &Redundant<'_>) -> bool {
        self.policy.name == rule.site.policy.name && self.direction == rule.site.direction
    }
}

fn moot<'a>(context: &Context<'a>) -> Vec<Moot<'a>> {
    let mut found = Vec::new();
    for direction in Direction::ALL
        .into_iter()
        .filter(|direction| has_admin_rules(context, *direction))
    {
        for namespace in context.cluster.namespaces.keys() {
            let policies = context.policies_of(namespace);
            let mut policies = policies
                .filter(|policy| policy.isolates(direction))
                .peekable();
            if policies.peek().is_none() {
                continue;
            }
            let suspects = policies.filter(|policy| is_suspect(context, policy, direction));
            let suspects: Vec<&NetworkPolicy> = suspects.collect();
            if suspects.is_empty() {
                continue;
            }
            let decided = decided_before(context, namespace, direction);
            let moot = suspects
                .into_iter()
                .filter(|policy| is_decided(context, policy, &decided));
            found.extend(moot.map(|policy| Moot { policy, direction }));
        }
    }
    found
}

fn has_admin_rules(context: &Context<'_>, direction: Direction) -> bool {
    let admin = context
        .cluster_policies()
        .filter(|policy| policy.tier == ClusterTier::Admin);
    admin
        .flat_map(cluster_rules)
        .any(|site| site.direction == direction)
}

/// Whether the Admin tier decides about its pods and some address, as far as one question tells.
fn is_suspect(context: &Context<'_>, policy: &NetworkPolicy, direction: Direction) -> bool {
    let selected = context.selected(policy);
    let decided = |group: &&PodGroup<'_>| {
        let pod = group.pods.first()?;
        let somebody = Endpoint::Address(SOMEBODY);
        let query = query(direction, &pod.name, somebody, &ConnectionSet::all())?;
        match decision(context.engine, &query, direction)?.because {
            Because::ClusterRule(rule) => Some(rule.tier == ClusterTier::Admin),
            Because::NoSubject
            | Because::Host(_)
            | Because::Loopback
            | Because::OwnAddress
            | Because::LocalNode { .. }
            | Because::OwnService { .. }
            | Because::Rules { .. }
            | Because::NoRuleMatched { .. }
            | Because::AddressUnknown { .. }
            | Because::NotIsolated => Some(false),
        }
    };
    !selected.is_empty() && selected.iter().all(|group| decided(group).unwrap_or(true))
}

/// The pods of `namespace`, one of each class, for which it is the same whether NetworkPolicy allows everything or nothing.
fn decided_before(
    context: &Context<'_>,
    namespace: &str,
    direction: Direction,
) -> BTreeSet<ObjectName> {
    let mut cluster = context.quotient().seen_from(namespace);
    cluster.network_policies.clear();
    let closed = for_all(namespace, direction, Vec::new());
    cluster.network_policies.insert(closed.name.clone(), closed);
    let trial = Trial::new(cluster);
    let everything = PolicyRule {
        peers: Vec::new(),
        ports: Vec::new(),
        source: None,
    };
    let open = for_all(namespace, direction, vec![everything]);
    let open = trial.after([Change::SetNetworkPolicy(open)]);
    let pods = trial.pods(|pod| pod.name.namespace == namespace);
    let same = |pod: &ObjectName| {
        let subjects = std::slice::from_ref(pod);
        trial.difference(&open, direction, subjects).is_none()
    };
    pods.into_iter().filter(|pod| same(pod)).collect()
}

/// A policy for all pods of `namespace` and one direction.
fn for_all(namespace: &str, direction: Direction, rules: Vec<PolicyRule>) -> NetworkPolicy {
    let (ingress, egress) = match direction {
        Direction::Ingress => (rules, Vec::new()),
        Direction::Egress => (Vec::new(), rules),
    };
    NetworkPolicy {
        name: ObjectName::new(namespace, "all"),
        pod_selector: LabelSelector::default(),
        isolates_ingress: direction == Direction::Ingress,
        isolates_egress: direction == Direction::Egress,
        audit: None,
        ingress,
        egress,
        source: None,
    }
}

fn is_decided(
    context: &Context<'_>,
    policy: &NetworkPolicy,
    decided: &BTreeSet<ObjectName>,
) -> bool {
    let selected = context.selected(policy);
    let is_decided = |name: &ObjectName| decided.contains(name);
    !selected.is_empty()
        && selected
            .iter()
            .all(|group| group.pods.iter().any(|pod| is_decided(&pod.name)))
}

fn policy_problem(context: &Context<'_>, moot: &Moot<'_>) -> Problem {
    let Moot { policy, direction } = moot;
    let selected = context.selected(policy);
    let admin = context.cluster_policies().filter(|admin| {
        admin.tier == ClusterTier::Admin
            && !admin.rules(*direction).is_empty()
            && selected
                .iter()
                .any(|group| context.is_in(&admin.subject, group))
    });
    let message = format!(
        "nothing that it says about {direction} matters: for every connection of its pods the Admin tier decides first, with {}",
        words::list(admin.map(|admin| &admin.name))
    );
    let help = "let the Admin tier pass on with `action: Pass` what namespaces may decide, or remove the policy";
    Place::of_policy(policy, "spec.podSelector")
        .problem(message)
        .with_help(help)
}

fn rule_problem(one: &Redundant<'_>) -> Option<Problem> {
    let Cause::Admin(by) = &one.cause else {
        return None;
    };
    let message = format!(
        "this rule decides nothing: the Admin tier does before it, such as about {} with {by}",
        words::connection(&one.example)
    );
    let help = "remove the rule, or let the Admin tier pass on what it is about";
    Some(one.site.place().problem(message).with_help(help))
}
