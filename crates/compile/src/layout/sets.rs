use std::collections::BTreeMap;

use ringfence_model::Direction;
use ringfence_net::Family;
use ringfence_ruleset::{DataType, Set, SetKind};

use super::{BALANCES, HostPass, Pass, Place, direction_set, set_name};

/// What decides how large a set is at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// One element per address.
    Addresses,
    /// One element per address and more.
    Entries,
    /// The same for what policies in audit mode select, for Services that clients come back to, or for the node itself:
    /// few, and mostly none.
    Few,
}

/// A set as the contract lists it.
struct Definition {
    name: String,
    key: Vec<DataType>,
    kind: SetKind,
    interval: bool,
    /// Whether elements count the connections that they judge.
    counted: bool,
    /// Whether packets write them.
    dynamic: bool,
    /// Whether elements end by themselves.
    timed: bool,
    fill: Fill,
}

impl Definition {
    /// A set that agents write, by single keys, without counters.
    const fn new(name: String, key: Vec<DataType>, kind: SetKind, fill: Fill) -> Self {
        Self {
            name,
            key,
            kind,
            interval: false,
            counted: false,
            dynamic: false,
            timed: false,
            fill,
        }
    }
}

/// All sets, empty and without size.
pub(super) fn definitions() -> BTreeMap<String, Set> {
    all()
        .map(|found| (found.name.clone(), empty(found)))
        .collect()
}

/// How the set `name` grows.
pub(crate) fn fill(name: &str) -> Option<Fill> {
    all()
        .find(|found| found.name == name)
        .map(|found| found.fill)
}

fn empty(definition: Definition) -> Set {
    Set {
        key: definition.key,
        kind: definition.kind,
        interval: definition.interval,
        counted: definition.counted,
        dynamic: definition.dynamic,
        timed: definition.timed,
        size: None,
        elements: BTreeMap::new(),
    }
}

fn all() -> impl Iterator<Item = Definition> {
    let of_families = Family::ALL.into_iter().flat_map(|family| {
        let judged = Direction::ALL.into_iter().flat_map(move |direction| {
            of_direction(direction, family)
                .into_iter()
                .chain(of_audit(direction, family))
        });
        let own = of_family(family).into_iter().chain(of_affinity(family));
        let of_hosts = HostPass::ALL.into_iter();
        let of_hosts = of_hosts.flat_map(move |pass| of_host(pass, family));
        own.chain(judged).chain(of_hosts)
    });
    of_families.chain([balances(), tunnels()])
}

/// The chains that choose among backends, of both families.
fn balances() -> Definition {
    let key = vec![DataType::ClassId];
    Definition::new(BALANCES.to_owned(), key, SetKind::VerdictMap, Fill::Few)
}

/// The ports of the tunnels between nodes, of both families.
fn tunnels() -> Definition {
    let key = vec![DataType::InetProto, DataType::InetService];
    Definition::new("tunnels".to_owned(), key, SetKind::Set, Fill::Addresses)
}

fn address_type(family: Family) -> DataType {
    match family {
        Family::V4 => DataType::Ipv4Address,
        Family::V6 => DataType::Ipv6Address,
    }
}

/// A map to numbers: of classes, of backends, or of a choice among backends.
fn number() -> SetKind {
    SetKind::Map(vec![DataType::ClassId])
}

fn of_family(family: Family) -> Vec<Definition> {
    let address = address_type(family);
    let service = [address, DataType::InetProto, DataType::InetService];
    let backend = SetKind::Map(vec![address, DataType::InetService]);
    let mut numbered = service.to_vec();
    numbered.push(DataType::Mark);
    let mut sourced = service.to_vec();
    sourced.push(address);
    let port = [DataType::InetProto, DataType::InetService];
    let numbered_port = [DataType::InetProto, DataType::InetService, DataType::Mark];
    let set = |stem: &str, key: &[DataType], kind, fill| {
        Definition::new(set_name(stem, family), key.to_vec(), kind, fill)
    };
    let ranges = |definition| Definition {
        interval: true,
        ..definition
    };
    let timed = |definition| Definition {
        timed: true,
        ..definition
    };
    vec![
        set(
            "endpoints",
            &[DataType::InterfaceName, address],
            SetKind::Set,
            Fill::Addresses,
        ),
        set("locals", &[address], SetKind::Set, Fill::Addresses),
        set(
            "hairpin",
            &[address, address],
            SetKind::Set,
            Fill::Addresses,
        ),
        set(
            "selves",
            &[address, address],
            SetKind::VerdictMap,
            Fill::Addresses,
        ),
        set("peers", &[address], number(), Fill::Addresses),
        ranges(set("blocks", &[address], number(), Fill::Addresses)),
        timed(set("names", &[address], number(), Fill::Addresses)),
        ranges(set("pods", &[address], SetKind::Set, Fill::Addresses)),
        ranges(set("cluster", &[address], SetKind::Set, Fill::Addresses)),
        set("nodes", &[address], SetKind::Set, Fill::Addresses),
        set("services", &service, number(), Fill::Entries),
        set("backends", &numbered, backend.clone(), Fill::Entries),
        set("entries", &service, number(), Fill::Entries),
        set("local-backends", &numbered, backend.clone(), Fill::Entries),
        set("node-ports", &port, number(), Fill::Entries),
        set("node-backends", &numbered_port, backend, Fill::Entries),
        set("behind", &service, SetKind::Set, Fill::Entries),
        set("guarded", &service, SetKind::Set, Fill::Entries),
        ranges(set("listed", &sourced, SetKind::Set, Fill::Entries)),
        set("own", &[address], SetKind::Set, Fill::Addresses),
        set("unserved", &service, SetKind::Set, Fill::Entries),
    ]
}

