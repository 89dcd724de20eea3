use std::collections::BTreeSet;

use ringfence_model::{Cluster, Input, LoadOptions, ObjectName, assemble, load};
use ringfence_policy::Engine;

use super::{Uncut, cut, shortest};
use crate::workload::{Groups, Outside, Unit, by_workload};

/// Pods `a` to `d`, between which these may open TCP 80.
fn cluster(rules: &[(&str, &str)]) -> Cluster {
    cluster_of(&["a", "b", "c", "d"], rules)
}

fn cluster_of(names: &[&str], rules: &[(&str, &str)]) -> Cluster {
    let mut text = String::new();
    for name in names {
        text.push_str(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: net, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n---\n"
        ));
        let froms: Vec<String> = rules
            .iter()
            .filter(|(_, to)| to == name)
            .map(|(from, _)| {
                format!("{{from: [{{podSelector: {{matchLabels: {{app: {from}}}}}}}], ports: [{{port: 80}}]}}")
            })
            .collect();
        text.push_str(&format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: to-{name}, namespace: net}}\nspec: {{podSelector: {{matchLabels: {{app: {name}}}}}, policyTypes: [Ingress], ingress: [{}]}}\n---\n",
            froms.join(", ")
        ));
    }
    read(text)
}

fn read(text: String) -> Cluster {
    let name = "n.yaml".to_owned();
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    assemble(&loaded.objects).0
}

fn pods(names: &[&str]) -> BTreeSet<Unit> {
    names.iter().map(|name| Unit::pod("net", *name)).collect()
}

fn groups(engine: &Engine) -> Groups {
    Groups::of(engine, &Outside::nothing(), by_workload)
}

fn way(engine: &Engine, from: &str, to: &str) -> Option<Vec<String>> {
    let way = shortest(engine, &groups(engine), &pods(&[from]), &pods(&[to]))?;
    Some(
        way.iter()
            .map(|step| format!("{} -> {}", step.from, step.to))
            .collect(),
    )
}

fn cut_rules(engine: &Engine, from: &str, to: &str) -> Vec<String> {
    let found = cut(engine, &groups, &pods(&[from]), &pods(&[to])).unwrap();
    found.rules.iter().map(ToString::to_string).collect()
}

#[test]
fn a_way_leads_over_pods_and_is_the_shortest() {
    let engine = Engine::new(cluster(&[("a", "b"), ("b", "c"), ("c", "d"), ("b", "d")]));
    assert_eq!(
        way(&engine, "a", "d").unwrap(),
        ["net/a -> net/b", "net/b -> net/d"]
    );
    assert_eq!(way(&engine, "d", "a"), None);
}

/// Whoever asks by whom of all one of them is reached asks about the others.
#[test]
fn a_destination_that_is_a_source_is_reached_by_others() {
    let way = |rules: &[(&str, &str)], from: &[&str], to: &[&str]| {
        let engine = Engine::new(cluster(rules));
        let way = shortest(&engine, &groups(&engine), &pods(from), &pods(to))?;
        let steps = way.iter();
        let steps = steps.map(|step| format!("{} -> {}", step.from, step.to));
        Some(steps.collect::<Vec<_>>())
    };
    let all = ["a", "b", "c", "d"];
    assert_eq!(
        way(&[("a", "d")], &all, &["d"]).unwrap(),
        ["net/a -> net/d"]
    );
    assert_eq!(way(&[("d", "a")], &all, &["d"]), None);
    assert_eq!(way(&[("d", "a"), ("a", "b")], &["d"], &["d"]), None);
    assert_eq!(way(&[("c", "b")], &all, &all).unwrap(), ["net/c -> net/b"]);
    // Over `b`, which the search comes to from `a` first.
    let circle = [("a", "b"), ("c", "b"), ("b", "a")];
    assert_eq!(
        way(&circle, &["a", "c"], &["a"]).unwrap(),
        ["net/c -> net/b", "net/b -> net/a"]
    );
    let engine = Engine::new(cluster(&circle));
    let found = cut(&engine, &groups, &pods(&["a", "c"]), &pods(&["a"])).unwrap();
    assert_eq!(found.rules.len(), 1);
}

/// Two pods of `web`, which do not reach each other but by way of `db`.
#[test]
fn a_way_back_to_a_workload_itself_leads_to_another_pod_of_it() {
    let deployment = |name: &str, replicas: u8, from: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: net}}\nspec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: to-{name}, namespace: net}}\nspec: {{podSelector: {{matchLabels: {{app: {name}}}}}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: {from}}}}}}}]}}]}}\n---\n"
        )
    };
    for (replicas, leads) in [(2, true), (1, false)] {
        let web = deployment("web", replicas, "db");
        let engine = Engine::new(read(web + &deployment("db", 1, "web")));
        let groups = groups(&engine);
        let web = groups
            .units()
            .find(|unit| unit.to_string().contains("web"))
            .cloned();
        let web: BTreeSet<Unit> = web.into_iter().collect();
        let way = shortest(&engine, &groups, &web, &web);
        assert_eq!(way.map(|way| way.len()), leads.then_some(2));
    }
}

