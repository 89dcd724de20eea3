//! ringfence's table, compiled and committed as an agent does.

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use ringfence_benches::topology::{CLIENT, NEAR, NODES, POD_BLOCKS, TUNNEL_PORT};
use ringfence_compile::{
    Capacity, Change, Compiler, Enforcement, Limits, LocalEndpoint, NetworkConfig,
};
use ringfence_model::{Cluster, Service};
use ringfence_netlink::namespace::{create, run_in};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::TABLE_NAME;
use ringfence_testkit::builder::{cluster, name, node, pod, service, tcp};

use crate::cost::Cost;
use crate::services::{BLOCK, PORT, TARGET, address, endpoints};
use crate::{LOADS, Loaded, Proxy};

const EACH: usize = 16;
const NODE: &str = "node-0";

/// A table that an agent keeps.
struct Agent {
    compiler: Compiler,
    nftables: Nftables,
}

/// In the node's namespace.
pub(crate) fn load(services: usize, updates: usize) -> Result<Loaded> {
    let mut loads = Vec::new();
    for _ in 1..LOADS {
        // Elsewhere, so that the kernel begins anew.
        let elsewhere = create()?;
        loads.push(run_in(&elsewhere, || {
            fill(services).map(|(cost, _)| cost)
        })??);
    }
    let (last, mut agent) = fill(services)?;
    loads.push(last);
    let mut changes = Vec::new();
    for turn in 0..updates {
        // The last one is what is measured, and has one endpoint.
        let place = (turn / 2 * 97) % services.saturating_sub(1).max(1);
        let mut changed = serve(place, services);
        if turn % 2 == 0 {
            changed.endpoints.pop();
        }
        let change = Change::Service(changed.name.clone(), Some(changed));
        let (cost, ()) = Cost::of(|| {
            agent.compiler.change(change);
            let operations = agent.compiler.compile()?;
            agent.nftables.apply(TABLE_NAME, &operations)?;
            Ok(())
        })?;
        changes.push(cost);
    }
    Ok(Loaded {
        proxy: Proxy::Ringfence,
        services,
        endpoints: EACH,
        loads,
        changes,
    })
}

/// Compiles and commits; what each took.
fn fill(services: usize) -> Result<([Cost; 2], Agent)> {
    let network = NetworkConfig {
        pod_cidrs: POD_BLOCKS.map(IpNet::V4).to_vec(),
        service_cidrs: vec![BLOCK.parse()?],
        tunnel_port: Some(TUNNEL_PORT),
        record: ringfence_compile::Record::Denied,
        capacity: Capacity::default(),
    };
    let mut compiler = Compiler::new(NODE, network, Enforcement::On, Limits::default());
    let wired = [CLIENT, NEAR].map(|real| LocalEndpoint {
        pod: name(&format!("bench/{}", real.name)),
        host_interface: real.host_interface.to_owned(),
        addresses: vec![real.address.into()],
    });
    compiler.set_endpoints(wired.to_vec());
    compiler.replace(as_cluster(services));
    let mut nftables = Nftables::open()?;
    let (compiling, operations) = Cost::of(|| Ok(compiler.compile()?))?;
    let (committing, ()) = Cost::of(|| {
        let done = nftables.apply(TABLE_NAME, &operations);
        done.context("the table")
    })?;
    let agent = Agent { compiler, nftables };
    Ok(([compiling, committing], agent))
}

fn as_cluster(services: usize) -> Cluster {
    let mut built = cluster().with(node(NODE, &[&NODES[0].to_string()]));
    for real in [CLIENT, NEAR] {
        let address = real.address.to_string();
        let name = format!("bench/{}", real.name);
        built = built.with(pod(&name).address(&address).on_node(NODE));
    }
    for place in 0..services {
        built = built.with(serve(place, services));
    }
    built.build()
}

fn serve(place: usize, services: usize) -> Service {
    let built = service(&format!("bench/s-{place}"))
        .address(&address(place).to_string())
        .port(tcp(PORT), TARGET);
    let ends = endpoints(place, services, EACH).into_iter();
    let built = ends.fold(built, |built, end| built.endpoint(&end.to_string(), TARGET));
    built.build()
}
