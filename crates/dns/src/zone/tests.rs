use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_model::{
    Cluster, ClusterIp, ContainerPort, EndpointPort, Hints, Labels, Namespace, ObjectName, Phase,
    Pod, Service, ServiceEndpoint, ServicePort, TargetPort, Traffic,
};
use ringfence_net::Protocol;

use super::reverse::{dashed, reverse_name};
use super::{Answer, Outcome, Zone, ZoneOptions};
use crate::{Kind, RecordData};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

fn pod(name: &str, app: &str, list: &[&str]) -> Pod {
    Pod {
        name: ObjectName::new("shop", name),
        labels: labels(&[("app", app)]),
        node: Some("kind-worker".to_owned()),
        host_network: false,
        phase: Phase::Running,
        addresses: addresses(list),
        host_addresses: addresses(&["172.18.0.2"]),
        ports: vec![ContainerPort {
            name: Some("pg".to_owned()),
            protocol: Protocol::Tcp,
            port: 5432,
        }],
        ready: true,
        workload: None,
        terminating: false,
        uid: None,
        host_ports: Vec::new(),
        source: None,
    }
}

fn service(name: &str, cluster_ip: ClusterIp, app: &str) -> Service {
    let port = |name: &str, port, target| ServicePort {
        name: Some(name.to_owned()),
        protocol: Protocol::Tcp,
        port,
        target,
        node_port: None,
    };
    Service {
        name: ObjectName::new("shop", name),
        selector: labels(&[("app", app)]),
        cluster_ip,
        external_addresses: Vec::new(),
        ports: vec![
            port("http", 80, TargetPort::Number(8080)),
            port("db", 5432, TargetPort::Name("pg".to_owned())),
        ],
        traffic: Traffic::default(),
        publish_not_ready_addresses: false,
        endpoints: Vec::new(),
        external_name: None,
        source: None,
    }
}

fn alias(name: &str, target: &str) -> Service {
    Service {
        external_name: Some(target.to_owned()),
        ..service(name, ClusterIp::Unassigned, "none")
    }
}

fn cluster(pods: &[Pod], services: &[Service]) -> Cluster {
    let mut cluster = Cluster::default();
    for name in ["shop", "empty"] {
        let namespace = Namespace::new(name, Labels::new());
        cluster.namespaces.insert(name.to_owned(), namespace);
    }
    let named_pods = pods.iter().map(|pod| (pod.name.clone(), pod.clone()));
    cluster.pods = named_pods.collect();
    let named_services = services
        .iter()
        .map(|each| (each.name.clone(), each.clone()));
    cluster.services = named_services.collect();
    cluster
}

fn sample() -> Zone {
    let mut stateful = pod("db-0", "db", &["10.244.1.5", "fd00:10::5"]);
    stateful.labels.insert(
        "statefulset.kubernetes.io/pod-name".to_owned(),
        "db-0".to_owned(),
    );
    let mut starting = pod("db-2", "db", &["10.244.2.7"]);
    starting.ready = false;
    let mut ended = pod("job", "db", &["10.244.2.8"]);
    ended.phase = Phase::Succeeded;
    let pods = [
        stateful,
        pod("db-x", "db", &["10.244.2.6"]),
        starting,
        ended,
    ];
    let services = [
        service(
            "web",
            ClusterIp::Assigned(addresses(&["10.96.0.20", "fd00:96::20"])),
            "web",
        ),
        service("db", ClusterIp::Headless, "db"),
        service("pending", ClusterIp::Unassigned, "web"),
        alias("bank", "Outside.Example."),
        alias("far", "elsewhere.example"),
        alias("near", "web.shop.svc.cluster.local"),
        alias("ping", "pong.shop.svc.cluster.local"),
        alias("pong", "ping.shop.svc.cluster.local"),
        alias("nowhere", "gone.shop.svc.cluster.local"),
    ];
    let extra = BTreeMap::from([("outside.example".to_owned(), addresses(&["192.0.2.9"]))]);
    let options = ZoneOptions {
        extra,
        serial: 7,
        ..ZoneOptions::default()
    };
    Zone::of_cluster(&cluster(&pods, &services), &options)
}

/// The answer in one line: `name type value, ... | outcome`.
fn ask(name: &str, kind: Kind) -> String {
    said(sample().answer(name, kind))
}

