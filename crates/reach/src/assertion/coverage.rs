//! Which parts of the policies decided something.

use std::collections::BTreeSet;
use std::fmt;

use ringfence_model::{
    Answer, Because, Cluster, ClusterPolicy, ClusterRuleRef, Connection, Direction,
    DirectionDecision, DirectionVerdict, NetworkPolicy, PolicyRef, RuleRef, Source,
};

/// A part of a policy that can decide a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deciding {
    /// A policy that isolates pods: what none of its rules allows is denied (rule NP-2).
    Isolation(PolicyRef, Direction),
    /// A rule of a NetworkPolicy, which allows (rule NP-5).
    Rule(RuleRef),
    /// A rule of a cluster-scoped policy (rules CN-23 to CN-25).
    ClusterRule(ClusterRuleRef),
}

impl Deciding {
    /// What decided `answer`: where a connection passes, what lets it pass at both ends; where it does not, what refuses
    /// it. Of several rules that allow, each counts.
    #[must_use]
    pub fn of(answer: &Answer) -> BTreeSet<Self> {
        answer.connections.iter().flat_map(deciding).collect()
    }

    /// Where it was written.
    #[must_use]
    pub const fn source(&self) -> Option<&Source> {
        match self {
            Self::Isolation(policy, _) => policy.source.as_ref(),
            Self::Rule(rule) => rule.source.as_ref(),
            Self::ClusterRule(rule) => rule.source.as_ref(),
        }
    }
}

/// Without its place, which [`Deciding::source`] gives.
impl fmt::Display for Deciding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Isolation(policy, direction) => {
                write!(f, "NetworkPolicy {} isolates for {direction}", policy.name)
            }
            Self::Rule(rule) => {
                let RuleRef {
                    policy,
                    direction,
                    index,
                    ..
                } = rule;
                write!(f, "NetworkPolicy {} {direction}[{index}]", policy.name)
            }
            Self::ClusterRule(rule) => {
                let ClusterRuleRef {
                    policy,
                    direction,
                    index,
                    ..
                } = rule;
                write!(f, "{policy} {direction}[{index}]")
            }
        }
    }
}

/// What of a cluster's policies has decided a connection so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    all: BTreeSet<Deciding>,
    covered: BTreeSet<Deciding>,
}

impl Coverage {
    /// All that can decide in `cluster`, none of which has. Rules of a direction that their policy does not isolate
    /// cannot (rule NP-4).
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let network_policies = cluster.network_policies.values().flat_map(parts);
        let cluster_policies = cluster.cluster_policies.values().flat_map(cluster_parts);
        Self {
            all: network_policies.chain(cluster_policies).collect(),
            covered: BTreeSet::new(),
        }
    }

    /// Takes up what decided an answer, as [`Deciding::of`] says.
    pub fn record(&mut self, decided: &BTreeSet<Deciding>) {
        let new = decided.difference(&self.covered);
        let new: Vec<Deciding> = new
            .filter(|part| self.all.contains(*part))
            .cloned()
            .collect();
        self.covered.extend(new);
    }

    /// What can decide, in order.
    #[must_use]
    pub const fn all(&self) -> &BTreeSet<Deciding> {
        &self.all
    }

    /// What has decided, in order.
    #[must_use]
    pub const fn covered(&self) -> &BTreeSet<Deciding> {
        &self.covered
    }

    /// What has decided nothing, in order.
    pub fn uncovered(&self) -> impl Iterator<Item = &Deciding> {
        self.all.difference(&self.covered)
    }

    /// How much of it has decided, in hundredths and rounded down, so that 100 means all of it.
    #[must_use]
    pub fn percent(&self) -> usize {
        super::percent(self.covered.len(), self.all.len())
    }
}

fn parts(policy: &NetworkPolicy) -> Vec<Deciding> {
    let isolated = Direction::ALL
        .into_iter()
        .filter(|direction| policy.isolates(*direction));
    isolated
        .flat_map(|direction| parts_of(policy, direction))
        .collect()
}

