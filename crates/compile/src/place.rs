//! Pod blocks, the addresses of nodes, and everything that a pod reaches under its own address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, Node, Pod};
use ringfence_net::{Family, Protocol};
use ringfence_ruleset::{Datum, Key, Value};

use crate::NetworkConfig;
use crate::comment;
use crate::count::Count;
use crate::emit::{Emitter, protocol_datum, span_key};
use crate::layout::set_name;
use crate::peer::canonical;
use crate::span::{Span, block_family, merged};

/// Where nodes and host pods are.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Addresses of nodes and of the hosts of pods.
    hosts: Count<IpAddr>,
    /// Nodes by address.
    nodes: BTreeMap<IpAddr, BTreeSet<String>>,
    written: BTreeSet<(Family, Span)>,
}

impl Places {
    /// What is so whatever the cluster holds.
    pub(crate) fn begin(&mut self, network: &NetworkConfig, emitter: &mut Emitter) {
        if let Some(port) = network.tunnel_port {
            let end = vec![protocol_datum(Protocol::Udp), Datum::Port(port)];
            emitter.member("tunnels", end, None);
        }
        for family in Family::ALL {
            for span in merged(of_family(&network.pod_cidrs, family)) {
                let set = set_name("pods", family);
                emitter.put(&set, span_key(family, span), Value::Member, None);
            }
            self.merge(family, network, emitter);
        }
    }

    /// A pod looks otherwise than before.
    pub(crate) fn take_pod(&mut self, old: Option<&Pod>, new: Option<&Pod>) {
        if let Some(pod) = new {
            let hosts = canonical(&pod.host_addresses);
            hosts.into_iter().for_each(|ip| self.hosts.add(ip));
        }
        if let Some(pod) = old {
            let hosts = canonical(&pod.host_addresses);
            hosts.into_iter().for_each(|ip| self.hosts.remove(ip));
        }
    }

    /// A node looks otherwise than before.
    pub(crate) fn take_node(
        &mut self,
        old: Option<&Node>,
        new: Option<&Node>,
        emitter: &mut Emitter,
    ) {
        let mut touched = BTreeSet::new();
        if let Some(node) = old {
            for ip in canonical(&node.addresses) {
                self.hosts.remove(ip);
                if let Some(names) = self.nodes.get_mut(&ip) {
                    names.remove(&node.name);
                }
                touched.insert(ip);
            }
        }
        if let Some(node) = new {
            for ip in canonical(&node.addresses) {
                self.hosts.add(ip);
                self.nodes.entry(ip).or_default().insert(node.name.clone());
                touched.insert(ip);
            }
        }
        for ip in touched {
            let first = self.nodes.get(&ip).and_then(BTreeSet::first);
            let comment = first.map(comment::of);
            if comment.is_none() {
                self.nodes.remove(&ip);
            }
            let set = set_name("nodes", Family::of(ip));
            let fields = vec![Datum::Address(ip)];
            match comment {
                Some(_) => emitter.member(&set, fields, comment),
                None => emitter.remove(&set, &Key::point(fields)),
            }
        }
    }

    /// The node that the table is for looks otherwise than before.
    pub(crate) fn take_own(old: Option<&Node>, new: Option<&Node>, emitter: &mut Emitter) {
        let fields = |ip| vec![Datum::Address(ip)];
        for ip in old.into_iter().flat_map(|node| canonical(&node.addresses)) {
            emitter.remove(&set_name("own", Family::of(ip)), &Key::point(fields(ip)));
        }
        if let Some(node) = new {
            for ip in canonical(&node.addresses) {
                let set = set_name("own", Family::of(ip));
                emitter.member(&set, fields(ip), Some(comment::of(&node.name)));
            }
        }
    }

    /// Writes what pods reach under their own address, if that changed.
    pub(crate) fn finish(&mut self, network: &NetworkConfig, emitter: &mut Emitter) {
        let turned = self.hosts.turned();
        for family in Family::ALL {
            if turned.iter().any(|ip| Family::of(*ip) == family) {
                self.merge(family, network, emitter);
            }
        }
    }

    fn merge(&mut self, family: Family, network: &NetworkConfig, emitter: &mut Emitter) {
        let mut all = of_family(&network.pod_cidrs, family);
        all.append(&mut of_family(&network.service_cidrs, family));
        let hosts = self.hosts.members();
        let hosts = hosts.filter(|ip| Family::of(**ip) == family);
        all.extend(hosts.map(|ip| Span::single(*ip)));
        let new: BTreeSet<(Family, Span)> =
            merged(all).into_iter().map(|span| (family, span)).collect();
        let set = set_name("cluster", family);
        let old = self.written.extract_if(.., |(own, _)| *own == family);
        let old: BTreeSet<_> = old.collect();
        for (_, span) in old.difference(&new) {
            emitter.remove(&set, &span_key(family, *span));
        }
        for (_, span) in new.difference(&old) {
            emitter.put(&set, span_key(family, *span), Value::Member, None);
        }
        self.written.extend(new);
    }
}

fn of_family(blocks: &[ipnet::IpNet], family: Family) -> Vec<Span> {
    let blocks = blocks.iter().filter(|block| block_family(block) == family);
    blocks.map(Span::of).collect()
}

/// The pods that stand for a node: their addresses are the node's.
pub(crate) fn host_pods_of<'a>(
    node: &'a str,
    cluster: &'a Cluster,
) -> impl Iterator<Item = &'a Pod> {
    let pods = cluster.pods.values();
    pods.filter(move |pod| pod.host_network && pod.node.as_deref() == Some(node))
}
