//! One of those who pass, to show for all.

use ringfence_model::{Direction, Endpoint, ObjectName};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassId, Reach, SharedFamily};

use super::Found;
use super::sides::wanted;
use crate::audit::GapKind;
use crate::audit::workload::Workload;

/// Source and destination.
type Ends = (Endpoint, Endpoint);

/// What may be opened in a family, and the two ends if the policies of both let it pass.
pub(super) struct Shown {
    pub(super) shared: SharedFamily,
    pub(super) connections: ConnectionSet,
    pub(super) ends: Option<Ends>,
}

/// How many of those who pass are tried.
const TRIED: usize = 64;

impl Found<'_> {
    /// What one of those who pass may open by the workload's own policies: if possible one whose policies let it pass too.
    pub(super) fn shown(&self, place: usize, workload: &Workload, kind: &GapKind) -> Option<Shown> {
        let mut first = None;
        for (class, other) in self.others(place, workload, kind).into_iter().take(TRIED) {
            let pods = workload.parts.iter().map(|(own, pod)| (*own, pod));
            for own in pods {
                match self.between(workload, own, (class, &other)) {
                    Some(shown) if shown.ends.is_some() => return Some(shown),
                    Some(shown) => drop(first.get_or_insert(shown)),
                    None => {}
                }
            }
        }
        first
    }

    /// Those of whom `kind` tells.
    fn others(
        &self,
        place: usize,
        workload: &Workload,
        kind: &GapKind,
    ) -> Vec<(ClassId, ObjectName)> {
        let Some(passing) = self.counts.passing(place) else {
            return Vec::new();
        };
        let own = self.stage.classes_of(workload.namespace());
        let own = own.cloned().unwrap_or_default();
        let pod = |class: ClassId| {
            let pods = self.workloads.of_class(class);
            let mut pods = pods.filter(|other| other.unit != workload.unit);
            Some((class, pods.next()?.parts.get(&class)?.clone()))
        };
        match kind {
            GapKind::EveryNamespace { .. } => self
                .stage
                .strangers_outside(workload.namespace(), passing)
                .collect(),
            GapKind::Neighbours { .. } => {
                passing.intersection(&own).iter().filter_map(pod).collect()
            }
            GapKind::Stranger
            | GapKind::Labelled(_)
            | GapKind::Internet
            | GapKind::Names(_)
            | GapKind::Neighbour
            | GapKind::LabelledNeighbour(_)
            | GapKind::Flat { .. }
            | GapKind::Crowd { .. }
            | GapKind::Metadata(_)
            | GapKind::Node(_)
            | GapKind::Clients { .. }
            | GapKind::Namespace(_)
            | GapKind::HostNetwork { .. }
            | GapKind::Admission => {
                let all = passing.intersection(&self.stage.real);
                let (elsewhere, here) = (all.difference(&own), all.intersection(&own));
                let classes = elsewhere.iter().chain(here.iter());
                classes.filter_map(pod).collect()
            }
        }
    }

    fn between(
        &self,
        workload: &Workload,
        (own, pod): (ClassId, &ObjectName),
        (class, other): (ClassId, &ObjectName),
    ) -> Option<Shown> {
        let engine = &self.stage.engine;
        let direction = self.way.direction;
        let wanted = wanted(direction, workload);
        let mut families = engine.shared_families().iter();
        let (shared, connections) = families.find_map(|shared| {
            let reach = engine.one_way_in(*shared, direction, own, class)?;
            let connections = self.of(&reach).intersection(&wanted);
            (!connections.is_empty()).then_some((*shared, connections))
        })?;
        let (classes, ends) = match direction {
            Direction::Ingress => ((class, own), (other, pod)),
            Direction::Egress => ((own, class), (pod, other)),
        };
        let both = engine.between_in(shared, classes.0, classes.1);
        let both = both.map(|both| self.of(&both).intersection(&connections));
        let ends = (Endpoint::Pod(ends.0.clone()), Endpoint::Pod(ends.1.clone()));
        let both = both.filter(|both| !both.is_empty());
        let ends = both.is_some().then_some(ends);
        Some(Shown {
            shared,
            connections: both.unwrap_or(connections),
            ends,
        })
    }

    fn of(&self, reach: &Reach) -> ConnectionSet {
        if self.is_certain {
            reach.allowed.clone()
        } else {
            reach.allowed.union(&reach.unknown)
        }
    }
}
