use std::net::IpAddr;
use std::sync::OnceLock;

use ringfence_model::{Answer, Cluster, Direction, Endpoint, ObjectName, Query, QueryError};
use ringfence_net::Family;

use crate::answer::{Facts, ServiceClient, ServiceTargets, answer, targets};
use crate::change::Change;
use crate::class::{Class, ClassId, ClassSet, Reach};
use crate::connectivity::{Connectivity, World};
use crate::index::Index;
use crate::row::Row;
use crate::shared_family::{SharedFamily, in_second_family};
use crate::spare::SpareRules;

/// A cluster with what is needed to answer quickly.
///
/// Connectivity is judged when it is first asked for, class by class, and kept until a change touches it.
#[derive(Clone, Debug)]
pub struct Engine {
    cluster: Cluster,
    index: Index,
    connectivity: OnceLock<Connectivity>,
}

impl Engine {
    /// Indexes `cluster`.
    #[must_use]
    pub fn new(cluster: Cluster) -> Self {
        let index = Index::new(&cluster);
        Self {
            cluster,
            index,
            connectivity: OnceLock::new(),
        }
    }

    /// Judges the connectivity now rather than when it is first asked for.
    pub fn prepare(&self) {
        self.connectivity();
    }

    /// The cluster as it is now.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The cluster as it is now, without the engine.
    #[must_use]
    pub fn into_cluster(self) -> Cluster {
        self.cluster
    }

    /// Makes one change. Afterwards the engine answers as one that is made from the changed cluster.
    pub fn apply(&mut self, change: Change) {
        let touched = change.apply_to(&mut self.cluster, &mut self.index);
        let world = World {
            cluster: &self.cluster,
            index: &self.index,
        };
        if let Some(connectivity) = self.connectivity.get_mut()
            && !connectivity.update(world, &touched)
        {
            self.connectivity = OnceLock::new();
        }
    }

    /// May this connection be opened, and why? The same answer as the reference's, field for field.
    ///
    /// # Errors
    /// [`QueryError`] if the question makes no sense for this cluster; an error is never a verdict.
    pub fn answer(&self, query: &Query) -> Result<Answer, QueryError> {
        answer(self.facts(), query)
    }

    /// Where the connections lead that come up at `node` and open as `query` says, to an address: through the Service that
    /// serves it to its backends (rules Q-8, OB-12, OB-17 to OB-22); `None` if no Service does. The source of `query` makes no
    /// difference.
    #[must_use]
    pub fn service_targets(
        &self,
        query: &Query,
        node: &str,
        client: ServiceClient,
    ) -> Option<ServiceTargets> {
        let facts = Facts {
            cluster: &self.cluster,
            index: &self.index,
        };
        targets(facts, query, node, client)
    }

    /// Every class that has members, in an order that the cluster alone decides: pods by namespace, nodes, addresses.
    pub fn classes(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        let classes = self.connectivity().classes();
        classes.iter().map(|id| (id, &classes.entry(id).class))
    }

    /// A class by its number.
    ///
    /// # Panics
    /// If no class of this engine ever had the number.
    #[must_use]
    pub fn class(&self, id: ClassId) -> &Class {
        &self.connectivity().classes().entry(id).class
    }

    /// The class of a live pod of the pod network.
    #[must_use]
    pub fn class_of_pod(&self, name: &ObjectName) -> Option<ClassId> {
        self.connectivity().classes().of_pod(name)
    }

    /// The class of a node that has an object, or that a live pod names.
    #[must_use]
    pub fn class_of_node(&self, name: &str) -> Option<ClassId> {
        self.connectivity().classes().of_node(name)
    }

    /// The class of whoever has `address` (rule Q-3): its pod's, its node's, else that of its atom.
    #[must_use]
    pub fn class_of_address(&self, address: IpAddr) -> ClassId {
        self.connectivity().class_of_address(self.world(), address)
    }

    /// What a member of `source` may open to another member of `destination`, by both ends' policies (rule Q-9).
    /// Nothing if they have no address family in common (rule Q-7).
    #[must_use]
    pub fn between(&self, source: ClassId, destination: ClassId) -> Reach {
        let connectivity = self.connectivity();
        connectivity.between(self.world(), source, destination)
    }

    /// What the policies of `subject` alone let pass: to `peer` for egress, from it for ingress.
    #[must_use]
    pub fn one_way(&self, direction: Direction, subject: ClassId, peer: ClassId) -> Reach {
        let connectivity = self.connectivity();
        connectivity.one_way(self.world(), direction, subject, peer)
    }

    /// [`Engine::one_way`] in one of the families that both have or may have. `None` if there is no second one.
    #[must_use]
    pub fn one_way_in(
        &self,
        shared: SharedFamily,
        direction: Direction,
        subject: ClassId,
        peer: ClassId,
    ) -> Option<Reach> {
        let connectivity = self.connectivity();
        match shared {
            SharedFamily::First => Some(self.one_way(direction, subject, peer)),
            SharedFamily::Second => {
                connectivity.one_way_second(self.world(), direction, subject, peer)
            }
        }
    }

    /// [`Engine::between`] this source and every class.
    #[must_use]
    pub fn row(&self, source: ClassId) -> Row {
        let connectivity = self.connectivity();
        connectivity.row(self.world(), Direction::Egress, source)
    }

