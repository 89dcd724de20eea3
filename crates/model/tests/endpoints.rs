//! Backends that EndpointSlices and Endpoints give to Services without selector (rule OB-12).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ringfence_model::{
    Diagnostic, Input, LoadOptions, Loaded, ServiceEndpoint, ServicePort, TargetPort, assemble,
    load,
};
use ringfence_net::Protocol;

fn load_text(text: &str) -> Loaded {
    let input = Input {
        name: "m.yaml".to_owned(),
        text: text.to_owned(),
    };
    load(&[input], &LoadOptions::default())
}

fn written(diagnostics: &[Diagnostic]) -> Vec<String> {
    let line = |found: &Diagnostic| {
        let rule = found.rule.unwrap_or("-");
        format!("{}[{rule}] {}", found.severity, found.message)
    };
    diagnostics.iter().map(line).collect()
}

fn problems(text: &str) -> Vec<String> {
    written(&load_text(text).diagnostics)
}

/// `address ready terminating name/protocol/port,...` of each endpoint of Service `s`, and what assembling says.
fn assembled(text: &str) -> (Vec<String>, Vec<String>) {
    let loaded = load_text(text);
    assert_eq!(written(&loaded.diagnostics), [""; 0], "{text}");
    let (cluster, diagnostics) = assemble(&loaded.objects);
    let mut services = cluster.services.into_values();
    let service = services.find(|service| service.name.name == "s").unwrap();
    let line = |found: &ServiceEndpoint| {
        let ports = found.ports.iter().map(|port| {
            let name = port.name.as_deref().unwrap_or("-");
            format!("{name}/{}/{}", port.protocol, port.port)
        });
        let ports = ports.collect::<Vec<_>>().join(",");
        format!(
            "{} {} {} {ports}",
            found.address, found.ready, found.terminating
        )
    };
    (
        service.endpoints.iter().map(line).collect(),
        written(&diagnostics),
    )
}

fn endpoints_of(text: &str) -> Vec<String> {
    let (endpoints, diagnostics) = assembled(text);
    assert_eq!(diagnostics, [""; 0], "{text}");
    endpoints
}

fn service(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{{spec}ports: [{{port: 80}}]}}\n---\n"
    )
}

fn slice(name: &str, fields: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}, labels: {{kubernetes.io/service-name: s}}}}\n{fields}\n---\n"
    )
}

fn endpoints(fields: &str) -> String {
    format!("apiVersion: v1\nkind: Endpoints\nmetadata: {{name: s}}\n{fields}\n---\n")
}

const SLICE: &str = "addressType: IPv4
endpoints:
- {addresses: [10.0.0.2], conditions: {ready: false, terminating: true, serving: true}}
- {addresses: [10.0.0.1, 10.0.0.9], nodeName: w1, conditions: {ready: null}}
ports:
- {name: '', port: 8080}
- {name: dns, port: 53, protocol: UDP}
- {name: any}";

#[test]
fn slices_say_who_stands_behind_a_service_without_selector() {
    let text = service("") + &slice("s-1", SLICE);
    assert_eq!(
        endpoints_of(&text),
        [
            "10.0.0.1 true false -/TCP/8080,dns/UDP/53",
            "10.0.0.2 false true -/TCP/8080,dns/UDP/53"
        ]
    );
    assert_eq!(endpoints_of(&service("selector: {}, ")), [""; 0]);
}

/// A StatefulSet of three pods.
const DB: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: s
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: i}]}}
---
";

#[test]
fn pods_without_address_have_that_at_which_they_are_named() {
    let target = |address: &str, pod: &str| {
        format!("{{addresses: ['{address}'], targetRef: {{kind: Pod, name: {pod}}}}}")
    };
    let v4 = format!(
        "addressType: IPv4\nendpoints: [{}, {}]\nports: [{{port: 80}}]",
        target("10.0.0.3", "db-1"),
        target("10.0.0.9", "gone-0")
    );
    let v6 = format!(
        "addressType: IPv6\nendpoints: [{}]\nports: [{{port: 80}}]",
        target("fd00::3", "db-1")
    );
    let subset = "subsets: [{addresses: [{ip: 10.0.0.3, targetRef: {kind: Pod, namespace: default, name: db-1}}], ports: [{port: 80}]}]";
    let text = service("") + DB + &slice("a", &v4) + &slice("b", &v6) + &endpoints(subset);
    let loaded = load_text(&text);
    let (cluster, diagnostics) = assemble(&loaded.objects);
    assert_eq!(
        written(&diagnostics),
        [
            "warning[OB-12] EndpointSlice default/a says that 10.0.0.9 is pod default/gone-0, which is not given: what policies say of it is not known"
        ]
    );
    let addresses: Vec<String> = cluster
        .pods
        .values()
        .map(|pod| format!("{} {:?}", pod.name, pod.addresses))
        .collect();
    assert_eq!(
        addresses,
        [
            "default/db-0 []",
            "default/db-1 [10.0.0.3, fd00::3]",
            "default/db-2 []"
        ]
    );
}

