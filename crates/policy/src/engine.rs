use std::net::IpAddr;
use std::sync::OnceLock;

use ringfence_model::{Answer, Cluster, Direction, ObjectName, Query, QueryError};

use crate::answer::{Facts, answer, targets};
use crate::change::Change;
use crate::class::{Class, ClassId, ClassSet, Reach};
use crate::connectivity::{Connectivity, World};
use crate::index::Index;
use crate::row::Row;

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
        let facts = Facts {
            cluster: &self.cluster,
            index: &self.index,
        };
        answer(facts, query)
    }

    /// Where the connections lead that `node` opens as `query` says, to an address: through the Service that serves it to
    /// its backends (rules Q-8, OB-12, OB-18), as address and port; `None` if no Service does. Who asks makes no difference.
    #[must_use]
    pub fn service_targets(&self, query: &Query, node: &str) -> Option<Vec<(IpAddr, u16)>> {
        let facts = Facts {
            cluster: &self.cluster,
            index: &self.index,
        };
        targets(facts, query, node)
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
        connectivity.for_each_row(self.world(), Direction::Egress, None, visit);
    }

    /// The same for these sources alone.
    pub fn for_each_row_of(&self, sources: &ClassSet, visit: impl FnMut(&ClassSet, &Row)) {
        let connectivity = self.connectivity();
        connectivity.for_each_row(self.world(), Direction::Egress, Some(sources), visit);
    }

    /// The columns of these destinations: calls `visit` with each that differs from the others and who has it.
    pub fn for_each_column_of(&self, destinations: &ClassSet, visit: impl FnMut(&ClassSet, &Row)) {
        let connectivity = self.connectivity();
        connectivity.for_each_row(self.world(), Direction::Ingress, Some(destinations), visit);
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
