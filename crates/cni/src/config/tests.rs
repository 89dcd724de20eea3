use serde_json::json;

use super::*;

fn parse(value: &Value) -> Result<NetworkConfig, CniError> {
    NetworkConfig::parse(value.to_string().as_bytes())
}

/// A good configuration with one key set otherwise.
fn with(key: &str, value: Value) -> Value {
    let mut config = json!({
        "cniVersion": "1.1.0", "name": "pods", "type": "ringfence-cni",
        "dataDir": "/run/node", "agentSocket": "/run/agent.sock",
        "podCidrs": ["10.244.1.0/24", "fd00:1::/64"], "mtu": 1400, "agentTimeoutSeconds": 3,
    });
    config[key] = value;
    config
}

#[test]
fn a_whole_configuration_with_keys_of_others() {
    let config = parse(&with("runtimeConfig", json!({"mac": "x", "ips": 3}))).unwrap();
    assert_eq!(config.version, SpecVersion::V1_1_0);
    assert_eq!((config.name.as_str(), config.mtu), ("pods", 1400));
    assert_eq!(
        config.pod_cidrs,
        [
            "10.244.1.0/24".parse().unwrap(),
            "fd00:1::/64".parse::<IpNet>().unwrap()
        ]
    );
    assert_eq!(config.agent_timeout, Duration::from_secs(3));
    assert_eq!(config.data_dir, Path::new("/run/node"));
}

#[test]
fn only_name_and_version_are_needed() {
    let config = parse(&json!({"cniVersion": "0.3.0", "name": "n"})).unwrap();
    assert_eq!(
        (config.mtu, config.agent_timeout),
        (1450, Duration::from_secs(10))
    );
    assert_eq!(config.agent_socket, Path::new("/run/ringfence/agent.sock"));
    assert!(config.pod_cidrs.is_empty() && config.valid_attachments.is_none());
}

#[test]
fn what_is_wrong_is_named_with_its_code() {
    let cases = [
        (json!({"cniVersion": "1.0.0"}), 7, "missing network name"),
        (with("name", json!("")), 7, "missing network name"),
        (
            with("name", json!("a b")),
            7,
            "invalid characters found in network name",
        ),
        (
            with("name", json!("../x")),
            7,
            "invalid characters found in network name",
        ),
        (with("name", json!(3)), 6, "`name` is not a string"),
        (
            with("cniVersion", json!("9.9.9")),
            1,
            "incompatible CNI versions",
        ),
        (
            with("cniVersion", json!("0.2.0")),
            1,
            "incompatible CNI versions",
        ),
        (
            with("cniVersion", json!(1)),
            6,
            "`cniVersion` is not a string",
        ),
        (
            with("ipam", json!({"type": "host-local"})),
            2,
            "unsupported field ipam",
        ),
        (
            with("podCidrs", json!(["10.0.0.0/33"])),
            7,
            "invalid address block in `podCidrs`",
        ),
        (with("podCidrs", json!("10.0.0.0/24")), 6, "invalid type"),
        (
            with("podCidrs", json!(["10.0.0.0/24", "10.1.0.0/24"])),
            7,
            "one address family",
        ),
        (with("mtu", json!(576)), 7, "`mtu` 576"),
        (with("mtu", json!(70000)), 7, "`mtu` 70000"),
        (with("mtu", json!(-1)), 6, "error parsing network config"),
        (
            with("dataDir", json!("node")),
            7,
            "`dataDir` is not an absolute path",
        ),
        (
            with("agentSocket", json!("a.sock")),
            7,
            "`agentSocket` is not an absolute path",
        ),
        (
            with("agentTimeoutSeconds", json!(0)),
            7,
            "`agentTimeoutSeconds` is 0",
        ),
        (with("prevResult", json!([])), 6, "error parsing prevResult"),
    ];
    for (config, code, message) in cases {
        let error = parse(&config).unwrap_err();
        assert_eq!(error.code.number(), code, "{error}");
        assert!(error.message.contains(message), "{error} lacks {message}");
    }
}

#[test]
fn what_is_not_json_is_a_decoding_failure() {
    for text in ["", "{", "[]", "null", "\u{0}"] {
        assert_eq!(
            NetworkConfig::parse(text.as_bytes())
                .unwrap_err()
                .code
                .number(),
            6,
            "{text}"
        );
    }
}

#[test]
fn families_are_ordered_and_host_bits_dropped() {
    let config = parse(&with("podCidrs", json!(["fd00::5/64", "10.1.2.3/24"]))).unwrap();
    let written: Vec<String> = config.pod_cidrs.iter().map(ToString::to_string).collect();
    assert_eq!(written, ["10.1.2.0/24", "fd00::/64"]);
}

#[test]
fn later_verbs_need_later_versions() {
    let old = parse(&with("cniVersion", json!("0.3.1"))).unwrap();
    let error = old.allows("CHECK", SpecVersion::V0_4_0).unwrap_err();
    assert_eq!(error.code.number(), 1);
    assert_eq!(error.message, "config version does not allow CHECK");
    let new = parse(&with("cniVersion", json!("1.1.0"))).unwrap();
    assert_eq!(new.allows("GC", SpecVersion::V1_1_0), Ok(()));
}

#[test]
fn name_servers_count_if_any_key_is_set() {
    let dns = |value: Value| parse(&with("dns", value)).unwrap().dns;
    assert_eq!((dns(json!({})), dns(Value::Null)), (None, None));
    assert_eq!(dns(json!({"nameservers": []})), Some(Dns::default()));
}

#[test]
fn valid_attachments_come_under_either_name() {
    let listed = json!([{"containerID": "a", "ifname": "eth0"}]);
    for key in ["cni.dev/valid-attachments", "cni.dev/attachments"] {
        let config = parse(&with(key, listed.clone())).unwrap();
        let expected = BTreeSet::from([EndpointId::new("a", "eth0")]);
        assert_eq!(config.valid_attachments, Some(expected), "{key}");
    }
}
