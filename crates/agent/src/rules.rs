//! The table as it stands in the kernel, with the policies that the agent knows behind it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use ringfence_compile::trace::Listing;
use ringfence_compile::{LocalEndpoint, Origin};
use ringfence_model::PolicyName;
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{Counters, Table};

use crate::config::host_pods_name;
use crate::state::Enforced;
use crate::status::Rules;

/// Reads the table in the network namespace of the calling thread. `policies` are those of the cluster.
pub(crate) fn read(
    table: &str,
    enforced: Option<&Enforced>,
    policies: BTreeMap<PolicyName, Vec<Origin>>,
) -> Rules {
    let found = match live_table(table) {
        Ok(live) => {
            let live = live.as_ref();
            rules(
                live.map(|(table, counters)| (table, counters)),
                enforced,
                policies,
            )
        }
        Err(error) => Rules {
            problem: Some(format!("{error:#}")),
            ..rules(None, enforced, policies)
        },
    };
    match live_table(&host_pods_name(table)) {
        Ok(live) => Rules {
            host_pods: live.map(|(table, counters)| host_pods(&table, &counters)),
            ..found
        },
        Err(error) => Rules {
            problem: found.problem.or_else(|| Some(format!("{error:#}"))),
            ..found
        },
    }
}

/// Elements say by their comments which pods and policies stand behind them.
fn host_pods(table: &Table, counters: &Counters) -> Listing {
    let listing = Listing::new(table, &BTreeMap::new(), &[], BTreeMap::new());
    listing.counted(table, counters)
}

/// The table, and what its elements have counted.
fn live_table(name: &str) -> anyhow::Result<Option<(Table, Counters)>> {
    let state = Nftables::open()?.read_table(name)?;
    let Some(state) = state else { return Ok(None) };
    let table = state.to_table(name);
    let foreign = "the table holds a rule or chain that ringfence does not write";
    Ok(Some((table.context(foreign)?, state.counters)))
}

fn rules(
    live: Option<(&Table, &Counters)>,
    enforced: Option<&Enforced>,
    policies: BTreeMap<PolicyName, Vec<Origin>>,
) -> Rules {
    let table_text = live.map(|(table, _)| table.to_string());
    let table_text = table_text.unwrap_or_default();
    let endpoints: Vec<LocalEndpoint> = enforced
        .map(|enforced| enforced.endpoints.values().cloned().collect())
        .unwrap_or_default();
    let intended = enforced.map(|enforced| enforced.compiled.table.to_string());
    let nothing = BTreeMap::new();
    let origins = enforced.map_or(&nothing, |enforced| &enforced.compiled.origins);
    Rules {
        listing: live
            .map(|(table, counters)| {
                Listing::new(table, origins, &endpoints, policies).counted(table, counters)
            })
            .unwrap_or_default(),
        as_intended: intended.as_ref() == Some(&table_text),
        table_text,
        problem: None,
        host_pods: None,
        revision: enforced.and_then(|enforced| enforced.revision),
        endpoints: endpoints
            .into_iter()
            .map(|it| (it.host_interface, it.pod))
            .collect(),
    }
}