fn parts_of(policy: &NetworkPolicy, direction: Direction) -> Vec<Deciding> {
    let mut parts = vec![Deciding::Isolation(PolicyRef::of(policy), direction)];
    let rules = policy.rules(direction).iter().enumerate();
    parts.extend(rules.map(|(index, rule)| {
        Deciding::Rule(RuleRef {
            policy: PolicyRef::of(policy),
            direction,
            index,
            source: rule.source.clone(),
        })
    }));
    parts
}

fn cluster_parts(policy: &ClusterPolicy) -> Vec<Deciding> {
    let of = |direction: Direction| {
        let rules = policy.rules(direction).iter().enumerate();
        rules.map(move |(index, rule)| {
            Deciding::ClusterRule(ClusterRuleRef {
                policy: policy.name.clone(),
                tier: policy.tier,
                direction,
                index,
                name: rule.name.clone(),
                action: rule.action,
                source: rule.source.clone(),
            })
        })
    };
    Direction::ALL.into_iter().flat_map(of).collect()
}

fn deciding(connection: &Connection) -> Vec<Deciding> {
    let verdict = connection.verdict();
    let ends = [&connection.egress, &connection.ingress].into_iter();
    let decided = ends.filter(|end| end.verdict == verdict && verdict != DirectionVerdict::Unknown);
    decided.flat_map(of_direction).collect()
}

fn of_direction(decision: &DirectionDecision) -> Vec<Deciding> {
    let passed = decision.passed.iter().cloned().map(Deciding::ClusterRule);
    let rest: Vec<Deciding> = match &decision.because {
        Because::ClusterRule(rule) => vec![Deciding::ClusterRule(rule.clone())],
        Because::Rules { allowed_by } => allowed_by.iter().cloned().map(Deciding::Rule).collect(),
        Because::NoRuleMatched { isolated_by, .. } => isolated_by
            .iter()
            .map(|policy| Deciding::Isolation(policy.clone(), decision.direction))
            .collect(),
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::LocalNode { .. }
        | Because::OwnService { .. }
        | Because::AddressUnknown { .. }
        | Because::NotIsolated => Vec::new(),
    };
    passed.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Endpoint, Query};
    use ringfence_net::Protocol;
    use ringfence_reference::answer;
    use ringfence_testkit::builder::{cluster, labels, name, pod, pods, policy, rule, tcp};

    use super::*;

    fn example() -> Cluster {
        let app = |value: &str| labels(&[("app", value)]);
        cluster()
            .with(pod("a/client").label("app", "client").address("10.0.0.1"))
            .with(pod("a/web").label("app", "web").address("10.0.0.2"))
            .with(
                policy("a/web")
                    .select(app("web"))
                    .ingress(rule().peer(pods(app("client"))).port(tcp(80)))
                    .ingress(rule().port(tcp(443))),
            )
            .with(
                policy("a/inert")
                    .select(app("web"))
                    .types(&[Direction::Ingress])
                    .egress(rule()),
            )
            .build()
    }

    fn record(coverage: &mut Coverage, port: u16) {
        let query = Query {
            source: Endpoint::Pod(name("a/client")),
            destination: Endpoint::Pod(name("a/web")),
            protocol: Protocol::Tcp.into(),
            port: Some(port),
        };
        coverage.record(&Deciding::of(&answer(&example(), &query).unwrap()));
    }

    fn shown<'a>(parts: impl IntoIterator<Item = &'a Deciding>) -> Vec<String> {
        parts.into_iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules_count_where_they_allow_and_policies_where_they_deny() {
        let mut coverage = Coverage::of(&example());
        assert_eq!(coverage.percent(), 0);
        record(&mut coverage, 80);
        assert_eq!(
            shown(coverage.covered()),
            ["NetworkPolicy a/web ingress[0]"]
        );
        assert_eq!(coverage.percent(), 25);
        record(&mut coverage, 81);
        assert_eq!(
            shown(coverage.uncovered()),
            ["NetworkPolicy a/web ingress[1]"],
            "an inert rule can decide nothing"
        );
        record(&mut coverage, 443);
        assert_eq!((coverage.percent(), coverage.uncovered().count()), (100, 0));
    }

    #[test]
    fn a_cluster_without_policies_is_covered() {
        assert_eq!(Coverage::of(&Cluster::default()).percent(), 100);
    }
}
