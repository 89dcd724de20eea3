use ringfence_model::{ClusterIp, Phase, TargetPort};
use ringfence_testkit::builder::{
    block, cluster, name, node, pod, policy, rule, service, tcp, udp,
};

use super::*;
use crate::inputs::port::ports;

fn example() -> Cluster {
    let mut web = pod("demo/web-0")
        .label("app", "web")
        .port("http", tcp(8080))
        .build();
    web.workload = Some(Owner {
        kind: "Deployment".to_owned(),
        name: "web".to_owned(),
    });
    let mut other = web.clone();
    other.name = name("demo/web-1");
    let mut cluster = cluster()
        .with(web)
        .with(other)
        .with(pod("demo/done").phase(Phase::Succeeded))
        .with(pod("kube-system/dns").label("k8s-app", "kube-dns"))
        .with(service("demo/front").port(tcp(80), 8080).port(udp(53), 53))
        .with(node("n1", &[]))
        .build();
    let front = cluster.services.get_mut(&name("demo/front")).unwrap();
    front.ports[0].name = Some("web".to_owned());
    front.ports[0].target = TargetPort::Name("http".to_owned());
    front.cluster_ip = ClusterIp::Unassigned;
    cluster
}

fn found(text: &str, side: Side) -> Result<Vec<String>, String> {
    found_in(&mut example(), text, side)
}

fn found_in(cluster: &mut Cluster, text: &str, side: Side) -> Result<Vec<String>, String> {
    let argument = EndpointArgument::parse(text, "demo").unwrap();
    match resolve(cluster, &argument, side) {
        Ok(ends) => Ok(ends.iter().map(ToString::to_string).collect()),
        Err(error) => Err(error.to_string()),
    }
}

fn to(text: &str) -> Vec<String> {
    found(text, Side::Destination).unwrap()
}

fn refused(text: &str) -> String {
    found(text, Side::Destination).unwrap_err()
}

#[test]
fn what_exists_is_found() {
    assert_eq!(to("web-0"), ["demo/web-0"]);
    assert_eq!(to("deploy/web"), ["demo/web-0", "demo/web-1"]);
    assert_eq!(to("svc/front"), ["svc/demo/front"]);
    assert_eq!(to("node/n1"), ["node/n1"]);
    assert_eq!(to("10.0.0.9"), ["10.0.0.9"]);
    assert_eq!(to("metadata"), ["169.254.169.254"]);
    assert_eq!(to("dns"), ["kube-system/dns"]);
}

#[test]
fn what_does_not_exist_is_an_error_with_what_was_meant() {
    assert_eq!(
        refused("web-00"),
        "there is no pod demo/web-00 (did you mean `demo/web-0`?)"
    );
    let named = |text: &str| found(text, Side::Destination).unwrap();
    assert_eq!(named("web"), named("deploy/web"), "the only workload");
    assert_eq!(
        refused("front"),
        "there is no pod demo/front (did you mean `svc/demo/front`?)"
    );
    assert_eq!(
        refused("somebody"),
        "there is no pod demo/somebody; one that is not there yet is named by its labels, for example `demo/[app=web]`"
    );
    assert_eq!(
        refused("statefulset/web"),
        "there is no pod of demo/statefulset/web (did you mean `demo/deployment/web`?)"
    );
    assert_eq!(
        refused("svc/other/front"),
        "there is no Service other/front (did you mean `svc/demo/front`?)"
    );
    assert_eq!(
        refused("svc/elsewhere-altogether/front"),
        "there is no Service elsewhere-altogether/front (did you mean `svc/demo/front`?)"
    );
    assert_eq!(
        refused("svc/frnt"),
        "there is no Service demo/frnt (did you mean `svc/demo/front`?)"
    );
    assert_eq!(
        refused("deploy/webb"),
        "there is no pod of demo/deployment/webb (did you mean `demo/deployment/web`?)"
    );
    assert_eq!(
        refused("node/worker"),
        "there is no node worker; there is n1"
    );
    assert_eq!(
        refused("deploy/done"),
        "there is no pod of demo/deployment/done (did you mean `demo/done`? that is a pod which no workload makes)"
    );
    assert_eq!(
        refused("done"),
        "the pod demo/done has finished, and takes part in no connection"
    );
    assert_eq!(
        found("svc/front", Side::Source).unwrap_err(),
        "svc/demo/front: a Service opens no connections: name the pods behind it"
    );
    assert!(refused("apiserver").contains("name its address"));
}

