//! What has to be dialled to ask a question with packets.

use std::net::IpAddr;

use ringfence_model::{Answer, Cluster, ClusterIp, Connection, Endpoint, Party, Query};

/// An address and port to connect to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// The connections that it leads to.
    pub(super) ends: &'a [Connection],
}

/// Whether a node leads it to a pod (rule OB-24).
pub(super) fn is_by_host_port(answer: &Answer) -> bool {
    let mut connections = answer.connections.iter();
    connections.any(|connection| connection.entry.is_some())
}

/// The end of `query` at `port`; behind a Service as such, each pod behind it as `answer` knows them.
pub(super) fn targets<'a>(
    cluster: &Cluster,
    query: &Query,
    port: u16,
    answer: &'a Answer,
) -> Result<Vec<Target<'a>>, String> {
    let all = answer.connections.as_slice();
    let mut found = vec![Target {
        address: target(cluster, query, answer)?,
        port,
        ends: all,
    }];
    if all.len() > 1 {
        for connection in all {
            let (address, port) = behind(connection)?;
            let ends = std::slice::from_ref(connection);
            found.push(Target {
                address,
                port,
                ends,
            });
        }
    }
    Ok(found)
}

/// The address that is connected to: a Service's own, else that of the only connection.
fn target(cluster: &Cluster, query: &Query, answer: &Answer) -> Result<IpAddr, String> {
    match &query.destination {
        Endpoint::Address(address) => Ok(*address),
        Endpoint::Service(name) => {
            match cluster.services.get(name).map(|found| &found.cluster_ip) {
                Some(ClusterIp::Assigned(addresses)) if !addresses.is_empty() => {
                    addresses.first().copied().ok_or_else(|| no_address(query))
                }
                Some(ClusterIp::Assigned(_) | ClusterIp::Unassigned | ClusterIp::Headless)
                | None => first_behind(query, answer),
            }
        }
        Endpoint::Pod(_) | Endpoint::Node(_) => first_behind(query, answer),
    }
}

fn first_behind(query: &Query, answer: &Answer) -> Result<IpAddr, String> {
    let first = answer.connections.first();
    let (address, _) = behind(first.ok_or_else(|| no_address(query))?)?;
    Ok(address)
}

fn no_address(query: &Query) -> String {
    format!("{} has no address", query.destination)
}

fn behind(connection: &Connection) -> Result<(IpAddr, u16), String> {
    let address = match &connection.destination {
        Party::Pod { address, .. } | Party::Node { address, .. } => *address,
        Party::Other(address) | Party::Loopback(address) => Some(*address),
    };
    address
        .zip(connection.port)
        .ok_or_else(|| "an end of the connection has no address".to_owned())
}
