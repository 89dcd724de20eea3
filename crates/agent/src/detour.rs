//! What leads packets of Services past the hooks in which policies are judged: IPVS takes them at the node's own hooks, and what it
//! balances is never forwarded (rule DP-4). A pod's ingress rules would not be asked.

use std::fmt;
use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, Result};
use ringfence_netlink::route::RouteSocket;

/// The services of IPVS in the network namespace of the calling thread.
const SERVICES: &str = "/proc/thread-self/net/ip_vs";

/// How each of its lines begins that is a service.
const PROTOCOLS: [&str; 5] = ["TCP ", "UDP ", "SCTP ", "AH ", "FWM "];

/// Interfaces that hold the addresses of Services, and whose they are.
const INTERFACES: [(&str, &str); 2] = [
    ("kube-ipvs0", "kube-proxy in its mode `ipvs`"),
    ("kube-dummy-if", "kube-router as a proxy of Services"),
];

/// How it is known that IPVS balances Services here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detour {
    /// An interface that a proxy has made.
    Interface {
        /// Its name.
        name: &'static str,
        /// Who makes such.
        maker: &'static str,
    },
    /// Services in the kernel's list.
    Services,
}

impl fmt::Display for Detour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface { name, maker } => {
                write!(f, "the interface `{name}` is one of {maker}")
            }
            Self::Services => f.write_str("the kernel lists services of IPVS"),
        }
    }
}

/// Looks for a detour in the network namespace of the calling thread.
///
/// # Errors
/// If the kernel cannot be asked.
pub fn find() -> Result<Option<Detour>> {
    let links = RouteSocket::open()
        .and_then(|mut socket| socket.links())
        .context("cannot ask the kernel for its interfaces")?;
    let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let services = match fs::read_to_string(SERVICES) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        services => services.with_context(|| format!("cannot read `{SERVICES}`"))?,
    };
    Ok(among(&names, &services))
}

/// The detour that these interfaces, or the kernel's list of services, tell of.
fn among(interfaces: &[&str], services: &str) -> Option<Detour> {
    let mut known = INTERFACES.into_iter();
    let found = known.find(|(name, _)| interfaces.contains(name));
    let is_service = |line: &str| PROTOCOLS.iter().any(|start| line.starts_with(start));
    let listed = services.lines().any(is_service).then_some(Detour::Services);
    found
        .map(|(name, maker)| Detour::Interface { name, maker })
        .or(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: &str = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n";

    #[test]
    fn ipvs_is_known_by_its_interfaces_and_its_services() {
        let busy = format!(
            "{IDLE}TCP  0A600001:01BB rr \n  -> C0A80702:192B      Masq    1      0          0         \n"
        );
        let proxy = Some(Detour::Interface {
            name: "kube-ipvs0",
            maker: "kube-proxy in its mode `ipvs`",
        });
        assert_eq!(among(&["lo", "eth0", "kube-ipvs0"], IDLE), proxy);
        assert_eq!(among(&["lo", "kube-ipvs0"], ""), proxy);
        assert_eq!(among(&["lo"], &busy), Some(Detour::Services));
        assert_eq!(among(&["lo", "kube-ipvs01", "eth0"], IDLE), None);
        assert_eq!(among(&[], ""), None);
    }
}
