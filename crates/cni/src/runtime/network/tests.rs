use serde_json::json;

use super::*;

fn types(network: &NetworkList) -> Vec<&str> {
    network.plugins.iter().map(type_of).collect()
}

fn list(more: &Value) -> Value {
    let mut list =
        json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "a"}, {"type": "b"}]});
    for (key, value) in more.as_object().unwrap() {
        list[key] = value.clone();
    }
    list
}

#[test]
fn the_lexically_first_valid_file_counts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value.to_string()).unwrap();
    };
    assert_eq!(load(&folder.path().join("absent")), Err(None));
    assert_eq!(load(folder.path()), Err(None));
    write("00-readme.txt", &json!({}));
    write("10-broken.conflist", &json!({"name": "x"}));
    let reason = load(folder.path()).unwrap_err().unwrap();
    assert!(
        reason.ends_with("10-broken.conflist: no plugins"),
        "{reason}"
    );
    write(
        "30-single.conf",
        &json!({"cniVersion": "0.4.0", "name": "single", "type": "c"}),
    );
    assert_eq!(types(&load(folder.path()).unwrap()), ["c"]);
    write("20-list.conflist", &list(&json!({})));
    assert_eq!(types(&load(folder.path()).unwrap()), ["a", "b"]);
    write("pods/2.conf", &json!({"type": "e"}));
    write("pods/1.conf", &json!({"type": "d"}));
    write("pods/3.conflist", &json!({"type": "f"}));
    let network = load(folder.path()).unwrap();
    assert_eq!(types(&network), ["a", "b", "d", "e"]);
    let again = NetworkList::from_json(&network.source, &[]).unwrap();
    assert_eq!(types(&again), types(&network));
    write(
        "20-list.conflist",
        &list(&json!({"loadOnlyInlinedPlugins": true})),
    );
    assert_eq!(types(&load(folder.path()).unwrap()), ["a", "b"]);
}

#[test]
fn versions_and_switches() {
    let parse = |more: Value| NetworkList::from_json(&list(&more), &[]);
    let version = |more| parse(more).map(|network| network.version);
    assert_eq!(version(json!({})), Ok(SpecVersion::V1_0_0));
    let several = json!({"cniVersions": ["0.4.0", "1.1.0", "2.0.0", "0.3.1"]});
    assert_eq!(version(several), Ok(SpecVersion::V1_1_0));
    assert!(version(json!({"cniVersion": "2.0.0"})).is_err());
    for (written, read) in [
        (json!(true), true),
        (json!("TRUE"), true),
        (json!("false"), false),
        (json!(false), false),
    ] {
        let network = parse(json!({"disableCheck": written, "disableGC": written})).unwrap();
        assert_eq!((network.disable_check, network.disable_gc), (read, read));
    }
    assert!(parse(json!({"disableCheck": 1})).is_err());
    assert!(parse(json!({"name": "a b"})).is_err());
    assert!(parse(json!({"plugins": [{"type": ""}]})).is_err());
    assert!(parse(json!({"plugins": [3]})).is_err());
    assert!(parse(json!({"plugins": []})).is_err());
}

#[test]
fn a_plugin_gets_its_keys_and_those_of_the_list() {
    let plugin = json!({"type": "portmap", "own": 1, "prevResult": {"old": true},
        "capabilities": {"portMappings": true, "bandwidth": false}});
    let network =
        NetworkList::from_json(&list(&json!({"plugins": [plugin.clone()]})), &[]).unwrap();
    let offered = json!({"portMappings": [1], "bandwidth": {}, "mac": "x"});
    let config = |previous: Option<&Value>| {
        network.plugin_config(&network.plugins[0], offered.as_object().unwrap(), previous)
    };
    let first = config(None);
    assert_eq!(
        (first["name"].as_str(), first["cniVersion"].as_str()),
        (Some("pods"), Some("1.0.0"))
    );
    assert_eq!(first["own"], 1);
    assert_eq!(first["runtimeConfig"], json!({"portMappings": [1]}));
    assert!(!first.contains_key("prevResult"));
    assert_eq!(
        config(Some(&json!({"ips": []})))["prevResult"],
        json!({"ips": []})
    );
}
