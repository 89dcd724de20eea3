//! Whether this machine can do what an agent needs, asked before anything is done.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Error, Result, bail};
use ringfence_compile::{Capacity, Enforcement, NodeView, compile};
use ringfence_model::Cluster;
use ringfence_netlink::Errno;
use ringfence_netlink::conntrack::{Conntrack, End};
use ringfence_netlink::nftables::{ApplyError, Nftables};
use ringfence_netlink::sysctl;
use ringfence_ruleset::{Operation, diff};

use crate::{AgentConfig, NetworkConfig};

/// Name of a table, and of a chain, that are never made.
const QUESTION: &str = "ringfence-probe";
/// Sets of the question take no memory to speak of.
const SMALL: Capacity = Capacity {
    addresses: 16,
    entries: 16,
};
/// An address of nobody.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NEEDS: &str = "ringfence needs a Linux kernel with nf_tables, nf_nat and nf_conntrack (modules \
                     `nf_tables`, `nft_ct`, `nft_nat`, `nft_masq`, `nft_numgen`, `nfnetlink_log`, `nf_conntrack_netlink`)";

/// Asks the kernel of the calling thread's network namespace whether it takes a table as ringfence writes it, and lists
/// connections. Nothing is changed. Returns what an operator should know all the same.
///
/// # Errors
/// If it does not, with what is missing.
pub fn probe(config: &AgentConfig) -> Result<Vec<String>> {
    let mut nftables = Nftables::open().context(NEEDS)?;
    explain(nftables.apply(QUESTION, &question(config)?))?;
    let connections = || Conntrack::open()?.entries_of(&BTreeSet::from([(NOBODY, End::Client)]));
    connections().context("the kernel does not list connections, so that a new deny could not cut them: is the module `nf_conntrack_netlink` there?")?;
    Ok(remarks())
}

/// The whole table, and an operation that fails at its end: so nothing is ever committed.
fn question(config: &AgentConfig) -> Result<Vec<Operation>> {
    let network = NetworkConfig {
        capacity: SMALL,
        ..config.network.clone()
    };
    let node = NodeView {
        name: &config.node,
        endpoints: &[],
        network: &network,
        enforcement: Enforcement::On,
    };
    let compiled = compile(&Cluster::default(), &node)?;
    let mut operations = diff(None, &compiled.table);
    operations.push(Operation::DeleteChain {
        name: QUESTION.to_owned(),
    });
    Ok(operations)
}

fn explain(asked: Result<(), ApplyError>) -> Result<()> {
    let error = match asked {
        Err(ApplyError::Refused {
            operation, errno, ..
        }) if errno == Errno::ENOENT && operation.contains(QUESTION) => return Ok(()),
        Err(error) => error,
        Ok(()) => bail!("the kernel took a transaction that cannot be carried out"),
    };
    let is_denied = matches!(&error, ApplyError::Refused { errno, .. } if *errno == Errno::EPERM);
    let advice = if is_denied {
        "the agent may not change nf_tables: it needs CAP_NET_ADMIN in the node's network namespace"
    } else {
        NEEDS
    };
    Err(Error::from(error).context(advice))
}

/// Settings of the machine that are not ringfence's to change, and that do harm.
fn remarks() -> Vec<String> {
    let is = |key: &[&str], value: &str| sysctl::read(key).is_ok_and(|found| found.trim() == value);
    let mut remarks = Vec::new();
    if is(&["ipv4", "ip_forward"], "0") {
        let remark = "net.ipv4.ip_forward is 0: this node carries no packets from and to its pods";
        remarks.push(remark.to_owned());
    }
    if is(&["ipv4", "conf", "all", "rp_filter"], "2") {
        let remark = "net.ipv4.conf.all.rp_filter is 2, which loosens the second fence against forged sources: set it to 0 or 1";
        remarks.push(remark.to_owned());
    }
    remarks
}
