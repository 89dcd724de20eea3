//! ringfence's table, compiled and committed as an agent does.

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use ringfence_benches::topology::{CLIENT, NEAR, NODES, POD_BLOCKS, TUNNEL_PORT};
use ringfence_benches::{Times, time};
use ringfence_compile::{
    Capacity, Change, Compiler, Enforcement, Limits, LocalEndpoint, NetworkConfig,
};
use ringfence_model::{Cluster, Service};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::TABLE_NAME;
use ringfence_testkit::builder::{cluster, name, node, pod, service, tcp};

use crate::services::{BLOCK, PORT, TARGET, address, endpoints};
use crate::{Loaded, Proxy};

const EACH: usize = 16;
const NODE: &str = "node-0";

/// In the node's namespace.
pub(crate) fn load(services: usize, updates: usize) -> Result<Loaded> {
    let cluster = as_cluster(services);
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
    compiler.replace(cluster);
    let mut nftables = Nftables::open()?;
    let (compiling, operations) = time(|| compiler.compile());
    let operations = operations?;
    let (committing, done) = time(|| nftables.apply(TABLE_NAME, &operations));
    done.context("the table")?;
    let mut taken = Vec::new();
    for turn in 0..updates {
        // The last one is what is measured, and has one endpoint.
        let place = (turn / 2 * 97) % services.saturating_sub(1).max(1);
        let mut changed = serve(place, services);
        if turn % 2 == 0 {
            changed.endpoints.pop();
        }
        let change = Change::Service(changed.name.clone(), Some(changed));
        let (time, done) = time(|| {
            compiler.change(change);
            let operations = compiler.compile()?;
            nftables.apply(TABLE_NAME, &operations)?;
            anyhow::Ok(())
        });
        done?;
        taken.push(time);
    }
    Ok(Loaded {
        proxy: Proxy::Ringfence,
        services,
        endpoints: EACH,
        compiling: Some(compiling),
        committing,
        updates: Times::of(taken),
    })
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
