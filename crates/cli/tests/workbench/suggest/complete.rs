//! What `suggest` must not call complete.

use super::{deployment, namespace, suggest};

/// What `suggest` says in JSON about these manifests, and its exit code.
pub(super) fn judged(manifests: &str, arguments: &[&str]) -> (serde_json::Value, Option<i32>) {
    let manifests = manifests.trim_end().trim_end_matches("---");
    let found = suggest(manifests, &[&["-o", "json"], arguments].concat());
    let json = serde_json::from_str(&found.stdout).unwrap_or_default();
    (json, found.status.code())
}

/// The problems that are left to a human.
pub(super) fn problems(found: &serde_json::Value) -> Vec<String> {
    let unresolved = found["unresolved"].as_array().unwrap();
    let problems = unresolved
        .iter()
        .map(|one| one["problem"].as_str().unwrap().to_owned());
    problems.collect()
}

/// What is open to every address is open to pods that have one and are not isolated.
#[test]
fn a_pod_that_a_rule_for_the_outside_lets_in_is_a_warning() {
    let open = "spec: {type: LoadBalancer, selector: {app: web}";
    let web = deployment("web", "").replacen("spec: {selector: {app: web}", open, 1);
    let pod = "apiVersion: v1
kind: Pod
metadata: {name: other, namespace: kube-system, labels: {app: other}}
spec: {containers: [{name: c, image: i}]}
status: {podIPs: [{ip: 10.244.0.9}]}
";
    let manifests = namespace() + &web + pod;
    let found = suggest(&manifests, &[]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    let warning = "kube-system/pod/other -> ns/deployment/web tcp/8080: allowed, and not needed";
    assert!(found.stderr.contains(warning), "{found:#?}");
    let elsewhere = manifests.replace("namespace: kube-system", "namespace: elsewhere");
    let found = suggest(&elsewhere, &["--only", "ns"]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    // Those of a range that the Service names are meant.
    let ranges = "type: LoadBalancer, loadBalancerSourceRanges: [10.244.0.0/16]";
    let found = suggest(&manifests.replace("type: LoadBalancer", ranges), &[]);
    assert_eq!(found.status.code(), Some(0), "{found:#?}");
}

#[test]
fn hosts_outside_are_for_a_human_whatever_names_them() {
    for (container, host) in [
        (
            "env: [{name: REGISTRY, value: \"ghcr.io:443\"}]",
            "ghcr.io:443",
        ),
        (
            "args: [--smtp, \"smtp.example.com:587\"]",
            "smtp.example.com:587",
        ),
        (
            "command: [sh, -c, \"curl -s smtp.example.com:587\"]",
            "smtp.example.com:587",
        ),
        (
            "command: [sh, -c, \"psql -h db.prod.example.com\"]",
            "db.prod.example.com",
        ),
        (
            "command: [psql, -h, db.prod.example.com, -p, \"5433\"]",
            "db.prod.example.com:5433",
        ),
        (
            "command: [sh, -c, \"ls; psql --host=db.example.com --port=5433\"]",
            "db.example.com:5433",
        ),
        (
            "env: [{name: ORA, value: \"jdbc:oracle:thin:@//ora.example.com:1521/x\"}]",
            "ora.example.com:1521",
        ),
    ] {
        let (found, code) = judged(&(namespace() + &deployment("a", container)), &[]);
        let problems = problems(&found);
        let said = format!("{host} is outside of the cluster");
        assert!(
            problems.iter().any(|one| one.contains(&said)),
            "{container}: {found}"
        );
        assert_eq!(code, Some(1), "{container}");
    }
    for container in [
        "env: [{name: X, value: \"nginx:1.27\"}]",
        "env: [{name: X, value: \"ghcr.io/team/app:1\"}]",
        "env: [{name: X, value: \"registry.example.com:5000/team/app:1\"}]",
        "env: [{name: RELATED_IMAGE, value: \"registry.example.com:5000/team/app\"}]",
        "env: [{name: CLASSPATH, value: \"/opt/a.jar:/opt/b.jar\"}]",
        "env: [{name: AT, value: \"12:30\"}]",
        "args: [\"main.rs:10\", \"key:80\", \"du -h data\"]",
    ] {
        let (found, code) = judged(&(namespace() + &deployment("a", container)), &[]);
        assert_eq!(code, Some(0), "{container}: {found}");
    }
}

#[test]
fn addresses_are_needed_in_brackets_and_behind_flags() {
    for (container, block, port) in [
        (
            "env: [{name: X, value: \"[2001:db8::5]:443\"}]",
            "2001:db8::5/128",
            443,
        ),
        (
            "command: [sh, -c, \"psql -h 192.0.2.7 -p 5432\"]",
            "192.0.2.7/32",
            5432,
        ),
    ] {
        let (found, code) = judged(&(namespace() + &deployment("a", container)), &[]);
        let need = &found["needs"][0];
        assert!(
            need["to"].to_string().contains(block),
            "{container}: {found}"
        );
        assert_eq!(need["port"], port, "{container}: {found}");
        assert_eq!(code, Some(0), "{container}: {found}");
    }
}

#[test]
fn workloads_that_are_scaled_to_none_need_the_same() {
    let asleep = deployment("a", "env: [{name: B_URL, value: http://b}]");
    let asleep = asleep.replace("replicas: 2", "replicas: 0");
    let stateful = asleep.replace("kind: Deployment", "kind: StatefulSet");
    for asleep in [asleep, stateful] {
        let found = suggest(&(namespace() + &asleep + &deployment("b", "")), &[]);
        assert_eq!(found.status.code(), Some(0), "{found:#?}");
        assert!(found.stdout.contains("name: allow-a"), "{found:#?}");
        assert!(found.stdout.contains("env B_URL"), "{found:#?}");
    }
}

#[test]
fn metrics_that_nobody_is_shown_to_collect_are_for_a_human() {
    let scraped = deployment("a", "").replacen(
        "metadata: {labels: {app: a}}",
        "metadata: {labels: {app: a}, annotations: {prometheus.io/scrape: \"true\", prometheus.io/port: \"8080\"}}",
        1,
    );
    let (found, code) = judged(&(namespace() + &scraped), &[]);
    let said = "ns/deployment/a asks to be scraped at port 8080";
    assert!(problems(&found)[0].contains(said), "{found}");
    assert_eq!(code, Some(1));
    let user = deployment("p", "env: [{name: A_URL, value: http://a}]");
    let (found, code) = judged(&(namespace() + &scraped + &user), &[]);
    assert_eq!(code, Some(0), "somebody is shown to need it: {found}");

    let monitor = "apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: x, namespace: ns}
spec: {selector: {matchLabels: {app: a}}, endpoints: [{port: metrics}]}
";
    let (found, code) = judged(&(namespace() + &deployment("a", "") + monitor), &[]);
    assert_eq!(
        problems(&found),
        ["says what is scraped, which is not read"]
    );
    assert_eq!(code, Some(1));

    let config = "apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: ns}
data: {prometheus.yml: \"scrape_configs:\\n- job_name: p\\n  kubernetes_sd_configs: [{role: pod}]\\n\"}
";
    let prometheus = deployment("p", "").replace(
        "      containers:",
        "      volumes: [{name: v, configMap: {name: c}}]\n      containers:",
    );
    let manifests = namespace() + &prometheus + config;
    let (found, code) = judged(&manifests, &["--api-server", "192.0.2.1:443"]);
    assert!(
        problems(&found)[0].contains("kubernetes_sd_configs"),
        "{found}"
    );
    assert_eq!(found["needs"][0]["port"], 443, "{found}");
    assert_eq!(code, Some(1));
}

/// Items of a typed list need not say their kind (rule OB-1).
#[test]
fn items_of_lists_are_of_the_kind_of_their_list() {
    for (list, told) in [
        (
            "apiVersion: networking.k8s.io/v1
kind: IngressList
items: [{metadata: {name: i, namespace: ns}, spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}}]
",
            ["--ingress-from", "edge"],
        ),
        (
            "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRouteList
items: [{metadata: {name: i, namespace: ns}, spec: {parentRefs: [{name: g}], rules: [{backendRefs: [{name: a, port: 80}]}]}}]
",
            ["--ingress-from", "edge"],
        ),
        (
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfigurationList
items: [{metadata: {name: i}, webhooks: [{clientConfig: {service: {name: a, namespace: ns, port: 80}}}]}]
",
            ["--api-server", "192.0.2.1:443"],
        ),
    ] {
        let manifests = namespace() + &deployment("a", "") + list;
        let (found, _) = judged(&manifests, &told);
        let needs = found["needs"].as_array().unwrap();
        assert_eq!(needs.len(), 1, "{list}: {found}");
        let stderr = suggest(&manifests, &[]).stderr;
        assert!(!stderr.contains("not known here"), "{list}: {stderr}");
    }
}

#[test]
fn pods_ask_the_name_servers_that_they_are_given() {
    let with = |line: &str| {
        let a = deployment("a", "env: [{name: B_URL, value: http://b}]");
        let a = a.replace(
            "      containers:",
            &format!("      {line}\n      containers:"),
        );
        let (found, code) = judged(&(namespace() + &a + &deployment("b", "")), &[]);
        (found.to_string(), code)
    };
    let (found, code) = with("dnsPolicy: None\n      dnsConfig: {nameservers: [192.0.2.53]}");
    assert!(found.contains("192.0.2.53/32"), "{found}");
    assert!(!found.contains("kube-dns"), "{found}");
    assert_eq!(code, Some(0), "{found}");
    let (found, code) = with("dnsPolicy: Default");
    assert!(!found.contains("kube-dns"), "{found}");
    assert_eq!(code, Some(1), "{found}");
    let (found, code) = with("dnsPolicy: ClusterFirst");
    assert!(found.contains("kube-dns"), "{found}");
    assert_eq!(code, Some(0), "{found}");
}

#[test]
fn what_makes_pods_that_are_not_read_is_for_a_human() {
    for (other, code) in [
        (
            "apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r, namespace: ns}
spec: {template: {spec: {containers: [{name: c, image: i}]}}}
",
            1,
        ),
        (
            "apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: r, namespace: ns}
spec: {instances: 3}
",
            1,
        ),
        (
            "apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: r, namespace: ns}
spec: {template: {metadata: {name: r}}}
",
            0,
        ),
    ] {
        let (found, exit) = judged(&(namespace() + &deployment("a", "") + other), &[]);
        assert_eq!(exit, Some(code), "{other}: {found}");
        let said = problems(&found);
        assert_eq!(said.len(), usize::from(code == 1), "{other}: {found}");
        assert!(
            said.iter().all(|one| one.contains("may make pods")),
            "{found}"
        );
    }
}

/// A mesh adds containers that have to reach its control plane before the pod is ready.
#[test]
fn containers_that_somebody_adds_are_for_a_human() {
    let labelled = |namespace: &str, key: &str| {
        namespace.replace("{name: ns}", &format!("{{name: ns, labels: {{{key}}}}}"))
    };
    let plain = namespace();
    let template = "    metadata: {annotations: {sidecar.istio.io/inject: \"VALUE\"}, labels";
    let one = deployment("a", "");
    let told = |value: &str| {
        let template = template.replace("VALUE", value);
        one.replacen("    metadata: {labels", &template, 1)
    };
    assert_ne!(told("true"), one, "the template is elsewhere now");
    for (manifests, said) in [
        (labelled(&plain, "istio-injection: enabled") + &one, 1),
        (labelled(&plain, "istio-injection: disabled") + &one, 0),
        (labelled(&plain, "istio.io/rev: canary") + &one, 1),
        (plain.clone() + &told("true"), 1),
        (plain.clone() + &told("false"), 0),
    ] {
        let (found, code) = judged(&manifests, &[]);
        let problems = problems(&found);
        assert_eq!(problems.len(), said, "{manifests}: {found}");
        assert_eq!(code, Some(i32::from(said == 1)), "{manifests}: {found}");
        let is_named = problems.iter().all(|one| one.contains("Istio adds"));
        assert!(is_named, "{found}");
    }
}

#[test]
fn rights_of_all_accounts_of_a_namespace_are_for_a_human() {
    let binding = "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: r}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: \"system:serviceaccounts:ns\"}]
";
    let (found, code) = judged(&(namespace() + &deployment("a", "") + binding), &[]);
    assert!(
        problems(&found)[0].contains("every account of `ns` has rights"),
        "{found}"
    );
    assert_eq!(code, Some(1));
    let pulls = binding.replace("name: view", "name: \"system:image-puller\"");
    let (found, code) = judged(&(namespace() + &deployment("a", "") + &pulls), &[]);
    assert_eq!(code, Some(0), "{found}");
    for group in ["system:serviceaccounts", "system:authenticated"] {
        let everybody = binding.replace("system:serviceaccounts:ns", group);
        let (found, code) = judged(&(namespace() + &deployment("a", "") + &everybody), &[]);
        let said = problems(&found);
        assert!(
            said[0].contains("every account of `ns` has rights"),
            "{found}"
        );
        assert_eq!((said.len(), code), (1, Some(1)), "{found}");
        // Every cluster has such bindings of roles of its own.
        let own = everybody.replace("name: view", "name: \"system:discovery\"");
        let (found, code) = judged(&(namespace() + &deployment("a", "") + &own), &[]);
        assert_eq!(code, Some(0), "{found}");
    }
}

/// Ports that an ingress controller leads on as they come stand in ConfigMaps that its flags name.
#[test]
fn streams_of_an_ingress_controller_are_needs() {
    let controller = deployment(
        "controller",
        "env: [{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]
        args: [--tcp-services-configmap=$(POD_NAMESPACE)/tcp, --udp-services-configmap, ns/udp]",
    );
    let list = |name: &str, entries: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: ns}}\ndata: {{{entries}}}\n---\n"
        )
    };
    let with = |tcp: &str| {
        let udp = list("udp", "\"53\": \"ns/dns:53\"");
        let dns =
            deployment("dns", "").replace("port: 80, targetPort: http", "port: 53, protocol: UDP");
        namespace() + &controller + &dns + &deployment("web", "") + &udp + tcp
    };
    let (found, code) = judged(&with(&list("tcp", "\"9000\": \"ns/web:80:PROXY\"")), &[]);
    assert_eq!(code, Some(0), "{found}");
    let needs = found["needs"].as_array().unwrap();
    let shown: Vec<String> = needs.iter().map(ToString::to_string).collect();
    for (to, evidence) in [
        ("deployment/web", "9000 of configmap/ns/tcp"),
        ("deployment/dns", "53 of configmap/ns/udp"),
    ] {
        let mut all = shown.iter();
        assert!(
            all.any(|need| need.contains(to) && need.contains(evidence)),
            "{found}"
        );
    }
    for (tcp, problem) in [
        (
            list("tcp", "\"9000\": \"ns/gone:80\""),
            "svc/ns/gone is not among these manifests",
        ),
        (
            list("tcp", "\"9000\": \"ns/web:81\""),
            "svc/ns/web has no port 81",
        ),
        (
            list("tcp", "\"9000\": \"web\""),
            "is not written as NAMESPACE/SERVICE:PORT",
        ),
        (
            String::new(),
            "configmap/ns/tcp is not among these manifests",
        ),
    ] {
        let (found, code) = judged(&with(&tcp), &[]);
        assert_eq!(
            (problems(&found), code),
            (vec![problem.to_owned()], Some(1))
        );
    }
}

