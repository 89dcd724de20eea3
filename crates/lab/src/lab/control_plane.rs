//! The control plane that a provider runs: its API answers at one address, and its nodes are on a network to which nothing leads.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use ringfence_apiserver::server::{Identity, Server};
use ringfence_net::Protocol;
use ringfence_netlink::namespace;
use ringfence_standin::responder::{ResponderConfig, ResponderPort};

use super::{Lab, api, nodes};
use crate::plan::{API_ENDPOINT, API_ENDPOINT_PORT, CONTROL_NODE};

/// Where etcd, the kubelet, the controllers and the scheduler of a control plane listen.
const PORTS: [u16; 5] = [2379, 2380, 10250, 10257, 10259];

impl Lab {
    /// Starts what listens on the node network of the provider, if one runs the control plane.
    pub(super) fn start_control_nodes(&self) -> anyhow::Result<()> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        let port = |port| ResponderPort {
            protocol: Protocol::Tcp,
            port,
            name: None,
        };
        let config = ResponderConfig {
            pod: "control-plane".to_owned(),
            namespace: String::new(),
            node: "control-plane".to_owned(),
            image: "control-plane".to_owned(),
            container: "control-plane".to_owned(),
            ports: PORTS.map(port).to_vec(),
            addresses: CONTROL_NODE.to_vec(),
        };
        let log = Path::new(nodes::DIRECTORY).join("control-plane.log");
        let mut child = nodes::start_told(control, &["internal", "responder"], &log, &config)?;
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// Serves the API at the provider's address, if one runs the control plane.
    ///
    /// # Errors
    /// If the socket cannot be made or used.
    pub fn serve_endpoint(self: &Arc<Self>, identity: &Identity) -> anyhow::Result<Vec<Server>> {
        let Some(control) = &self.control else {
            return Ok(Vec::new());
        };
        let listen = |address| {
            let address = SocketAddr::new(address, API_ENDPOINT_PORT);
            let bound = namespace::run_in(control, || TcpListener::bind(address))?;
            bound.with_context(|| format!("cannot listen at {address}"))
        };
        let mut servers = Vec::new();
        for address in API_ENDPOINT {
            servers.push(api::server(self, identity.clone(), listen(address)?)?);
        }
        Ok(servers)
    }
}
