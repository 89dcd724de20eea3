//! Elements that end by themselves.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ringfence_netlink::nftables::{Nftables, TableState};
use ringfence_ruleset::{DataType, Datum, Operation, Set, SetKind};

use crate::design::{member, point, set};

tests! {
    "timed" => [elements_end_by_themselves],
}

fn read(nftables: &mut Nftables) -> TableState {
    nftables.read_table("rf").unwrap().expect("the table")
}

fn addresses() -> Set {
    set(&[DataType::Ipv4Address], SetKind::Set, false, None)
}

fn add_set(name: &str, set: &Set) -> Operation {
    Operation::AddSet {
        name: name.to_owned(),
        set: set.clone(),
    }
}

fn elements_end_by_themselves() {
    let mut nftables = Nftables::open().unwrap();
    let timed = Set {
        timed: true,
        size: Some(64),
        ..addresses()
    };
    let add = |number: u32, lifetime| {
        let address = Datum::Address(Ipv4Addr::from(number).into());
        Operation::AddElements {
            set: "a".to_owned(),
            definition: timed.clone(),
            elements: vec![(point(&[address]), member())],
            lifetime,
        }
    };
    let short = Some(Duration::from_millis(300));
    let long = Some(Duration::from_secs(3600));
    let operations = [
        Operation::AddTable { comment: None },
        add_set("a", &timed),
        add(1, short),
        add(2, long),
        add(3, None),
    ];
    nftables.apply("rf", &operations).unwrap();
    assert_eq!(read(&mut nftables).sets["a"].definition(), timed);
    let number = |number: u32| Datum::Address(Ipv4Addr::from(number).into());
    let keys = |of: &[u32]| -> Vec<_> { of.iter().map(|n| point(&[number(*n)])).collect() };
    let deadline = Instant::now() + Duration::from_secs(30);
    while read(&mut nftables).sets["a"].elements.len() == 3 {
        assert!(Instant::now() < deadline, "the element never ends");
    }
    let left = read(&mut nftables).sets["a"].elements.clone();
    assert_eq!(left.into_keys().collect::<Vec<_>>(), keys(&[2, 3]));
    // More time for one that is there: out and in again, in one transaction.
    let renewal = [
        Operation::DeleteElements {
            set: "a".to_owned(),
            definition: timed.clone(),
            keys: keys(&[2]),
        },
        add(2, short),
    ];
    nftables.apply("rf", &renewal).unwrap();
    while read(&mut nftables).sets["a"].elements.len() == 2 {
        assert!(Instant::now() < deadline, "the element never ends");
    }
    let left = read(&mut nftables).sets["a"].elements.clone();
    assert_eq!(left.into_keys().collect::<Vec<_>>(), keys(&[3]));
    // Where nothing ends, nothing may be given an end.
    let plain = [
        add_set("b", &addresses()),
        Operation::AddElements {
            set: "b".to_owned(),
            definition: addresses(),
            elements: vec![(point(&[number(1)]), member())],
            lifetime: short,
        },
    ];
    let refused = nftables.apply("rf", &plain).unwrap_err();
    assert!(
        refused.to_string().contains("Invalid argument"),
        "{refused}"
    );
}
