//! Daemons that an operator comes by, and that rules would close: told before the rules are tried out (rule HF-7).

use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterPort, ClusterRule, Node, Object};
use ringfence_net::Protocol;

/// What listens where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Daemon {
    /// `the API server`
    name: &'static str,
    address: IpAddr,
    /// Of TCP.
    port: u16,
}

/// The daemon of ssh that this session came by, from its variable `SSH_CONNECTION`: the client's address and port, then the
/// server's.
pub(super) fn of_session(connection: Option<&str>) -> Option<Daemon> {
    let words: Vec<&str> = connection?.split_whitespace().collect();
    let [_, _, address, port] = words.as_slice() else {
        return None;
    };
    Some(Daemon {
        name: "the ssh server of this session",
        address: address.parse::<IpAddr>().ok()?.to_canonical(),
        port: port.parse().ok()?,
    })
}

/// The API servers that slices list.
pub(super) fn of_slices(objects: &[Object]) -> Vec<Daemon> {
    let slices = objects.iter().filter_map(|object| {
        let Object::Endpoints(slice) = object else {
            return None;
        };
        Some(slice)
    });
    let endpoints = slices.flat_map(|slice| &slice.endpoints);
    let daemons = endpoints.flat_map(|endpoint| {
        let ports = endpoint.ports.iter();
        ports.map(|port| Daemon {
            name: "the API server",
            address: endpoint.address,
            port: port.port,
        })
    });
    daemons.collect()
}

/// Those that firewalls of `cluster` would close to everybody, in words.
pub(super) fn closed(cluster: &Cluster, daemons: &[Daemon]) -> Vec<String> {
    let told = daemons.iter().flat_map(|daemon| {
        let nodes = cluster.nodes.values();
        let nodes = nodes.filter(|node| node.addresses.contains(&daemon.address));
        nodes.filter_map(|node| of_node(cluster, node, daemon))
    });
    told.collect()
}

fn of_node(cluster: &Cluster, node: &Node, daemon: &Daemon) -> Option<String> {
    let firewalls: Vec<_> = cluster.host_firewalls_of(&node.name).collect();
    let port = (Protocol::Tcp, daemon.port);
    let mut rules = firewalls.iter().flat_map(|(_, rules)| &rules.ingress);
    let is_open =
        cluster.open_failsafes(&node.name).contains(&port) || rules.any(|rule| lets_in(rule, port));
    if firewalls.is_empty() || is_open {
        return None;
    }
    let names: Vec<&str> = firewalls.iter().map(|(it, _)| it.name.as_str()).collect();
    Some(format!(
        "{} listens at tcp/{} of node/{}, which HostFirewall {} closes to everybody: no rule names that port, and it does not stay \
         open by itself",
        daemon.name,
        daemon.port,
        node.name,
        names.join(", ")
    ))
}

/// Whether the rule lets somebody in to the port.
fn lets_in(rule: &ClusterRule, (protocol, port): (Protocol, u16)) -> bool {
    let mut ports = rule.ports.iter();
    rule.ports.is_empty()
        || ports.any(|item| match item {
            ClusterPort::Range(own, range) => *own == protocol && range.contains(port),
            ClusterPort::Name(_) => false,
        })
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Input, LoadOptions, assemble, load};

    use super::*;

    const NODES: &str = "
apiVersion: v1
kind: Node
metadata: {name: one, labels: {role: control}}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: '2001:db8::1'}]}
---
apiVersion: v1
kind: Node
metadata: {name: two}
status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.1]}]
ports: [{name: https, port: 8443}]
";

    fn told(rules: &str, session: &str) -> Vec<String> {
        let firewall = format!(
            "---\napiVersion: ringfence.dev/v1alpha1\nkind: HostFirewall\nmetadata: {{name: w}}\nspec: {{nodeSelector: {{matchLabels: {{role: control}}}}, ingress: [{rules}]}}\n"
        );
        let input = Input {
            name: "m.yaml".to_owned(),
            text: format!("{NODES}{firewall}"),
        };
        let objects = load(&[input], &LoadOptions::default()).objects;
        let mut daemons = of_slices(&objects);
        daemons.extend(of_session(Some(session)));
        closed(&assemble(&objects).0, &daemons)
    }

    #[test]
    fn what_the_operator_comes_by_is_told_where_no_rule_names_it() {
        let session = "198.51.100.7 50000 2001:db8::1 2222";
        let found = told("{ports: [{port: 80}]}", session);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with(
                "the API server listens at tcp/8443 of node/one, which HostFirewall w closes"
            ),
            "{found:?}"
        );
        assert!(
            found[1].contains("of this session listens at tcp/2222"),
            "{found:?}"
        );
        let found = told(
            "{ports: [{port: 8443}]}, {ports: [{port: 2000, endPort: 2300}]}",
            session,
        );
        assert!(found.is_empty(), "{found:?}");
        assert!(
            told("{from: [{nodes: {}}]}", session).is_empty(),
            "all ports"
        );
        let found = told("{ports: [{protocol: UDP, port: 8443}]}", session);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn what_stays_open_and_what_is_elsewhere_is_not_told() {
        for session in [
            "198.51.100.7 50000 192.0.2.1 22",
            "198.51.100.7 50000 192.0.2.2 2222",
            "198.51.100.7 50000 203.0.113.9 2222",
            "198.51.100.7 50000 ::ffff:192.0.2.2 2222",
            "no connection",
            "",
        ] {
            let found = told("{ports: [{port: 8443}]}", session);
            assert!(found.is_empty(), "{session}: {found:?}");
        }
        let mapped = told(
            "{ports: [{port: 8443}]}",
            "198.51.100.7 5 ::ffff:192.0.2.1 2222",
        );
        assert_eq!(mapped.len(), 1, "{mapped:?}");
    }
}
