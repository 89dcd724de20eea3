use super::*;

/// What ADD gives a pod with an address of each family.
fn dual_stack() -> AddResult {
    AddResult {
        interfaces: vec![
            Interface {
                name: "vethrf0".to_owned(),
                mac: "0a:58:a9:fe:01:01".to_owned(),
                mtu: Some(1450),
                ..Interface::default()
            },
            Interface {
                name: "eth0".to_owned(),
                mac: "0a:58:0a:f4:01:02".to_owned(),
                mtu: Some(1450),
                sandbox: "/run/netns/p".to_owned(),
                ..Interface::default()
            },
        ],
        ips: vec![
            IpConfig {
                address: "10.244.1.2/32".parse().unwrap(),
                gateway: Some("169.254.1.1".parse().unwrap()),
                interface: Some(1),
            },
            IpConfig {
                address: "fd00::2/128".parse().unwrap(),
                gateway: Some("fe80::1".parse().unwrap()),
                interface: Some(1),
            },
        ],
        routes: vec![RouteConfig {
            dst: "0.0.0.0/0".parse().unwrap(),
            gw: Some("169.254.1.1".parse().unwrap()),
            others: Map::from_iter([("mtu".to_owned(), json!(1400))]),
        }],
        dns: Dns::default(),
    }
}

#[test]
fn the_newest_version_word_for_word() {
    let expected = json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            {"name": "vethrf0", "mac": "0a:58:a9:fe:01:01", "mtu": 1450},
            {"name": "eth0", "mac": "0a:58:0a:f4:01:02", "mtu": 1450, "sandbox": "/run/netns/p"},
        ],
        "ips": [
            {"address": "10.244.1.2/32", "gateway": "169.254.1.1", "interface": 1},
            {"address": "fd00::2/128", "gateway": "fe80::1", "interface": 1},
        ],
        "routes": [{"dst": "0.0.0.0/0", "gw": "169.254.1.1", "mtu": 1400}],
        "dns": {},
    });
    assert_eq!(dual_stack().to_json(SpecVersion::V1_1_0), expected);
}

#[test]
fn older_versions_lack_what_is_newer_and_name_the_family() {
    for version in SpecVersion::ALL {
        let value = dual_stack().to_json(version);
        assert_eq!(value["cniVersion"], version.as_str());
        let newest = version == SpecVersion::V1_1_0;
        assert_eq!(
            value["interfaces"][0].get("mtu").is_some(),
            newest,
            "{version:?}"
        );
        assert_eq!(
            value["routes"][0].get("mtu").is_some(),
            newest,
            "{version:?}"
        );
        let families = [
            value["ips"][0].get("version"),
            value["ips"][1].get("version"),
        ];
        let expected = [json!("4"), json!("6")];
        let named = version < SpecVersion::V1_0_0;
        assert_eq!(
            families,
            expected.each_ref().map(|text| named.then_some(text)),
            "{version:?}"
        );
    }
}

#[test]
fn every_version_reads_back() {
    let mut plain = dual_stack();
    plain
        .interfaces
        .iter_mut()
        .for_each(|interface| interface.mtu = None);
    plain.routes[0].others.clear();
    for version in SpecVersion::ALL {
        assert_eq!(
            AddResult::from_json(&plain.to_json(version)),
            Ok(plain.clone())
        );
    }
}

#[test]
fn what_is_no_result_is_refused_by_code() {
    let code = |value: Value| AddResult::from_json(&value).unwrap_err().code.number();
    assert_eq!(code(json!([])), 6);
    assert_eq!(code(json!({"ips": [{"address": "nonsense"}]})), 6);
    assert_eq!(code(json!({"cniVersion": "0.2.0", "ip4": {}})), 1);
    let nulls = json!({"interfaces": null, "ips": null, "routes": null, "dns": null});
    assert_eq!(AddResult::from_json(&nulls), Ok(AddResult::default()));
}

#[test]
fn a_chained_result_keeps_the_first_and_shifts_the_second() {
    let first = AddResult {
        interfaces: vec![Interface {
            name: "lo".to_owned(),
            ..Interface::default()
        }],
        dns: Dns {
            domain: "first".to_owned(),
            ..Dns::default()
        },
        ..AddResult::default()
    };
    let both = first.followed_by(dual_stack());
    assert_eq!(both.interface_in("eth0", "/run/netns/p"), Some(2));
    assert_eq!(both.ips[0].interface, Some(2));
    assert_eq!(both.addresses_of(2).len(), 2);
    assert_eq!(both.dns.domain, "first");
}