#[test]
fn slices_of_both_families_add_up_and_repetitions_count_once() {
    let v4 = "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{port: 80}]";
    let v6 = "addressType: IPv6\nendpoints: [{addresses: ['fd00::1']}]\nports: [{port: 80}]";
    let text = slice("c", v6) + &slice("a", v4) + &slice("b", v4) + &service("");
    assert_eq!(
        endpoints_of(&text),
        [
            "10.0.0.1 true false -/TCP/80",
            "fd00::1 true false -/TCP/80"
        ]
    );
}

const SUBSETS: &str = "subsets:
- addresses: [{ip: 10.0.0.7, nodeName: w1}]
  notReadyAddresses: [{ip: 10.0.0.6}]
  ports: [{name: web, port: 8080}, {name: alt, port: 8081, protocol: SCTP}]";

#[test]
fn endpoints_do_where_no_slice_is_given() {
    let text = service("") + &endpoints(SUBSETS);
    assert_eq!(
        endpoints_of(&text),
        [
            "10.0.0.6 false false web/TCP/8080,alt/SCTP/8081",
            "10.0.0.7 true false web/TCP/8080,alt/SCTP/8081"
        ]
    );
    let empty = slice("s-1", "addressType: IPv4\nendpoints: null");
    assert_eq!(endpoints_of(&(text + &empty)), [""; 0]);
}

#[test]
fn other_services_take_nothing_from_them() {
    let all = slice("s-1", SLICE) + &endpoints(SUBSETS);
    let selecting = service("selector: {app: a}, ") + &all;
    assert_eq!(endpoints_of(&selecting), [""; 0]);
    let elsewhere = all.replace("metadata: {", "metadata: {namespace: default2, ");
    assert_eq!(endpoints_of(&(service("") + &elsewhere)), [""; 0]);
    let alias = service("type: ExternalName, externalName: a.b, ") + &all;
    assert_eq!(endpoints_of(&alias), [""; 0]);
    let of_another = all.replace("service-name: s", "service-name: t");
    let of_another = of_another.replace("metadata: {name: s}", "metadata: {name: t}");
    assert_eq!(endpoints_of(&(service("") + &of_another)), [""; 0]);
}

#[test]
fn a_slice_that_belongs_to_nobody_is_noted() {
    let text = slice("s-1", SLICE).replace("kubernetes.io/service-name", "service-name");
    assert_eq!(
        assembled(&(service("") + &text)),
        (
            Vec::new(),
            vec!["note[OB-12] EndpointSlice default/s-1 belongs to no Service".to_owned()]
        )
    );
}

#[test]
fn a_port_of_a_service_leads_to_the_one_of_equal_name_and_protocol() {
    let loaded = load_text(&(service("") + &slice("s-1", SLICE)));
    let (cluster, _) = assemble(&loaded.objects);
    let endpoint = &cluster.services.first_key_value().unwrap().1.endpoints[0];
    let leads_to = |name: Option<&str>, protocol| {
        endpoint.port_for(&ServicePort {
            name: name.map(str::to_owned),
            protocol,
            port: 1,
            target: TargetPort::Number(2),
            node_port: None,
        })
    };
    assert_eq!(leads_to(None, Protocol::Tcp), Some(8080));
    assert_eq!(leads_to(Some("dns"), Protocol::Udp), Some(53));
    assert_eq!(leads_to(Some("dns"), Protocol::Tcp), None);
    assert_eq!(leads_to(Some("any"), Protocol::Tcp), None);
    assert_eq!(leads_to(None, Protocol::Udp), None);
}