    /// [`Engine::between`] every class and this destination.
    #[must_use]
    pub fn column(&self, destination: ClassId) -> Row {
        let connectivity = self.connectivity();
        connectivity.row(self.world(), Direction::Ingress, destination)
    }

    /// The whole connectivity: calls `visit` with each row that differs from the others and the sources that have it.
    /// Every class of [`Engine::classes`] is a source once. Much faster than [`Engine::row`] for each of them.
    pub fn for_each_row(&self, visit: impl FnMut(&ClassSet, &Row)) {
        let connectivity = self.connectivity();
        connectivity.for_each_row(
            self.world(),
            (Direction::Egress, SharedFamily::First),
            None,
            visit,
        );
    }

    /// The same for these sources alone.
    pub fn for_each_row_of(&self, sources: &ClassSet, visit: impl FnMut(&ClassSet, &Row)) {
        self.for_each_row_in(SharedFamily::First, sources, visit);
    }

    /// The columns of these destinations: calls `visit` with each that differs from the others and who has it.
    pub fn for_each_column_of(&self, destinations: &ClassSet, visit: impl FnMut(&ClassSet, &Row)) {
        self.for_each_column_in(SharedFamily::First, destinations, visit);
    }

    /// The families that must be asked about for all there is to know: the first alone, unless policies treat the two
    /// families of ends that have both differently (rules NP-40, CN-34).
    #[must_use]
    pub fn shared_families(&self) -> &'static [SharedFamily] {
        if self.connectivity().families_differ(self.world()) {
            &[SharedFamily::First, SharedFamily::Second]
        } else {
            &[SharedFamily::First]
        }
    }

    /// If the members of a class have addresses of both families, the one that they prefer as destinations (rule Q-7).
    #[must_use]
    pub fn preferred_of_both(&self, class: ClassId) -> Option<Family> {
        let families = self.connectivity().families(class);
        families.preferred_of_both()
    }

    /// [`Engine::between`] in one of the families that both have; an end without a known address goes along with one that has
    /// both (rules Q-7, AM-22). `None` if there is no second one.
    #[must_use]
    pub fn between_in(
        &self,
        shared: SharedFamily,
        source: ClassId,
        destination: ClassId,
    ) -> Option<Reach> {
        let connectivity = self.connectivity();
        match shared {
            SharedFamily::First => Some(self.between(source, destination)),
            SharedFamily::Second => connectivity.between_second(self.world(), source, destination),
        }
    }

    /// [`Engine::for_each_row_of`] in one of the families that two ends have. In the second the sources that have both, or no
    /// known address, are visited, and with classes with which they do not share both nothing may be opened.
    pub fn for_each_row_in(
        &self,
        shared: SharedFamily,
        sources: &ClassSet,
        visit: impl FnMut(&ClassSet, &Row),
    ) {
        let connectivity = self.connectivity();
        let way = (Direction::Egress, shared);
        connectivity.for_each_row(self.world(), way, Some(sources), visit);
    }

    /// [`Engine::for_each_column_of`] in one of the families that two ends have, as [`Engine::for_each_row_in`].
    pub fn for_each_column_in(
        &self,
        shared: SharedFamily,
        destinations: &ClassSet,
        visit: impl FnMut(&ClassSet, &Row),
    ) {
        let connectivity = self.connectivity();
        let way = (Direction::Ingress, shared);
        connectivity.for_each_row(self.world(), way, Some(destinations), visit);
    }

    /// What the policies of `subjects` alone let pass, as [`Engine::one_way_in`] says it of two: calls `visit` with each set of
    /// subjects that are judged alike, and what passes to each of `peers` for egress, from it for ingress.
    pub fn for_each_side_in(
        &self,
        shared: SharedFamily,
        direction: Direction,
        (subjects, peers): (&ClassSet, &ClassSet),
        visit: impl FnMut(&ClassSet, &Row),
    ) {
        let way = (direction, shared);
        let ends = (subjects, peers);
        self.connectivity()
            .for_each_side(self.world(), way, ends, visit);
    }

    /// Names for a pod or node and another by which [`Engine::answer`] judges a connection in the family that is asked
    /// for. `None` if they have no second family, or if nothing names them in it.
    #[must_use]
    pub fn ends_in(
        &self,
        shared: SharedFamily,
        source: &Endpoint,
        destination: &Endpoint,
    ) -> Option<(Endpoint, Endpoint)> {
        match shared {
            SharedFamily::First => Some((source.clone(), destination.clone())),
            SharedFamily::Second => in_second_family(self.facts(), source, destination),
        }
    }

    /// To find the rules of NetworkPolicies without which nothing is judged otherwise.
    #[must_use]
    pub fn spare_rules(&self) -> SpareRules {
        SpareRules::new(self.connectivity(), self.world())
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            cluster: &self.cluster,
            index: &self.index,
        }
    }

    fn connectivity(&self) -> &Connectivity {
        self.connectivity
            .get_or_init(|| Connectivity::new(self.world()))
    }

    fn world(&self) -> World<'_> {
        World {
            cluster: &self.cluster,
            index: &self.index,
        }
    }
}
