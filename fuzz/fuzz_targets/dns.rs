#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ringfence_dns::{Zone, ZoneOptions, fuzz};
use ringfence_model::Cluster;

static ZONE: LazyLock<Zone> =
    LazyLock::new(|| Zone::of_cluster(&Cluster::default(), &ZoneOptions::default()));

fuzz_target!(|bytes: &[u8]| fuzz::any_message(&ZONE, bytes));
