//! The plan beside what the kernel holds.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use ringfence_netlink::namespace::run_in;
use ringfence_netlink::route::{
    InterfaceAddress, Link, Neighbour, Route, RouteKind, RouteSocket, RouteSocketError,
};

use super::{Expected, WiringError, node_side, pod_side};
use crate::plan::Plan;

/// What the kernel lacks of the plan, in words.
///
/// # Errors
/// [`WiringError`]: the kernel could not be asked.
pub fn missing(plan: &Plan, netns: BorrowedFd<'_>) -> Result<Vec<String>, WiringError> {
    let pod = run_in(netns, || Side::read(&plan.pod_interface)).map_err(WiringError::Namespace)?;
    let pod = pod.map_err(|error| WiringError::Pod(error.into()))?;
    let node = Side::read(&plan.host_interface).map_err(|error| WiringError::Node(error.into()))?;
    let mut lacks = node.lacks("node", &plan.host_interface, |index| node_side(plan, index));
    lacks.extend(pod.lacks("pod", &plan.pod_interface, |index| pod_side(plan, index)));
    Ok(lacks)
}

/// What one side's kernel has.
struct Side {
    link: Option<Link>,
    addresses: Vec<InterfaceAddress>,
    neighbours: Vec<Neighbour>,
    routes: Vec<Route>,
}

impl Side {
    /// In the calling thread's namespace.
    fn read(interface: &str) -> Result<Self, RouteSocketError> {
        let mut socket = RouteSocket::open()?;
        let link = match socket.link_by_name(interface) {
            Err(error) if error.is_missing() => None,
            outcome => Some(outcome?),
        };
        Ok(Self {
            link,
            addresses: socket.addresses()?,
            neighbours: socket.neighbours()?,
            routes: socket.routes()?,
        })
    }

    fn lacks(&self, side: &str, name: &str, expected: impl FnOnce(u32) -> Expected) -> Vec<String> {
        let Some(link) = &self.link else {
            return vec![format!("{side}: no interface `{name}`")];
        };
        let expected = expected(link.index);
        let mut lacks = Vec::new();
        if !link.up {
            lacks.push(format!("{side}: interface `{name}` is down"));
        }
        if link.mac != Some(expected.mac) {
            lacks.push(format!(
                "{side}: interface `{name}` has not the address {}",
                expected.mac
            ));
        }
        let address = |want: &&InterfaceAddress| !self.addresses.contains(want);
        lacks.extend(expected.addresses.iter().filter(address).map(|want| {
            format!(
                "{side}: interface `{name}` has not the address {}",
                want.address
            )
        }));
        let neighbour = |want: &&Neighbour| !self.neighbours.contains(want);
        lacks.extend(expected.neighbours.iter().filter(neighbour).map(|want| {
            format!(
                "{side}: no permanent neighbour {} on `{name}`",
                want.address
            )
        }));
        let route = |want: &&Route| !self.has_route(want);
        lacks.extend(
            expected
                .routes
                .iter()
                .filter(route)
                .map(|want| format!("{side}: no route to {} through `{name}`", want.destination)),
        );
        lacks
    }

    /// Metric and source are the kernel's to fill in.
    fn has_route(&self, want: &Route) -> bool {
        self.routes.iter().any(|have| {
            have.destination == want.destination && device(&have.kind) == device(&want.kind)
        })
    }
}

fn device(kind: &RouteKind) -> Option<(u32, Option<IpAddr>)> {
    match kind {
        RouteKind::Device { index, gateway, .. } => Some((*index, *gateway)),
        RouteKind::Blackhole | RouteKind::Unreachable => None,
    }
}