#[test]
fn one_rule_that_every_way_needs_is_the_cut() {
    let engine = Engine::new(cluster(&[("a", "b"), ("b", "c"), ("c", "d"), ("b", "d")]));
    assert_eq!(
        cut_rules(&engine, "a", "d"),
        ["NetworkPolicy net/to-b ingress[0]"]
    );
    assert_eq!(cut_rules(&engine, "d", "a"), Vec::<String>::new());
}

#[test]
fn two_ways_need_two_rules_and_keep_their_places() {
    let engine = Engine::new(cluster(&[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]));
    let found = cut_rules(&engine, "a", "d");
    assert_eq!(found.len(), 2, "{found:?}");
    let engine = Engine::new(cluster(&[
        ("a", "d"),
        ("b", "d"),
        ("a", "b"),
        ("c", "d"),
        ("a", "c"),
    ]));
    let expected = [
        "NetworkPolicy net/to-d ingress[0]",
        "NetworkPolicy net/to-d ingress[1]",
        "NetworkPolicy net/to-d ingress[2]",
    ];
    let found = cut_rules(&engine, "a", "d");
    assert!(
        found.len() == 3 && found.contains(&expected[0].to_owned()),
        "{found:?}"
    );
}

/// Pods without addresses, `a` to `c`; blocks may be theirs (rule AM-22).
#[test]
fn what_depends_on_an_address_is_a_way_perhaps() {
    let blocks = |name: &str, block: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: block-to-{name}, namespace: net}}\nspec: {{podSelector: {{matchLabels: {{app: {name}}}}}, ingress: [{{from: [{{ipBlock: {{cidr: {block}}}}}]}}]}}\n---\n"
        )
    };
    let mut made = cluster(&[("a", "b")]);
    let more = read(blocks("b", "10.1.0.0/16") + &blocks("c", "10.0.0.0/8"));
    made.network_policies.extend(more.network_policies);
    let engine = Engine::new(made);
    let found = |from: &str, to: &str| {
        let way = shortest(&engine, &groups(&engine), &pods(&[from]), &pods(&[to]));
        let steps = way.into_iter().flatten();
        steps
            .map(|step| (step.to.to_string(), step.is_certain()))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("a", "b"), [("net/b".to_owned(), true)]);
    assert_eq!(found("a", "c"), [("net/c".to_owned(), false)]);
    assert_eq!(found("a", "d"), []);
    assert_eq!(
        cut_rules(&engine, "a", "b"),
        [
            "NetworkPolicy net/block-to-b ingress[0]",
            "NetworkPolicy net/to-b ingress[0]"
        ]
    );
    assert_eq!(
        cut_rules(&engine, "a", "c"),
        ["NetworkPolicy net/block-to-c ingress[0]"]
    );
}

#[test]
fn as_many_ways_beside_each_other_need_as_many_rules() {
    let tiers = ["p", "q", "r", "s", "t", "u", "v"];
    let rules: Vec<_> = tiers
        .iter()
        .flat_map(|tier| [("a", *tier), (*tier, "d")])
        .collect();
    let names: Vec<_> = tiers.into_iter().chain(["a", "d"]).collect();
    let engine = Engine::new(cluster_of(&names, &rules));
    assert_eq!(cut_rules(&engine, "a", "d").len(), tiers.len());
}

#[test]
fn where_nothing_isolates_no_rule_can_be_taken_away() {
    let mut open = cluster(&[]);
    open.network_policies.clear();
    let engine = Engine::new(open);
    let found = cut(&engine, &groups, &pods(&["a"]), &pods(&["d"]));
    assert!(matches!(found, Err(Uncut::NoRule(way)) if way.len() == 1));
}

/// Without `policyTypes` a policy isolates for egress only while it has a rule for it (rule NP-3).
#[test]
fn a_policy_that_loses_its_last_egress_rule_has_to_say_that_it_isolates() {
    let rule = |app: &str| format!("{{to: [{{podSelector: {{matchLabels: {{app: {app}}}}}}}]}}");
    let emptied = |rules: &[String]| {
        let mut text = String::new();
        for name in ["a", "b", "c"] {
            text.push_str(&format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: net, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n---\n"
            ));
        }
        text.push_str(&format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: from-a, namespace: net}}\nspec: {{podSelector: {{matchLabels: {{app: a}}}}, egress: [{}]}}\n",
            rules.join(", ")
        ));
        let engine = Engine::new(read(text));
        let found = cut(&engine, &groups, &pods(&["a"]), &pods(&["b"])).unwrap();
        assert_eq!(found.rules.len(), 1);
        found.without_egress
    };
    assert_eq!(emptied(&[rule("b")]), [ObjectName::new("net", "from-a")]);
    assert_eq!(emptied(&[rule("b"), rule("nobody")]), []);
}

#[test]
fn a_rule_that_passes_a_way_over_a_deny_is_a_cut() {
    let mut text = String::new();
    for name in ["a", "b"] {
        text.push_str(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: net, labels: {{app: {name}}}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n---\n"
        ));
    }
    text.push_str(
        "apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: x}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Pass, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}]}
  - {action: Deny, from: [{namespaces: {}}]}
",
    );
    let engine = Engine::new(read(text));
    assert_eq!(
        cut_rules(&engine, "a", "b"),
        ["ClusterNetworkPolicy/x ingress[0]"]
    );
}
