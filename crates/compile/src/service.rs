//! Services: which address and port leads to which backends (rules Q-8, OB-11 to OB-14, OB-17, OB-18).

mod backend;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringfence_model::{Cluster, ClusterIp, Node, ObjectName, Pod, Service, TrafficPolicy};
use ringfence_net::{Family, Protocol};
use ringfence_ruleset::{Datum, Key, Value, Verdict};

use crate::comment;
use crate::count::Count;
use crate::emit::{Emitter, balance_name, protocol_datum};
use crate::layout::set_name;
use crate::peer::{Peer, Peers, canonical};
use crate::{CompileError, NetworkConfig};
use backend::{Backends, Scope, Target, may_select};

/// What clients dial.
type End = (IpAddr, Protocol, u16);

/// The Services, who claims what, and what of it is written. Where two claim one address, protocol and port, the first
/// by name has it. The address of a pod or node is never a Service's (rule Q-3), and a cluster address or an address of
/// the pod and Service blocks never an external one, so that `externalIPs` take over nobody inside of the cluster.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// Addresses of pods and nodes.
    owned: Count<IpAddr>,
    /// Cluster addresses of Services.
    taken: Count<IpAddr>,
    by_address: BTreeMap<IpAddr, BTreeSet<ObjectName>>,
    claims: BTreeMap<End, BTreeSet<ObjectName>>,
    claimed: BTreeMap<ObjectName, BTreeSet<End>>,
    written: BTreeMap<End, Written>,
    /// How many ends have each number of backends.
    balanced: BTreeMap<u32, usize>,
    /// Services to look at again.
    due: BTreeSet<ObjectName>,
}

/// What is written of an end.
#[derive(Debug, Default)]
struct Written {
    elements: Vec<(String, Key)>,
    balance: Option<u32>,
}

/// What takes an object up.
impl Services {
    /// A Service looks otherwise than before.
    pub(crate) fn take_service(
        &mut self,
        name: &ObjectName,
        old: Option<&Service>,
        new: Option<&Service>,
    ) {
        if let Some(service) = new {
            cluster_addresses_of(service).for_each(|ip| self.taken.add(ip));
        }
        if let Some(service) = old {
            cluster_addresses_of(service).for_each(|ip| self.taken.remove(ip));
            for address in addresses_of(service) {
                if let Some(names) = self.by_address.get_mut(&address) {
                    names.remove(name);
                    if names.is_empty() {
                        self.by_address.remove(&address);
                    }
                }
            }
        }
        for address in new.into_iter().flat_map(addresses_of) {
            let names = self.by_address.entry(address).or_default();
            names.insert(name.clone());
        }
        self.due.insert(name.clone());
    }

    /// A node looks otherwise than before.
    pub(crate) fn take_node(&mut self, old: Option<&Node>, new: Option<&Node>) {
        let addresses = |node: Option<&Node>| {
            let nodes = node.into_iter();
            let addresses = nodes.flat_map(|node| canonical(&node.addresses));
            addresses.collect::<Vec<_>>()
        };
        addresses(new).into_iter().for_each(|ip| self.owned.add(ip));
        let old = addresses(old).into_iter();
        old.for_each(|ip| self.owned.remove(ip));
    }

    /// A peer is another than before.
    pub(crate) fn take_peer(&mut self, old: Option<&Peer>, new: Option<&Peer>) {
        let addresses = |peer: Option<&Peer>| {
            let peers = peer.into_iter();
            let addresses = peers.flat_map(|peer| peer.addresses.clone());
            addresses.collect::<Vec<_>>()
        };
        addresses(new).into_iter().for_each(|ip| self.owned.add(ip));
        let old = addresses(old).into_iter();
        old.for_each(|ip| self.owned.remove(ip));
    }

