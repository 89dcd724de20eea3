use std::collections::BTreeSet;

use super::*;

#[test]
fn the_hash_is_fnv_1a() {
    // From the reference vectors of the algorithm's authors.
    assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
}

#[test]
fn node_ends_have_names_that_fit_and_differ() {
    let mut names = BTreeSet::new();
    for container in 0..2000 {
        for interface in ["eth0", "eth1"] {
            let name = host_interface(&EndpointId::new(format!("{container:064x}"), interface));
            assert_eq!(name.len(), 15);
            assert!(name.starts_with("vethrf"));
            assert!(names.insert(name));
        }
    }
    let split = [EndpointId::new("a_b", "c"), EndpointId::new("a", "b_c")];
    assert_ne!(host_interface(&split[0]), host_interface(&split[1]));
}

#[test]
fn hardware_addresses_are_local_and_of_one_station() {
    let id = EndpointId::new("c", "eth0");
    let both = ["10.244.1.5".parse().unwrap(), "fd00::5".parse().unwrap()];
    assert_eq!(
        Plan::new(&id, &both, 1450).pod_mac.to_string(),
        "0a:58:0a:f4:01:05"
    );
    let six = Plan::new(&id, &both[1..], 1450).pod_mac;
    for mac in [six, HOST_MAC] {
        assert_eq!(mac.0[0] & 0b11, 0b10, "{mac}");
    }
    assert_ne!(six, HOST_MAC);
}

#[test]
fn the_result_names_both_ends_in_the_order_of_the_specification() {
    let id = EndpointId::new("c", "eth0");
    let plan = Plan::new(&id, &["10.244.1.5".parse().unwrap()], 1450);
    let result = plan.result("/run/netns/p");
    assert_eq!(result.interfaces[0].name, plan.host_interface);
    assert_eq!(result.interfaces[0].sandbox, "");
    assert_eq!(result.interface_in("eth0", "/run/netns/p"), Some(1));
    assert_eq!(result.interfaces[1].mac.len(), 17);
    assert_eq!(result.addresses_of(1), plan.addresses);
    assert_eq!(result.ips[0].gateway, Some(GATEWAY_V4.into()));
    assert_eq!(result.routes[0].dst.to_string(), "0.0.0.0/0");
}
