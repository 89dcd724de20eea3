//! Services and nodes (OB-11 to OB-16).

use ringfence_model::{ClusterIp, TargetPort};

use crate::support::{assembled, only_service, problems};

fn service(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {spec}\n---\n")
}

#[test]
fn ob11_service_ports() {
    let targets = |ports: &str| -> Vec<TargetPort> {
        let service = only_service(&service(&format!("{{ports: {ports}}}")));
        service.ports.into_iter().map(|port| port.target).collect()
    };
    assert_eq!(targets("[{port: 80}]"), [TargetPort::Number(80)]);
    assert_eq!(
        targets("[{port: 80, targetPort: 0}]"),
        [TargetPort::Number(80)]
    );
    assert_eq!(
        targets("[{port: 80, targetPort: ''}]"),
        [TargetPort::Number(80)]
    );
    assert_eq!(
        targets("[{port: 80, targetPort: 8080}]"),
        [TargetPort::Number(8080)]
    );
    assert_eq!(
        targets("[{port: 80, targetPort: web}]"),
        [TargetPort::Name("web".to_owned())]
    );
    let refused = |spec: &str| problems(&service(spec));
    assert_eq!(refused("{}"), ["error[OB-11] spec.ports: Required value"]);
    assert_eq!(
        refused("{ports: [{port: 80}, {port: 80, name: b}]}"),
        [
            "error[OB-11] spec.ports[0].name: Required value",
            "error[OB-11] spec.ports[1]: Duplicate value: \"80/TCP\""
        ]
    );
    assert_eq!(
        refused("{ports: [{port: 0}]}"),
        [
            "error[OB-11] spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"
        ]
    );
    assert_eq!(
        refused("{type: Loadbalancer, ports: [{port: 1}]}"),
        [
            "error[OB-11] spec.type: Unsupported value: \"Loadbalancer\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
        ]
    );
}

#[test]
fn ob13_service_addresses() {
    let headless = only_service(&service("{clusterIP: None, selector: {a: b}}"));
    assert_eq!(headless.cluster_ip, ClusterIp::Headless);
    let external = only_service(&service(
        "{type: ExternalName, externalName: db.example.com}",
    ));
    assert_eq!(external.external_name.as_deref(), Some("db.example.com"));
    assert_eq!(
        problems(&service("{type: ExternalName}")),
        ["error[OB-13] spec.externalName: Required value"]
    );
    let text = service("{clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9, 'fd00::9'], externalIPs: [192.0.2.7], ports: [{port: 1}]}")
        .replace("---\n", "status: {loadBalancer: {ingress: [{ip: 198.51.100.3}, {hostname: h}]}}\n");
    let assigned = only_service(&text);
    assert!(matches!(&assigned.cluster_ip, ClusterIp::Assigned(found) if found.len() == 2));
    assert_eq!(assigned.external_addresses.len(), 2);
    assert_eq!(
        problems(&service(
            "{externalIPs: [169.254.169.254, 127.0.0.1], ports: [{port: 1}]}"
        )),
        [
            "error[Q-8] spec.externalIPs[0]: Invalid value: \"169.254.169.254\": \
             may not be in the link-local range (169.254.0.0/16, fe80::/10)",
            "error[Q-8] spec.externalIPs[1]: Invalid value: \"127.0.0.1\": \
             may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ]
    );
    assert_eq!(
        problems(&service("{clusterIP: none, ports: [{port: 1}]}")),
        [
            "error[Q-8] spec.clusterIP: Invalid value: \"none\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        ]
    );
}

#[test]
fn ob15_names() {
    let named = |version: &str, kind: &str, name: &str| {
        let text = format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 1}}]}}\n"
        );
        problems(&text.replace(
            "spec: {ports: [{port: 1}]}\n",
            if kind == "Service" {
                "spec: {ports: [{port: 1}]}\n"
            } else {
                ""
            },
        ))
    };
    assert_eq!(
        named("v1", "Namespace", "a.b"),
        ["error[V-1] metadata.name: Invalid value: \"a.b\": must not contain dots"]
    );
    assert_eq!(named("v1", "Node", "a.b"), [""; 0]);
    assert_eq!(
        named("v1", "Service", "'1a'"),
        [
            "error[V-1] metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        ]
    );
}

#[test]
fn ob16_nodes() {
    let text = "apiVersion: v1\nkind: Node\nmetadata: {name: node, labels: {a: b}}\nspec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24, 'fd00::/64']}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: Hostname, address: node}, {type: ExternalIP, address: 'fd00::7'}]}\n";
    let (cluster, _) = assembled(text);
    let node = &cluster.nodes["node"];
    assert_eq!((node.addresses.len(), node.pod_cidrs.len()), (2, 2));
}
