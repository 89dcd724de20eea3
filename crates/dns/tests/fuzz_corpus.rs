//! Replays the messages that fuzzing found worth keeping, and mutations of them. `cargo fuzz run dns` in `fuzz/`
//! finds more.

use std::net::IpAddr;
use std::path::PathBuf;
use std::{fs, io};

use ringfence_dns::{Zone, ZoneOptions, fuzz};
use ringfence_model::{Cluster, ClusterIp, Labels, Namespace, ObjectName, Service, Traffic};

/// Mutations of each message.
const ROUNDS: usize = 2000;

fn zone() -> Zone {
    let mut cluster = Cluster::default();
    let namespace = Namespace::new("a", Labels::new());
    cluster.namespaces.insert("a".to_owned(), namespace);
    let addresses = (1..=250).map(|last| IpAddr::from([10, 96, 0, last]));
    for (name, external_name) in [("web", None), ("x", Some("outside.example".to_owned()))] {
        let name = ObjectName::new("a", name);
        let service = Service {
            name: name.clone(),
            selector: Labels::new(),
            cluster_ip: ClusterIp::Assigned(addresses.clone().collect()),
            external_addresses: Vec::new(),
            ports: Vec::new(),
            traffic: Traffic::default(),
            publish_not_ready_addresses: false,
            external_name,
            endpoints: Vec::new(),
            source: None,
        };
        cluster.services.insert(name, service);
    }
    Zone::of_cluster(&cluster, &ZoneOptions::default())
}

/// The messages that were kept, in order.
fn kept() -> io::Result<Vec<Vec<u8>>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/dns");
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

#[test]
fn every_kept_message_is_survived() {
    let (zone, messages) = (zone(), kept().unwrap());
    assert!(messages.len() >= 20, "{} messages", messages.len());
    for message in &messages {
        fuzz::any_message(&zone, message);
    }
    let answered = messages.iter().filter_map(|message| zone.respond(message));
    assert!(answered.count() >= 20);
}

/// Reproducible noise (splitmix64).
fn noise(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).to_le_bytes()[4]
}

#[test]
fn whatever_becomes_of_them_on_the_way_is_survived() {
    let (zone, messages, mut state) = (zone(), kept().unwrap(), 7);
    for message in &messages {
        for _ in 0..ROUNDS {
            let mut bytes = message.clone();
            for _ in 0..=noise(&mut state) % 4 {
                let place = usize::from(noise(&mut state)) % bytes.len().max(1);
                match noise(&mut state) % 4 {
                    0 => bytes.truncate(place),
                    1 => bytes.insert(place, noise(&mut state)),
                    _ => {
                        if let Some(byte) = bytes.get_mut(place) {
                            *byte = noise(&mut state);
                        }
                    }
                }
            }
            fuzz::any_message(&zone, &bytes);
        }
    }
}
