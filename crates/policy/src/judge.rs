//! Rule Q-10 for all peers, protocols and ports at once.

mod course;
pub(crate) mod sayings;

use std::collections::BTreeMap;

use ringfence_model::{Cluster, ClusterTier, ContainerPort, Direction, Match};
use ringfence_net::{ConnectionSet, Family};

use crate::class::place::Families;
use crate::class::sets::{meanings, speaks};
use crate::class::table::ClassTable;
use crate::class::{ClassSet, Reach};
use crate::partition::{Extent, Partition};
use crate::rule::{NamedPort, Open, Peers, Policy, Rule, SomePeers};
use crate::shared_family::SharedFamily;
use crate::term::{TermId, TermTable};
use crate::whereabouts::Whereabouts;
use course::{Admitted, Course};

/// One direction of subjects that the same policies select.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) classes: &'a ClassTable,
    pub(crate) terms: &'a TermTable,
    pub(crate) direction: Direction,
    /// The families of the subjects.
    pub(crate) families: Families,
    /// Which of those that they share with a peer is used.
    pub(crate) shared: SharedFamily,
    /// What the subjects declare, if a rule of ingress names a port.
    pub(crate) ports: &'a [ContainerPort],
}

/// To whom a rule speaks, and of what.
#[derive(Clone, Debug)]
struct Saying {
    connections: ConnectionSet,
    /// Those who match.
    yes: Extent,
    /// Those of which it is not known (rule AM-22).
    maybe: ClassSet,
}