#[test]
fn objects_of_others_that_lead_to_services_are_for_a_human() {
    let service = "http://web.ns.svc.cluster.local/auth";
    for (other, led) in [
        (
            "apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: r, namespace: ns}
spec: {routes: [{match: Host(`x`), services: [{name: web, port: 80}]}]}
"
            .to_owned(),
            true,
        ),
        (
            "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r, namespace: ns}
spec: {http: [{route: [{destination: {host: web.ns.svc.cluster.local}}]}]}
"
            .to_owned(),
            true,
        ),
        (
            "apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: web, namespace: ns}
spec: {to: {kind: Service, name: web}}
"
            .to_owned(),
            true,
        ),
        (
            format!(
                "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: r, namespace: ns, annotations: {{nginx.ingress.kubernetes.io/auth-url: \"{service}\"}}}}
spec: {{}}
"
            ),
            true,
        ),
        (
            "apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: ns}
spec: {dnsNames: [web.ns.svc], secretName: web, issuerRef: {name: web}}
"
            .to_owned(),
            false,
        ),
    ] {
        let (found, code) = judged(&(namespace() + &deployment("web", "") + &other), &[]);
        let said = problems(&found);
        let is_led = said.iter().any(|one| one.contains("names svc/ns/web"));
        assert_eq!(is_led, led, "{other}: {found}");
        assert_eq!(code, Some(i32::from(led)), "{other}: {found}");
    }
}