#[test]
fn a_pod_that_does_not_exist_yet_is_behind_no_service() {
    let mut cluster = example();
    let found = found_in(&mut cluster, "new/[app=web]", Side::Source).unwrap();
    assert_eq!(found, ["new/[app=web]"]);
    let pod = &cluster.pods[&ObjectName::new("new", "[app=web]")];
    assert_eq!(pod.labels["app"], "web");
    assert!(pod.is_on_pod_network() && pod.terminating);
    assert!(cluster.namespaces.contains_key("new"));
}

#[test]
fn every_cluster_has_dns() {
    let mut cluster = Cluster::default();
    let found = found_in(&mut cluster, "dns", Side::Destination).unwrap();
    assert_eq!(found, ["kube-system/[k8s-app=kube-dns]"]);
}

#[test]
fn every_part_of_the_internet_that_a_policy_names_has_a_host() {
    let mut cluster = example();
    let egress = |cidr, except: &[&str]| rule().peer(block(cidr, except));
    let policy = policy("demo/out")
        .egress(egress("0.0.0.0/0", &["10.0.0.0/8", "9.9.9.0/24"]))
        .egress(egress("1.1.1.0/24", &[]))
        .egress(egress("192.168.0.0/16", &[]))
        .egress(egress("2001::/16", &[]))
        .build();
    cluster.network_policies.insert(policy.name.clone(), policy);
    let v4 = ["1.1.1.1", "1.0.0.0", "9.9.9.0"];
    let all = [&v4[..], &["2606:4700:4700::1111", "2001::"]].concat();
    let mut found_with = |addresses: &[&str]| {
        let mut web = pod("demo/six");
        for address in addresses {
            web = web.address(address);
        }
        cluster.pods.insert(name("demo/six"), web.build());
        found_in(&mut cluster, "internet", Side::Destination).unwrap()
    };
    assert_eq!(found_with(&[]), all);
    assert_eq!(found_with(&["10.0.0.1"]), v4);
    assert_eq!(found_with(&["fd00::1", "10.0.0.1"]), all);
}

#[test]
fn policies_that_speak_of_ipv6_are_asked_about_it_where_no_address_is_known() {
    let found = |ends: &str, blocks: &[&str], pod_blocks: &[&str]| {
        let mut cluster = example();
        for block in pod_blocks {
            cluster.pod_blocks.insert(block.parse().unwrap());
        }
        for cidr in blocks {
            let policy = policy("demo/out").egress(rule().peer(block(cidr, &[])));
            let policy = policy.build();
            cluster.network_policies.insert(policy.name.clone(), policy);
        }
        found_in(&mut cluster, ends, Side::Destination).unwrap()
    };
    let (v4, v6) = ("1.1.1.1", "2606:4700:4700::1111");
    assert_eq!(found("internet", &["0.0.0.0/0"], &[]), [v4]);
    assert_eq!(found("internet", &["::/0"], &[]), [v4, v6]);
    assert_eq!(found("internet", &["fd00:ec2::254/128"], &[]), [v4]);
    assert_eq!(found("internet", &["::/0"], &["10.0.0.0/8"]), [v4]);
    assert_eq!(found("internet", &[], &["fd00::/64"]), [v6]);
    let (v4, v6) = ("169.254.169.254", "fd00:ec2::254");
    assert_eq!(found("metadata", &["10.0.0.0/8"], &[]), [v4]);
    assert_eq!(found("metadata", &["fd00:ec2::254/128"], &[]), [v4, v6]);
    assert_eq!(found("metadata", &["::/0"], &[]), [v4, v6]);
}

