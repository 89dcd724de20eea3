//! Random tampering with a table is found, unless it changes nothing that a packet can meet.

use std::collections::BTreeMap;

use ringfence_ruleset::{Datum, Element, Key, Value};
use ringfence_testkit::generate::{Shape, cluster};
use ringfence_testkit::random::Random;
use ringfence_verify::verify;

use crate::sample::{Sampler, same};
use crate::tamper::{ALL, Tampering, tamper};
use crate::world::nodes;

const CORRUPTIONS: usize = 400;
/// Packets that must be judged alike by a table that is said to be equal.
const PACKETS: usize = 3000;

#[test]
fn tampering_is_found_unless_no_packet_meets_it() {
    let mut random = Random::new(7);
    let mut tally: BTreeMap<(Tampering, &str), usize> = BTreeMap::new();
    let (mut done, mut seed) = (0, 0);
    while done < CORRUPTIONS {
        seed += 1;
        let shape = if seed % 2 == 0 {
            Shape::WIRED
        } else {
            Shape::WIRED_EVERYTHING
        };
        let cluster = cluster(seed, shape);
        for node in nodes(&cluster) {
            let tampering = *random.pick(&ALL).unwrap();
            let Some((table, what)) = tamper(&node.table, tampering, &mut random) else {
                continue;
            };
            done += 1;
            let result = match verify(&table, &cluster, &node.wiring) {
                Err(_) => "cannot be judged",
                Ok(report) if !report.is_equal() => "found",
                Ok(_) => "equal",
            };
            if result == "equal" {
                let sampler = Sampler::new(&cluster, &node.wiring, [&node.table, &table]);
                for _ in 0..PACKETS {
                    let (hook, packet) = sampler.packet(&mut random);
                    let alike = same(&node.table, &table, hook, &packet);
                    let name = &node.wiring.node;
                    assert!(
                        alike,
                        "seed {seed}, {name}, {tampering:?} {what}: {hook:?} {packet:?} shows it\n{table}"
                    );
                }
            }
            *tally.entry((tampering, result)).or_default() += 1;
        }
    }
    let of = |wanted: &str| -> usize {
        let all = tally.iter().filter(|((_, result), _)| *result == wanted);
        all.map(|(_, count)| count).sum()
    };
    assert!(of("found") * 2 > done, "{tally:?}");
    let kinds = ALL
        .iter()
        .filter(|kind| tally.contains_key(&(**kind, "found")));
    assert_eq!(kinds.count(), ALL.len(), "{tally:?}");
}

/// Who draws among more backends than a Service has leads some of its connections nowhere.
#[test]
fn a_service_that_draws_among_too_many_is_found() {
    let mut tried = 0;
    for seed in 1..200 {
        let cluster = cluster(seed, Shape::WIRED_EVERYTHING);
        for node in nodes(&cluster) {
            let services = &node.table.sets["services4"].elements;
            let known = services.iter();
            let known = known.filter_map(|(key, element)| Some((among(element)?, key)));
            let (few, many) = (known.clone().min(), known.max());
            let (Some((fewest, key)), Some((most, other))) = (few, many) else {
                continue;
            };
            if fewest == most {
                continue;
            }
            let mut table = node.table.clone();
            let data = services[other].value.clone();
            let set = table.sets.get_mut("services4").unwrap();
            set.elements.get_mut(key).unwrap().value = data;
            tried += 1;
            let report = verify(&table, &cluster, &node.wiring);
            let is_equal = report.is_ok_and(|report| report.is_equal());
            assert!(
                !is_equal,
                "seed {seed}, {}: {key:?} among {most}",
                node.wiring.node
            );
        }
    }
    assert!(tried > 10, "{tried}");
}

/// Among how many backends of a Service its element draws.
fn among(element: &Element) -> Option<u32> {
    let Value::Data(data) = &element.value else {
        return None;
    };
    match data.as_slice() {
        [Datum::Number(number)] if *number < 1_000 => Some(*number),
        [..] => None,
    }
}

/// An entry that should not be there is shown by a packet that routes lead so: to the interface of its pod.
#[test]
fn the_packet_that_shows_a_difference_leaves_where_its_pod_is() {
    let mut shown = 0;
    for seed in 1..40 {
        let cluster = cluster(seed, Shape::WIRED);
        for node in nodes(&cluster) {
            let mut table = node.table.clone();
            let set = table.sets.get_mut("ingress-ports4").unwrap();
            let Some((key, element)) = set.elements.first_key_value() else {
                continue;
            };
            let (mut fields, element) = (key.first.to_vec(), element.clone());
            *fields.last_mut().unwrap() = Datum::Port(9);
            set.elements.insert(Key::point(fields), element);
            let report = verify(&table, &cluster, &node.wiring).unwrap();
            for difference in report.differences {
                let packet = difference.packet;
                let mut wired = node.wiring.endpoints.iter();
                let own = wired.find(|pod| pod.addresses.contains(&packet.destination));
                let own = own.map(|pod| pod.interface.as_str());
                assert_eq!(own, Some(packet.output.as_str()), "seed {seed}");
                shown += 1;
            }
        }
    }
    assert!(shown > 5, "{shown}");
}
