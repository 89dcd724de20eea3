//! Services: which address and port leads to which backends (rules Q-8, OB-11 to OB-14, OB-17 to OB-22).

mod backend;
mod number;
mod topology;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{Cluster, Node, ObjectName, Pod, Service, ServicePort, TrafficPolicy};
use ringfence_net::{Family, Protocol};
use ringfence_ruleset::{Datum, Key, Value};

use crate::balance::Balance;
use crate::comment;
use crate::count::Count;
use crate::emit::{Emitter, protocol_datum};
use crate::layout::{Place, set_name};
use crate::peer::{Peer, Peers, canonical};
use crate::{CompileError, NetworkConfig};
use backend::{Backends, Scope, Target};

/// What clients dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// A port at an address of a Service.
    Address(IpAddr, Protocol, u16),
    /// A port at all nodes (rule OB-19).
    Nodes(Protocol, u16),
}

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
    balanced: BTreeMap<Balance, usize>,
    /// How many ends lead those from outside to a backend.
    behind: BTreeMap<Key, usize>,
    /// Addresses of the node that the table is for.
    own: BTreeSet<IpAddr>,
    /// Services to look at again.
    due: BTreeSet<ObjectName>,
}

/// What is written of an end.
#[derive(Debug, Default)]
struct Written {
    elements: Vec<(String, Key)>,
    balances: Vec<Balance>,
    /// Backends that those from outside are led to.
    behind: Vec<(Family, Key)>,
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
    pub(crate) fn take_node(&mut self, old: Option<&Node>, new: Option<&Node>, cluster: &Cluster) {
        if old.and_then(Node::zone) != new.and_then(Node::zone) {
            let affected = cluster.services.values().filter(|it| it.prefers_some());
            self.due
                .extend(affected.map(|service| service.name.clone()));
        }
        let addresses = |node: Option<&Node>| {
            let nodes = node.into_iter();
            let addresses = nodes.flat_map(|node| canonical(&node.addresses));
            addresses.collect::<Vec<_>>()
        };
        addresses(new).into_iter().for_each(|ip| self.owned.add(ip));
        let old = addresses(old).into_iter();
        old.for_each(|ip| self.owned.remove(ip));
    }

    /// The node that the table is for looks otherwise than before.
    pub(crate) fn take_own(&mut self, new: Option<&Node>, cluster: &Cluster) {
        let addresses = new.into_iter().flat_map(|node| canonical(&node.addresses));
        self.own = addresses.collect();
        let has_node_ports =
            |service: &&Service| service.ports.iter().any(|port| port.node_port.is_some());
        let affected = cluster.services.values().filter(has_node_ports);
        self.due
            .extend(affected.map(|service| service.name.clone()));
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
        let chosen = own.filter(|(_, service)| service.selects(pod));
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
        let at_addresses = free.flat_map(|address| {
            let ports = service.ports.iter();
            ports.map(move |port| End::Address(address, port.protocol, port.port))
        });
        let ports = service.ports.iter();
        let at_nodes = ports.filter_map(|port| Some(End::Nodes(port.protocol, port.node_port?)));
        at_addresses.chain(at_nodes).collect()
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
        for balance in written.balances {
            if lessen(&mut self.balanced, &balance) {
                emitter.remove_balance(balance);
            }
        }
        for (family, key) in written.behind {
            if lessen(&mut self.behind, &key) {
                emitter.remove(&set_name("behind", family), &key);
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
        let mut writer = Writer {
            service,
            backends,
            written: Written::default(),
            emitter,
        };
        match end {
            End::Address(address, protocol, port) => {
                writer.address(address, protocol, port)?;
            }
            End::Nodes(protocol, port) => writer.nodes(protocol, port, &self.own)?,
        }
        let written = writer.written;
        for balance in &written.balances {
            if raise(&mut self.balanced, balance) {
                emitter.add_balance(*balance);
            }
        }
        for (family, key) in &written.behind {
            if raise(&mut self.behind, key) {
                emitter.put(
                    &set_name("behind", *family),
                    key.clone(),
                    Value::Member,
                    None,
                );
            }
        }
        self.written.insert(end, written);
        Ok(())
    }
}

/// Counts one more; whether it is the first.
fn raise<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, key: &K) -> bool {
    let count = counts.entry(key.clone()).or_default();
    *count = count.saturating_add(1);
    *count == 1
}

/// Counts one less; whether it was the last.
fn lessen<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) -> bool {
    let Some(count) = counts.get_mut(key) else {
        return false;
    };
    *count = count.saturating_sub(1);
    let is_last = *count == 0;
    if is_last {
        counts.remove(key);
    }
    is_last
}