#[test]
fn dns_is_where_the_distribution_has_it() {
    let mut cluster = cluster()
        .with(
            pod("openshift-dns/dns-x1").label("dns.operator.openshift.io/daemonset-dns", "default"),
        )
        .build();
    assert_eq!(
        found_in(&mut cluster, "dns", Side::Destination).unwrap(),
        ["openshift-dns/dns-x1"]
    );
    let own = service("openshift-dns/dns-default").port(udp(53), 5353);
    let own = own.build();
    cluster.services.insert(own.name.clone(), own);
    assert_eq!(
        found_in(&mut cluster, "dns", Side::Destination).unwrap(),
        ["svc/openshift-dns/dns-default"]
    );
    assert_eq!(
        found_in(&mut cluster, "dns", Side::Source).unwrap(),
        ["openshift-dns/dns-x1"]
    );
}

#[test]
fn nodes_tell_the_families_of_the_internet_where_no_pod_does() {
    let internet = |addresses: &[&str], pods: &[&str]| {
        let mut cluster = cluster().build();
        cluster.nodes.insert("n1".to_owned(), node("n1", addresses));
        let mut web = pod("demo/web");
        for address in pods {
            web = web.address(address);
        }
        cluster.pods.insert(name("demo/web"), web.build());
        found_in(&mut cluster, "internet", Side::Destination).unwrap()
    };
    let (v4, v6) = ("1.1.1.1", "2606:4700:4700::1111");
    assert_eq!(internet(&[], &[]), [v4]);
    assert_eq!(internet(&["fd00::1"], &[]), [v6]);
    assert_eq!(internet(&["192.168.0.1", "fd00::1"], &[]), [v4, v6]);
    assert_eq!(internet(&["fd00::1"], &["10.0.0.1"]), [v4]);
}

#[test]
fn an_address_of_the_cluster_is_not_on_the_internet() {
    let mut cluster = example();
    let front = cluster.services.get_mut(&name("demo/front")).unwrap();
    front.external_addresses.push("1.1.1.1".parse().unwrap());
    let found = found_in(&mut cluster, "internet", Side::Destination).unwrap();
    assert_eq!(found, ["1.0.0.0"]);
}

fn connections_to(destination: &str, text: &str) -> Result<String, String> {
    let mut cluster = example();
    let argument = EndpointArgument::parse(destination, "demo").unwrap();
    let ends = resolve(&mut cluster, &argument, Side::Destination).unwrap();
    let wanted = if text.is_empty() {
        Vec::new()
    } else {
        ports(text).unwrap()
    };
    match asked(&cluster, &argument, &ends[0], &wanted) {
        Ok(found) => Ok(found.connections.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn ports_are_those_of_the_destination() {
    assert_eq!(connections_to("web-0", "").unwrap(), "all");
    assert_eq!(connections_to("svc/front", "").unwrap(), "tcp/80 udp/53");
    assert_eq!(
        connections_to("svc/front", "web,udp/50-60").unwrap(),
        "tcp/80 udp/53"
    );
    for nobodys in ["81", "udp/9-11", "icmp"] {
        let refusal = connections_to("svc/front", nobodys).unwrap_err();
        let told = "does not serve";
        assert!(refusal.contains(told), "{refusal}");
        assert!(
            refusal.ends_with("it serves tcp/80, udp/53: name one of these, or the Service's pods")
        );
    }
    assert_eq!(connections_to("web-0", "http,80").unwrap(), "tcp/80,8080");
    assert_eq!(
        connections_to("web-0", "htp").unwrap_err(),
        "demo/web-0 has no TCP port `htp` (did you mean `http`?)"
    );
    assert_eq!(
        connections_to("web-0", "udp/http").unwrap_err(),
        "demo/web-0 has no UDP port `http` (did you mean `tcp/http`?)"
    );
    assert_eq!(
        connections_to("10.0.0.9", "http").unwrap_err(),
        "10.0.0.9 has no port with a name: write the number of `http`"
    );
}