    /// A pod looks otherwise than before.
    pub(crate) fn take_pod(&mut self, old: Option<&Pod>, new: Option<&Pod>, cluster: &Cluster) {
        let hosts = |pod: Option<&Pod>| {
            let live = pod.filter(|pod| pod.is_live()).into_iter();
            let hosts = live.flat_map(|pod| canonical(&pod.host_addresses));
            hosts.collect::<Vec<_>>()
        };
        hosts(new).into_iter().for_each(|ip| self.owned.add(ip));
        hosts(old).into_iter().for_each(|ip| self.owned.remove(ip));
        for pod in old.into_iter().chain(new) {
            self.call_services_of(pod, cluster);
        }
    }

    /// The Services that the pod may stand behind must be looked at.
    pub(crate) fn call_services_of(&mut self, pod: &Pod, cluster: &Cluster) {
        let namespace = pod.name.namespace.as_str();
        let services = cluster.services.range(ObjectName::new(namespace, "")..);
        let own = services.take_while(|(name, _)| name.namespace == namespace);
        let chosen = own.filter(|(_, service)| may_select(service, pod));
        self.due.extend(chosen.map(|(name, _)| name.clone()));
    }
}

/// What writes.
impl Services {
    /// Writes what became of everything that was taken up.
    pub(crate) fn finish(
        &mut self,
        cluster: &Cluster,
        (node, network): (&str, &NetworkConfig),
        peers: &Peers,
        emitter: &mut Emitter,
    ) -> Result<(), CompileError> {
        let turned = self.owned.turned().into_iter().chain(self.taken.turned());
        let named = turned.filter_map(|address| self.by_address.get(&address));
        self.due.extend(named.flatten().cloned());
        let mut ends = BTreeSet::new();
        for name in std::mem::take(&mut self.due) {
            let service = cluster.services.get(&name);
            let new = service.map(|service| self.ends(service, network));
            self.claim(name, new.unwrap_or_default(), &mut ends);
        }
        let mut backends = BTreeMap::new();
        for end in ends {
            self.take_away(end, emitter);
            let owner = self.claims.get(&end).and_then(BTreeSet::first);
            if let Some(service) = owner.and_then(|owner| cluster.services.get(owner)) {
                let behind = backends.entry(&service.name);
                let behind = behind.or_insert_with(|| Backends::of(service, cluster, peers, node));
                self.write(end, service, behind, emitter)?;
            }
        }
        Ok(())
    }

    /// What clients of `service` may dial.
    fn ends(&self, service: &Service, network: &NetworkConfig) -> BTreeSet<End> {
        let inside = |address: &IpAddr| {
            let mut blocks = network.pod_cidrs.iter().chain(&network.service_cidrs);
            self.taken.contains(address) || blocks.any(|block| block.contains(address))
        };
        let external = service.external_addresses.iter().map(IpAddr::to_canonical);
        let external = external.filter(|address| !inside(address) && is_routable(*address));
        let addresses = cluster_addresses_of(service).chain(external);
        let free = addresses.filter(|address| !self.owned.contains(address));
        free.flat_map(|address| {
            let ports = service.ports.iter();
            ports.map(move |port| (address, port.protocol, port.port))
        })
        .collect()
    }

    fn claim(&mut self, name: ObjectName, new: BTreeSet<End>, touched: &mut BTreeSet<End>) {
        let old = self.claimed.remove(&name).unwrap_or_default();
        for end in &old {
            if let Some(names) = self.claims.get_mut(end) {
                names.remove(&name);
                if names.is_empty() {
                    self.claims.remove(end);
                }
            }
        }
        for end in &new {
            let names = self.claims.entry(*end).or_default();
            names.insert(name.clone());
        }
        touched.extend(old.into_iter().chain(new.iter().copied()));
        if !new.is_empty() {
            self.claimed.insert(name, new);
        }
    }

