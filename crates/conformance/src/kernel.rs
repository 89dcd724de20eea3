//! The tables of both nodes in the kernel, changed from one cluster to the next as the agent changes them.

use std::collections::BTreeMap;

use ringfence_compile::{Compiled, Enforcement, LocalEndpoint, NodeView, ObjectRef, compile};
use ringfence_model::Cluster;
use ringfence_netlink::namespace::run_in;
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{Operation, TABLE_NAME, Table, diff};

use crate::plan::{NodeId, Place, network, wired};
use crate::wiring::Wiring;

/// The kernel's side of both nodes.
#[derive(Debug)]
pub struct Kernel {
    nodes: BTreeMap<NodeId, Node>,
    counts: Counts,
}

/// How tables changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In place.
    pub updates: usize,
    /// By deleting and creating them anew.
    pub replacements: usize,
}

#[derive(Debug)]
struct Node {
    nftables: Nftables,
    loaded: Option<Table>,
}

/// Compiles the tables of both nodes for the pods of `cluster`. `read` is the cluster as the compiler reads it: the
/// same, unless a mistake is to be noticed.
///
/// # Panics
/// If the compiler refuses the cluster.
#[must_use]
pub fn compile_all(
    cluster: &Cluster,
    read: &Cluster,
    enforcement: Enforcement,
) -> BTreeMap<NodeId, Compiled> {
    let compile = |node| (node, compile_node(cluster, read, node, enforcement));
    NodeId::ALL.map(compile).into()
}

/// The tables without one element.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn without(
    compiled: &BTreeMap<NodeId, Compiled>,
    node: NodeId,
    object: &ObjectRef,
) -> BTreeMap<NodeId, Compiled> {
    let mut less = compiled.clone();
    let ObjectRef::Element { set, key } = object;
    let table = &mut less.get_mut(&node).expect("a node").table;
    let set = table.sets.get_mut(set).expect("a set");
    assert!(
        set.elements.remove(key).is_some(),
        "{object:?} is not there"
    );
    less
}

fn compile_node(
    cluster: &Cluster,
    read: &Cluster,
    node: NodeId,
    enforcement: Enforcement,
) -> Compiled {
    let local = wired(cluster).filter(|(_, slot)| slot.node == node);
    let endpoints: Vec<LocalEndpoint> = local
        .map(|(pod, slot)| LocalEndpoint {
            pod: pod.name.clone(),
            host_interface: slot.host_interface(),
            addresses: pod.addresses.clone(),
        })
        .collect();
    let view = NodeView {
        name: node.name(),
        endpoints: &endpoints,
        network: &network(),
        enforcement,
    };
    compile(read, &view).expect("a cluster that compiles")
}

impl Kernel {
    /// Opens the nodes' sockets; their tables are empty.
    ///
    /// # Panics
    /// If the kernel refuses.
    #[must_use]
    pub fn new(wiring: &Wiring) -> Self {
        let node = |node: NodeId| {
            let open = || Nftables::open().expect("an nf_tables socket");
            let nftables = run_in(wiring.namespace(Place::Node(node)), open).expect("a node");
            let loaded = None;
            (node, Node { nftables, loaded })
        };
        Self {
            nodes: NodeId::ALL.map(node).into(),
            counts: Counts::default(),
        }
    }

    /// Brings the tables to the compiled ones with as little change as possible.
    ///
    /// # Panics
    /// If the kernel refuses a change.
    pub fn load(&mut self, compiled: &BTreeMap<NodeId, Compiled>) {
        for (node, compiled) in compiled {
            self.load_table(*node, &compiled.table);
        }
    }

    fn load_table(&mut self, node: NodeId, table: &Table) {
        let kernel = self.nodes.get_mut(&node).expect("a node");
        let operations = diff(kernel.loaded.as_ref(), table);
        if operations.contains(&Operation::DeleteTable) {
            self.counts.replacements += 1;
        } else if !operations.is_empty() {
            self.counts.updates += 1;
        }
        if let Err(error) = kernel.nftables.apply(TABLE_NAME, &operations) {
            panic!(
                "the kernel refuses the table of {}: {error}\n{table}",
                node.name()
            );
        }
        kernel.loaded = Some(table.clone());
    }

    /// Deletes the tables, so that the next ones are written whole.
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn clear(&mut self) {
        for node in self.nodes.values_mut().filter(|node| node.loaded.is_some()) {
            let deleted = node.nftables.apply(TABLE_NAME, &[Operation::DeleteTable]);
            deleted.expect("no table");
            node.loaded = None;
        }
    }

    /// The table that was written last, if there is one.
    #[must_use]
    pub fn loaded(&self, node: NodeId) -> Option<&Table> {
        self.nodes.get(&node)?.loaded.as_ref()
    }

    /// What the kernel holds of a node's table.
    ///
    /// # Panics
    /// If there is none, or one that ringfence does not write.
    pub fn read(&mut self, node: NodeId) -> Table {
        let kernel = self.nodes.get_mut(&node).expect("a node");
        let state = kernel.nftables.read_table(TABLE_NAME).expect("a reading");
        state
            .expect("the table")
            .to_table(TABLE_NAME)
            .expect("a table of ringfence")
    }

    /// How often tables changed so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}