/// Who comes back to which backend (rule OB-21).
fn of_affinity(family: Family) -> Vec<Definition> {
    let address = address_type(family);
    let backend = || SetKind::Map(vec![address, DataType::InetService]);
    let of_address = [address, DataType::InetProto, DataType::InetService];
    let of_nodes = [DataType::InetProto, DataType::InetService];
    let set = |stem: &str, key: Vec<DataType>, kind, fill| {
        Definition::new(set_name(stem, family), key, kind, fill)
    };
    let client = [[address].as_slice(), &of_address].concat();
    let mut found = vec![Definition {
        dynamic: true,
        ..set("sticky", client, number(), Fill::Entries)
    }];
    for place in Place::ALL {
        let key: &[DataType] = match place {
            Place::Address | Place::Here => &of_address,
            Place::Nodes => &of_nodes,
        };
        let drawn = [key, &[DataType::Mark]].concat();
        let numbered = [key, &[DataType::ClassId]].concat();
        found.push(set(&place.set("draws"), drawn, number(), Fill::Few));
        found.push(set(&place.set("kept"), numbered, backend(), Fill::Few));
    }
    found
}

/// What is judged, and how.
fn of_direction(direction: Direction, family: Family) -> Vec<Definition> {
    let judged = Definition {
        counted: true,
        ..Definition::new(
            direction_set(direction, "", family),
            vec![address_type(family)],
            SetKind::VerdictMap,
            Fill::Addresses,
        )
    };
    let mut found = vec![judged];
    found.extend(judging(direction, family, Pass::Enforce));
    found
}

fn of_audit(direction: Direction, family: Family) -> [Definition; 3] {
    judging(direction, family, Pass::Audit)
}

fn judging(direction: Direction, family: Family, pass: Pass) -> [Definition; 3] {
    let address = address_type(family);
    let peer = vec![address, DataType::ClassId];
    let port = vec![
        address,
        DataType::ClassId,
        DataType::InetProto,
        DataType::InetService,
    ];
    let fill = match pass {
        Pass::Enforce => Fill::Entries,
        Pass::Audit => Fill::Few,
    };
    let set = |stem: &str, key: Vec<DataType>, interval| {
        let name = direction_set(direction, &format!("{}{stem}", pass.infix()), family);
        Definition {
            interval,
            counted: true,
            ..Definition::new(name, key, SetKind::VerdictMap, fill)
        }
    };
    [
        set("-ports", port.clone(), false),
        set("-peers", peer, false),
        set("-ranges", port, true),
    ]
}

/// Who gets in to the node itself (rules HF-*).
fn of_host(pass: HostPass, family: Family) -> [Definition; 4] {
    let ports = vec![
        DataType::ClassId,
        DataType::InetProto,
        DataType::InetService,
    ];
    let set = |stem: &str, key: Vec<DataType>, kind| {
        Definition::new(pass.set(stem, family), key, kind, Fill::Few)
    };
    let class = SetKind::Map(vec![DataType::ClassId]);
    [
        Definition {
            timed: pass == HostPass::Trial,
            ..set("", vec![DataType::InetProto], SetKind::VerdictMap)
        },
        Definition {
            interval: true,
            ..set("-peers", vec![address_type(family)], class)
        },
        set("-ports", ports.clone(), SetKind::VerdictMap),
        Definition {
            interval: true,
            ..set("-ranges", ports, SetKind::VerdictMap)
        },
    ]
}