    fn take_away(&mut self, end: End, emitter: &mut Emitter) {
        let Some(written) = self.written.remove(&end) else {
            return;
        };
        for (set, key) in &written.elements {
            emitter.remove(set, key);
        }
        if let Some(count) = written.balance
            && let Some(ends) = self.balanced.get_mut(&count)
        {
            *ends = ends.saturating_sub(1);
            if *ends == 0 {
                self.balanced.remove(&count);
                emitter.remove_balance(count);
            }
        }
    }

    fn write(
        &mut self,
        end: End,
        service: &Service,
        backends: &Backends<'_>,
        emitter: &mut Emitter,
    ) -> Result<(), CompileError> {
        let (address, protocol, number) = end;
        let mut ports = service.ports.iter();
        let port = ports.find(|port| (port.protocol, port.port) == (protocol, number));
        let scope = scope(service, address);
        let targets = port.map(|port| backends.targets(port, Family::of(address), scope));
        let targets = targets.unwrap_or_default();
        let written = write_end(end, service, targets, emitter)?;
        if let Some(count) = written.balance {
            let ends = self.balanced.entry(count).or_default();
            *ends = ends.saturating_add(1);
            if *ends == 1 {
                emitter.add_balance(count);
            }
        }
        self.written.insert(end, written);
        Ok(())
    }
}

/// Which backends those get who dial `address` (rule OB-18).
fn scope(service: &Service, address: IpAddr) -> Scope {
    let is_inside = cluster_addresses_of(service).any(|own| own == address);
    match service.traffic.internal {
        TrafficPolicy::Local if is_inside => Scope::Node,
        TrafficPolicy::Local | TrafficPolicy::Cluster => Scope::Cluster,
    }
}

fn write_end(
    (address, protocol, port): End,
    service: &Service,
    targets: Vec<Target>,
    emitter: &mut Emitter,
) -> Result<Written, CompileError> {
    let family = Family::of(address);
    let fields = vec![
        Datum::Address(address),
        protocol_datum(protocol),
        Datum::Port(port),
    ];
    let comment = comment::service(&service.name, port);
    let mut written = Written::default();
    let mut put = |set: String, fields: Vec<Datum>, value: Value, comment: String| {
        let key = Key::point(fields);
        emitter.put(&set, key.clone(), value, Some(comment));
        written.elements.push((set, key));
    };
    if targets.is_empty() {
        let set = set_name("unserved", family);
        put(set, fields, Value::Member, comment);
        return Ok(written);
    }
    let set = set_name("backends", family);
    let services = set_name("services", family);
    let balance = count(&services, targets.len())?;
    for (index, target) in targets.into_iter().enumerate() {
        let mut fields = fields.clone();
        fields.push(Datum::Number(count(&set, index)?));
        let value = vec![Datum::Address(target.address), Datum::Port(target.port)];
        put(set.clone(), fields, Value::Data(value), target.comment);
    }
    let verdict = Value::Verdict(Verdict::Goto(balance_name(balance)));
    put(services, fields, verdict, comment);
    written.balance = Some(balance);
    Ok(written)
}

/// Whether an address can lead from one host to another: the API server refuses the rest as `externalIPs`.
fn is_routable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || link_local)
}

/// The cluster addresses that clients may dial; a headless Service has none (rules Q-8, OB-13).
fn cluster_addresses_of(service: &Service) -> impl Iterator<Item = IpAddr> + '_ {
    let own: &[IpAddr] = match &service.cluster_ip {
        ClusterIp::Headless | ClusterIp::Unassigned => &[],
        ClusterIp::Assigned(addresses) => addresses,
    };
    own.iter().map(IpAddr::to_canonical)
}

/// All addresses that a Service names.
fn addresses_of(service: &Service) -> BTreeSet<IpAddr> {
    let external = service.external_addresses.iter().map(IpAddr::to_canonical);
    cluster_addresses_of(service).chain(external).collect()
}

fn count(set: &str, number: usize) -> Result<u32, CompileError> {
    u32::try_from(number).map_err(|_| CompileError::TooLarge {
        set: set.to_owned(),
        elements: number,
    })
}
