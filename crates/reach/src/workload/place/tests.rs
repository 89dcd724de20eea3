use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_net::Family;

use super::{Place, partition};
use crate::workload::span::number;

fn place_of(address: &str, blocks: &[&str]) -> Option<String> {
    let blocks: BTreeSet<IpNet> = blocks.iter().map(|block| block.parse().unwrap()).collect();
    let address: IpAddr = address.parse().unwrap();
    let number = number(address);
    partition(Family::of(address), &blocks)
        .into_iter()
        .find(|(span, _)| span.first <= number && number <= span.last)
        .map(|(_, place)| place.to_string())
}

fn assert_places(blocks: &[&str], expected: &[(&str, &str)]) {
    for (address, place) in expected {
        assert_eq!(
            place_of(address, blocks).as_deref(),
            Some(*place),
            "{address}"
        );
    }
}

#[test]
fn an_address_is_placed_by_what_it_is_for() {
    assert_places(
        &[],
        &[
            ("8.8.8.8", "internet"),
            ("223.255.255.255", "internet"),
            ("0.0.0.0", "special"),
            ("10.255.255.255", "private"),
            ("11.0.0.0", "internet"),
            ("172.31.0.1", "private"),
            ("172.32.0.1", "internet"),
            ("169.254.169.254", "metadata"),
            ("169.254.169.253", "special"),
            ("203.0.113.9", "special"),
            ("255.255.255.255", "special"),
            ("2a00::1", "internet-ipv6"),
            ("2001:db8::1", "special-ipv6"),
            ("fd00:ec2::254", "metadata-ipv6"),
            ("fd00:ec2::255", "private-ipv6"),
            ("ffff::", "special-ipv6"),
        ],
    );
}

#[test]
fn loopback_is_no_place() {
    assert_eq!(place_of("127.0.0.1", &["127.0.0.0/8"]), None);
    assert_eq!(place_of("::1", &[]), None);
}

#[test]
fn the_smallest_block_that_is_named_counts() {
    assert_places(
        &[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.0.0/24",
            "128.0.0.0/1",
            "255.255.255.255/32",
        ],
        &[
            ("10.0.0.1", "10.0.0.0/8"),
            ("10.1.0.1", "10.1.0.0/24"),
            ("10.1.1.1", "10.1.0.0/16"),
            ("10.2.0.0", "10.0.0.0/8"),
            ("192.168.0.1", "128.0.0.0/1"),
            ("255.255.255.255", "255.255.255.255/32"),
            ("1.1.1.1", "internet"),
        ],
    );
}

#[test]
fn metadata_is_told_apart_inside_and_under_every_name() {
    for blocks in [
        &["169.254.0.0/16"] as &[&str],
        &["169.254.169.254/32"],
        &["128.0.0.0/1"],
    ] {
        assert_places(blocks, &[("169.254.169.254", "metadata")]);
    }
}

#[test]
fn every_address_is_in_one_place_but_loopback() {
    for family in Family::ALL {
        let blocks: BTreeSet<IpNet> = ["10.0.0.0/8", "10.0.0.0/9", "ff00::/8", "0.0.0.0/1"]
            .iter()
            .map(|block| block.parse().unwrap())
            .collect();
        let parts = partition(family, &blocks);
        let gaps = parts
            .windows(2)
            .filter(|pair| pair[0].0.last + 1 != pair[1].0.first)
            .count();
        assert_eq!(gaps, 1, "{family:?}");
        assert!(
            parts
                .windows(2)
                .all(|pair| pair[0].0.last < pair[1].0.first)
        );
    }
}

#[test]
fn places_survive_their_full_names() {
    for family in Family::ALL {
        for place in [
            Place::Internet(family),
            Place::Metadata(family),
            Place::Private(family),
            Place::Special(family),
        ] {
            assert_eq!(Place::parse(&place.to_string()), Some(place));
        }
    }
    let block = Place::block("10.0.0.0/8".parse().unwrap());
    assert_eq!(Place::parse("10.0.0.0/8"), Some(block));
    assert_eq!(Place::parse("web"), None);
}

#[test]
fn many_blocks_are_counted() {
    let blocks = (1..6).map(|n| format!("10.0.0.{n}/32").parse().unwrap());
    let place = Place::Blocks(blocks.collect());
    assert_eq!(place.to_string(), "10.0.0.1/32, 10.0.0.2/32 and 3 more");
}

#[test]
fn blocks_lie_in_what_all_of_their_addresses_are_for() {
    let place = |text: &str| Place::parse(text).unwrap();
    for (inner, outer) in [
        ("8.8.8.0/24", "internet"),
        ("10.1.0.0/16", "private"),
        ("10.1.0.0/16", "10.0.0.0/8"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("internet", "internet"),
        ("2a00::/16", "internet-ipv6"),
    ] {
        assert!(place(inner).is_within(&place(outer)), "{inner} {outer}");
    }
    for (inner, outer) in [
        ("128.0.0.0/1", "internet"),
        ("169.254.0.0/16", "special"),
        ("10.0.0.0/8", "10.1.0.0/16"),
        ("8.8.8.0/24", "internet-ipv6"),
        ("internet", "10.0.0.0/8"),
        ("internet", "internet-ipv6"),
    ] {
        assert!(!place(inner).is_within(&place(outer)), "{inner} {outer}");
    }
}

#[test]
fn a_place_lies_in_blocks_that_cover_all_of_it() {
    let block = |text: &str| Place::block(text.parse().unwrap());
    for place in ["internet", "metadata", "private", "special"] {
        let place = Place::parse(place).unwrap();
        assert!(place.is_within(&block("0.0.0.0/0")), "{place}");
        assert!(!place.is_within(&block("::/0")), "{place}");
        assert!(!place.is_within(&block("10.0.0.0/8")), "{place}");
    }
    let metadata = Place::parse("metadata").unwrap();
    assert!(metadata.is_within(&block("169.254.0.0/16")));
}
