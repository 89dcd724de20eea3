//! Who may connect to the addresses of a Service's load balancer (rule OB-20), who comes back to the same backend
//! (rule OB-21), and which are preferred (rule OB-22).

use ringfence_model::{Distribution, Hints, Input, LoadOptions, Traffic, assemble, load};

/// What is read of a Service, if it is one, and the messages about it.
fn read(spec: &str) -> (Option<Traffic>, Vec<String>) {
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{ namespace: x, name: s }}\nspec: {{ type: LoadBalancer, clusterIP: 10.96.0.10, \
         externalIPs: [198.51.100.101], ports: [{{ port: 80 }}]{spec} }}\nstatus: {{ loadBalancer: {{ ingress: [{{ ip: 198.51.100.100 }}, \
         {{ hostname: lb.example }}] }} }}\n"
    );
    let name = "m.yaml".to_owned();
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    let messages = loaded.diagnostics.iter().map(ToString::to_string);
    let messages = messages
        .filter(|message| {
            ["OB-20", "OB-21", "OB-22", "OB-23"]
                .iter()
                .any(|rule| message.contains(rule))
        })
        .collect();
    let (cluster, _) = assemble(&loaded.objects);
    let mut services = cluster.services.into_values();
    (services.next().map(|service| service.traffic), messages)
}

fn admitted(traffic: &Traffic) -> Option<Vec<String>> {
    let blocks = traffic.admitted.as_ref()?.iter();
    Some(blocks.map(ToString::to_string).collect())
}

#[test]
fn everybody_gets_in_where_nobody_is_listed() {
    for spec in ["", ", loadBalancerSourceRanges: []"] {
        let (traffic, messages) = read(spec);
        let traffic = traffic.unwrap();
        assert_eq!(admitted(&traffic), None, "{spec}");
        assert_eq!(messages, [""; 0], "{spec}");
        let balanced = traffic.balanced.iter().map(ToString::to_string);
        assert_eq!(balanced.collect::<Vec<_>>(), ["198.51.100.100"]);
    }
}

#[test]
fn blocks_are_read_without_host_bits() {
    let (traffic, _) = read(", loadBalancerSourceRanges: [203.0.113.9/24, \"2001:db8::/64\"]");
    let expected = ["203.0.113.0/24", "2001:db8::/64"].map(str::to_owned);
    assert_eq!(admitted(&traffic.unwrap()), Some(expected.to_vec()));
}

#[test]
fn a_service_with_what_is_no_block_is_none() {
    let (traffic, messages) = read(", loadBalancerSourceRanges: [everybody]");
    assert_eq!(traffic, None);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    assert!(
        message.contains("spec.loadBalancerSourceRanges[0]"),
        "{message}"
    );
}

#[test]
fn clients_come_back_for_three_hours_unless_another_time_is_said() {
    let of = |spec: &str| {
        let (traffic, messages) = read(spec);
        (traffic.and_then(|traffic| traffic.affinity), messages.len())
    };
    let clients = ", sessionAffinity: ClientIP";
    let timed = |seconds: &str| {
        format!("{clients}, sessionAffinityConfig: {{ clientIP: {{ timeoutSeconds: {seconds} }} }}")
    };
    assert_eq!(of(""), (None, 0));
    assert_eq!(of(", sessionAffinity: None"), (None, 0));
    assert_eq!(of(clients), (Some(10_800), 0));
    assert_eq!(of(&timed("1")), (Some(1), 0));
    assert_eq!(of(&timed("86400")), (Some(86_400), 0));
}

#[test]
fn an_affinity_that_is_none_is_refused() {
    let config = "sessionAffinityConfig: { clientIP: { timeoutSeconds: 30 } }";
    let wrong = [
        (", sessionAffinity: Cookie".to_owned(), "Unsupported value"),
        (
            format!(", {config}"),
            "must not be set when session affinity is None",
        ),
        (
            format!(", sessionAffinity: ClientIP, {}", config.replace("30", "0")),
            "at most 86400",
        ),
        (
            format!(
                ", sessionAffinity: ClientIP, {}",
                config.replace("30", "86401")
            ),
            "at most 86400",
        ),
    ];
    for (spec, expected) in wrong {
        let (traffic, messages) = read(&spec);
        assert_eq!(traffic, None, "{spec}");
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{messages:?}"
        );
    }
}

#[test]
fn backends_that_are_near_are_preferred_by_the_names_of_the_api() {
    let of = |word: &str| {
        let (traffic, messages) = read(&format!(", trafficDistribution: {word}"));
        (traffic.map(|traffic| traffic.distribution), messages.len())
    };
    assert_eq!(read("").0.unwrap().distribution, Distribution::Anywhere);
    assert_eq!(of("PreferClose"), (Some(Distribution::SameZone), 0));
    assert_eq!(of("PreferSameZone"), (Some(Distribution::SameZone), 0));
    assert_eq!(of("PreferSameNode"), (Some(Distribution::SameNode), 0));
    assert_eq!(of("PreferFar"), (None, 1));
}

#[test]
fn slices_say_for_whom_an_endpoint_is_meant() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: { namespace: x, name: s }\nspec: { clusterIP: 10.96.0.10, ports: [{ port: 80 }] }\n---\n\
                apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { namespace: x, name: s-1, labels: { kubernetes.io/service-name: s } }\n\
                addressType: IPv4\nports: [{ port: 8080 }]\nendpoints:\n\
                - { addresses: [10.1.0.7], hints: { forZones: [{ name: a }, { name: b }], forNodes: [{ name: n1 }] } }\n\
                - { addresses: [10.1.0.8] }\n";
    let (name, text) = ("m.yaml".to_owned(), text.to_owned());
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    let (cluster, _) = assemble(&loaded.objects);
    let endpoints = cluster
        .services
        .into_values()
        .flat_map(|service| service.endpoints);
    let hints: Vec<Hints> = endpoints.map(|endpoint| endpoint.hints).collect();
    let meant = Hints {
        zones: vec!["a".to_owned(), "b".to_owned()],
        nodes: vec!["n1".to_owned()],
    };
    assert_eq!(hints, [meant, Hints::default()]);
}

#[test]
fn only_load_balancers_that_keep_to_nodes_have_a_port_for_health_checks() {
    let of = |spec: &str| {
        let (traffic, messages) = read(&format!("{spec}, healthCheckNodePort: 32001"));
        (
            traffic.and_then(|traffic| traffic.health_port),
            messages.len(),
        )
    };
    assert_eq!(of(", externalTrafficPolicy: Local"), (Some(32_001), 0));
    assert_eq!(of(""), (None, 1));
}