/// Writes one end of a Service.
struct Writer<'w, 'c> {
    service: &'w Service,
    backends: &'w Backends<'c>,
    written: Written,
    emitter: &'w mut Emitter,
}

impl Writer<'_, '_> {
    /// A port at an address of the Service.
    fn address(
        &mut self,
        address: IpAddr,
        protocol: Protocol,
        number: u16,
    ) -> Result<(), CompileError> {
        let family = Family::of(address);
        let mut ports = self.service.ports.iter();
        let port = ports.find(|port| (port.protocol, port.port) == (protocol, number));
        let Some(port) = port else { return Ok(()) };
        let fields = address_fields(address, protocol, number);
        let is_inside = cluster_addresses_of(self.service).any(|own| own == address);
        let targets = self.targets(port, family, scope(self.service, is_inside));
        if !is_inside {
            self.guard(address, &fields, number);
            self.open(port, family, &targets);
            self.entry(port, family, fields.clone(), number)?;
        }
        if targets.is_empty() {
            let comment = comment::service(&self.service.name, number);
            let set = set_name("unserved", family);
            self.put(set, fields, Value::Member, comment);
            return Ok(());
        }
        let balance = self.spread(Place::Address, family, &fields, targets)?;
        self.lead("services", family, fields, balance, number);
        Ok(())
    }

    /// Lets nobody in whom the Service does not list, at an address of its load balancer (rule OB-20).
    fn guard(&mut self, address: IpAddr, fields: &[Datum], number: u16) {
        let traffic = &self.service.traffic;
        let mut balanced = traffic.balanced.iter().map(IpAddr::to_canonical);
        let Some(ranges) = traffic.admitted.as_ref() else {
            return;
        };
        if !balanced.any(|own| own == address) {
            return;
        }
        let family = Family::of(address);
        let comment = comment::service(&self.service.name, number);
        let guarded = set_name("guarded", family);
        self.put(guarded, fields.to_vec(), Value::Member, comment.clone());
        let of_family = ranges
            .iter()
            .filter(|block| Family::of(block.addr()) == family);
        for block in IpNet::aggregate(&of_family.copied().collect()) {
            let key = Key::range(
                [fields, &[Datum::Address(block.network())]].concat(),
                [fields, &[Datum::Address(block.broadcast())]].concat(),
            );
            let listed = set_name("listed", family);
            self.put_at(listed, key, Value::Member, comment.clone());
        }
    }

    /// A port at all nodes.
    fn nodes(
        &mut self,
        protocol: Protocol,
        number: u16,
        own: &BTreeSet<IpAddr>,
    ) -> Result<(), CompileError> {
        let mut ports = self.service.ports.iter();
        let port = ports.find(|port| (port.protocol, port.node_port) == (protocol, Some(number)));
        let Some(port) = port else { return Ok(()) };
        let service = self.service;
        let served = Family::ALL.into_iter();
        for family in served.filter(|family| service.serves(*family)) {
            let targets = self.targets(port, family, Scope::Cluster);
            self.open(port, family, &targets);
            for address in own.iter().filter(|own| Family::of(**own) == family) {
                let fields = address_fields(*address, protocol, number);
                self.entry(port, family, fields, number)?;
            }
            let fields = vec![protocol_datum(protocol), Datum::Port(number)];
            let balance = if targets.is_empty() {
                Balance::Refused
            } else {
                self.spread(Place::Nodes, family, &fields, targets)?
            };
            self.lead("node-ports", family, fields, balance, number);
        }
        Ok(())
    }

    /// Where those from outside are led otherwise, because the Service keeps to its node.
    fn entry(
        &mut self,
        port: &ServicePort,
        family: Family,
        fields: Vec<Datum>,
        number: u16,
    ) -> Result<(), CompileError> {
        match self.service.traffic.external {
            TrafficPolicy::Cluster => return Ok(()),
            TrafficPolicy::Local => {}
        }
        let targets = self.targets(port, family, Scope::Node);
        let balance = if targets.is_empty() {
            Balance::Elsewhere
        } else {
            self.spread(Place::Here, family, &fields, targets)?
        };
        self.lead("entries", family, fields, balance, number);
        Ok(())
    }

