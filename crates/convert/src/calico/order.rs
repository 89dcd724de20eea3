//! The order in which rules are asked: tiers, then policies.

use ringfence_model::NetworkPolicy;

use super::policy::{Ordered, policy};
use super::{GROUPS, Surroundings, is_policy};
use crate::input::Given;
use crate::kept::{Kept, keep};
use crate::ladder::{Action, Ladder, Peers, Rule, Rung};
use crate::plan::{Meeting, may_meet};
use crate::written::Written;

pub(super) const TIER: &str = "Tier";

/// The tier that Kubernetes' NetworkPolicies are in, and its order.
const DEFAULT: &str = "default";
const DEFAULT_ORDER: f64 = 1_000_000.0;

/// The order of Kubernetes' NetworkPolicies in it.
const OF_KUBERNETES: f64 = 1000.0;

/// The tiers, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Tiers<'g> {
    tiers: Vec<Tier<'g>>,
}

#[derive(Debug)]
struct Tier<'g> {
    name: String,
    order: f64,
    /// Whether what no rule matched is asked of the next tier.
    passes: bool,
    written: Option<&'g Written>,
}

impl<'g> Tiers<'g> {
    pub(super) fn read(given: &'g Given<'g>) -> Self {
        let tiers = given
            .foreign
            .iter()
            .filter(|written| GROUPS.contains(&written.group()) && written.type_of().0 == TIER);
        let mut tiers: Vec<Tier<'_>> = tiers.map(tier).collect();
        if !tiers.iter().any(|tier| tier.name == DEFAULT) {
            tiers.push(Tier {
                name: DEFAULT.to_owned(),
                order: DEFAULT_ORDER,
                passes: false,
                written: None,
            });
        }
        tiers.sort_by(|one, two| one.order.total_cmp(&two.order));
        let tiers = Self { tiers };
        tiers.check();
        tiers
    }

    /// Refuses orders that do not say which tier comes first, and a default tier that is not the last.
    fn check(&self) {
        for pair in self.tiers.windows(2) {
            if let [one, two] = pair
                && one.order.total_cmp(&two.order).is_eq()
            {
                two.refuse(
                    &format!("is asked at the same time as tier `{}`", one.name),
                    "give every tier an order of its own",
                );
            }
        }
        let after = |tier: &&Tier<'_>| tier.order > DEFAULT_ORDER;
        for tier in self.tiers.iter().filter(after) {
            tier.refuse(
                "is asked after the default tier, where no ClusterNetworkPolicy denies what comes from outside",
                "move its policies to the default tier",
            );
        }
        let default = self.tiers.iter().find(|tier| tier.name == DEFAULT);
        if let Some(tier) = default.filter(|tier| tier.passes) {
            tier.refuse(
                "lets pass what no policy matched, so that policies do not isolate",
                "set `defaultAction: Deny`, and allow explicitly what is to pass",
            );
        }
    }

    fn position(&self, name: &str) -> Option<(usize, &Tier<'g>)> {
        let mut tiers = self.tiers.iter().enumerate();
        tiers.find(|(_, tier)| tier.name == name)
    }
}

impl Tier<'_> {
    fn refuse(&self, why: &str, instead: &str) {
        if let Some(written) = self.written {
            let root = written.root();
            root.get("spec").unwrap_or(root).refuse(why, instead);
        }
    }

    fn is_default(&self) -> bool {
        self.name == DEFAULT
    }
}

fn tier(written: &Written) -> Tier<'_> {
    let name = written.metadata("name").to_owned();
    let spec = written.root().get("spec");
    let of = |key| spec.as_ref().and_then(|spec| spec.get(key));
    if let Some(spec) = &spec {
        spec.only(&["order", "defaultAction"], &[]);
    }
    let usual = if name == DEFAULT {
        DEFAULT_ORDER
    } else {
        f64::INFINITY
    };
    let order = of("order").and_then(|order| order.value.as_f64());
    let action = of("defaultAction");
    let passes = action.is_some_and(|action| action.value.as_str() == Some("Pass"));
    Tier {
        name,
        order: order.unwrap_or(usual),
        passes,
        written: Some(written),
    }
}

/// All policies of the input in their order.
pub(super) fn ladder(surroundings: &Surroundings<'_>) -> Ladder {
    let given = surroundings.given;
    let mut ordered: Vec<(usize, Ordered)> = Vec::new();
    for (index, written) in given.foreign.iter().enumerate() {
        if is_policy(written) {
            let found = policy(surroundings, index, written);
            ordered.extend(found.and_then(|found| in_tier(surroundings, written, found)));
        }
    }
    let default = surroundings
        .tiers
        .position(DEFAULT)
        .map_or(0, |(index, _)| index);
    let kubernetes = given.network_policies.iter().map(of_kubernetes);
    ordered.extend(kubernetes.map(|policy| (default, policy)));
    ordered
        .sort_by(|(tier, one), (other, two)| tier.cmp(other).then(one.order.total_cmp(&two.order)));
    refuse_ties(given, &ordered);
    rungs(&surroundings.tiers, ordered)
}

