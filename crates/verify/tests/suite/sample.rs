//! Single packets through two tables, to find out whether a tampered table does the same as before.

use std::net::IpAddr;

use ringfence_model::Cluster;
use ringfence_net::{ConnectionState, IpProtocol, Packet, TcpFlags};
use ringfence_ruleset::{Datum, Evaluation, Evaluator, Hook, Table};
use ringfence_testkit::random::Random;
use ringfence_verify::Wiring;

const HOOKS: [Hook; 5] = [
    Hook::Prerouting,
    Hook::Input,
    Hook::Forward,
    Hook::Output,
    Hook::Postrouting,
];

const STATES: [ConnectionState; 5] = [
    ConnectionState::New,
    ConnectionState::Established,
    ConnectionState::Related,
    ConnectionState::Invalid,
    ConnectionState::Untracked,
];

/// What packets are made of.
pub(crate) struct Sampler {
    addresses: Vec<IpAddr>,
    ports: Vec<u16>,
    local: Vec<(String, IpAddr)>,
    /// What stands in the elements that only one of the tables has.
    changed: Vec<Datum>,
}

impl Sampler {
    pub(crate) fn new(cluster: &Cluster, wiring: &Wiring, tables: [&Table; 2]) -> Self {
        let sets = tables.into_iter().flat_map(|table| table.sets.values());
        let elements = sets.flat_map(|set| &set.elements);
        let data: Vec<Datum> = elements
            .flat_map(|(key, _)| key.first.iter().chain(key.last.iter()).cloned())
            .collect();
        let of_table = data.iter().filter_map(|datum| match datum {
            Datum::Address(address) => Some(*address),
            Datum::Port(_)
            | Datum::Byte(_)
            | Datum::Number(_)
            | Datum::Interface(_)
            | Datum::Cgroup(_) => None,
        });
        let of_pods = cluster.pods.values().flat_map(|pod| pod.addresses.clone());
        let others = ["203.0.113.9", "fe80::1", "ff02::1", "2001:db8::9", "::"];
        let others = others.iter().map(|text| text.parse().unwrap());
        let mut addresses: Vec<IpAddr> = of_table.chain(of_pods).chain(others).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let of_table = data.iter().filter_map(|datum| match datum {
            Datum::Port(port) => Some([port.saturating_sub(1), *port, port.saturating_add(1)]),
            Datum::Address(_)
            | Datum::Byte(_)
            | Datum::Number(_)
            | Datum::Interface(_)
            | Datum::Cgroup(_) => None,
        });
        let mut ports: Vec<u16> = of_table
            .flatten()
            .chain([80])
            .filter(|port| *port > 0)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let local = wiring.endpoints.iter().flat_map(|pod| {
            let own = pod.addresses.iter();
            own.map(|address| (pod.interface.clone(), *address))
        });
        Self {
            addresses,
            ports,
            local: local.collect(),
            changed: changed(tables),
        }
    }

    /// A packet that can come to some hook.
    pub(crate) fn packet(&self, random: &mut Random) -> (Hook, Packet) {
        let hook = *random.pick(&HOOKS).unwrap();
        let mut packet = self.any(random);
        let is_local = |address: IpAddr| self.local.iter().find(|(_, own)| *own == address);
        match hook {
            Hook::Input | Hook::Forward => {
                let owner = is_local(packet.source);
                packet.input_interface =
                    owner.map_or_else(|| "eth0".to_owned(), |(name, _)| name.clone());
            }
            Hook::Output => packet.input_interface = String::new(),
            Hook::Prerouting | Hook::Postrouting => {}
        }
        match hook {
            Hook::Input | Hook::Prerouting => packet.output_interface = String::new(),
            Hook::Forward => {
                let own = is_local(packet.destination);
                packet.output_interface =
                    own.map_or_else(|| "eth0".to_owned(), |(name, _)| name.clone());
            }
            Hook::Output | Hook::Postrouting => {}
        }
        if hook == Hook::Input && is_local(packet.destination).is_some() {
            packet.destination = "203.0.113.9".parse().unwrap();
            packet.source = "203.0.113.8".parse().unwrap();
            packet.input_interface = "eth0".to_owned();
        }
        (hook, packet)
    }

