//! The judged pods of this node in groups, and what changes when pods and policies do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ringfence_model::{
    Cluster, ClusterPolicy, ClusterPolicyName, NetworkPolicy, ObjectName, PolicyName,
};
use ringfence_net::Family;

use super::cost::Cost;
use super::limit::Excess;
use super::show::Shown;
use super::weigh::Weighed;
use super::{Group, GroupKey, RuleKey, selected};
use crate::class::{Classes, GroupId, PortName, TermId, Terms};
use crate::emit::Emitter;
use crate::peer::{PeerId, Peers};
use crate::{Limits, RefusedRule};

/// What policies are compiled from.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) peers: &'a Peers,
    pub(crate) limits: Limits,
}

/// What may be otherwise than before.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Peers that other terms may be true of.
    pub(crate) peers: BTreeSet<PeerId>,
    /// Addresses that came, went, or are claimed by such peers.
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Peers of this node, gone ones too, that other policies may judge or that have other addresses.
    pub(crate) subjects: BTreeSet<PeerId>,
    /// Policies that came, went or changed.
    pub(crate) policies: BTreeSet<PolicyName>,
    /// Whether nodes or known names have other addresses or labels.
    pub(crate) places: bool,
}

/// The judged pods of this node, what policies say of them, and what of it is in the table.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    pub(super) terms: Terms,
    pub(super) classes: Classes,
    pub(super) network: BTreeMap<ObjectName, Arc<NetworkPolicy>>,
    pub(super) of_cluster: BTreeMap<ClusterPolicyName, Arc<ClusterPolicy>>,
    order: Vec<ClusterPolicyName>,
    ids: BTreeMap<GroupKey, GroupId>,
    pub(super) slots: Vec<Option<Judged>>,
    free: Vec<GroupId>,
    by_policy: BTreeMap<PolicyName, BTreeSet<GroupId>>,
    assigned: BTreeMap<PeerId, [Option<GroupId>; 4]>,
    /// Rules that cost more than one may.
    pub(super) costly: BTreeSet<RuleKey>,
    pub(super) excess: Excess,
    /// Groups whose rules must be made anew.
    pub(super) stale: BTreeSet<GroupId>,
    /// Groups with something to write.
    pub(super) due: BTreeSet<GroupId>,
    /// Elements of all groups.
    pub(super) total: u128,
}

/// A group, its members, and what of it is written.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) key: GroupKey,
    pub(super) group: Group,
    members: BTreeSet<PeerId>,
    /// The addresses of the members.
    pub(super) subjects: BTreeSet<IpAddr>,
    pub(super) costs: BTreeMap<RuleKey, Cost>,
    pub(super) terms: BTreeSet<TermId>,
    pub(super) names: BTreeSet<PortName>,
    pub(super) weighed: Weighed,
    pub(super) shown: Shown,
}

impl Touched {
    /// Everything there is.
    pub(crate) fn everything(world: World<'_>) -> Self {
        let names = world.cluster.cluster_policies.keys().cloned();
        let mut touched = Self {
            subjects: world.peers.local().map(|(id, _)| id).collect(),
            policies: names.map(PolicyName::Cluster).collect(),
            ..Self::default()
        };
        for (id, peer) in world.peers.iter() {
            touched.peers.insert(id);
            touched.addresses.extend(&peer.addresses);
        }
        touched
    }
}

impl Judged {
    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }
}

impl Policies {
    /// Takes up what was touched and writes what changes.
    pub(crate) fn update(
        &mut self,
        world: World<'_>,
        touched: Touched,
        emitter: &mut Emitter,
    ) -> Vec<RefusedRule> {
        let subjects = touched.subjects.clone();
        let fits = self.take_up(world, touched);
        self.stay_within(world, fits);
        self.show(world.peers, emitter);
        self.show_selves(&subjects, world.peers, emitter);
        self.settle();
        self.refused(world.limits)
    }

