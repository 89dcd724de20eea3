//! Which classes are judged together.

use std::collections::BTreeMap;

use ringfence_model::{ContainerPort, Direction};

use super::Connectivity;
use crate::class::place::Families;
use crate::class::{ClassId, ClassSet};
use crate::group::{GroupId, GroupKey};
use crate::policies::PolicyId;

impl Connectivity {
    /// Puts every class into its group: those that the same policies select are taken together.
    pub(super) fn form_groups(&mut self, direction: Direction) {
        let mut selected = vec![Vec::new(); self.classes.bound()];
        for (id, policy) in self.policies.in_order() {
            if policy.rules.get(direction).is_some() {
                for class in policy.subject.iter() {
                    if let Some(selected) = selected.get_mut(class.index()) {
                        selected.push(id);
                    }
                }
            }
        }
        let mut alike: BTreeMap<&[PolicyId], Vec<ClassId>> = BTreeMap::new();
        for class in self.classes.iter() {
            let policies = selected.get(class.index()).map_or(&[][..], Vec::as_slice);
            alike.entry(policies).or_default().push(class);
        }
        for (policies, classes) in alike {
            self.group(direction, &classes.into_iter().collect(), policies);
        }
    }

    /// Puts a class into its groups, if it has members.
    pub(super) fn regroup(&mut self, class: ClassId) {
        let only = ClassSet::from_iter([class]);
        for direction in Direction::ALL {
            let entry = self.classes.entry(class);
            if entry.listed {
                let policies = self.policies.selecting(direction, class, entry);
                self.group(direction, &only, &policies);
            } else {
                self.groups.get_mut(direction).detach(class);
            }
        }
    }

    /// A policy was written anew as `new`, or is gone: the classes of a group that are selected by it, or were, move
    /// together.
    pub(super) fn regroup_by(
        &mut self,
        direction: Direction,
        classes: &ClassSet,
        old: Option<PolicyId>,
        new: Option<PolicyId>,
    ) {
        let mut moving: BTreeMap<(GroupId, bool), Vec<ClassId>> = BTreeMap::new();
        let selecting = new.and_then(|id| self.policies.get(id));
        let selecting = selecting.filter(|policy| policy.rules.get(direction).is_some());
        for class in classes.iter() {
            if let Some(group) = self.groups.get(direction).id_of(class) {
                let joins = selecting.is_some_and(|policy| policy.subject.contains(class));
                moving.entry((group, joins)).or_default().push(class);
            }
        }
        for ((group, joins), classes) in moving {
            let Some(group) = self.groups.get(direction).get(group) else {
                continue;
            };
            let mut policies = group.key.policies.clone();
            policies.retain(|id| Some(*id) != old && Some(*id) != new);
            if let Some(new) = new.filter(|_| joins) {
                self.policies.insert_in_order(new, &mut policies);
            }
            self.group(direction, &classes.into_iter().collect(), &policies);
        }
    }

    /// Puts classes that these policies select into groups.
    fn group(&mut self, direction: Direction, classes: &ClassSet, policies: &[PolicyId]) {
        let mut known = policies.iter().filter_map(|id| self.policies.get(*id));
        let ports_matter =
            direction == Direction::Ingress && known.any(|policy| policy.names_ingress_ports);
        let mut alike: BTreeMap<(Families, &[ContainerPort]), Vec<ClassId>> = BTreeMap::new();
        for class in classes.iter() {
            let entry = self.classes.entry(class);
            let ports = if ports_matter { entry.ports() } else { &[] };
            let same = alike.entry((entry.place.families(), ports)).or_default();
            same.push(class);
        }
        let groups = self.groups.get_mut(direction);
        for ((families, ports), classes) in alike {
            let key = GroupKey {
                policies: policies.to_vec(),
                families,
                ports: ports.to_vec(),
            };
            groups.attach(&classes.into_iter().collect(), key);
        }
    }
}