    fn any(&self, random: &mut Random) -> Packet {
        let mut source = *random.pick(&self.addresses).unwrap();
        let mut changed = |percent| {
            let hot = random.chance(percent);
            random.pick(&self.changed).filter(|_| hot).cloned()
        };
        if let Some(Datum::Address(address)) = changed(50) {
            source = address;
        }
        let wanted = [changed(50), changed(50), changed(50)];
        let same = |address: &&IpAddr| address.is_ipv4() == source.is_ipv4();
        let family: Vec<IpAddr> = self.addresses.iter().filter(same).copied().collect();
        let mut interfaces: Vec<String> = self.local.iter().map(|(name, _)| name.clone()).collect();
        interfaces.extend(["eth0".to_owned(), "vethrfother".to_owned()]);
        let protocol = *random.pick(&[6, 6, 6, 17, 17, 132, 1, 58, 47]).unwrap();
        let state = if random.chance(75) {
            ConnectionState::New
        } else {
            *random.pick(&STATES).unwrap()
        };
        let flags = if random.chance(87) { 2 } else { 16 };
        let destination = *random.pick(&family).unwrap();
        let any_port = *random.pick(&self.ports).unwrap();
        Packet {
            source,
            destination: wanted
                .iter()
                .flatten()
                .find_map(address)
                .filter(|it| same(&it))
                .unwrap_or(destination),
            protocol: IpProtocol(protocol),
            source_port: Some(*random.pick(&[0x8700, 0x8000, 40_000]).unwrap()),
            destination_port: Some(wanted.iter().flatten().find_map(port).unwrap_or(any_port)),
            tcp_flags: TcpFlags(flags),
            state,
            input_interface: random.pick(&interfaces).unwrap().clone(),
            output_interface: random.pick(&interfaces).unwrap().clone(),
        }
    }
}

fn changed([one, other]: [&Table; 2]) -> Vec<Datum> {
    let only = |own: &Table, other: &Table| -> Vec<Datum> {
        let sets = own.sets.iter();
        let elements = sets.flat_map(|(name, set)| set.elements.iter().map(move |it| (name, it)));
        let new = elements.filter(|(name, (key, element))| {
            let found = other.sets.get(*name);
            found.and_then(|set| set.elements.get(*key)) != Some(*element)
        });
        new.flat_map(|(_, (key, _))| key.first.iter().chain(key.last.iter()).cloned())
            .collect()
    };
    let mut found = only(one, other);
    found.extend(only(other, one));
    found
}

fn address(datum: &Datum) -> Option<IpAddr> {
    match datum {
        Datum::Address(address) => Some(*address),
        Datum::Port(_)
        | Datum::Byte(_)
        | Datum::Number(_)
        | Datum::Interface(_)
        | Datum::Cgroup(_) => None,
    }
}

fn port(datum: &Datum) -> Option<u16> {
    match datum {
        Datum::Port(port) if *port > 0 => Some(*port),
        Datum::Port(_)
        | Datum::Address(_)
        | Datum::Byte(_)
        | Datum::Number(_)
        | Datum::Interface(_)
        | Datum::Cgroup(_) => None,
    }
}

/// Whether the two tables do the same with a packet, whatever backend is drawn.
pub(crate) fn same(one: &Table, other: &Table, hook: Hook, packet: &Packet) -> bool {
    let (one, other) = (Evaluator::new(one), Evaluator::new(other));
    let deed = |found: Evaluation| {
        (
            found.outcome,
            found.destination,
            found.masquerade,
            found.untracked,
        )
    };
    (0..6).all(|number| {
        let mut choose = |modulus: u32| number % modulus;
        let first = deed(one.evaluate(hook, packet, &mut choose));
        first == deed(other.evaluate(hook, packet, &mut choose))
    })
}
