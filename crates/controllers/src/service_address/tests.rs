use serde_json::json;

use super::*;
use crate::sample::stored;

const V4: &str = "10.96.0.0/16";
const V6: &str = "fd00:10:96::/112";

fn service(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    object::default(object::fields(&mut spec), "ports", json!([{"port": 80}]));
    object::default(object::fields(&mut spec), "selector", json!({"app": "web"}));
    stored(
        &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}),
    )
}

fn ranges(networks: &[&str]) -> ServiceRanges {
    ServiceRanges::new(
        networks
            .iter()
            .map(|network| network.parse().unwrap())
            .collect(),
    )
}

/// The specification that is stored, or what the client is told.
fn completed(networks: &[&str], spec: Value, others: &[Value]) -> Result<Value, String> {
    let mut service = service("web", spec);
    match ranges(networks).complete(&mut service, None, others.iter()) {
        Ok(()) => Ok(service["spec"].clone()),
        Err(error) => Err(error.message),
    }
}

fn addresses(
    networks: &[&str],
    spec: Value,
    others: &[Value],
) -> Result<(Value, Value, Value), String> {
    let spec = completed(networks, spec, others)?;
    assert_eq!(spec.get("clusterIP"), spec["clusterIPs"].get(0));
    Ok((
        spec["clusterIPs"].clone(),
        spec["ipFamilies"].clone(),
        spec["ipFamilyPolicy"].clone(),
    ))
}

#[test]
fn each_family_that_is_wanted_gets_the_first_free_address_after_the_reserved() {
    let other = service(
        "other",
        json!({"clusterIP": "10.96.0.16", "clusterIPs": ["10.96.0.16", "fd00:10:96::10"]}),
    );
    let single = |address: &str| Ok((json!([address]), json!(["IPv4"]), json!("SingleStack")));
    assert_eq!(addresses(&[V4], json!({}), &[]), single("10.96.0.16"));
    assert_eq!(
        addresses(&[V4, V6], json!({}), std::slice::from_ref(&other)),
        single("10.96.0.17")
    );
    let dual = json!({"ipFamilyPolicy": "PreferDualStack"});
    let both = Ok((
        json!(["10.96.0.17", "fd00:10:96::11"]),
        json!(["IPv4", "IPv6"]),
        json!("PreferDualStack"),
    ));
    assert_eq!(addresses(&[V4, V6], dual.clone(), &[other]), both);
    assert_eq!(
        addresses(&[V4], dual, &[]).unwrap().0,
        json!(["10.96.0.16"])
    );
    let six = json!({"ipFamilies": ["IPv6"]});
    assert_eq!(
        addresses(&[V4, V6], six, &[]).unwrap().0,
        json!(["fd00:10:96::10"])
    );
}

#[test]
fn what_is_asked_for_is_given_or_refused() {
    let other = service("other", json!({"clusterIP": "10.96.0.5"}));
    let wish = |address: &str| json!({"clusterIP": address});
    assert_eq!(
        addresses(&[V4], wish("10.96.0.10"), &[]).unwrap().0,
        json!(["10.96.0.10"])
    );
    for (spec, words) in [
        (wish("10.96.0.5"), "provided IP is already allocated"),
        (wish("10.97.0.5"), "The range of valid IPs is 10.96.0.0/16"),
        (wish("web"), "is not an IP address"),
        (
            json!({"ipFamilies": ["IPv6"]}),
            "not configured on this cluster",
        ),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "not configured for dual-stack",
        ),
    ] {
        let error = completed(&[V4], spec.clone(), std::slice::from_ref(&other)).unwrap_err();
        assert!(error.contains(words), "{spec}: {error}");
    }
}

#[test]
fn a_full_range_is_said_to_be_full() {
    assert!(
        completed(&["10.0.0.0/28"], json!({}), &[])
            .unwrap_err()
            .contains("is full")
    );
}

