//! RA08: what lets pods of other namespaces in, their namespace or nothing but their labels.

use ringfence_model::{Endpoint, ObjectName};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassId, ClassSet, Reach, Row};

use super::GapKind;
use super::gather::Open;
use super::stage::Stage;
use super::strangers::{either, together};
use super::workload::{Workload, Workloads};

/// What each pod of the cluster may open to one destination, beside what its like from nowhere may.
pub(super) struct Separation<'a> {
    pairs: Vec<Pair<'a>>,
}

/// Pods of the cluster that may open the same, and whose likes may.
struct Pair<'a> {
    pods: ClassSet,
    reach: &'a Reach,
    like: Reach,
}

impl<'a> Separation<'a> {
    pub(super) fn of(stage: &Stage, column: &'a Row) -> Self {
        let strangers = together(stage, column, &stage.foreign);
        let likes = likes(stage, column, &strangers);
        let mut pairs = Vec::new();
        for (reach, classes) in &column.cells {
            let pods = classes.intersection(&stage.real);
            if pods.is_empty() {
                continue;
            }
            for (like, alike) in &likes {
                let pods = pods.intersection(alike);
                if !pods.is_empty() {
                    let like = like.clone();
                    pairs.push(Pair { pods, reach, like });
                }
            }
        }
        Self { pairs }
    }

    /// What of `workload`'s `pod` is open to a workload of another namespace that its namespace does not let in.
    pub(super) fn open(
        &self,
        (stage, workloads): (&Stage, &Workloads),
        workload: &Workload,
        pod: &ObjectName,
    ) -> Vec<Open> {
        let own = stage.classes_of(workload.namespace());
        let wanted = workload.exposed.complement();
        let open = self.pairs.iter().filter_map(|pair| {
            let (is_certain, connections) = pair.open(&wanted)?;
            let others = own.map_or_else(|| pair.pods.clone(), |own| pair.pods.difference(own));
            let source = workloads.pod_of(others.first()?)?;
            Some(Open {
                kind: GapKind::Namespace(source.namespace.clone()),
                is_certain,
                connections,
                ends: Some((Endpoint::Pod(source.clone()), Endpoint::Pod(pod.clone()))),
            })
        });
        // One that is certain says enough.
        let mut open: Vec<Open> = open.collect();
        open.sort_by(|a, b| (!a.is_certain, &a.kind).cmp(&(!b.is_certain, &b.kind)));
        open.truncate(1);
        open
    }
}

impl Pair<'_> {
    /// What of `wanted` both may open, for certain or perhaps.
    fn open(&self, wanted: &ConnectionSet) -> Option<(bool, ConnectionSet)> {
        let certain = self.reach.allowed.intersection(&self.like.allowed);
        let certain = certain.intersection(wanted);
        if !certain.is_empty() {
            return Some((true, certain));
        }
        let all = |reach: &Reach| reach.allowed.union(&reach.unknown);
        let possible = all(self.reach).intersection(&all(&self.like));
        let possible = possible.intersection(wanted);
        (!possible.is_empty()).then_some((false, possible))
    }
}

/// What the likes of pods may open, and the classes of these pods.
fn likes(stage: &Stage, column: &Row, strangers: &Reach) -> Vec<(Reach, ClassSet)> {
    let twins: ClassSet = stage.twins.iter().map(|(twin, _)| *twin).collect();
    let mut likes = Vec::new();
    let mut left = twins.clone();
    for (reach, classes) in &column.cells {
        let some = classes.intersection(&twins);
        if !some.is_empty() {
            left = left.difference(&some);
            likes.push((either(reach, strangers), originals(stage, &some)));
        }
    }
    if !strangers.is_none() && !left.is_empty() {
        likes.push((strangers.clone(), originals(stage, &left)));
    }
    likes
}

/// The classes of the pods that have twins among `twins`.
fn originals(stage: &Stage, twins: &ClassSet) -> ClassSet {
    let is_one = |twin: &ClassId| twins.contains(*twin);
    let originals = stage.twins.iter().filter(|(twin, _)| is_one(twin));
    ClassSet::union_of(originals.map(|(_, classes)| classes))
}