fn said(answer: Answer) -> String {
    let value = |data: &RecordData| match data {
        RecordData::A(address) => address.to_string(),
        RecordData::Aaaa(address) => address.to_string(),
        RecordData::Cname(name) => format!("={name}"),
        RecordData::Ns(name) | RecordData::Ptr(name) | RecordData::Txt(name) => name.clone(),
        RecordData::Soa { serial, .. } => format!("soa {serial}"),
        RecordData::Srv {
            weight,
            port,
            target,
        } => format!("{weight} {port} {target}"),
    };
    let records: Vec<String> = answer
        .records
        .iter()
        .map(|each| value(&each.data))
        .collect();
    let outcome = match answer.outcome {
        Outcome::Found => "found".to_owned(),
        Outcome::NoData { authority } => {
            format!(
                "no data, {}",
                authority.map_or("-".to_owned(), |soa| soa.name)
            )
        }
        Outcome::NoSuchName { authority } => format!("no such name, {}", authority.name),
        Outcome::Outside { name } => format!("outside, {name}"),
    };
    format!("{} | {outcome}", records.join(", "))
}

#[test]
fn a_service_has_its_cluster_addresses() {
    let name = "web.shop.svc.cluster.local";
    assert_eq!(ask(name, Kind::A), "10.96.0.20 | found");
    assert_eq!(ask(name, Kind::Aaaa), "fd00:96::20 | found");
    assert_eq!(ask(name, Kind::Txt), " | no data, cluster.local");
    assert_eq!(ask(name, Kind::Other), " | no data, cluster.local");
}

#[test]
fn letter_case_and_final_dot_do_not_matter() {
    assert_eq!(
        ask("WEB.Shop.svc.CLUSTER.local.", Kind::A),
        "10.96.0.20 | found"
    );
    assert_eq!(ask("OUTSIDE.example.", Kind::A), "192.0.2.9 | found");
}

#[test]
fn a_service_without_address_exists() {
    let name = "pending.shop.svc.cluster.local";
    assert_eq!(ask(name, Kind::A), " | no data, cluster.local");
}

#[test]
fn a_missing_name_is_missing_with_authority() {
    for name in [
        "gone.shop.svc.cluster.local",
        "web.other.svc.cluster.local",
        "x.web.shop.svc.cluster.local",
        "web.shop.svc.cluster.local.shop.svc.cluster.local",
        "job.shop.pod.cluster.local",
    ] {
        let expected = " | no such name, cluster.local";
        assert_eq!(ask(name, Kind::A), expected, "{name}");
    }
}

#[test]
fn names_between_exist() {
    for name in [
        "cluster.local",
        "svc.cluster.local",
        "pod.cluster.local",
        "shop.svc.cluster.local",
        "empty.svc.cluster.local",
        "_tcp.web.shop.svc.cluster.local",
    ] {
        assert_eq!(ask(name, Kind::A), " | no data, cluster.local", "{name}");
    }
    let expected = " | no data, in-addr.arpa";
    assert_eq!(ask("96.10.in-addr.arpa", Kind::Ptr), expected);
}

#[test]
fn a_name_that_only_ends_alike_is_outside() {
    assert_eq!(
        ask("mycluster.local", Kind::A),
        " | outside, mycluster.local"
    );
    assert_eq!(ask("example.", Kind::A), " | outside, example");
    assert_eq!(ask(".", Kind::Ns), " | outside, ");
}

#[test]
fn a_headless_service_is_its_ready_pods() {
    let name = "db.shop.svc.cluster.local";
    assert_eq!(ask(name, Kind::A), "10.244.1.5, 10.244.2.6 | found");
    assert_eq!(ask(name, Kind::Aaaa), "fd00:10::5 | found");
}

#[test]
fn unready_and_terminating_pods_appear_when_the_service_says_so() {
    let mut leaving = pod("a", "db", &["10.0.0.1"]);
    leaving.terminating = true;
    let mut starting = pod("b", "db", &["10.0.0.2"]);
    starting.ready = false;
    let mut headless = service("db", ClusterIp::Headless, "db");
    let count = |service: &Service| {
        let cluster = cluster(
            &[leaving.clone(), starting.clone()],
            std::slice::from_ref(service),
        );
        let zone = Zone::of_cluster(&cluster, &ZoneOptions::default());
        zone.answer("db.shop.svc.cluster.local", Kind::A)
            .records
            .len()
    };
    assert_eq!(count(&headless), 0);
    headless.publish_not_ready_addresses = true;
    assert_eq!(count(&headless), 2);
}