impl Judge<'_> {
    /// Q-10 steps 2 to 5, for `policies` in order.
    pub(crate) fn judge(&self, policies: &[&Policy]) -> Partition<Reach> {
        let of_tier = |tier| self.rules_of(policies, tier);
        let mut course = self.before_network_policies(policies);
        let is_isolated = policies
            .iter()
            .any(|policy| policy.tier().is_none() && policy.rules.get(self.direction).is_some());
        if is_isolated {
            let admitted = self.network_policies(of_tier(None));
            course = course.combine(&admitted, Course::isolated);
        } else {
            self.cluster_tier(&mut course, of_tier(Some(ClusterTier::Baseline)));
            course = course.map(Course::default_allow);
        }
        course.map(Course::reach)
    }

    /// Q-10 step 2: what the Admin tier leaves open.
    fn before_network_policies(&self, policies: &[&Policy]) -> Partition<Course> {
        let mut course = Partition::new(Course::begin());
        let admin = self.rules_of(policies, Some(ClusterTier::Admin));
        self.cluster_tier(&mut course, admin);
        course.map(Course::next_tier)
    }

    /// The rules of a tier, or of the NetworkPolicies.
    fn rules_of<'p>(
        &self,
        policies: &[&'p Policy],
        tier: Option<ClusterTier>,
    ) -> impl Iterator<Item = &'p Rule> {
        let direction = self.direction;
        let policies = policies.iter().filter(move |policy| policy.tier() == tier);
        policies.flat_map(move |policy| policy.rules.get(direction).iter().flatten())
    }

    /// CN-21: rule after rule.
    fn cluster_tier<'r>(
        &self,
        course: &mut Partition<Course>,
        rules: impl Iterator<Item = &'r Rule>,
    ) {
        for rule in rules {
            for Saying {
                connections,
                yes,
                maybe,
            } in self.sayings(rule)
            {
                course.update(&Extent::Some(maybe), |found| {
                    found.may_match(rule.action, &connections)
                });
                course.update(&yes, |found| found.matched(rule.action, &connections));
            }
        }
    }

    /// NP-5: the union of all rules. Rules that speak of the same ports are taken together.
    fn network_policies<'r>(&self, rules: impl Iterator<Item = &'r Rule>) -> Partition<Admitted> {
        let mut everybody = ConnectionSet::none();
        let mut yes: BTreeMap<ConnectionSet, Vec<ClassSet>> = BTreeMap::new();
        let mut maybe: BTreeMap<ConnectionSet, Vec<ClassSet>> = BTreeMap::new();
        for saying in rules.flat_map(|rule| self.sayings(rule)) {
            match saying.yes {
                Extent::All => everybody = everybody.union(&saying.connections),
                Extent::Some(classes) => {
                    let same = yes.entry(saying.connections.clone()).or_default();
                    same.push(classes);
                }
            }
            if !saying.maybe.is_empty() {
                maybe
                    .entry(saying.connections)
                    .or_default()
                    .push(saying.maybe);
            }
        }
        let mut admitted = Partition::new(Admitted::by_all(everybody));
        for (connections, classes) in yes {
            let extent = Extent::Some(ClassSet::union_of(&classes));
            admitted.update(&extent, |found| found.and_yes(&connections));
        }
        for (connections, classes) in maybe {
            let extent = Extent::Some(ClassSet::union_of(&classes));
            admitted.update(&extent, |found| found.and_maybe(&connections));
        }
        admitted
    }

    /// NP-10, CN-30: what a rule says. NP-34, CN-33: a name stands for what the destination declares.
    fn sayings(&self, rule: &Rule) -> Vec<Saying> {
        let (yes, maybe) = self.peers(&rule.peers);
        let mut fixed = rule.ports.fixed.clone();
        let mut sayings = Vec::new();
        match self.direction {
            Direction::Ingress => {
                let declared = meanings(self.ports);
                for named in &rule.ports.named {
                    if let Some(meaning) = declared.get(named.name.as_str()) {
                        fixed = fixed.union(&named.meaning(meaning));
                    }
                }
            }
            Direction::Egress => {
                for named in &rule.ports.named {
                    sayings.extend(self.named_sayings(named, &yes, &maybe));
                }
            }
        }
        sayings.push(Saying {
            connections: fixed,
            yes,
            maybe,
        });
        sayings.retain(|saying| !saying.connections.is_empty());
        sayings
    }

    /// What a named port is, on each peer that declares it.
    fn named_sayings(&self, named: &NamedPort, yes: &Extent, maybe: &ClassSet) -> Vec<Saying> {
        if named
            .declared
            .is_none_or(|term| self.classes_of(term).is_empty())
        {
            return Vec::new();
        }
        let meanings = self.classes.sets().named_ports(&named.name);
        let sayings = meanings.map(|(declared, classes)| Saying {
            connections: named.meaning(declared),
            yes: Extent::Some(yes.among(classes)),
            maybe: maybe.intersection(classes),
        });
        sayings.collect()
    }

    /// Those who match, and those of which it is not known.
    fn peers(&self, peers: &Peers) -> (Extent, ClassSet) {
        let Peers::Some(some) = peers else {
            return (Extent::All, ClassSet::new());
        };
        let mut located: Vec<ClassSet> = Vec::new();
        for family in Family::ALL {
            let of_family = some.addresses.iter().filter(|(found, _)| *found == family);
            let matching = ClassSet::union_of(of_family.map(|(_, term)| self.classes_of(*term)));
            if !matching.is_empty() {
                located.push(matching.intersection(&self.speaking(family)));
            }
        }
        let (inside, open) = self.unaddressed(some);
        let pods = some.pods.iter().map(|term| self.classes_of(*term));
        let yes = ClassSet::union_of(pods.chain(&located).chain(&inside));
        let maybe = ClassSet::union_of(&open).difference(&yes);
        (Extent::Some(yes), maybe)
    }

    /// AM-22: of those without a known address who matches all the same, and of whom it is open.
    fn unaddressed(&self, some: &SomePeers) -> (Vec<ClassSet>, Vec<ClassSet>) {
        let (mut inside, mut open) = (Vec::new(), Vec::new());
        let spoken = self.towards_unaddressed();
        let pods = &self.classes.sets().pods;
        let of_pods = Whereabouts::of_pods(self.cluster, spoken);
        let of_others = Whereabouts::of_others(spoken);
        for Open { who, asked } in &some.open {
            let who = self.classes_of(*who);
            let parts = [
                (who.intersection(pods), &of_pods),
                (who.difference(pods), &of_others),
            ];
            for (part, known) in parts {
                match asked.of(known, self.cluster) {
                    Match::Unknown => open.push(part),
                    Match::No => {}
                    Match::Yes => inside.push(part),
                }
            }
        }
        (inside, open)
    }

    /// Q-7, AM-22: the family towards peers without a known address, if the subjects have one.
    fn towards_unaddressed(&self) -> Option<Family> {
        let first = self.families.first()?;
        match self.shared {
            SharedFamily::First => Some(first),
            SharedFamily::Second => Some(first.other()),
        }
    }

    fn classes_of(&self, term: TermId) -> &ClassSet {
        self.terms.classes(term, self.classes, self.cluster)
    }

    /// the peers that use their address of `family`.
    fn speaking(&self, family: Family) -> ClassSet {
        let subject_is_destination = self.direction == Direction::Ingress;
        let used = (self.shared, family);
        self.classes
            .sets()
            .with_families(|peer| speaks(self.families, subject_is_destination, used, peer))
    }
}

impl Extent {
    fn among(&self, classes: &ClassSet) -> ClassSet {
        match self {
            Self::All => classes.clone(),
            Self::Some(some) => some.intersection(classes),
        }
    }
}
