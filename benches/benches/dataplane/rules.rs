//! What stands between the pods: nothing, connection tracking, ringfence's table, or chains of iptables.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;
use ringfence_compile::{
    Capacity, Compiled, Enforcement, LocalEndpoint, NetworkConfig, NodeView, compile,
};
use ringfence_model::{Cluster, ObjectName};
use ringfence_net::ConnectionState;
use ringfence_netlink::namespace::run_in;
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{
    BaseChain, Chain, ChainKind, Expression, Hook, Operand, Operator, Rule, Statement, TABLE_NAME,
    Table, Verdict, diff,
};

use crate::iptables;
use crate::pods::{BenchPod, as_cluster, bench_pods, node_name};
use crate::topology::{POD_BLOCKS, TUNNEL_PORT, Topology};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Routing alone.
    Nothing,
    /// A table that accepts what is established, and everything else.
    Tracking,
    /// ringfence with so many pods on each node.
    Ringfence(usize),
    /// Chains of iptables with so many pods on each node.
    Iptables(usize),
}

impl Rules {
    /// Loads it on both nodes.
    pub(crate) fn load(self, topology: &Topology) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Tracking => on_both(topology, |_| Ok(tracking())),
            Self::Ringfence(count) => {
                let all = bench_pods(count);
                let cluster = as_cluster(&all);
                on_both(topology, |node| Ok(compiled(&cluster, &all, node)?.table))
            }
            Self::Iptables(count) => {
                let all = bench_pods(count);
                for (index, node) in topology.nodes.iter().enumerate() {
                    run_in(node, || restore(&iptables::ruleset(&all, index)))??;
                }
                Ok(())
            }
        }
    }

    /// Whether it keeps pods from each other.
    pub(crate) const fn enforces(self) -> bool {
        match self {
            Self::Nothing | Self::Tracking => false,
            Self::Ringfence(_) | Self::Iptables(_) => true,
        }
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("routing alone"),
            Self::Tracking => f.write_str("connection tracking alone"),
            Self::Ringfence(count) => write!(f, "ringfence, {count} pods"),
            Self::Iptables(count) => write!(f, "iptables, {count} pods"),
        }
    }
}

fn on_both(topology: &Topology, table: impl Fn(usize) -> Result<Table> + Sync) -> Result<()> {
    for (index, node) in topology.nodes.iter().enumerate() {
        let table = table(index)?;
        run_in(node, || {
            Nftables::open()?
                .apply(&table.name, &diff(None, &table))
                .context("a table")
        })??;
    }
    Ok(())
}

/// ringfence's table of the node with this index.
pub(crate) fn compiled(cluster: &Cluster, all: &[BenchPod], node: usize) -> Result<Compiled> {
    let endpoints: Vec<LocalEndpoint> = all
        .iter()
        .filter(|pod| pod.node == node)
        .map(|pod| LocalEndpoint {
            pod: ObjectName {
                namespace: pod.namespace.clone(),
                name: pod.name.clone(),
            },
            host_interface: pod.host_interface.clone(),
            addresses: vec![pod.address.into()],
        })
        .collect();
    let network = NetworkConfig {
        pod_cidrs: POD_BLOCKS.map(IpNet::V4).to_vec(),
        service_cidrs: vec!["172.20.0.0/16".parse()?],
        tunnel_port: Some(TUNNEL_PORT),
        record: ringfence_compile::Record::Denied,
        capacity: Capacity::default(),
    };
    let view = NodeView {
        name: &node_name(node),
        endpoints: &endpoints,
        network: &network,
        enforcement: Enforcement::On,
    };
    Ok(compile(cluster, &view)?)
}

fn tracking() -> Table {
    let established = Rule {
        statements: vec![
            Statement::Match {
                left: Expression::ConnectionState,
                operator: Operator::Equal,
                right: Operand::State(ConnectionState::Established),
            },
            Statement::Verdict(Verdict::Accept),
        ],
        comment: None,
    };
    let forward = Chain {
        base: Some(BaseChain {
            kind: ChainKind::Filter,
            hook: Hook::Forward,
            priority: 0,
        }),
        rules: vec![established],
    };
    Table {
        name: TABLE_NAME.to_owned(),
        comment: None,
        chains: BTreeMap::from([("forward".to_owned(), forward)]),
        sets: BTreeMap::new(),
    }
}

/// In the node's namespace.
fn restore(ruleset: &str) -> Result<()> {
    let mut program = Command::new("iptables-nft-restore")
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start `iptables-nft-restore` (Debian's package iptables)")?;
    let mut input = program.stdin.take().context("no way to write to it")?;
    input.write_all(ruleset.as_bytes())?;
    drop(input);
    let status = program.wait()?;
    if !status.success() {
        bail!("`iptables-nft-restore` ended with {status}");
    }
    Ok(())
}
