//! `ringfence audit` in each of its forms.

mod crowd;
mod custom;
mod forms;
mod hubs;
mod score;
mod separation;

use serde_json::Value;

use crate::support::{Finished, ringfence, ringfence_reading};

/// A shop whose policies name everybody who gets in and out.
const CLOSED: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  serviceName: db
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: postgres:16}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-to-db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-out, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: db}}}]
    ports: [{port: 5432}]
"#;

/// Allows everything to every pod of the shop.
const ALLOW_ALL: &str = "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: anything, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
";

fn audit(input: &str, arguments: &[&str]) -> Finished {
    ringfence_reading(input, &[&["audit", "-f", "-"], arguments].concat())
}

fn json(input: &str, arguments: &[&str], code: i32) -> Value {
    let said = audit(input, &[&["-o", "json"], arguments].concat()).expect(code);
    serde_json::from_str(&said).unwrap()
}

/// For how many a principle holds, of how many.
fn share(audit: &Value, id: &str) -> (u64, u64) {
    let principles = audit["principles"].as_array().unwrap();
    let found = principles.iter().find(|one| one["id"] == id).unwrap();
    let number = |key: &str| found[key].as_u64().unwrap();
    (number("holds"), number("measured"))
}

fn findings<'a>(audit: &'a Value, id: &str) -> &'a Vec<Value> {
    let principles = audit["principles"].as_array().unwrap();
    let found = principles.iter().find(|one| one["id"] == id).unwrap();
    found["findings"].as_array().unwrap()
}

#[test]
fn where_everything_is_named_everything_holds() {
    let found = json(CLOSED, &[], 0);
    assert_eq!(found["score"], 100);
    assert_eq!(found["score_millionths"], 1_000_000);
    for id in ["RA01", "RA02", "RA03", "RA04", "RA07"] {
        assert_eq!(share(&found, id), (2, 2), "{id}");
    }
    assert_eq!(share(&found, "RA05"), (1, 1));
    assert_eq!(share(&found, "RA06"), (1, 1));
    assert_eq!(share(&found, "RA08"), (0, 0), "there is one namespace");
}

#[test]
fn policies_that_allow_everything_are_worth_nothing() {
    let open = json(&format!("{CLOSED}{ALLOW_ALL}"), &[], 1);
    let without = CLOSED.split("---\napiVersion: networking").next().unwrap();
    let without = json(without, &[], 1);
    assert_eq!(open["score"], without["score"]);
    for id in ["RA01", "RA02", "RA03", "RA07"] {
        assert_eq!(share(&open, id), (0, 2), "{id}");
    }
    let gap = &findings(&open, "RA01")[0]["gaps"][0];
    assert_eq!(gap["kind"], "stranger");
    assert_eq!(gap["witness"]["source"], "nowhere/stranger");
    assert_eq!(gap["witness"]["verdict"], "allow");
    let reasons = gap["witness"]["reasons"].to_string();
    assert!(reasons.contains("shop/anything ingress[0]"), "{reasons}");
}

#[test]
fn where_names_alone_are_asked_the_metadata_service_is_closed() {
    let asking = |port: &str| {
        let policy = format!(
            "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: names, namespace: shop}}
spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{{ports: [{port}]}}]}}
"
        );
        format!("{CLOSED}{policy}")
    };
    let names = "{protocol: UDP, port: 53}, {port: 53}";
    assert_eq!(share(&json(&asking(names), &[], 0), "RA03"), (2, 2));
    for more in ["{protocol: UDP, port: 80}", "{port: 53, endPort: 54}"] {
        let found = json(&asking(&format!("{names}, {more}")), &[], 1);
        assert_eq!(share(&found, "RA03"), (0, 2), "{more}");
    }
}