/// Policies of namespaces for which nothing is suggested stay, and count.
#[test]
fn what_a_policy_elsewhere_denies_is_no_complete_suggestion() {
    let client = deployment("client", "env: [{name: DB_URL, value: http://store.data}]");
    let store = deployment("store", "").replace("namespace: ns", "namespace: data");
    let closed = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: data}
spec: {podSelector: {}, policyTypes: [Ingress]}
";
    let all = namespace() + &client + &store + closed;
    let found = suggest(&all, &["--only", "ns"]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    let warning = "ns/deployment/client -> data/deployment/store tcp/8080: needed, and not allowed";
    assert!(found.stderr.contains(warning), "{found:#?}");
    assert_eq!(suggest(&all, &[]).status.code(), Some(0));
}

/// A pod without an address may have one of those that a rule opens (rule AM-22).
#[test]
fn a_pod_without_an_address_may_come_in_from_the_outside() {
    let open = "spec: {type: LoadBalancer, selector: {app: web}";
    let web = deployment("web", "").replacen("spec: {selector: {app: web}", open, 1);
    let other = deployment("other", "").replace("namespace: ns", "namespace: elsewhere");
    let all = namespace() + &web + &other;
    let found = suggest(&all, &["--only", "ns"]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    let warning = "elsewhere/deployment/other -> ns/deployment/web tcp/8080";
    assert!(found.stderr.contains(warning), "{found:#?}");
    let ranges =
        "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.244.0.0/24}\n";
    let found = suggest(&(all + ranges), &["--only", "ns"]);
    assert_eq!(found.status.code(), Some(0), "{found:#?}");
}

/// What a rule for addresses leaves open is not known of pods whose addresses nobody tells (rule AM-22).
#[test]
fn what_is_unknown_is_told_with_the_option_that_tells_it() {
    let guard = "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: others}
spec:
  tier: Admin
  priority: 0
  subject: {namespaces: {}}
  egress:
  - {action: Deny, to: [{networks: [172.16.0.0/12]}]}
";
    let user = deployment("user", "env: [{name: DB_URL, value: http://store}]");
    let all = namespace() + &user + &deployment("store", "") + guard;
    let found = suggest(&all, &[]);
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    for said in [
        "tcp/8080: needed, and not known to be allowed\n",
        "-> kube-system/[k8s-app=kube-dns]",
        "0 of 2 pairs before (2 more unknown), 0 after (1 more unknown)\n",
        "--pod-cidr 10.244.0.0/16",
    ] {
        assert!(found.stderr.contains(said), "{said}: {found:#?}");
    }
    assert!(!found.stderr.contains("not allowed"), "{found:#?}");
    let told = suggest(&all, &["--pod-cidr", "10.244.0.0/16"]);
    assert_eq!(told.status.code(), Some(0), "{told:#?}");
}

/// Pods ask the cache on their node where there is one (rule NP-67).
#[test]
fn a_cache_on_the_node_may_be_asked_for_names() {
    let client = deployment("a", "env: [{name: B_URL, value: http://b}]");
    let cache = "apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-local-dns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: node-local-dns}}
  template:
    metadata: {labels: {k8s-app: node-local-dns}}
    spec: {hostNetwork: true, containers: [{name: c, image: i}]}
---
";
    let all = namespace() + &client + &deployment("b", "");
    let (without, _) = judged(&all, &[]);
    assert!(!without.to_string().contains("169.254.20.10"), "{without}");
    let (with, code) = judged(&(all + cache), &[]);
    assert!(with.to_string().contains("169.254.20.10/32"), "{with}");
    assert_eq!(code, Some(0), "{with}");
}

/// An Ingress of a class that somebody else serves, in the cluster or beside it, is not this controller's.
#[test]
fn an_ingress_of_another_class_is_not_given_to_the_only_controller() {
    let controller =
        deployment("controller", "").replace("image: i", "image: ingress-nginx/controller:v1");
    for (class, code) in [
        ("nginx", 0),
        ("internal", 0),
        ("alb", 1),
        ("gce", 1),
        ("traefik", 1),
    ] {
        let ingress = format!(
            "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: r, namespace: ns}}
spec: {{ingressClassName: {class}, defaultBackend: {{service: {{name: web, port: {{number: 80}}}}}}}}
"
        );
        let (found, exit) = judged(
            &(namespace() + &deployment("web", "") + &controller + &ingress),
            &[],
        );
        assert_eq!(exit, Some(code), "{class}: {found}");
    }
}
