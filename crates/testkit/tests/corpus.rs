//! Every row of the corpus holds, and the corpus speaks of every rule.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeSet;

use ringfence_model::Cluster;
use ringfence_reference::answer;
use ringfence_testkit::corpus::claim::Claim;
use ringfence_testkit::corpus::row::Row;
use ringfence_testkit::corpus::{
    Scenario, cluster_policy_directory, directories, endpoints_directory, every_scenario,
    policy_directory, refusing_rules, scenarios, scenarios_of,
};
use ringfence_testkit::decider::{Decider, Decision, ReferenceDecider, Verdict};
use ringfence_testkit::flows::ProbeFlow;

fn all() -> Vec<Scenario> {
    every_scenario().unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with a row, if anything.
fn problem(scenario: &Scenario, row: &Row) -> Option<String> {
    let decision = ReferenceDecider.decide(&scenario.cluster, &row.flow);
    if decision.verdict != row.verdict {
        return Some(format!("is {}, not {}", decision.verdict, row.verdict));
    }
    let answer = answer(&scenario.cluster, &row.flow);
    let wrong = row.because.iter().find(|claim| !claim.holds(&answer))?;
    Some(format!("`{wrong}` is not why"))
}

#[test]
fn every_row_holds() {
    let mut problems = Vec::new();
    for scenario in all() {
        for row in &scenario.rows {
            if let Some(problem) = problem(&scenario, row) {
                let because = ReferenceDecider
                    .decide(&scenario.cluster, &row.flow)
                    .because;
                problems.push(format!(
                    "{}, line {}: {problem}\n{because}",
                    scenario.name, row.line
                ));
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} rows fail\n\n{}",
        problems.len(),
        problems.join("\n\n")
    );
}

#[test]
fn every_row_says_why_in_a_way_that_is_checked() {
    for scenario in all() {
        for row in &scenario.rows {
            let place = format!("{}, line {}", scenario.name, row.line);
            assert!(
                row.because.iter().any(Claim::is_checked),
                "{place}: nothing to check"
            );
            let ids = row
                .because
                .iter()
                .filter(|claim| matches!(claim, Claim::RuleId(_)));
            assert!(ids.count() > 0, "{place}: cites no rule");
        }
    }
}

/// Cases of `corpus/policy` are put to the compiled tables and to the kernel, which know neither tiers nor endpoints.
#[test]
fn what_compiled_tables_do_not_know_has_directories_of_its_own() {
    let tiered = |scenario: &&Scenario| !scenario.cluster.cluster_policies.is_empty();
    let listing = |scenario: &&Scenario| {
        let mut services = scenario.cluster.services.values();
        services.any(|service| !service.endpoints.is_empty())
    };
    let basic = scenarios(&policy_directory()).unwrap();
    let strays = basic
        .iter()
        .find(|scenario| tiered(scenario) || listing(scenario));
    assert!(strays.is_none(), "{strays:?}");
    let cluster = scenarios(&cluster_policy_directory()).unwrap();
    assert!(cluster.iter().filter(tiered).count() > 20);
    let endpoints = scenarios(&endpoints_directory()).unwrap();
    assert!(endpoints.iter().filter(listing).count() > 4);
}

/// Numbers of the rules of an area.
fn rules(area: &str, numbers: &[std::ops::RangeInclusive<u32>]) -> Vec<String> {
    numbers
        .iter()
        .cloned()
        .flatten()
        .map(|number| format!("{area}-{number}"))
        .collect()
}

/// The ambiguities that the specification lists, each with what ringfence picks.
fn picks() -> Vec<String> {
    let specification = include_str!("../../../docs/specification.md");
    let items = specification.lines().filter_map(|line| {
        let (id, _) = line.strip_prefix("- **")?.split_once("**")?;
        id.starts_with("AM-").then(|| id.to_owned())
    });
    items.collect()
}

/// So that a list in another form is not taken for an empty one.
#[test]
fn the_specification_lists_what_is_ambiguous() {
    let picks = picks();
    assert_eq!(picks, rules("AM", &[1..=picks.len().try_into().unwrap()]));
    assert!(picks.len() >= 27, "only {picks:?}");
}

fn required() -> BTreeSet<String> {
    let numbers = [1..=7, 10..=18, 20..=23, 30..=38, 40..=44, 50..=53, 60..=68];
    let policy = rules("NP", &numbers);
    let query = rules("Q", &[1..=13]);
    let picks = picks();
    let cluster = rules("CN", &[1..=4, 10..=10, 20..=27, 30..=38, 40..=40, 50..=51]);
    let admin = rules("AN", &[1..=6]);
    let audit = rules("AU", &[1..=5]);
    let all = [policy, query, picks, cluster, admin, audit];
    all.into_iter().flatten().collect()
}

fn known() -> BTreeSet<String> {
    let objects = rules("OB", &[1..=25]);
    let validation = rules("V", &[1..=25]);
    required()
        .into_iter()
        .chain(objects)
        .chain(validation)
        .collect()
}

/// The rules that rows name, and those that refuse a block.
fn cited() -> BTreeSet<String> {
    let scenarios = all();
    let claims = scenarios
        .iter()
        .flat_map(|scenario| &scenario.rows)
        .flat_map(|row| &row.because);
    let refusing = directories().into_iter();
    let refusing = refusing.flat_map(|from| refusing_rules(&from).unwrap());
    claims
        .filter_map(|claim| match claim {
            Claim::RuleId(id) => Some(id.clone()),
            Claim::Rule { .. }
            | Claim::Isolates(..)
            | Claim::ClusterRule(_)
            | Claim::Tier(..)
            | Claim::Open(_)
            | Claim::Nobody(_)
            | Claim::Audited(..)
            | Claim::Unaudited(_)
            | Claim::Words(_) => None,
        })
        .chain(refusing)
        .collect()
}

#[test]
fn every_rule_has_a_row() {
    let missing: Vec<String> = required().difference(&cited()).cloned().collect();
    assert!(missing.is_empty(), "no row cites {}", missing.join(", "));
}

#[test]
fn every_cited_rule_exists() {
    let unknown: Vec<String> = cited().difference(&known()).cloned().collect();
    assert!(unknown.is_empty(), "there is no {}", unknown.join(", "));
}

/// Lets everything pass.
struct Open;

impl Decider for Open {
    fn name(&self) -> &str {
        "open"
    }

    fn decide(&mut self, _: &Cluster, _: &ProbeFlow) -> Decision {
        Decision {
            verdict: Verdict::Allow,
            because: "why not".to_owned(),
        }
    }
}

#[test]
fn a_decider_that_enforces_nothing_fails_every_row_that_is_not_allowed() {
    for scenario in all() {
        let expected = scenario
            .rows
            .iter()
            .filter(|row| row.verdict != Verdict::Allow)
            .count();
        assert_eq!(scenario.failures(&mut Open).len(), expected);
        assert_eq!(
            scenario.failures(&mut ReferenceDecider),
            Vec::<String>::new()
        );
    }
}

const PODS: &str = "
```yaml
apiVersion: v1
kind: Pod
metadata: { name: a }
spec: { containers: [{ name: c, image: i }] }
status: { podIP: 10.0.0.1 }
```
";

/// The problems that a file with one row has.
fn problems_of(row: &str) -> Vec<String> {
    let text = format!("{PODS}\n{row}\n");
    let scenarios = scenarios_of("test.md", &text).unwrap();
    assert_eq!(scenarios.len(), 1);
    scenarios[0]
        .rows
        .iter()
        .filter_map(|row| problem(&scenarios[0], row))
        .collect()
}

#[test]
fn a_wrong_verdict_or_reason_is_noticed() {
    let right = "| default/a | 10.9.9.9 | tcp/80 | allow | NP-2, egress open, ingress nobody |";
    assert_eq!(problems_of(right), Vec::<String>::new());
    for wrong in [
        "| default/a | 10.9.9.9 | tcp/80 | deny | NP-2, egress open |",
        "| default/a | 10.9.9.9 | tcp/80 | error | NP-2 |",
        "| default/a | 10.9.9.9 | tcp/80 | allow | ingress open |",
        "| default/a | 10.9.9.9 | tcp/80 | allow | NP-60 |",
        "| default/a | 10.9.9.9 | tcp/80 | allow | default/x egress[0] |",
        "| default/a | 10.9.9.9 | tcp/80 | allow | default/x egress |",
        "| default/a | 10.9.9.9 | tcp/80 | allow | \"blue moon\" |",
        "| default/b | 10.9.9.9 | tcp/80 | allow | NP-2 |",
    ] {
        assert_eq!(problems_of(wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn a_malformed_file_is_refused() {
    for (text, words) in [
        ("| a/b | c/d | tcp/80 | allow |", "five cells"),
        ("| a/b | c/d | tcp/80 | maybe | NP-1 |", "verdict"),
        ("| a/b | c/d | tcp/99999 | allow | NP-1 |", "port"),
        ("| a/b | c/d | quic/80 | allow | NP-1 |", "protocol"),
        ("| nobody | c/d | tcp/80 | allow | NP-1 |", "namespace/name"),
        ("| a/b | c/d | tcp/80 | allow | because so |", "no claim"),
        ("```yaml\nkind: Pod", "never closed"),
        ("```json\n{}\n```", "a block is"),
        (
            "```yaml refused V-8\nkind: List\napiVersion: v1\nitems: []\n```",
            "it loads",
        ),
    ] {
        let error = scenarios_of("test.md", text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}
