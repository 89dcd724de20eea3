//! Where each rule of one direction stands, or why it cannot stand anywhere.

use ringfence_model::{Direction, PortMatch};

use super::{Meeting, field, may_meet, written};
use crate::input::Given;
use crate::ladder::{Action, Ladder, Peer, Peers, Policy, Rule};

/// A rule and its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// The index of its rung.
    pub(super) rung: usize,
    tier: usize,
    policy: usize,
    /// Whether its tier comes before that of NetworkPolicy.
    early: bool,
    pub(super) rule: Rule,
    /// Whether it stands in the Admin tier.
    pub(super) admin: bool,
    /// Whether it stands in a NetworkPolicy.
    pub(super) network: bool,
}

/// Every rule of `direction` in order, in its place. What has none is refused.
pub(super) fn place(given: &Given<'_>, ladder: &Ladder, direction: Direction) -> Vec<Placed> {
    let mut rules = rules(ladder, direction);
    let plan = Plan {
        given,
        ladder,
        direction,
    };
    plan.place_denials(&mut rules);
    plan.place_allowances(&mut rules);
    plan.place_passes(&mut rules);
    if direction == Direction::Ingress {
        plan.refuse_addresses(&mut rules);
    }
    plan.refuse_names(&rules);
    rules
}

/// The rules in order; one of pods and addresses is two.
fn rules(ladder: &Ladder, direction: Direction) -> Vec<Placed> {
    let mut placed = Vec::new();
    for (index, rung) in ladder.rungs.iter().enumerate() {
        let halves = rung.rules(direction).iter().flat_map(halves);
        placed.extend(halves.map(|rule| Placed {
            rung: index,
            tier: rung.tier,
            policy: rung.policy,
            early: rung.early,
            rule,
            admin: false,
            network: false,
        }));
    }
    placed
}

fn halves(rule: &Rule) -> Vec<Rule> {
    let Peers::Of(peers) = &rule.peers else {
        return vec![rule.clone()];
    };
    let is_pods = |peer: &Peer| matches!(peer, Peer::Pods(_));
    let (pods, blocks): (Vec<Peer>, Vec<Peer>) = peers.iter().cloned().partition(is_pods);
    let with = |peers: Vec<Peer>| Rule {
        peers: Peers::Of(peers),
        ..rule.clone()
    };
    let halves = [pods, blocks].into_iter();
    halves.filter(|peers| !peers.is_empty()).map(with).collect()
}

struct Plan<'a> {
    given: &'a Given<'a>,
    ladder: &'a Ladder,
    direction: Direction,
}