#[test]
fn names_below_a_domain_are_not_proven_to_be_few() {
    let accepting = |name: &str| {
        format!(
            "{CLOSED}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {{name: names}}
spec: {{tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, egress: [{{action: Accept, to: [{{domainNames: [{name}]}}]}}]}}
"
        )
    };
    let found = |name: &str| -> Value {
        // What has no address is warned of beside it.
        let said = audit(&accepting(name), &["-o", "json"]);
        serde_json::from_str(&said.stdout).unwrap()
    };
    assert_eq!(share(&found("api.example.com"), "RA02"), (2, 2));
    let any = found("'*.example.com'");
    assert_eq!(share(&any, "RA02"), (0, 2));
    // Behind such a name may be a node, and no address of the link, such as that of the metadata service.
    assert_eq!(share(&found("api.example.com"), "RA07"), (2, 2));
    assert_eq!(share(&any, "RA07"), (0, 2));
    assert_eq!(findings(&any, "RA07")[0]["gaps"][0]["kind"], "names");
    assert_eq!(share(&any, "RA03"), (2, 2));
    let gap = &findings(&any, "RA02")[0]["gaps"][0];
    assert_eq!(
        (&gap["kind"], &gap["certain"]),
        (&"names".into(), &false.into())
    );
    let said = gap["message"].as_str().unwrap();
    assert!(
        said.ends_with("to whatever is called `*.example.com`, at any address"),
        "{said}"
    );
}

/// A policy of the shop that lets `peer` in and out.
fn letting_in(peer: &str) -> String {
    format!(
        "{CLOSED}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: labels, namespace: shop}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: [{{from: [{peer}]}}], egress: [{{to: [{peer}]}}]}}
"
    )
}

#[test]
fn labels_that_anybody_may_choose_protect_nobody() {
    let some = "podSelector: {matchExpressions: [{key: app, operator: Exists}]}";
    let found = json(
        &letting_in(&format!("{{namespaceSelector: {{}}, {some}}}")),
        &[],
        1,
    );
    assert_eq!(
        (share(&found, "RA01"), share(&found, "RA02")),
        ((0, 2), (0, 2))
    );
    let gap = &findings(&found, "RA01")[0]["gaps"][0];
    assert_eq!(gap["kind"], "labelled-stranger");
    assert_eq!(gap["witness"]["source"], "nowhere/labelled");
    assert_eq!(gap["witness"]["verdict"], "allow");
    let named = "{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}";
    assert_eq!(share(&json(&letting_in(named), &[], 1), "RA01"), (0, 2));
    let by_namespace =
        "{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}";
    assert_eq!(
        share(&json(&letting_in(by_namespace), &[], 0), "RA01"),
        (2, 2)
    );
}

#[test]
fn a_label_of_the_own_namespace_has_to_have_a_value() {
    let some = "{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}";
    let found = json(&letting_in(some), &["--fail-on", "medium"], 1);
    assert_eq!(share(&found, "RA01"), (0, 2));
    let gap = &findings(&found, "RA01")[0]["gaps"][0];
    assert_eq!(gap["kind"], "labelled-neighbour");
    assert_eq!(gap["witness"]["source"], "shop/labelled");
    let named = "{podSelector: {matchLabels: {app: web}}}";
    assert_eq!(share(&json(&letting_in(named), &[], 0), "RA01"), (2, 2));
}

#[test]
fn a_label_that_a_deny_asks_for_is_worn_as_well() {
    let deny = "
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: unlabelled}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - action: Deny
    from: [{pods: {namespaceSelector: {}, podSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}}]
";
    let anybody = letting_in("{namespaceSelector: {}}");
    let found = json(&format!("{anybody}{deny}"), &[], 1);
    assert_eq!(share(&found, "RA01"), (0, 2));
}

#[test]
fn an_admin_rule_overrides_what_policies_deny() {
    let admin = "
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: everybody}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Accept, from: [{namespaces: {}}]}]
";
    let found = json(&format!("{CLOSED}{admin}"), &[], 1);
    assert_eq!(share(&found, "RA01"), (0, 2));
    assert_eq!(share(&found, "RA06"), (0, 1));
    assert_eq!(share(&found, "RA02"), (2, 2));
}

#[test]
fn what_a_service_offers_to_the_outside_is_meant_to_be_open() {
    let opened = "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: page, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: KIND, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";
    let of = |kind: &str, code| {
        json(
            &format!("{CLOSED}{}", opened.replace("KIND", kind)),
            &[],
            code,
        )
    };
    assert_eq!(share(&of("LoadBalancer", 0), "RA01"), (2, 2));
    assert_eq!(share(&of("NodePort", 0), "RA01"), (2, 2));
    assert_eq!(share(&of("ClusterIP", 1), "RA01"), (1, 2));
}

#[test]
fn what_is_open_to_its_own_namespace_is_worth_mending() {
    let own = "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: among-us, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}]}]
  egress: [{to: [{podSelector: {}}]}]
";
    let found = json(&format!("{CLOSED}{own}"), &[], 0);
    let finding = &findings(&found, "RA01")[0];
    assert_eq!(finding["severity"], "medium");
    assert_eq!(finding["gaps"][0]["kind"], "neighbour");
    assert_eq!(finding["gaps"][0]["witness"]["source"], "shop/stranger");
}