#[test]
fn an_empty_selector_selects_no_pod() {
    let mut headless = service("db", ClusterIp::Headless, "db");
    headless.selector.clear();
    let cluster = cluster(&[pod("a", "db", &["10.0.0.1"])], &[headless]);
    let zone = Zone::of_cluster(&cluster, &ZoneOptions::default());
    assert!(
        zone.answer("db.shop.svc.cluster.local", Kind::A)
            .records
            .is_empty()
    );
}

#[test]
fn a_headless_service_without_selector_is_what_is_listed_for_it() {
    let mut headless = service("db", ClusterIp::Headless, "db");
    headless.selector.clear();
    headless.endpoints = [("192.0.2.7", true), ("192.0.2.8", false)]
        .map(|(address, ready)| ServiceEndpoint {
            address: address.parse().unwrap(),
            ready,
            serving: ready,
            terminating: false,
            node: None,
            hints: Hints::default(),
            ports: vec![EndpointPort {
                name: headless.ports[0].name.clone(),
                protocol: headless.ports[0].protocol,
                port: 5432,
            }],
        })
        .to_vec();
    let zone = Zone::of_cluster(&cluster(&[], &[headless]), &ZoneOptions::default());
    let ask = |name: &str, kind| said(zone.answer(name, kind));
    let name = "db.shop.svc.cluster.local";
    assert_eq!(ask(name, Kind::A), "192.0.2.7 | found");
    assert_eq!(
        ask(&format!("192-0-2-7.{name}"), Kind::A),
        "192.0.2.7 | found"
    );
    assert_eq!(
        ask(&format!("_http._tcp.{name}"), Kind::Srv),
        format!("100 5432 192-0-2-7.{name} | found")
    );
}

#[test]
fn pods_of_a_headless_service_have_names() {
    assert_eq!(
        ask("db-0.db.shop.svc.cluster.local", Kind::A),
        "10.244.1.5 | found"
    );
    assert_eq!(
        ask("db-0.db.shop.svc.cluster.local", Kind::Aaaa),
        "fd00:10::5 | found"
    );
    assert_eq!(
        ask("10-244-2-6.db.shop.svc.cluster.local", Kind::A),
        "10.244.2.6 | found"
    );
}

#[test]
fn ports_with_names_have_srv_records() {
    assert_eq!(
        ask("_http._tcp.web.shop.svc.cluster.local", Kind::Srv),
        "100 80 web.shop.svc.cluster.local | found"
    );
    assert_eq!(
        ask("_db._tcp.db.shop.svc.cluster.local", Kind::Srv),
        "33 5432 10-244-2-6.db.shop.svc.cluster.local, \
         33 5432 db-0.db.shop.svc.cluster.local | found"
    );
    assert_eq!(
        ask("_http._udp.web.shop.svc.cluster.local", Kind::Srv),
        " | no such name, cluster.local"
    );
}

#[test]
fn srv_answers_carry_the_addresses_of_their_hosts() {
    let answer = sample().answer("_db._tcp.db.shop.svc.cluster.local", Kind::Srv);
    let hosts: Vec<&str> = answer
        .additional
        .iter()
        .map(|each| each.name.as_str())
        .collect();
    let stateful = "db-0.db.shop.svc.cluster.local";
    assert_eq!(
        hosts,
        ["10-244-2-6.db.shop.svc.cluster.local", stateful, stateful]
    );
}

#[test]
fn addresses_have_names() {
    assert_eq!(
        ask("20.0.96.10.in-addr.arpa", Kind::Ptr),
        "web.shop.svc.cluster.local | found"
    );
    assert_eq!(
        ask(&reverse_name("fd00:96::20".parse().unwrap()), Kind::Ptr),
        "web.shop.svc.cluster.local | found"
    );
    assert_eq!(
        ask("5.1.244.10.in-addr.arpa", Kind::Ptr),
        "db-0.db.shop.svc.cluster.local | found"
    );
    assert_eq!(
        ask("1.1.1.1.in-addr.arpa", Kind::Ptr),
        " | no such name, in-addr.arpa"
    );
}

