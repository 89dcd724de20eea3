//! How long the kernel takes to hold a table: written over netlink, and by the program `nft` from the same table as text.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ringfence_benches::{Times, nft, print, time};
use ringfence_netlink::namespace::{create, run_in};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{Table, diff};

use crate::pods::{as_cluster, bench_pods};
use crate::rules::compiled;

const RUNS: usize = 9;
/// Its key has a field that the language of nft has no name for; no Service is here to fill it.
const UNSAYABLE: &str = "backends";

pub(crate) fn report(sizes: &[usize]) -> Result<()> {
    let rows: Result<Vec<_>> = sizes.iter().map(|size| row(*size)).collect();
    let header = [
        "pods on the node",
        "elements",
        "from cluster to table",
        "over netlink, the whole table",
        "`nft -f`, the same as text",
        "ratio (goal 1/5)",
    ];
    let title = format!("An empty node holds its table: least (and most) of {RUNS} runs in turns");
    print(&title, &header.map(str::to_owned), rows?);
    Ok(())
}

fn row(size: usize) -> Result<Vec<String>> {
    let all = bench_pods(size);
    let cluster = as_cluster(&all);
    let (compiling, compiled) = time(|| compiled(&cluster, &all, 0));
    let table = compiled?.table;
    let text = sayable(&table).to_string();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(in_a_namespace(|| apply(&table))?);
        theirs.push(in_a_namespace(|| nft(&text))?);
    }
    let (ours, theirs) = (Times::of(ours), Times::of(theirs));
    let elements: usize = table.sets.values().map(|set| set.elements.len()).sum();
    Ok(vec![
        size.to_string(),
        elements.to_string(),
        format!("{compiling:.1?}"),
        ours.to_string(),
        theirs.to_string(),
        format!("1/{:.1}", theirs.ratio(&ours)),
    ])
}

fn in_a_namespace(work: impl FnOnce() -> Result<()> + Send) -> Result<Duration> {
    let namespace = create()?;
    let (taken, done) = run_in(&namespace, || time(work))?;
    done?;
    Ok(taken)
}

/// Encoding and sending; what the agent does at its start.
fn apply(table: &Table) -> Result<()> {
    Nftables::open()?
        .apply(&table.name, &diff(None, table))
        .context("a table")
}

/// The table without what nft cannot read.
fn sayable(table: &Table) -> Table {
    let mut table = table.clone();
    table.sets.retain(|name, _| !name.starts_with(UNSAYABLE));
    table.chains.retain(|name, _| !name.starts_with("balance-"));
    table
}
