//! The load balancers of the lab: routes from the network between the nodes to a node for each of their addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use ipnet::IpNet;
use ringfence_apiserver::object::text;
use ringfence_netlink::route::{Route, RouteKind, RouteSocket};

use super::Lab;
use crate::cluster::balancers::gateways;
use crate::network::BRIDGE;

/// The routes that there are: an address, and the node's that it leads to.
#[derive(Debug, Default)]
pub(super) struct Balancers(Mutex<BTreeMap<IpAddr, IpAddr>>);

/// Follows the Services and pods of `lab`, for as long as it lives.
///
/// # Errors
/// If there is no thread for it.
pub(super) fn start(lab: &Arc<Lab>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .context("cannot wait for changes")?;
    let lab = Arc::clone(lab);
    let mut revisions = lab.api.revisions();
    let follow = move || {
        while runtime.block_on(revisions.changed()).is_ok() {
            lab.balance();
        }
    };
    let thread = std::thread::Builder::new().name("balancers".to_owned());
    thread.spawn(follow).context("cannot start the balancers")?;
    Ok(())
}

impl Lab {
    /// Leads each address of a load balancer to a node that takes its connections now.
    pub(super) fn balance(&self) {
        let mut routes = self
            .balancers
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let services = self.stored("services");
        let is_balanced = |spec: &str| spec == "LoadBalancer";
        let mut kinds = services
            .iter()
            .map(|service| text(service, &["spec", "type"]));
        let wanted = if kinds.any(is_balanced) {
            let names = self.nodes.iter().map(|node| node.name.clone());
            let nodes = names.map(|name| (name.clone(), self.node_addresses(&name)));
            gateways(&self.feed.cluster().0, &nodes.collect::<Vec<_>>())
        } else {
            BTreeMap::new()
        };
        if *routes == wanted {
            return;
        }
        match lead(&routes, &wanted) {
            Ok(()) => *routes = wanted,
            Err(error) => tracing::warn!("a load balancer leads nowhere: {error:#}"),
        }
    }
}

/// In the network between the nodes, where all threads of the lab are.
fn lead(
    before: &BTreeMap<IpAddr, IpAddr>,
    wanted: &BTreeMap<IpAddr, IpAddr>,
) -> anyhow::Result<()> {
    let mut socket = RouteSocket::open()?;
    let index = socket.link_by_name(BRIDGE)?.index;
    let route = |address: &IpAddr, gateway: &IpAddr| Route {
        destination: IpNet::from(*address),
        kind: RouteKind::Device {
            index,
            gateway: Some(*gateway),
            onlink: false,
        },
        source: None,
        metric: None,
    };
    for (address, gateway) in before {
        if wanted.get(address) != Some(gateway)
            && let Err(error) = socket.delete_route(&route(address, gateway))
            && !error.is_missing()
        {
            return Err(error.into());
        }
    }
    for (address, gateway) in wanted {
        socket.replace_route(&route(address, gateway))?;
    }
    Ok(())
}