#[test]
fn a_store_is_no_less_sensitive_because_a_service_offers_it() {
    let opened = "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: data, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {type: NodePort, selector: {app: db}, ports: [{port: 5432}]}
";
    let found = json(&format!("{CLOSED}{opened}"), &[], 1);
    assert_eq!(share(&found, "RA01"), (2, 2));
    assert_eq!(share(&found, "RA06"), (0, 1));
}

#[test]
fn stores_are_named_and_their_clients_counted() {
    let found = json(CLOSED, &["--sensitive", "app=web"], 0);
    assert_eq!(share(&found, "RA06"), (2, 2));
    let found = json(CLOSED, &["--max-clients", "0"], 0);
    assert_eq!(share(&found, "RA06"), (0, 1));
    let gap = &findings(&found, "RA06")[0]["gaps"][0];
    assert_eq!(
        gap["message"],
        "1 workload may open tcp/5432, 0 at most are meant to"
    );
    assert_eq!(gap["witness"]["source"], "shop/web-0");
    let said = audit(CLOSED, &["--sensitive", "app in (web)"]).expect_refused();
    assert!(said.contains("key=value"), "{said}");
}

#[test]
fn many_small_blocks_are_the_internet_too() {
    let halves = |blocks: &[&str]| {
        let peers: Vec<String> = blocks
            .iter()
            .map(|block| format!("{{ipBlock: {{cidr: {block}}}}}"))
            .collect();
        let policy = format!(
            "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out, namespace: shop}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  policyTypes: [Egress]
  egress: [{{to: [{}], ports: [{{port: 443}}]}}]
",
            peers.join(", ")
        );
        share(
            &json(&format!("{CLOSED}{policy}"), &["--fail-on", "never"], 0),
            "RA02",
        )
    };
    assert_eq!(halves(&["0.0.0.0/1", "128.0.0.0/1"]), (1, 2));
    assert_eq!(halves(&["8.0.0.0/9", "9.0.0.0/9", "11.0.0.0/9"]), (1, 2));
    assert_eq!(halves(&["8.0.0.0/9", "9.0.0.0/9"]), (2, 2));
    assert_eq!(
        halves(&["10.0.0.0/8"]),
        (1, 2),
        "a stranger may have any of these"
    );
}

#[test]
fn what_is_accepted_is_told_and_counted_and_does_not_fail() {
    let agent = r#"
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  namespace: shop
  annotations: {ringfence.dev/accept: "RA04: it counts the node's packets"}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: agent, image: agent}]}
"#;
    let found = json(&format!("{CLOSED}{agent}"), &[], 0);
    assert_eq!(share(&found, "RA04"), (2, 3));
    let finding = &findings(&found, "RA04")[0];
    assert_eq!(finding["accepted"], "it counts the node's packets");
    // As in a cluster, where the pod is there as well, and has no annotation.
    let runs = r"
---
apiVersion: v1
kind: Pod
metadata:
  name: agent-4vt5v
  namespace: shop
  labels: {app: agent}
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: agent, uid: u, controller: true}]
spec: {hostNetwork: true, nodeName: a, containers: [{name: agent, image: agent}]}
";
    let said = audit(&format!("{CLOSED}{agent}{runs}"), &["-o", "json"]);
    assert_eq!((said.status.code(), said.stderr.as_str()), (Some(0), ""));
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    let finding = &findings(&found, "RA04")[0];
    assert_eq!(finding["accepted"], "it counts the node's packets");
    let lines = agent.lines().filter(|line| !line.contains("annotations"));
    let unexplained: String = lines.map(|line| format!("{line}\n")).collect();
    json(&format!("{CLOSED}{unexplained}"), &[], 1);
    let system = unexplained.replace("namespace: shop", "namespace: kube-system");
    let found = json(&format!("{CLOSED}{system}"), &[], 0);
    assert_eq!(share(&found, "RA04"), (2, 2));
}