impl Plan<'_> {
    fn policy(&self, placed: &Placed) -> Option<&Policy> {
        self.ladder.policies.get(placed.policy)
    }

    fn isolates(&self, placed: &Placed) -> bool {
        self.policy(placed)
            .is_some_and(|policy| policy.isolates(self.direction))
    }

    fn meet(&self, one: &Placed, two: &Placed) -> bool {
        let (Some(mine), Some(theirs)) = (self.policy(one), self.policy(two)) else {
            return false;
        };
        may_meet(&Meeting {
            subjects: (&mine.subject, &theirs.subject),
            rules: (&one.rule, &two.rule),
        })
    }

    /// Whether a rule behind the one at `place` is as `wanted`, and may match the same connection.
    fn meets_later(
        &self,
        rules: &[Placed],
        place: usize,
        wanted: impl Fn(&Placed) -> bool,
    ) -> bool {
        let Some(one) = rules.get(place) else {
            return false;
        };
        let mut later = rules.iter().skip(place + 1);
        later.any(|two| wanted(two) && self.meet(one, two))
    }

    fn place_denials(&self, rules: &mut [Placed]) {
        for place in 0..rules.len() {
            let needed = self.meets_later(rules, place, |later| later.rule.action == Action::Allow);
            let Some(rule) = rules
                .get(place)
                .filter(|rule| rule.rule.action == Action::Deny)
            else {
                continue;
            };
            let admin = rule.early || needed || !self.isolates(rule);
            set(rules, place, |rule| rule.admin = admin);
        }
    }

    fn place_allowances(&self, rules: &mut [Placed]) {
        let denied = |later: &Placed| later.rule.action == Action::Deny && later.admin;
        for place in 0..rules.len() {
            let before_denial = self.meets_later(rules, place, denied);
            let Some(rule) = rules
                .get(place)
                .filter(|rule| rule.rule.action == Action::Allow)
            else {
                continue;
            };
            let admin = rule.early || !self.isolates(rule) || before_denial;
            if admin
                && self
                    .policy(rule)
                    .is_some_and(|policy| policy.object.is_none())
            {
                self.refuse_denials_behind(rules, place);
            }
            set(rules, place, |rule| {
                (rule.admin, rule.network) = (admin, !admin)
            });
        }
    }

    /// A NetworkPolicy that stays what it is stands in no other tier.
    fn refuse_denials_behind(&self, rules: &[Placed], place: usize) {
        let Some(kept) = rules.get(place) else { return };
        let name = self.policy(kept).map_or("", |policy| policy.name.as_str());
        for later in rules.iter().skip(place + 1) {
            let denies = later.rule.action == Action::Deny && later.admin;
            if denies && self.meet(kept, later) {
                let why = format!(
                    "denies behind what NetworkPolicy {name} allows, and a ClusterNetworkPolicy denies before it"
                );
                self.refuse(
                    later,
                    &why,
                    "deny with an order below 1000, if the denial is to win",
                );
            }
        }
    }

    /// A Pass of the Admin tier skips the rest of it, not only the tier that it was written in.
    fn place_passes(&self, rules: &mut [Placed]) {
        for place in 0..rules.len() {
            let Some(rule) = rules
                .get(place)
                .filter(|rule| rule.rule.action == Action::Pass)
                .cloned()
            else {
                continue;
            };
            if !rule.early {
                self.refuse(
                    &rule,
                    "passes on from the last tier, and behind a NetworkPolicy that isolates nothing is asked",
                    "write Allow, which is what Calico does there without profiles of your own",
                );
                continue;
            }
            let in_tier = |later: &Placed| later.tier == rule.tier;
            let beyond = |later: &Placed| later.tier != rule.tier && later.admin;
            let skips = self.meets_later(rules, place, in_tier);
            if skips && self.meets_later(rules, place, beyond) {
                self.refuse(
                    &rule,
                    "passes to a tier whose rules stand in the same tier of Kubernetes, which a Pass would skip, too",
                    "keep one tier with Pass before the default tier, and no denials before allowances in the default tier",
                );
            }
            set(rules, place, |rule| rule.admin = skips);
        }
    }

    /// Rule CN-36: what comes from anybody but pods is judged by NetworkPolicy alone.
    fn refuse_addresses(&self, rules: &mut [Placed]) {
        for place in 0..rules.len() {
            let Some(rule) = rules.get(place).filter(|rule| rule.admin).cloned() else {
                continue;
            };
            let isolates = self.isolates(&rule) && !rule.early;
            match (of(&rule.rule.peers), rule.rule.action) {
                (Of::Pods, _) | (Of::Everybody, Action::Pass) => {}
                (Of::Everybody, Action::Allow) if isolates => {
                    set(rules, place, |rule| rule.network = true);
                }
                (Of::Everybody, Action::Deny)
                    if isolates && !self.meets_later(rules, place, allows_addresses) => {}
                (Of::Everybody | Of::Addresses, action) => self.refuse_address(&rule, action),
            }
        }
    }

    fn refuse_address(&self, rule: &Placed, action: Action) {
        let why = match action {
            Action::Deny => {
                "denies what comes from addresses, before other rules allow it; ClusterNetworkPolicy denies ingress of pods alone"
            }
            Action::Allow => {
                "allows what comes from addresses, before or beside rules that deny; ClusterNetworkPolicy allows ingress of pods alone"
            }
            Action::Pass => {
                "passes on what comes from addresses; ClusterNetworkPolicy judges ingress of pods alone"
            }
        };
        let instead = match action {
            Action::Deny => {
                "leave the addresses out of the rules that allow them (`notNets`, `except`), and remove the denial"
            }
            Action::Allow | Action::Pass => {
                "let the rules that deny name the pods or ports that are meant, so that both never match one connection"
            }
        };
        self.refuse(rule, why, instead);
    }

    /// Rule CN-33: a name stands for the protocol of whatever port has it.
    fn refuse_names(&self, rules: &[Placed]) {
        for rule in rules.iter().filter(|rule| rule.admin) {
            let is_name = |port: &PortMatch| matches!(port, PortMatch::Name(_));
            if rule.rule.ports.iter().any(|port| is_name(&port.port)) {
                self.refuse(
                    rule,
                    "names a port and becomes a rule of a ClusterNetworkPolicy, where a name means every protocol",
                    "write the number of the port",
                );
            }
        }
    }

    fn refuse(&self, placed: &Placed, why: &str, instead: &str) {
        let policy = self.policy(placed);
        if let Some(written) = policy.and_then(|policy| written(self.given, policy)) {
            field(written, &placed.rule.path).refuse(why, instead);
        }
    }
}

fn set(rules: &mut [Placed], place: usize, change: impl FnOnce(&mut Placed)) {
    if let Some(rule) = rules.get_mut(place) {
        change(rule);
    }
}

/// Whom peers are made of.
enum Of {
    Pods,
    Addresses,
    Everybody,
}

fn of(peers: &Peers) -> Of {
    match peers {
        Peers::Any => Of::Everybody,
        Peers::Of(some) if some.iter().all(|peer| matches!(peer, Peer::Pods(_))) => Of::Pods,
        Peers::Of(_) => Of::Addresses,
    }
}

fn allows_addresses(later: &Placed) -> bool {
    later.rule.action == Action::Allow && !matches!(of(&later.rule.peers), Of::Pods)
}