#[test]
fn slices_are_checked_as_the_api_server_does() {
    let with = |fields: &str| problems(&slice("s-1", fields));
    let endpoint = |endpoint: &str| with(&format!("addressType: IPv4\nendpoints: [{endpoint}]"));
    let port = |port: &str| with(&format!("addressType: IPv4\nports: [{port}]"));
    let many = vec!["{addresses: [10.0.0.1]}"; 1001].join(", ");
    let addresses = vec!["10.0.0.1"; 101].join(", ");
    let cases: [(Vec<String>, &[&str]); 16] = [
        (
            with("endpoints: []"),
            &["error[OB-12] addressType: Required value"],
        ),
        (
            with("addressType: ipv4"),
            &[
                "error[OB-12] addressType: Unsupported value: \"ipv4\": supported values: \"IPv4\", \"IPv6\", \"FQDN\"",
            ],
        ),
        (
            with("addressType: FQDN\nendpoints: [{addresses: [a.b]}]"),
            &["note[OB-12] addressType: names are no addresses: these endpoints are left aside"],
        ),
        (
            endpoint("{}"),
            &[
                "error[OB-12] endpoints[0].addresses: Required value: must contain at least 1 address",
            ],
        ),
        (
            endpoint(&format!("{{addresses: [{addresses}]}}")),
            &["error[OB-12] endpoints[0].addresses: Too many: 101: must have at most 100 items"],
        ),
        (
            with(&format!("addressType: IPv4\nendpoints: [{many}]")),
            &["error[OB-12] endpoints: Too many: 1001: must have at most 1000 items"],
        ),
        (
            endpoint("{addresses: [a.b]}"),
            &[
                "error[OB-12] endpoints[0].addresses[0]: Invalid value: \"a.b\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ],
        ),
        (
            endpoint("{addresses: ['fd00::1']}"),
            &[
                "error[OB-12] endpoints[0].addresses[0]: Invalid value: \"fd00::1\": must be an IPv4 address",
            ],
        ),
        (
            with("addressType: IPv6\nendpoints: [{addresses: [10.0.0.1]}]"),
            &[
                "error[OB-12] endpoints[0].addresses[0]: Invalid value: \"10.0.0.1\": must be an IPv6 address",
            ],
        ),
        (
            endpoint("{addresses: [127.0.0.1]}"),
            &[
                "error[OB-12] endpoints[0].addresses[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
            ],
        ),
        (
            port("{port: 0}"),
            &[
                "error[OB-12] ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            port("{port: 1, protocol: tcp}"),
            &[
                "error[OB-12] ports[0].protocol: Unsupported value: \"tcp\": supported values: \"TCP\", \"UDP\", \"SCTP\"",
            ],
        ),
        (
            port("{port: 1, name: a}, {port: 2, name: a}"),
            &["error[OB-12] ports[1].name: Duplicate value: \"a\""],
        ),
        (
            port("{port: 1}, {port: 2}"),
            &["error[OB-12] ports[1].name: Duplicate value: \"\""],
        ),
        (
            port("{port: 1, name: a.b}"),
            &["error[OB-12] ports[0].name: Invalid value: \"a.b\": must not contain dots"],
        ),
        (
            with("addressType: IPv4\nendpoint: []"),
            &["error[V-23] unknown field `endpoint`"],
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn endpoints_are_checked_as_the_api_server_does() {
    let with = |subset: &str| problems(&endpoints(&format!("subsets: [{subset}]")));
    let cases: [(&str, &[&str]); 4] = [
        (
            "{ports: [{port: 80}]}",
            &[
                "error[OB-12] subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
            ],
        ),
        (
            "{addresses: [{ip: 0.0.0.0}]}",
            &[
                "error[OB-12] subsets[0].addresses[0].ip: Invalid value: \"0.0.0.0\": may not be unspecified",
            ],
        ),
        (
            "{notReadyAddresses: [{}]}",
            &[
                "error[OB-12] subsets[0].notReadyAddresses[0].ip: Invalid value: \"\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ],
        ),
        (
            "{addresses: [{ip: 10.0.0.1}], ports: [{name: a}]}",
            &[
                "error[OB-12] subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
    ];
    for (subset, expected) in cases {
        assert_eq!(with(subset), expected, "{subset}");
    }
}