fn in_tier(
    surroundings: &Surroundings<'_>,
    written: &Written,
    found: Ordered,
) -> Option<(usize, Ordered)> {
    let position = surroundings.tiers.position(&found.tier);
    if position.is_none() {
        let root = written.root();
        let spec = root.get("spec").unwrap_or(root);
        spec.get("tier").unwrap_or(spec).refuse(
            &format!("names the tier `{}`, whose order is not known", found.tier),
            "name a file with the Tier object, too",
        );
    }
    let (index, tier) = position?;
    if tier.written.is_some_and(Written::is_refused) {
        written.root().refuse(
            &format!("is in the tier `{}`, which is refused", found.tier),
            "correct the tier first",
        );
    }
    Some((index, found))
}

/// Refuses policies of one order whose rules disagree about some connection.
fn refuse_ties(given: &Given<'_>, ordered: &[(usize, Ordered)]) {
    for (place, (tier, one)) in ordered.iter().enumerate() {
        let later = ordered.iter().skip(place + 1);
        let tied = later
            .take_while(|(other, two)| other == tier && two.order.total_cmp(&one.order).is_eq());
        for (_, two) in tied {
            if disagree(one, two) {
                refuse_tie(given, one, two);
            }
        }
    }
}

fn disagree(one: &Ordered, two: &Ordered) -> bool {
    let pairs = |mine: &[Rule], theirs: &[Rule]| {
        mine.iter().any(|rule| {
            theirs.iter().any(|other| {
                let meeting = Meeting {
                    subjects: (&one.policy.subject, &two.policy.subject),
                    rules: (rule, other),
                };
                rule.action != other.action && may_meet(&meeting)
            })
        })
    };
    pairs(&one.ingress, &two.ingress) || pairs(&one.egress, &two.egress)
}

fn refuse_tie(given: &Given<'_>, one: &Ordered, two: &Ordered) {
    let objects = [(one, two), (two, one)];
    for (policy, other) in objects {
        let object = policy
            .policy
            .object
            .and_then(|index| given.foreign.get(index));
        let Some(written) = object else { continue };
        let root = written.root();
        let spec = root.get("spec").unwrap_or(root);
        spec.get("order").unwrap_or(spec).refuse(
            &format!(
                "has the order of `{}`, and the two do not say the same of some connections",
                other.policy.name
            ),
            "give both an `order` of their own, so that it is certain which is asked first",
        );
    }
}

fn rungs(tiers: &Tiers<'_>, ordered: Vec<(usize, Ordered)>) -> Ladder {
    let mut ladder = Ladder::default();
    for (index, tier) in tiers.tiers.iter().enumerate() {
        let mine = ordered.iter().filter(|(of, _)| *of == index);
        let ends = if tier.is_default() || tier.passes {
            Vec::new()
        } else {
            mine.clone().map(|(_, found)| found).collect()
        };
        let first = ladder.policies.len();
        for (_, found) in mine {
            push(&mut ladder, index, !tier.is_default(), found);
        }
        for (offset, found) in ends.into_iter().enumerate() {
            ladder.rungs.push(end_of_tier(first + offset, index, found));
        }
    }
    ladder
}

fn push(ladder: &mut Ladder, tier: usize, early: bool, found: &Ordered) {
    let mut policy = found.policy.clone();
    if early {
        (policy.isolates_ingress, policy.isolates_egress) = (false, false);
    }
    ladder.rungs.push(Rung {
        policy: ladder.policies.len(),
        tier,
        early,
        ingress: found.ingress.clone(),
        egress: found.egress.clone(),
    });
    ladder.policies.push(policy);
}

/// What no rule of the tier matched is denied to the pods that a policy of the tier selects.
fn end_of_tier(policy: usize, tier: usize, found: &Ordered) -> Rung {
    let deny = |applies: bool, rules: &[Rule]| {
        let decides = |rule: &Rule| rule.peers == Peers::Any && rule.ports.is_empty();
        let end = applies && !rules.iter().any(decides);
        let rule = Rule {
            action: Action::Deny,
            peers: Peers::Any,
            ports: Vec::new(),
            outside: false,
            path: "spec.tier".to_owned(),
        };
        end.then_some(rule).into_iter().collect()
    };
    Rung {
        policy,
        tier,
        early: true,
        ingress: deny(found.policy.isolates_ingress, &found.ingress),
        egress: deny(found.policy.isolates_egress, &found.egress),
    }
}

/// A NetworkPolicy of Kubernetes as Calico enforces it.
fn of_kubernetes(kept: &NetworkPolicy) -> Ordered {
    let Kept {
        policy,
        ingress,
        egress,
    } = keep(kept);
    Ordered {
        policy,
        tier: DEFAULT.to_owned(),
        order: OF_KUBERNETES,
        ingress,
        egress,
    }
}
