use std::collections::BTreeMap;

use ringfence_model::{Direction, ObjectName};

use crate::connectivity::{Connectivity, World};
use crate::judge::sayings::Sayings;
use crate::policies::PolicyId;
use crate::rule::PerDirection;

/// The rules of NetworkPolicies, which can be taken away one after another as long as nothing is judged otherwise without them.
///
/// It compares what [`Engine::one_way_in`](crate::Engine::one_way_in) says of any two classes of the engine, with all rules and
/// without those that are gone.
#[derive(Clone, Debug)]
pub struct SpareRules {
    ids: BTreeMap<ObjectName, PolicyId>,
    /// What is said to subjects that are judged alike, in each family.
    sayings: PerDirection<Vec<Sayings>>,
}

impl SpareRules {
    pub(crate) fn new(connectivity: &Connectivity, world: World<'_>) -> Self {
        let names = world.cluster.network_policies.keys();
        let ids = names.filter_map(|name| Some((name.clone(), connectivity.id_of(name)?)));
        let mut sayings = PerDirection::default();
        for direction in Direction::ALL {
            *sayings.get_mut(direction) = connectivity.sayings(world, direction);
        }
        Self {
            ids: ids.collect(),
            sayings,
        }
    }

    /// Whether nothing is judged otherwise without a rule, which is named by its policy, direction and place among others.
    #[must_use]
    pub fn has(&self, (policy, direction, index): (&ObjectName, Direction, usize)) -> bool {
        let sayings = self.sayings.get(direction);
        let is_spare = |id: &PolicyId| sayings.iter().all(|said| said.can_spare((*id, index)));
        self.ids.get(policy).is_some_and(is_spare)
    }

    /// Goes on without a rule.
    pub fn take(&mut self, (policy, direction, index): (&ObjectName, Direction, usize)) {
        if let Some(id) = self.ids.get(policy) {
            let sayings = self.sayings.get_mut(direction);
            sayings.iter_mut().for_each(|said| said.take((*id, index)));
        }
    }
}