#[test]
fn headless_services_have_families_but_no_address() {
    let headless = json!({"clusterIP": "None"});
    let expected = Ok((json!(["None"]), json!(["IPv4"]), json!("SingleStack")));
    assert_eq!(addresses(&[V4], headless, &[]), expected);
    let mut by_hand = service("web", json!({"clusterIP": "None"}));
    object::fields(&mut by_hand["spec"]).shift_remove("selector");
    ranges(&[V4])
        .complete(&mut by_hand, None, [].into_iter())
        .unwrap();
    assert_eq!(by_hand["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
}

#[test]
fn an_external_name_gives_its_address_back() {
    let external =
        json!({"type": "ExternalName", "externalName": "example.org", "clusterIP": "10.96.0.20"});
    let spec = completed(&[V4], external, &[]).unwrap();
    assert_eq!(
        (spec.get("clusterIP"), spec.get("clusterIPs")),
        (None, None)
    );
}

#[test]
fn a_service_that_is_written_again_keeps_what_it_has() {
    let mut web = service(
        "web",
        json!({"type": "NodePort", "ports": [{"port": 80}, {"port": 81}]}),
    );
    let ranges = ranges(&[V4]);
    ranges.complete(&mut web, None, [].into_iter()).unwrap();
    let ports = |web: &Value| {
        items_of(web)
            .iter()
            .map(|port| port["nodePort"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ports(&web), [30_000, 30_001]);
    let before = web.clone();
    for port in web["spec"]["ports"].as_array_mut().unwrap() {
        object::fields(port).shift_remove("nodePort");
    }
    web["spec"]["ports"].as_array_mut().unwrap().reverse();
    ranges
        .complete(&mut web, Some(&before), [&before].into_iter())
        .unwrap();
    assert_eq!(ports(&web), [30_001, 30_000]);
    web["spec"]["type"] = "ClusterIP".into();
    let before = web.clone();
    ranges
        .complete(&mut web, Some(&before), [&before].into_iter())
        .unwrap();
    assert_eq!(ports(&web), [Value::Null, Value::Null]);
}

fn items_of(service: &Value) -> &[Value] {
    object::items(service, &["spec", "ports"])
}

#[test]
fn a_load_balancer_that_keeps_to_nodes_gets_a_port_for_health_checks_while_it_does() {
    let ranges = ranges(&[V4]);
    let balancer = |more: Value| {
        let mut spec = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"});
        object::fields(&mut spec).extend(more.as_object().unwrap().clone());
        service("web", spec)
    };
    let mut web = balancer(json!({}));
    ranges.complete(&mut web, None, [].into_iter()).unwrap();
    let port = |web: &Value| web["spec"]["healthCheckNodePort"].clone();
    assert_eq!(
        (items_of(&web)[0]["nodePort"].clone(), port(&web)),
        (json!(30_000), json!(30_001))
    );
    // It is kept, and nobody else's.
    let before = web.clone();
    object::fields(&mut web["spec"]).shift_remove("healthCheckNodePort");
    ranges
        .complete(&mut web, Some(&before), [&before].into_iter())
        .unwrap();
    assert_eq!(port(&web), 30_001);
    let mut other = service("other", json!({"type": "NodePort"}));
    ranges
        .complete(&mut other, None, [&web].into_iter())
        .unwrap();
    assert_eq!(items_of(&other)[0]["nodePort"], 30_002);
    let refused = |mut service: Value, before: Option<&Value>| {
        let others = [&other].into_iter();
        ranges.complete(&mut service, before, others).unwrap_err()
    };
    for (asked, words) in [
        (80, "The range of valid ports is 30000-32767"),
        (30_002, "provided port is already allocated"),
    ] {
        let asked = balancer(json!({"healthCheckNodePort": asked}));
        let error = refused(asked, None).message;
        assert!(error.contains(words), "{error}");
    }
    let another = balancer(json!({"healthCheckNodePort": 30_777}));
    let error = refused(another.clone(), Some(&web)).message;
    assert!(error.contains("field is immutable"), "{error}");
    let mut anew = another;
    ranges.complete(&mut anew, None, [].into_iter()).unwrap();
    assert_eq!(port(&anew), 30_777);
    // Where it is not needed it goes, or may not be asked for.
    let before = web.clone();
    web["spec"]["externalTrafficPolicy"] = "Cluster".into();
    ranges
        .complete(&mut web, Some(&before), [&before].into_iter())
        .unwrap();
    assert_eq!(port(&web), Value::Null);
    web["spec"]["healthCheckNodePort"] = 30_001.into();
    let error = refused(web, None).message;
    assert!(error.contains("may only be set when"), "{error}");
}

#[test]
fn node_ports_that_cannot_be_had_are_named() {
    let other = service(
        "other",
        json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30_000}]}),
    );
    let node_port =
        |port: i64| json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]});
    for (spec, words) in [
        (
            node_port(30_000),
            "spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated",
        ),
        (node_port(80), "The range of valid ports is 30000-32767"),
        (
            json!({"ports": [{"port": 80, "nodePort": 30_001}]}),
            "may not be used",
        ),
    ] {
        let error = completed(&[V4], spec, std::slice::from_ref(&other)).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let twice = json!({"type": "NodePort", "ports": [
        {"port": 53, "protocol": "UDP", "nodePort": 30_053}, {"port": 53, "protocol": "TCP", "nodePort": 30_053},
    ]});
    completed(&[V4], twice, &[other]).unwrap();
}
