//! The answer for machines, and for comments.

use super::explain;

const SHOP: &str = "
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: other}}}]
    ports: [{port: 8080}]
";

#[test]
fn json_for_machines() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["client", "svc/server", "80", "-o", "json"], 1),
        snapbox::str![[r#"
{
  "verdict": "deny",
  "source": "default/client",
  "destination": "svc/default/server",
  "protocol": "TCP",
  "port": 80,
  "ports": {
    "deny": {
      "tcp": [
        "80"
      ]
    }
  },
  "service": "default/server",
  "missing": [],
  "connections": [
    {
      "verdict": "deny",
      "source": "default/client",
      "sourceAddress": "10.0.0.1",
      "destination": "default/server",
      "destinationAddress": "10.0.0.2",
      "service": "default/server",
      "protocol": "TCP",
      "port": 8080,
      "asked": {
        "tcp": [
          "80"
        ]
      },
      "alike": 1,
      "egress": {
        "verdict": "allow",
        "chain": "NetworkPolicy: not isolated -> allow",
        "tier": null,
        "reason": "not-isolated",
        "policy": null,
        "rule": null,
        "file": null,
        "line": null,
        "column": null,
        "ruleIds": [
          "NP-2",
          "Q-10"
        ],
        "passed": [],
        "isolatedBy": [],
        "rules": []
      },
      "ingress": {
        "verdict": "deny",
        "chain": "NetworkPolicy: isolated by default/p, no rule matches -> deny",
        "tier": "NetworkPolicy",
        "reason": "no-rule-matched",
        "policy": "default/p",
        "rule": null,
        "file": "<stdin>",
        "line": 19,
        "column": 1,
        "ruleIds": [
          "NP-2",
          "NP-10"
        ],
        "passed": [],
        "isolatedBy": [
          {
            "policy": "default/p",
            "file": "<stdin>",
            "line": 19,
            "column": 1
          }
        ],
        "rules": [
          {
            "policy": "default/p",
            "rule": "ingress[0]",
            "file": "<stdin>",
            "line": 25,
            "column": 5,
            "peer": "no",
            "port": "yes",
            "misses": [
              {
                "field": "from[0].podSelector.matchLabels.app",
                "why": "default/client has `app: client`"
              }
            ]
          }
        ]
      }
    }
  ],
  "noEndpoints": [],
  "warnings": []
}

"#]]
    );
}

#[test]
fn json_of_several_ports_tells_them_apart() {
    let said = explain(SHOP, &["client", "server", "-o", "json"], 1);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json.get("port"), Some(&serde_json::Value::Null));
    let asked: Vec<String> = json
        .get("connections")
        .and_then(serde_json::Value::as_array)
        .unwrap()
        .iter()
        .map(|connection| connection.get("asked").unwrap().to_string())
        .collect();
    assert_eq!(
        asked,
        [
            r#"{"tcp":["1-8079","8081-65535"],"udp":["1-65535"],"sctp":["1-65535"],"other":true}"#,
            r#"{"tcp":["8080"]}"#
        ]
    );
}

#[test]
fn markdown_for_comments() {
    snapbox::assert_data_eq!(
        explain(SHOP, &["client", "svc/server", "80", "-o", "md"], 1),
        snapbox::str![[r#"
### ⛔ deny: `default/client` → `svc/default/server` tcp/80

| verdict | connection | port | egress | ingress |
| --- | --- | --- | --- | --- |
| deny | `default/client` → `default/server` | tcp/80 | NetworkPolicy: not isolated -> allow | NetworkPolicy: isolated by default/p, no rule matches -> deny |

<details open><summary>Why</summary>

```text
denied: ingress to default/server: isolated by default/p, and no rule matches default/client on tcp/8080
  --> <stdin>:23:3
   |
23 |   podSelector: {matchLabels: {app: server}}
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ default/p selects default/server for ingress

no match: default/p ingress[0]: the port matches, the source does not
  --> <stdin>:25:41
   |
25 |   - from: [{podSelector: {matchLabels: {app: other}}}]
   |                                         ^^^^^^^^^^ default/client has `app: client`
26 |     ports: [{port: 8080}]
   |              ---------- matches tcp/8080
```

</details>

"#]]
    );
}

/// A pod that may open port 443 of `blocks` blocks, by a rule for each.
fn rule_for_each(blocks: usize) -> String {
    let rule = |number: usize| {
        format!(
            "  - to: [{{ipBlock: {{cidr: 198.51.{number}.0/24}}}}]\n    ports: [{{port: 443}}]\n"
        )
    };
    let rules: String = (0..blocks).map(rule).collect();
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: a}}
spec: {{containers: [{{name: c, image: i}}]}}
status: {{podIP: 10.0.0.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: out, namespace: a}}
spec:
  podSelector: {{}}
  policyTypes: [Egress]
  egress:
{rules}"
    )
}

/// Thousands of rules for each of thousands of blocks would be hundreds of megabytes.
#[test]
fn of_very_many_rules_machines_are_told_a_hundred_and_how_many_more() {
    let manifests = rule_for_each(130);
    let rules = |more: &[&str]| {
        let question = [&["a/web", "203.0.113.9", "443", "-o", "json"], more].concat();
        let answer: serde_json::Value =
            serde_json::from_str(&explain(&manifests, &question, 1)).unwrap();
        let egress = answer.pointer("/connections/0/egress").unwrap();
        let listed = egress.get("rules").and_then(|rules| rules.as_array());
        let more = egress.get("moreRules").and_then(serde_json::Value::as_u64);
        (listed.unwrap().len(), more)
    };
    assert_eq!(rules(&[]), (100, Some(30)));
    assert_eq!(rules(&["--all"]), (130, None));
}

#[test]
fn of_very_many_kinds_of_connections_a_comment_has_fifty() {
    let manifests = rule_for_each(70);
    let rows = |more: &[&str]| {
        let question = [&["a/web", "internet", "443", "-o", "md"], more].concat();
        let said = explain(&manifests, &question, 1);
        let rows = said.lines().filter(|line| line.contains("→ `198.51."));
        (rows.count(), said)
    };
    let (few, said) = rows(&[]);
    let (all, _) = rows(&["--all"]);
    assert_eq!(all, 70);
    assert!(few < 50, "{said}");
    let more = format!(
        "{} more kinds of connections; `--all` shows them",
        all - few
    );
    assert!(said.contains(&more), "{said}");
}
