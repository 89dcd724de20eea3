//! Ports that a Service does not serve (rule Q-8): nobody answers there, so no command says that they are allowed.

use super::World;

/// A Service of each sort; nothing is isolated.
fn shop() -> World {
    World::of(
        "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {containers: [{name: c, image: i}]}
status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}]}]}
status: {podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7, 'fd00:96::7'], selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: early, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: pods, namespace: shop}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: silent, namespace: shop}
spec: {clusterIP: None, selector: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: example.org, ports: [{port: 443}]}
",
    )
}

/// The first two lines of what is said of it.
fn gist(refusal: &str) -> String {
    let text = refusal.replace("error: ", "").replace("= help: ", "");
    let wanted = [
        "svc/shop/",
        "it serves",
        "name the pods",
        "ask about an address",
    ];
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| wanted.iter().any(|start| line.starts_with(start)));
    lines.collect::<Vec<_>>().join("|")
}

#[test]
fn what_a_service_does_not_serve_is_refused_in_the_same_words() {
    let shop = shop();
    let served = "it serves tcp/80: name one of these, or the Service's pods";
    for (service, port, told) in [
        ("web", "81", format!("svc/shop/web does not serve tcp/81|{served}")),
        ("web", "81-90", format!("svc/shop/web does not serve tcp/81-90|{served}")),
        ("web", "udp/80", format!("svc/shop/web does not serve udp/80|{served}")),
        ("web", "icmp", format!("svc/shop/web does not serve icmp|{served}")),
        ("early", "81", format!("svc/shop/early does not serve tcp/81|{served}")),
        ("pods", "8080", format!("svc/shop/pods does not serve tcp/8080|{served}")),
        ("silent", "80", "svc/shop/silent serves no port|name the pods behind it".to_owned()),
        (
            "alias",
            "443",
            "svc/shop/alias is an alias of example.org, and has no address of its own|ask about an address of that host"
                .to_owned(),
        ),
    ] {
        let destination = format!("svc/shop/{service}");
        for form in ["text", "json"] {
            let question = ["shop/client", &destination, port, "-o", form];
            let refusal = shop.explain(&question).expect_refused();
            assert_eq!(gist(&refusal), told, "{refusal}");
        }
        for expected in ["allow", "deny"] {
            for against in ["manifests", "ruleset"] {
                let question = ["shop/client", &destination, port];
                let tested = shop.test(expected, question, &["--against", against]);
                let refusal = tested.expect_refused();
                assert_eq!(gist(&refusal), told, "{refusal}");
            }
        }
    }
}

/// A range of ports means those that the Service serves, but nobody can say that all of it is allowed.
#[test]
fn a_range_is_never_allowed_where_a_port_of_it_is_not_served() {
    let shop = shop();
    for service in ["web", "early", "pods"] {
        let destination = format!("svc/shop/{service}");
        let said = shop.explain(&["shop/client", &destination, "80-90"]);
        let said = said.expect(1);
        assert!(said.starts_with("partial: "), "{said}");
        assert!(said.contains("  not-served  tcp/81-90\n"), "{said}");
        for against in ["manifests", "ruleset"] {
            let more = ["--against", against];
            let question = ["shop/client", &destination, "80-90"];
            let said = shop.test("allow", question, &more).expect(1);
            assert!(said.contains("does not serve this port"), "{said}");
            let question = ["shop/client", &destination, "80-80"];
            shop.test("allow", question, &more).expect(0);
        }
        shop.explain(&["shop/client", &destination, "80"]).expect(0);
        if service == "web" {
            shop.explain(&["shop/client", &destination, "http"])
                .expect(0);
        }
        shop.explain(&["shop/client", &destination]).expect(0);
    }
}

/// a literal address is judged as an address, and the answer says whose it is.
#[test]
fn the_address_of_a_service_is_told_where_it_is_not_served() {
    let shop = shop();
    for address in ["10.96.0.7", "fd00:96::7"] {
        let said = shop.explain(&["shop/client", address, "81"]).expect(0);
        let told = format!(
            "warning[Q-8]: {address} is an address of svc/shop/web, which does not serve tcp/81: it is judged as any other address, \
             and nobody answers there\n  = help: it serves tcp/80\n"
        );
        assert!(said.contains(&told), "{said}");
        let said = shop.explain(&["shop/client", address, "80"]).expect(0);
        assert!(!said.contains("warning"), "{said}");
    }
}