    fn targets(&self, port: &ServicePort, family: Family, scope: Scope) -> Vec<Target> {
        self.backends.targets(port, family, scope)
    }

    /// Notes who may be reached from outside.
    fn open(&mut self, port: &ServicePort, family: Family, targets: &[Target]) {
        let here = match self.service.traffic.external {
            TrafficPolicy::Cluster => Vec::new(),
            TrafficPolicy::Local => self.targets(port, family, Scope::Node),
        };
        let all = targets.iter().chain(&here);
        let ends: BTreeSet<(IpAddr, u16)> =
            all.map(|target| (target.address, target.port)).collect();
        let keys = ends.into_iter().map(|(address, number)| {
            let fields = address_fields(address, port.protocol, number);
            (family, Key::point(fields))
        });
        self.written.behind.extend(keys);
    }

    /// Writes the backends behind `fields`, and gives what chooses among them.
    fn spread(
        &mut self,
        place: Place,
        family: Family,
        fields: &[Datum],
        targets: Vec<Target>,
    ) -> Result<Balance, CompileError> {
        if let Some(seconds) = self.service.traffic.affinity {
            return self.keep((place, seconds), family, fields, targets);
        }
        let set = set_name(&place.set("backends"), family);
        let number = count(&set, targets.len())?;
        for (index, target) in targets.into_iter().enumerate() {
            let index = Datum::Number(count(&set, index)?);
            let value = vec![Datum::Address(target.address), Datum::Port(target.port)];
            let key = with(fields, index);
            self.put(set.clone(), key, Value::Data(value), target.comment);
        }
        Ok(match place {
            Place::Address | Place::Nodes => Balance::All(number),
            Place::Here => Balance::Local(number),
        })
    }

    /// The same where clients come back: under the number that each backend keeps (rule OB-21).
    fn keep(
        &mut self,
        (place, seconds): (Place, u32),
        family: Family,
        fields: &[Datum],
        targets: Vec<Target>,
    ) -> Result<Balance, CompileError> {
        let draws = set_name(&place.set("draws"), family);
        let kept = set_name(&place.set("kept"), family);
        let number = count(&draws, targets.len())?.min(Balance::MOST_KEPT);
        let numbers = number::of_backends(&targets);
        for (index, (target, own)) in targets.into_iter().zip(numbers).enumerate() {
            let index = count(&draws, index)?;
            let own = Datum::Number(own);
            let value = vec![Datum::Address(target.address), Datum::Port(target.port)];
            let comment = target.comment;
            if index < number {
                let drawn = Value::Data(vec![own.clone()]);
                let key = with(fields, Datum::Number(index));
                self.put(draws.clone(), key, drawn, comment.clone());
            }
            self.put(kept.clone(), with(fields, own), Value::Data(value), comment);
        }
        Ok(Balance::Kept {
            place,
            count: number,
            seconds,
        })
    }

    fn lead(
        &mut self,
        set: &str,
        family: Family,
        fields: Vec<Datum>,
        balance: Balance,
        number: u16,
    ) {
        let chosen = Value::Data(vec![Datum::Number(balance.number())]);
        let comment = comment::service(&self.service.name, number);
        self.put(set_name(set, family), fields, chosen, comment);
        self.written.balances.push(balance);
    }

    fn put(&mut self, set: String, fields: Vec<Datum>, value: Value, comment: String) {
        self.put_at(set, Key::point(fields), value, comment);
    }

    fn put_at(&mut self, set: String, key: Key, value: Value, comment: String) {
        self.emitter.put(&set, key.clone(), value, Some(comment));
        self.written.elements.push((set, key));
    }
}

fn with(fields: &[Datum], last: Datum) -> Vec<Datum> {
    let mut fields = fields.to_vec();
    fields.push(last);
    fields
}

fn address_fields(address: IpAddr, protocol: Protocol, port: u16) -> Vec<Datum> {
    vec![
        Datum::Address(address),
        protocol_datum(protocol),
        Datum::Port(port),
    ]
}

/// Which backends those in the cluster get who dial an address of the Service (rules OB-18, OB-19).
const fn scope(service: &Service, is_inside: bool) -> Scope {
    match service.traffic.internal {
        TrafficPolicy::Local if is_inside => Scope::Node,
        TrafficPolicy::Local | TrafficPolicy::Cluster => Scope::Cluster,
    }
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
    let own = service.cluster_addresses().iter();
    own.map(IpAddr::to_canonical)
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