    /// Everything up to the weight of what would be written; whether the node can afford it.
    pub(super) fn take_up(&mut self, world: World<'_>, touched: Touched) -> bool {
        self.take_up_policies(world.cluster, &touched.policies);
        for peer in &touched.subjects {
            self.assign(*peer, world);
        }
        self.count_members(world.peers);
        let of_policies = touched.policies.iter();
        let of_policies = of_policies.filter_map(|name| self.by_policy.get(name));
        self.stale.extend(of_policies.flatten());
        if touched.places {
            self.terms.resolve(world.cluster);
            let groups = self
                .groups()
                .filter(|(_, judged)| judged.group.names_places());
            let groups: Vec<GroupId> = groups.map(|(id, _)| id).collect();
            self.stale.extend(groups);
        }
        self.take_costs(world);
        self.classes.changed.addresses.extend(touched.addresses);
        self.take_in(world, touched.peers)
    }

    /// Makes the rules of stale groups anew, and everything that follows from terms.
    pub(super) fn take_in(&mut self, world: World<'_>, touched: BTreeSet<PeerId>) -> bool {
        for id in std::mem::take(&mut self.stale) {
            self.make(id, world);
        }
        let changed = self.terms.settle(touched, world.peers, world.cluster);
        let peers = changed.iter().filter_map(|id| world.peers.get(*id));
        let addresses = peers.flat_map(|peer| peer.addresses.iter().copied());
        self.classes.changed.addresses.extend(addresses);
        if self.terms.have_new_addresses() && self.overlap() > world.limits.elements_per_node {
            return false;
        }
        self.classes.take_up_blocks(&mut self.terms, world.peers);
        self.classes.classify(&self.terms, world.peers);
        self.classes.number_all(&self.terms);
        self.weigh();
        self.total <= u128::from(world.limits.elements_per_node)
    }

    #[cfg(test)]
    pub(crate) const fn classes(&mut self) -> &mut Classes {
        &mut self.classes
    }

    fn overlap(&self) -> u64 {
        let overlap = Family::ALL.map(|family| self.terms.overlap(family));
        overlap.into_iter().fold(0, u64::saturating_add)
    }

    fn take_up_policies(&mut self, cluster: &Cluster, changed: &BTreeSet<PolicyName>) {
        let mut reordered = false;
        for name in changed {
            match name {
                PolicyName::Network(name) => {
                    self.network.remove(name);
                }
                PolicyName::Cluster(name) => {
                    self.of_cluster.remove(name);
                    reordered = true;
                }
            }
        }
        if reordered {
            self.order = selected::in_order(cluster);
        }
    }

    /// Puts a peer into the groups that it belongs to now.
    fn assign(&mut self, peer: PeerId, world: World<'_>) {
        let found = world.peers.get(peer).filter(|peer| peer.is_local());
        let keys = found.map(|found| selected::keys(found, world.cluster, &self.order));
        let old = self.assigned.remove(&peer).unwrap_or_default();
        let new = keys.unwrap_or_default().map(|key| Some(self.group(key?)));
        for (old, new) in old.into_iter().zip(new) {
            if let Some(id) = old.filter(|_| old != new) {
                self.change_members(id, |members| members.remove(&peer));
            }
            if let Some(id) = new {
                self.change_members(id, |members| members.insert(peer));
            }
        }
        if new != [None; 4] {
            self.assigned.insert(peer, new);
        }
    }

    fn change_members(&mut self, id: GroupId, change: impl FnOnce(&mut BTreeSet<PeerId>) -> bool) {
        if let Some(judged) = self.get_mut(id) {
            change(&mut judged.members);
            self.due.insert(id);
        }
    }

    /// Takes up the addresses of the members of groups that have others, and calls those stale that have none.
    fn count_members(&mut self, peers: &Peers) {
        for id in &self.due {
            let Some(judged) = self.slots.get_mut(*id).and_then(Option::as_mut) else {
                continue;
            };
            let members = judged.members.iter().filter_map(|id| peers.get(*id));
            judged.subjects = members
                .flat_map(|peer| peer.addresses.iter().copied())
                .collect();
            if judged.members.is_empty() {
                self.stale.insert(*id);
            }
        }
    }

