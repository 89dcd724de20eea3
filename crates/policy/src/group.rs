//! Classes that are judged alike in one direction.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ringfence_model::ContainerPort;

use crate::class::place::Families;
use crate::class::{ClassId, ClassSet, Reach};
use crate::partition::Partition;
use crate::policies::PolicyId;

/// All that decides one direction of a class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupKey {
    /// The policies that have a say: NetworkPolicies by number, then those of the cluster in order of judgement.
    pub(crate) policies: Vec<PolicyId>,
    pub(crate) families: Families,
    /// What the classes declare, if it matters.
    pub(crate) ports: Vec<ContainerPort>,
}

/// Classes that are judged alike, and the judgement once it is made.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) key: Arc<GroupKey>,
    pub(crate) members: ClassSet,
    /// For each class as the peer what may be opened.
    pub(crate) judged: OnceLock<Partition<Reach>>,
    /// The same in the second family that two ends share, if that makes a difference.
    pub(crate) judged_second: OnceLock<Option<Partition<Reach>>>,
}

/// The number of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId(usize);

/// The groups of one direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupTable {
    ids: BTreeMap<Arc<GroupKey>, GroupId>,
    /// By number; a group that is gone leaves its entry, without members, to the next one.
    groups: Vec<Group>,
    free: Vec<GroupId>,
    /// By class.
    of_class: Vec<Option<GroupId>>,
}

impl GroupTable {
    /// Makes `classes` members of the group with this key, and of no other.
    pub(crate) fn attach(&mut self, classes: &ClassSet, key: GroupKey) {
        let known = self.ids.get(&key).copied();
        let elsewhere = |class: &ClassId| known.is_none() || self.id_of(*class) != known;
        let joining: ClassSet = classes.iter().filter(elsewhere).collect();
        for class in joining.iter() {
            self.detach(class);
        }
        let id = match self.ids.get(&key) {
            Some(id) => *id,
            None => self.create(key),
        };
        if let Some(group) = self.groups.get_mut(id.0) {
            group.members = group.members.union(&joining);
        }
        let bound = classes.last().map_or(0, |last| last.index() + 1);
        if self.of_class.len() < bound {
            self.of_class.resize(bound, None);
        }
        for class in joining.iter() {
            if let Some(of_class) = self.of_class.get_mut(class.index()) {
                *of_class = Some(id);
            }
        }
    }

    fn create(&mut self, key: GroupKey) -> GroupId {
        let key = Arc::new(key);
        let group = Group {
            key: Arc::clone(&key),
            members: ClassSet::new(),
            judged: OnceLock::new(),
            judged_second: OnceLock::new(),
        };
        let id = self.free.pop().unwrap_or(GroupId(self.groups.len()));
        self.ids.insert(key, id);
        match self.groups.get_mut(id.0) {
            Some(old) => *old = group,
            None => self.groups.push(group),
        }
        id
    }

    /// Makes `class` a member of no group.
    pub(crate) fn detach(&mut self, class: ClassId) {
        let of_class = self.of_class.get_mut(class.index());
        let Some(id) = of_class.and_then(Option::take) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(id.0) {
            group.members.remove(class);
            if group.members.is_empty() {
                group.forget();
                self.ids.remove(&group.key);
                self.free.push(id);
            }
        }
    }

    /// The group of `class` is to be judged anew.
    pub(crate) fn reopen(&mut self, class: ClassId) {
        if let Some(id) = self.id_of(class)
            && let Some(group) = self.groups.get_mut(id.0)
        {
            group.forget();
        }
    }

    pub(crate) fn id_of(&self, class: ClassId) -> Option<GroupId> {
        self.of_class.get(class.index()).copied().flatten()
    }

    pub(crate) fn get(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id.0)
    }

    pub(crate) fn of(&self, class: ClassId) -> Option<&Group> {
        self.get(self.id_of(class)?)
    }

    /// The groups that have members, in order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Group> {
        let groups = self.groups.iter();
        groups.filter(|group| !group.members.is_empty())
    }
}

impl Group {
    fn forget(&mut self) {
        self.judged = OnceLock::new();
        self.judged_second = OnceLock::new();
    }
}
