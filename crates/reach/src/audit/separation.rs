//! RA08: what lets pods of other namespaces in, their namespace or nothing but their labels.

use ringfence_model::{Answer, Because, Endpoint, ObjectName};
use ringfence_net::ConnectionSet;
use ringfence_policy::{ClassId, ClassSet, Reach, Row, SharedFamily};

use super::GapKind;
use super::gather::Open;
use super::stage::Stage;
use super::strangers::{Wanted, either, of_pods, together};
use super::workload::{Workload, Workloads};
use crate::matrix::{Ends, by_reason};

/// What each pod of the cluster may open to one destination, beside what its like from nowhere may.
pub(super) struct Separation<'a> {
    pairs: Vec<Pair<'a>>,
    column: &'a Row,
    shared: SharedFamily,
}

/// Pods of the cluster that may open the same, and whose likes may.
struct Pair<'a> {
    pods: ClassSet,
    reach: &'a Reach,
    like: Reach,
}

impl<'a> Separation<'a> {
    pub(super) fn of(stage: &Stage, column: &'a Row, shared: SharedFamily) -> Self {
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
        Self {
            pairs,
            column,
            shared,
        }
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
        if open.is_empty() {
            open.extend(self.without_a_rule((stage, workloads), workload, pod));
        }
        if open.is_empty() {
            open.extend(self.to_a_stranger(stage, workload, pod));
        }
        open
    }

    /// What is open to a pod of a namespace that nobody has heard of: that nobody of another one can send today keeps
    /// nothing apart.
    fn to_a_stranger(&self, stage: &Stage, workload: &Workload, pod: &ObjectName) -> Option<Open> {
        let wanted = Wanted {
            connections: &workload.exposed.complement(),
            namespace: workload.namespace(),
            strangers_open: true,
        };
        let strangers = (&GapKind::Stranger, stage.foreign.as_slice());
        of_pods(stage, self.column, pod, wanted, strangers)
    }

    /// What is open to a workload of another namespace although no rule lets it in: whatever keeps its like from nowhere out
    /// keeps nobody out who is there.
    fn without_a_rule(
        &self,
        (stage, workloads): (&Stage, &Workloads),
        workload: &Workload,
        pod: &ObjectName,
    ) -> Option<Open> {
        let own = stage.classes_of(workload.namespace());
        let wanted = workload.exposed.complement();
        self.column.cells.iter().find_map(|(reach, classes)| {
            let pods = classes.intersection(&stage.real);
            let others = own.map_or_else(|| pods.clone(), |own| pods.difference(own));
            let source = workloads.pod_of(others.first()?)?;
            let ends = (Endpoint::Pod(source.clone()), Endpoint::Pod(pod.clone()));
            let asked = Ends {
                engine: &stage.engine,
                source: &ends.0,
                destination: &ends.1,
                shared: self.shared,
            };
            let parts = by_reason([asked], &reach.allowed.intersection(&wanted));
            let mut free = parts.into_iter().filter(|(_, [shown])| {
                let shown = shown.as_ref();
                shown.is_some_and(|(_, answer)| is_let_in_by_nothing(answer))
            });
            let (connections, _) = free.next()?;
            Some(Open {
                kind: GapKind::Namespace(source.namespace.clone()),
                is_certain: true,
                connections,
                ends: Some(ends),
            })
        })
    }
}

/// Whether no policy isolates the destination and no rule accepts the connection.
fn is_let_in_by_nothing(answer: &Answer) -> bool {
    let mut connections = answer.connections.iter();
    connections.any(|one| one.ingress.because == Because::NotIsolated)
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