    /// The group with this key.
    fn group(&mut self, key: GroupKey) -> GroupId {
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len().saturating_sub(1)
        });
        for name in key.policy_names() {
            self.by_policy.entry(name).or_default().insert(id);
        }
        let judged = Judged {
            group: Group::new(&key, &self.network, &self.of_cluster),
            key: key.clone(),
            members: BTreeSet::new(),
            subjects: BTreeSet::new(),
            costs: BTreeMap::new(),
            terms: BTreeSet::new(),
            names: BTreeSet::new(),
            weighed: Weighed::default(),
            shown: Shown::default(),
        };
        if let Some(slot) = self.slots.get_mut(id) {
            *slot = Some(judged);
        }
        self.ids.insert(key, id);
        self.stale.insert(id);
        id
    }

    /// Makes a group's rules anew; one without members asks nothing any more.
    fn make(&mut self, id: GroupId, world: World<'_>) {
        let Some(judged) = self.slots.get_mut(id).and_then(Option::as_mut) else {
            return;
        };
        let mut group = Group::new(&judged.key, &self.network, &self.of_cluster);
        if self.excess.closes {
            group.close();
        } else if judged.has_members() {
            let refused = self.costly.union(&self.excess.rules).cloned().collect();
            group.take_in(&judged.key.ports, world.cluster, &refused, &mut self.terms);
        }
        let (terms, names) = (group.terms(), group.port_names());
        self.terms.hold(id, &judged.terms, &terms);
        self.terms.hold_names(id, &judged.names, &names);
        judged.terms = terms;
        judged.names = names;
        judged.group = group;
        judged.weighed.is_stale = true;
        self.due.insert(id);
    }

    /// Sees to it that the policies of stale groups are at hand.
    pub(super) fn fetch(&mut self, cluster: &Cluster) {
        for id in &self.stale {
            let Some(judged) = self.slots.get(*id).and_then(Option::as_ref) else {
                continue;
            };
            for name in &judged.key.policies {
                if !self.network.contains_key(name)
                    && let Some(policy) = cluster.network_policies.get(name)
                {
                    self.network.insert(name.clone(), Arc::new(policy.clone()));
                }
            }
            for name in &judged.key.cluster_policies {
                if !self.of_cluster.contains_key(name)
                    && let Some(policy) = cluster.cluster_policies.get(name)
                {
                    self.of_cluster
                        .insert(name.clone(), Arc::new(policy.clone()));
                }
            }
        }
    }

    pub(super) fn get(&self, id: GroupId) -> Option<&Judged> {
        self.slots.get(id)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: GroupId) -> Option<&mut Judged> {
        self.slots.get_mut(id)?.as_mut()
    }

    /// All groups with members.
    pub(super) fn groups(&self) -> impl Iterator<Item = (GroupId, &Judged)> {
        let groups = self.slots.iter().enumerate();
        let groups = groups.filter_map(|(id, slot)| Some((id, slot.as_ref()?)));
        groups.filter(|(_, judged)| judged.has_members())
    }

    /// The groups that a policy judges, those about to go too.
    pub(super) fn of_policy(&self, name: &PolicyName) -> impl Iterator<Item = (GroupId, &Judged)> {
        let ids = self.by_policy.get(name).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// The groups of a peer.
    pub(super) fn groups_of(&self, peer: PeerId) -> impl Iterator<Item = (GroupId, &Judged)> {
        let ids = self.assigned.get(&peer).into_iter().flatten().flatten();
        ids.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// Ends an update: forgets groups without members, and everything that nobody asks any more.
    fn settle(&mut self) {
        for id in std::mem::take(&mut self.due) {
            let is_empty = self.get(id).is_some_and(|judged| judged.members.is_empty());
            if is_empty && let Some(judged) = self.slots.get_mut(id).and_then(Option::take) {
                self.forget(id, &judged.key);
            }
        }
        self.classes.settle();
        self.terms.reuse();
    }

    fn forget(&mut self, id: GroupId, key: &GroupKey) {
        self.ids.remove(key);
        self.free.push(id);
        for name in key.policy_names() {
            let Some(groups) = self.by_policy.get_mut(&name) else {
                continue;
            };
            groups.remove(&id);
            if groups.is_empty() {
                self.by_policy.remove(&name);
                match name {
                    PolicyName::Network(name) => {
                        self.network.remove(&name);
                    }
                    PolicyName::Cluster(name) => {
                        self.of_cluster.remove(&name);
                    }
                }
            }
        }
    }
}