#[test]
fn a_namespace_accepts_and_what_accepts_nothing_is_told() {
    let accepted = CLOSED.replace(
        "{name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}",
        "{name: shop, annotations: {ringfence.dev/accept: \"RA05: a sandbox; RA01: no; RA99: no\"}}",
    );
    let said = audit(&accepted, &["--fail-on", "medium", "-o", "json"]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(findings(&found, "RA05")[0]["accepted"], "a sandbox");
    let warnings: Vec<&str> = said
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    assert_eq!(
        warnings,
        [
            "warning: `RA99: no` accepts nothing: it is not of the form `ID: reason`",
            "warning: the annotation accepts RA01, which is not found here",
        ]
    );
    assert!(said.stderr.contains("<stdin>:4:"), "{}", said.stderr);
}

#[test]
fn where_pods_may_have_any_address_a_block_of_some_proves_nothing() {
    let block = "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: office, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: BLOCK}}]}]}
";
    let with = |cidr: &str, arguments: &[&str], code| {
        json(
            &format!("{CLOSED}{}", block.replace("BLOCK", cidr)),
            arguments,
            code,
        )
    };
    assert_eq!(share(&with("203.0.113.0/24", &[], 0), "RA01"), (2, 2));
    let some = with("10.20.0.0/16", &[], 0);
    assert_eq!(share(&some, "RA01"), (1, 2));
    let finding = &findings(&some, "RA01")[0];
    assert_eq!(
        (&finding["certain"], &finding["severity"]),
        (&false.into(), &"medium".into())
    );
    assert_eq!(
        share(
            &with("10.20.0.0/16", &["--pod-cidr", "10.244.0.0/16"], 0),
            "RA01"
        ),
        (2, 2)
    );
    let pods = with("10.20.0.0/16", &["--pod-cidr", "10.20.4.0/24"], 1);
    assert_eq!(findings(&pods, "RA01")[0]["certain"], true);
}

/// Where no address is known, pods may have addresses of each family that policies speak of.
#[test]
fn what_is_open_to_the_other_family_alone_is_open() {
    let open = format!("{CLOSED}{}", "
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: six, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}], egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]}
");
    let found = json(&open, &[], 1);
    for principle in ["RA01", "RA02", "RA03", "RA07"] {
        assert_eq!(share(&found, principle).0, 0, "{principle}: {found}");
    }
    assert_eq!(share(&json(CLOSED, &[], 0), "RA01"), (2, 2));
}

#[test]
fn how_it_ends_is_for_the_caller_to_say() {
    let open = format!("{CLOSED}{ALLOW_ALL}");
    let end = |input: &str, arguments: &[&str]| audit(input, arguments).status.code();
    assert_eq!(end(&open, &[]), Some(1));
    assert_eq!(end(&open, &["--fail-on", "never"]), Some(0));
    assert_eq!(end(&open, &["--min-score", "10"]), Some(0));
    assert_eq!(end(&open, &["--min-score", "90"]), Some(1));
    assert_eq!(
        end(&open, &["--min-score", "10", "--fail-on", "high"]),
        Some(1)
    );
    assert_eq!(end(CLOSED, &["--min-score", "100"]), Some(0));
    assert_eq!(end(CLOSED, &["--min-score", "101"]), Some(2));
    let nothing = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    assert_eq!(end(nothing, &[]), Some(0));
    assert_eq!(end(nothing, &["--min-score", "1"]), Some(1));
    let medium = CLOSED.replace("enforce: baseline", "enforce: privileged");
    assert_eq!(end(&medium, &[]), Some(0));
    assert_eq!(end(&medium, &["--fail-on", "medium"]), Some(1));
    let said = ringfence(&["audit"]).expect_refused();
    assert!(said.contains("name them with -f"), "{said}");
    assert_eq!(end("kind: [", &[]), Some(2));
}

#[test]
fn without_workloads_there_is_no_score() {
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    let said = audit(namespace, &["--explain-score"]).expect(0);
    assert!(said.starts_with("there is no workload"), "{said}");
    let found = json(namespace, &[], 0);
    assert!(found["score"].is_null());
}

#[test]
fn the_order_of_documents_does_not_matter() {
    let open = format!("{CLOSED}{ALLOW_ALL}");
    let mut documents: Vec<&str> = open.split("\n---\n").collect();
    let before = audit(&open, &["-o", "md"]).expect(1);
    documents.reverse();
    let after = audit(&documents.join("\n---\n"), &["-o", "md"]).expect(1);
    let without_lines = |text: &str| -> Vec<String> {
        let parts = text
            .lines()
            .map(|line| line.split("`<stdin>").next().unwrap());
        parts.map(str::to_owned).collect()
    };
    assert_eq!(without_lines(&before), without_lines(&after));
}
