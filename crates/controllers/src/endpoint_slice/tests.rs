use super::*;
use crate::sample::{NOW, only, pod, stored, told, view, with, workload};
use crate::{Verb, endpoints};

fn service(spec: Value) -> Value {
    let mut spec = spec;
    let fields = object::fields(&mut spec);
    object::default(fields, "selector", json!({"app": "web"}));
    object::default(
        fields,
        "ports",
        json!([{"name": "http", "port": 80, "targetPort": 8080}]),
    );
    object::default(fields, "ipFamilies", json!(["IPv4"]));
    let metadata = json!({"name": "web", "labels": {"team": "a"}});
    stored(&json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}))
}

fn backend_pod(name: &str, ip: &str, ready: i64) -> Value {
    let owner = workload("apps/v1", "ReplicaSet", "web", json!({}));
    let pod = with(&pod(&owner, name, ready), &["status", "podIP"], ip);
    with(
        &pod,
        &["status", "podIPs"],
        json!([{"ip": ip}, {"ip": format!("fd00::{name}")}]),
    )
}

fn with_port(pod: &Value, name: &str, port: i64) -> Value {
    let ports = json!([{"name": name, "containerPort": port, "protocol": "TCP"}]);
    let containers = json!([{"name": "c", "image": "i:1", "ports": ports}]);
    with(pod, &["spec", "containers"], containers)
}

#[test]
fn a_slice_lists_the_pods_that_the_service_selects() {
    let ending = with(
        &backend_pod("c", "10.0.0.3", 5),
        &["metadata", "deletionTimestamp"],
        NOW.to_string(),
    );
    let done = with(
        &backend_pod("d", "10.0.0.4", 5),
        &["status", "phase"],
        "Succeeded",
    );
    let other = with(
        &backend_pod("e", "10.0.0.5", 5),
        &["metadata", "labels", "app"],
        "db",
    );
    let objects = [
        service(json!({})),
        backend_pod("a", "10.0.0.1", 5),
        backend_pod("b", "10.0.0.2", -5),
        ending,
        done,
        other,
    ];
    let writes = decide(&view(&objects), NOW);
    let slice = only(&writes, Verb::Create, "EndpointSlice");
    let expected = json!({
        "kubernetes.io/service-name": "web", "team": "a",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    });
    assert_eq!(slice["metadata"]["labels"], expected);
    assert_eq!(slice["addressType"], "IPv4");
    assert_eq!(
        slice["ports"],
        json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
    );
    let told = |endpoint: &Value| {
        let conditions = &endpoint["conditions"];
        let flag = |name: &str| conditions[name].as_bool().unwrap();
        (
            endpoint["addresses"][0].clone(),
            flag("ready"),
            flag("serving"),
            flag("terminating"),
        )
    };
    let endpoints: Vec<_> = items(slice, &["endpoints"]).iter().map(told).collect();
    let expected = [
        (json!("10.0.0.1"), true, true, false),
        (json!("10.0.0.2"), false, false, false),
        (json!("10.0.0.3"), false, true, true),
    ];
    assert_eq!(endpoints, expected);
    let target = json!({"kind": "Pod", "namespace": "d", "name": "a", "uid": "uid-a"});
    assert_eq!(slice["endpoints"][0]["targetRef"], target);
    assert_eq!(slice["endpoints"][0]["nodeName"], "n1");
}

#[test]
fn pods_that_are_not_ready_are_published_where_that_is_asked_for() {
    let service = service(json!({"publishNotReadyAddresses": true, "clusterIP": "None"}));
    let objects = [service, backend_pod("a", "10.0.0.1", -5)];
    let slice = decide(&view(&objects), NOW);
    let slice = only(&slice, Verb::Create, "EndpointSlice");
    assert_eq!(
        slice["endpoints"][0]["conditions"],
        json!({"ready": true, "serving": false, "terminating": false})
    );
    assert_eq!(
        slice["metadata"]["labels"]["service.kubernetes.io/headless"],
        ""
    );
    let older = endpoints::decide(&view(&objects), NOW);
    let older = only(&older, Verb::Create, "Endpoints");
    assert_eq!(older["subsets"][0]["addresses"][0]["ip"], "10.0.0.1");
}

#[test]
fn a_named_port_is_that_of_each_pod() {
    let service = service(json!({"ports": [{"port": 80, "targetPort": "http"}]}));
    let objects = [
        service,
        with_port(&backend_pod("a", "10.0.0.1", 5), "http", 8080),
        with_port(&backend_pod("b", "10.0.0.2", 5), "http", 9090),
        with_port(&backend_pod("c", "10.0.0.3", 5), "other", 7070),
    ];
    let writes = decide(&view(&objects), NOW);
    let mut told: Vec<String> = writes
        .iter()
        .map(|write| {
            let port = write.object["ports"][0]["port"].clone();
            format!("{port} {}", write.object["endpoints"][0]["addresses"][0])
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "8080 \"10.0.0.1\"",
            "9090 \"10.0.0.2\"",
            "null \"10.0.0.3\""
        ]
    );
}

