//! Elements that count the packets that hit them.

use std::collections::BTreeMap;
use std::net::UdpSocket;

use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{
    BaseChain, Chain, ChainKind, Counter, DataType, Datum, Element, Expression, Field, Hook, Key,
    MetaKey, Rule, Set, SetKind, Statement, Table, Value, Verdict, diff,
};

use crate::{lacks, loopback_up, run};

tests! {
    "counters" => [
        elements_count_what_hits_them,
        a_replaced_element_counts_anew,
    ],
}

const PORT: u16 = 4080;

fn key(first: u16, last: u16) -> Key {
    let fields = |port| vec![Datum::Byte(17), Datum::Port(port)];
    Key::range(fields(first), fields(last))
}

fn counted(interval: bool, keys: Vec<Key>) -> Set {
    let element = |comment: &str| Element {
        value: Value::Verdict(Verdict::Return),
        comment: Some(comment.to_owned()),
    };
    Set {
        key: vec![DataType::InetProto, DataType::InetService],
        kind: SetKind::VerdictMap,
        interval,
        counted: true,
        dynamic: false,
        timed: false,
        size: Some(16),
        elements: keys.into_iter().map(|key| (key, element("why"))).collect(),
    }
}

/// Everything that leaves is looked up in both sets.
fn table() -> Table {
    let look_up = |map: &str| Rule {
        statements: vec![Statement::VerdictMap {
            key: Expression::Concat(vec![
                Expression::Meta(MetaKey::L4Protocol),
                Expression::Field(Field::DestinationPort),
            ]),
            map: map.to_owned(),
        }],
        comment: None,
    };
    let base = |priority| BaseChain {
        kind: ChainKind::Filter,
        hook: Hook::Output,
        priority,
    };
    let chain = |map, priority| Chain {
        base: Some(base(priority)),
        rules: vec![look_up(map)],
    };
    Table {
        name: "rf".to_owned(),
        comment: None,
        chains: BTreeMap::from([
            ("points".to_owned(), chain("points", 0)),
            ("ranges".to_owned(), chain("ranges", 1)),
        ]),
        sets: BTreeMap::from([
            (
                "points".to_owned(),
                counted(false, vec![key(PORT, PORT), key(1, 1)]),
            ),
            ("ranges".to_owned(), counted(true, vec![key(4000, 5000)])),
        ]),
    }
}

fn send(packets: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..packets {
        // Nobody listens: the second send may hear of the first one's refusal.
        let _ = socket.send_to(b"x", ("127.0.0.1", PORT));
    }
}

fn packets(nftables: &mut Nftables, set: &str, key: &Key) -> u64 {
    let state = nftables.read_table("rf").unwrap().unwrap();
    state.counters[set][key].packets
}

fn elements_count_what_hits_them() {
    loopback_up();
    let mut nftables = Nftables::open().unwrap();
    let table = table();
    nftables.apply("rf", &diff(None, &table)).unwrap();
    if !lacks("nft") {
        let listed = run("nft", &["list", "table", "inet", "rf"]);
        assert_eq!(listed, table.to_string());
    }
    send(3);
    let state = nftables.read_table("rf").unwrap().unwrap();
    let hit = state.counters["points"][&key(PORT, PORT)];
    assert_eq!(
        hit,
        Counter {
            packets: 3,
            bytes: 87
        }
    );
    assert_eq!(state.counters["ranges"][&key(4000, 5000)], hit);
    assert_eq!(state.counters["points"][&key(1, 1)], Counter::default());
    let read = state.to_table("rf").unwrap();
    assert_eq!(read, table, "what was counted is no part of the table");
    assert!(diff(Some(&read), &table).is_empty());
}

fn a_replaced_element_counts_anew() {
    loopback_up();
    let mut nftables = Nftables::open().unwrap();
    let before = table();
    nftables.apply("rf", &diff(None, &before)).unwrap();
    send(2);
    let mut after = before.clone();
    let points = &mut after.sets.get_mut("points").unwrap().elements;
    points.get_mut(&key(PORT, PORT)).unwrap().comment = None;
    nftables.apply("rf", &diff(Some(&before), &after)).unwrap();
    assert_eq!(packets(&mut nftables, "points", &key(PORT, PORT)), 0);
    assert_eq!(packets(&mut nftables, "ranges", &key(4000, 5000)), 2);
    send(1);
    assert_eq!(packets(&mut nftables, "points", &key(PORT, PORT)), 1);
}
