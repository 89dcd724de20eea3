use ringfence_model::{
    Audited, Because, Cluster, ClusterRuleRef, Connection, DirectionDecision, HostReason,
    JudgedRule, Match, PolicyRef, RuleRef, Source, Timestamp,
};
use ringfence_reach::matching::{self, RuleMatching};
use serde::Serialize;

use crate::commands::explain::chain::{Tiers, chain};
use crate::commands::explain::verdict::Verdict;

/// One direction, and what decided it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Direction {
    verdict: &'static str,
    /// What each tier said, in one line.
    chain: String,
    /// `Admin`, `NetworkPolicy` or `Baseline`; null where no policy decided.
    tier: Option<String>,
    reason: &'static str,
    /// The deciding policy, with its kind unless it is a NetworkPolicy.
    policy: Option<String>,
    /// The deciding rule.
    rule: Option<String>,
    #[serde(flatten)]
    place: Place,
    /// The rules of the specification.
    rule_ids: &'static [&'static str],
    /// Rules with `Pass` that it met on its way.
    passed: Vec<Rule>,
    isolated_by: Vec<Policy>,
    /// The rules of the isolating policies that matched, or of those that did not all, nearest first.
    rules: Vec<Rule>,
    /// How many more there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_rules: Option<usize>,
    /// What policies in audit mode would make of it, where that is worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    audited: Option<Audit>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Audit {
    verdict: &'static str,
    /// The policies in audit mode, with their kind unless it is a NetworkPolicy.
    policies: Vec<String>,
    /// When the first of them will enforce.
    until: Option<Timestamp>,
    because: String,
}

#[derive(Default, Serialize)]
struct Place {
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

#[derive(Serialize)]
struct Policy {
    policy: String,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Rule {
    policy: String,
    rule: String,
    /// Of cluster-scoped policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(flatten)]
    place: Place,
    /// `yes`, `no` or `unknown`.
    peer: &'static str,
    port: &'static str,
    /// The fields that would have to be others, and why.
    misses: Vec<Miss>,
}

#[derive(Serialize)]
struct Miss {
    field: String,
    why: String,
}

impl Place {
    fn of(source: Option<&Source>) -> Self {
        Self {
            file: source.map(|source| source.file.to_string()),
            line: source.map(|source| source.line),
            column: source.map(|source| source.column),
        }
    }
}

impl Direction {
    pub(super) fn new(
        cluster: &Cluster,
        connection: &Connection,
        decision: &DirectionDecision,
    ) -> Self {
        let seen = connection.seen(decision.direction);
        let facts = Facts {
            cluster,
            connection: &seen,
        };
        let because = &decision.because;
        let passed = decision.passed.iter();
        let mut direction = Self {
            verdict: Verdict::from(decision.verdict).word(),
            chain: chain(Tiers::of(cluster), decision),
            tier: None,
            reason: "not-isolated",
            policy: None,
            rule: None,
            place: Place::default(),
            rule_ids: because.rule_ids(),
            passed: passed.map(Rule::of_cluster).collect(),
            isolated_by: Vec::new(),
            rules: Vec::new(),
            more_rules: None,
            audited: decision.audited.as_deref().map(Audit::of),
        };
        direction.explain(facts, because);
        direction
    }

    /// Leaves out the rules after the first `most`.
    pub(super) fn keep(&mut self, most: usize) {
        let more = self.rules.len().saturating_sub(most);
        self.more_rules = (more > 0).then_some(more);
        self.rules.truncate(most);
    }

    fn explain(&mut self, facts: Facts<'_>, because: &Because) {
        let of_policies = || Some("NetworkPolicy".to_owned());
        match because {
            Because::NotIsolated => {}
            Because::NoSubject => self.reason = "no-subject",
            Because::Host(reason) => self.explain_host(reason),
            Because::Loopback => self.reason = "loopback",
            Because::OwnAddress => self.reason = "own-address",
            Because::ClusterRule(rule) => {
                self.reason = "cluster-rule";
                self.tier = Some(rule.tier.to_string());
                self.decided_by(&Rule::of_cluster(rule));
            }
            Because::LocalNode { isolated_by } => {
                self.reason = "local-node";
                self.tier = of_policies();
                self.isolated_by = isolated_by.iter().map(policy).collect();
            }
            Because::OwnService { isolated_by } => {
                self.reason = "own-service";
                self.tier = of_policies();
                self.isolated_by = isolated_by.iter().map(policy).collect();
            }
            Because::Rules { allowed_by } => {
                self.reason = "rules";
                self.tier = of_policies();
                self.rules = allowed_by.iter().map(Rule::of).collect();
                if let Some(first) = allowed_by.first() {
                    self.decided_by(&Rule::of(first));
                }
            }
            Because::NoRuleMatched {
                isolated_by, rules, ..
            } => {
                self.reason = "no-rule-matched";
                self.tier = of_policies();
                self.isolated_by = isolated_by.iter().map(policy).collect();
                self.rules = facts.nearest_first(rules);
                let first = isolated_by.first();
                self.policy = first.map(|policy| policy.name.to_string());
                self.place = Place::of(first.and_then(|policy| policy.source.as_ref()));
            }
            Because::AddressUnknown {
                cluster_rules,
                rules,
                ..
            } => {
                self.reason = "address-unknown";
                let of_tiers = cluster_rules.iter().map(|rule| facts.cluster_rule(rule));
                let of_policies = rules.iter().map(|rule| facts.rule(rule));
                self.rules = of_tiers.chain(of_policies).collect();
            }
        }
    }