#[test]
fn each_family_has_its_slice() {
    let service = service(json!({"ipFamilies": ["IPv4", "IPv6"]}));
    let writes = decide(&view(&[service, backend_pod("a", "10.0.0.1", 5)]), NOW);
    let mut told: Vec<_> = writes
        .iter()
        .map(|write| {
            (
                write.object["addressType"].to_string(),
                write.object["endpoints"][0]["addresses"][0].clone(),
            )
        })
        .collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        told,
        [
            ("\"IPv4\"".to_owned(), json!("10.0.0.1")),
            ("\"IPv6\"".to_owned(), json!("fd00::a"))
        ]
    );
}

#[test]
fn a_slice_is_kept_and_changed_in_place() {
    let service = service(json!({}));
    let first = decide(
        &view(&[service.clone(), backend_pod("a", "10.0.0.1", 5)]),
        NOW,
    );
    let slice = stored(only(&first, Verb::Create, "EndpointSlice"));
    let same = [
        service.clone(),
        slice.clone(),
        backend_pod("a", "10.0.0.1", 5),
    ];
    assert_eq!(decide(&view(&same), NOW), []);
    let name = object::name(&slice);
    let moved = [
        service.clone(),
        slice.clone(),
        with_port(&backend_pod("b", "10.0.0.9", 5), "x", 1),
    ];
    assert_eq!(
        told(&decide(&view(&moved), NOW)),
        [format!("Replace EndpointSlice/{name}")]
    );
    let empty = decide(&view(&[service.clone(), slice.clone()]), NOW);
    assert_eq!(
        only(&empty, Verb::Replace, "EndpointSlice")["endpoints"],
        json!([])
    );
    let external = with(
        &with(&service, &["spec", "type"], "ExternalName"),
        &["spec", "externalName"],
        "example.org",
    );
    assert_eq!(
        told(&decide(&view(&[external, slice.clone()]), NOW)),
        [format!("Delete EndpointSlice/{name}")]
    );
}

#[test]
fn slices_hold_no_more_than_a_hundred() {
    let mut objects = vec![service(json!({}))];
    objects.extend((0..201).map(|index| backend_pod(&format!("p{index}"), "10.0.0.1", 5)));
    let writes = decide(&view(&objects), NOW);
    let mut sizes: Vec<usize> = writes
        .iter()
        .map(|write| items(&write.object, &["endpoints"]).len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 100, 100]);
}

#[test]
fn slices_of_others_and_services_without_selector_are_left_alone() {
    let by_hand = with(&service(json!({})), &["spec", "selector"], Value::Null);
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": [],
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    });
    let older = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}});
    let view = view(&[by_hand, slice, older]);
    assert_eq!(decide(&view, NOW), []);
    assert_eq!(endpoints::decide(&view, NOW), []);
}

#[test]
fn endpoints_say_who_is_ready() {
    let objects = [
        service(json!({})),
        backend_pod("a", "10.0.0.1", 5),
        backend_pod("b", "10.0.0.2", -5),
    ];
    let writes = endpoints::decide(&view(&objects), NOW);
    let made = only(&writes, Verb::Create, "Endpoints");
    let subset = &made["subsets"][0];
    assert_eq!(subset["addresses"][0]["ip"], "10.0.0.1");
    assert_eq!(subset["notReadyAddresses"][0]["ip"], "10.0.0.2");
    assert_eq!(
        subset["ports"],
        json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
    );
    let made = stored(made);
    let mut again = objects.to_vec();
    again.push(made.clone());
    assert_eq!(endpoints::decide(&view(&again), NOW), []);
    assert_eq!(
        told(&endpoints::decide(&view(&[made]), NOW)),
        ["Delete Endpoints/web"],
        "the Service is gone"
    );
}

#[test]
fn endpoints_are_meant_for_the_zones_and_nodes_that_their_service_prefers() {
    let on = |name: &str, node: &str| {
        let pod = backend_pod(name, &format!("10.0.0.{name}"), 5);
        with(&pod, &["spec", "nodeName"], node)
    };
    let node = |name: &str, zone: Option<&str>| {
        let labels: Map<String, Value> = zone
            .map(|zone| (ZONE.to_owned(), zone.into()))
            .into_iter()
            .collect();
        stored(
            &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}),
        )
    };
    let hints = |distribution: &str| -> Vec<(Value, Value)> {
        let objects = [
            service(json!({"trafficDistribution": distribution})),
            node("n1", Some("a")),
            node("n2", None),
            on("1", "n1"),
            on("2", "n2"),
        ];
        let writes = decide(&view(&objects), NOW);
        let slice = only(&writes, Verb::Create, "EndpointSlice");
        let endpoints = slice["endpoints"].as_array().unwrap();
        endpoints
            .iter()
            .map(|it| (it["zone"].clone(), it["hints"].clone()))
            .collect()
    };
    let none = || (Value::Null, Value::Null);
    let zones = json!([{"name": "a"}]);
    assert_eq!(hints(""), [("a".into(), Value::Null), none()]);
    let near = ("a".into(), json!({"forZones": zones}));
    assert_eq!(hints("PreferClose"), [near.clone(), none()]);
    assert_eq!(hints("PreferSameZone"), [near, none()]);
    let on_node = |name: &str| json!([{"name": name}]);
    let first = (
        "a".into(),
        json!({"forZones": zones, "forNodes": on_node("n1")}),
    );
    let second = (Value::Null, json!({"forNodes": on_node("n2")}));
    assert_eq!(hints("PreferSameNode"), [first, second]);
}