#[test]
fn pods_have_names_in_their_namespace_only() {
    assert_eq!(
        ask("10-244-1-5.shop.pod.cluster.local", Kind::A),
        "10.244.1.5 | found"
    );
    assert_eq!(
        ask("fd00-10--5.shop.pod.cluster.local", Kind::Aaaa),
        "fd00:10::5 | found"
    );
    assert_eq!(
        ask("10-244-2-7.shop.pod.cluster.local", Kind::A),
        "10.244.2.7 | found"
    );
    for name in ["10-244-2-8.shop", "10-244-1-5.empty", "1-2-3-4.shop"] {
        let name = format!("{name}.pod.cluster.local");
        assert_eq!(
            ask(&name, Kind::A),
            " | no such name, cluster.local",
            "{name}"
        );
    }
}

#[test]
fn external_names_are_followed_as_far_as_the_zone_knows() {
    let name = |service: &str| format!("{service}.shop.svc.cluster.local");
    assert_eq!(
        ask(&name("bank"), Kind::A),
        "=outside.example, 192.0.2.9 | found"
    );
    assert_eq!(
        ask(&name("bank"), Kind::Aaaa),
        "=outside.example | no data, -"
    );
    assert_eq!(ask(&name("bank"), Kind::Cname), "=outside.example | found");
    assert_eq!(
        ask(&name("near"), Kind::A),
        "=web.shop.svc.cluster.local, 10.96.0.20 | found"
    );
    let elsewhere = "=elsewhere.example | outside, elsewhere.example";
    assert_eq!(ask(&name("far"), Kind::A), elsewhere);
    let gone = "=gone.shop.svc.cluster.local | no such name, cluster.local";
    assert_eq!(ask(&name("nowhere"), Kind::A), gone);
}

#[test]
fn a_loop_of_aliases_ends() {
    let name = "ping.shop.svc.cluster.local";
    assert_eq!(ask(name, Kind::A), " | no such name, cluster.local");
}

#[test]
fn the_apex_describes_the_zone() {
    assert_eq!(ask("cluster.local", Kind::Soa), "soa 7 | found");
    assert_eq!(
        ask("cluster.local", Kind::Ns),
        "ns.dns.cluster.local | found"
    );
    assert_eq!(ask("dns-version.cluster.local", Kind::Txt), "1.1.0 | found");
}

#[test]
fn another_domain_is_respected() {
    let options = ZoneOptions {
        domain: "K8s.Example.".to_owned(),
        ..ZoneOptions::default()
    };
    let web = service(
        "web",
        ClusterIp::Assigned(addresses(&["10.96.0.20"])),
        "web",
    );
    let zone = Zone::of_cluster(&cluster(&[], &[web]), &options);
    let outcome = |name: &str| zone.answer(name, Kind::A).outcome;
    assert_eq!(outcome("web.shop.svc.k8s.example"), Outcome::Found);
    let outside = "web.shop.svc.cluster.local".to_owned();
    assert_eq!(outcome(&outside), Outcome::Outside { name: outside });
}

#[test]
fn json_is_the_identity() {
    let zone = sample();
    let text = serde_json::to_string(&zone).unwrap();
    assert!(!text.contains('\n'));
    assert_eq!(serde_json::from_str::<Zone>(&text).unwrap(), zone);
}

#[test]
fn dashed_addresses_are_labels() {
    for (address, label) in [
        ("10.0.0.1", "10-0-0-1"),
        ("fd00::1", "fd00--1"),
        ("::5", "0--5"),
        ("fd00::", "fd00--0"),
    ] {
        assert_eq!(dashed(address.parse().unwrap()), label);
    }
}

proptest::proptest! {
    #[test]
    fn no_question_is_too_strange(name in "\\PC{0,80}") {
        let _ = sample().answer(&name, Kind::A);
    }

    #[test]
    fn every_pod_address_is_found_by_its_name(octets: [u8; 4]) {
        let address = IpAddr::from(octets);
        let text = address.to_string();
        let cluster = cluster(&[pod("a", "x", &[&text])], &[]);
        let zone = Zone::of_cluster(&cluster, &ZoneOptions::default());
        let name = format!("{}.shop.pod.cluster.local", dashed(address));
        let found = zone.answer(&name, Kind::A).records;
        proptest::prop_assert_eq!(found.len(), 1);
        proptest::prop_assert_eq!(&found[0].data, &RecordData::from(address));
    }
}