    fn explain_host(&mut self, reason: &HostReason) {
        self.tier = Some("HostFirewall".to_owned());
        self.reason = match reason {
            HostReason::Itself => "own-node",
            HostReason::OtherProtocol => "other-protocol",
            HostReason::Rules { .. } => "rules",
            HostReason::Failsafe { .. } => "failsafe-port",
            HostReason::AddressUnknown { .. } => "address-unknown",
            HostReason::NoRuleMatched { .. } => "no-rule-matched",
        };
        if let HostReason::Rules { allowed_by } = reason
            && let Some(first) = allowed_by.first()
        {
            self.policy = Some(first.firewall.name.clone());
            self.rule = Some(format!("ingress[{}]", first.index));
            self.place = Place::of(first.source.as_ref());
        } else if let Some(first) = reason.closed_by().first() {
            self.policy = Some(first.name.clone());
            self.place = Place::of(first.source.as_ref());
        }
    }

    fn decided_by(&mut self, rule: &Rule) {
        self.policy = Some(rule.policy.clone());
        self.rule = Some(rule.rule.clone());
        self.place = Place {
            file: rule.place.file.clone(),
            ..rule.place
        };
    }
}

impl Audit {
    fn of(audited: &Audited) -> Self {
        let policies = audited.by.iter();
        Self {
            verdict: Verdict::from(audited.decision.verdict).word(),
            policies: policies.map(|it| it.policy.to_string()).collect(),
            until: audited.until(),
            because: audited.decision.because.to_string(),
        }
    }
}

/// What rules are looked up in.
#[derive(Clone, Copy)]
struct Facts<'a> {
    cluster: &'a Cluster,
    connection: &'a Connection,
}

impl Rule {
    /// A rule that matches.
    fn of(rule: &RuleRef) -> Self {
        let name = format!("{}[{}]", rule.direction, rule.index);
        Self::new(rule.policy.name.to_string(), name, rule.source.as_ref())
    }

    /// A rule of a cluster-scoped policy that matches.
    fn of_cluster(rule: &ClusterRuleRef) -> Self {
        let name = format!("{}[{}]", rule.direction, rule.index);
        Self {
            action: Some(rule.action.written_in(rule.policy.kind).to_owned()),
            ..Self::new(rule.policy.to_string(), name, rule.source.as_ref())
        }
    }

    fn new(policy: String, rule: String, source: Option<&Source>) -> Self {
        Self {
            policy,
            rule,
            action: None,
            place: Place::of(source),
            peer: word(Match::Yes),
            port: word(Match::Yes),
            misses: Vec::new(),
        }
    }

    /// The same rule as far as it was found to match.
    fn matching(self, found: Option<&RuleMatching>) -> Self {
        let Some(found) = found else { return self };
        Self {
            peer: word(found.peer()),
            port: word(found.port()),
            misses: misses(found),
            ..self
        }
    }
}

impl Facts<'_> {
    fn cluster_rule(self, rule: &ClusterRuleRef) -> Rule {
        let found = matching::of_cluster_rule(self.cluster, self.connection, rule);
        Rule::of_cluster(rule).matching(found.as_ref())
    }

    fn rule(self, rule: &RuleRef) -> Rule {
        let found = matching::of_rule(self.cluster, self.connection, rule);
        Rule::of(rule).matching(found.as_ref())
    }

    fn nearest_first(self, rules: &[JudgedRule]) -> Vec<Rule> {
        let mut found: Vec<_> = rules
            .iter()
            .map(|judged| {
                let found = matching::of_rule(self.cluster, self.connection, &judged.rule);
                let rule = Rule::of(&judged.rule).matching(found.as_ref());
                (found.map(|found| found.distance()), rule)
            })
            .collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, rule)| rule).collect()
    }
}

fn policy(policy: &PolicyRef) -> Policy {
    Policy {
        policy: policy.name.to_string(),
        place: Place::of(policy.source.as_ref()),
    }
}

const fn word(found: Match) -> &'static str {
    match found {
        Match::Yes => "yes",
        Match::No => "no",
        Match::Unknown => "unknown",
    }
}

/// What is wrong with the lists of which no item matches.
fn misses(found: &RuleMatching) -> Vec<Miss> {
    let lists = [(&found.peers, found.peer()), (&found.ports, found.port())];
    let wrong = lists
        .into_iter()
        .filter(|(_, matches)| *matches != Match::Yes);
    wrong
        .flat_map(|(parts, _)| parts)
        .flat_map(|part| &part.misses)
        .map(|miss| Miss {
            field: matching::path(&miss.place),
            why: miss.why.to_string(),
        })
        .collect()
}
