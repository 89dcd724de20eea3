//! Where two deciders disagree, as small as it gets.

use std::fmt;

use ringfence_model::{Answer, Cluster, Query, QueryError};
use ringfence_reference::answer;

use crate::decider::{Decider, Decision, Verdict};
use crate::flows::ProbeFlow;
use crate::render;
use crate::shrink::shrink;

/// A flow on which two deciders differ.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The cluster.
    pub cluster: Cluster,
    /// The flow.
    pub flow: ProbeFlow,
    /// What the first decider says, and its name.
    pub expected: (String, Decision),
    /// What the other says, and its name.
    pub found: (String, Decision),
}

/// The first of `flows` on which the two differ, shrunk; `None` if they agree on all.
pub fn disagreement(
    expected: &mut dyn Decider,
    found: &mut dyn Decider,
    cluster: &Cluster,
    flows: &[ProbeFlow],
) -> Option<Disagreement> {
    let mut differ = |cluster: &Cluster, flow: &ProbeFlow| {
        expected.decide(cluster, flow).verdict != found.decide(cluster, flow).verdict
    };
    let flow = flows.iter().find(|flow| differ(cluster, flow))?;
    let cluster = shrink(cluster, flow, &mut differ);
    let decisions = (
        expected.decide(&cluster, flow),
        found.decide(&cluster, flow),
    );
    Some(Disagreement {
        expected: (expected.name().to_owned(), decisions.0),
        found: (found.name().to_owned(), decisions.1),
        cluster,
        flow: flow.clone(),
    })
}

/// A question that somebody answers otherwise than the reference, in whatever field.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The cluster.
    pub cluster: Cluster,
    /// The question.
    pub query: Query,
    /// The reference's answer.
    pub expected: Result<Answer, QueryError>,
    /// The other answer.
    pub found: Result<Answer, QueryError>,
}

/// The first of `queries` that `answering` answers otherwise than the reference, shrunk; `None` if all are equal,
/// field for field. `answering` makes of a cluster what answers questions about it, once for all of `queries`.
pub fn difference<A>(
    answering: impl Fn(&Cluster) -> A,
    cluster: &Cluster,
    queries: &[Query],
) -> Option<Difference>
where
    A: FnMut(&Query) -> Result<Answer, QueryError>,
{
    let mut answers = answering(cluster);
    let query = queries
        .iter()
        .find(|query| answers(query) != answer(cluster, query))?;
    let mut differs =
        |cluster: &Cluster, query: &Query| answering(cluster)(query) != answer(cluster, query);
    let cluster = shrink(cluster, query, &mut differs);
    Some(Difference {
        expected: answer(&cluster, query),
        found: answering(&cluster)(query),
        query: query.clone(),
        cluster,
    })
}

impl fmt::Display for Difference {
    /// Both answers, for people and field for field, then the case as a corpus file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, answer) in [("reference", &self.expected), ("found", &self.found)] {
            match answer {
                Ok(answer) => writeln!(f, "{name}: {answer}\n{answer:#?}\n")?,
                Err(error) => writeln!(f, "{name}: {error}\n{error:?}\n")?,
            }
        }
        let verdict = match &self.expected {
            Ok(answer) => Verdict::from(&answer.outcome),
            Err(_) => Verdict::Error,
        };
        let row = (self.query.clone(), verdict);
        f.write_str(&render::case("a difference", &self.cluster, &[row]))
    }
}

impl fmt::Display for Disagreement {
    /// Both answers, then the case as a corpus file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, decision) in [&self.expected, &self.found] {
            writeln!(f, "{name}: {}\n{}\n", decision.verdict, decision.because)?;
        }
        let verdict = self.expected.1.verdict;
        f.write_str(&render::case(
            "a disagreement",
            &self.cluster,
            &[(self.flow.clone(), verdict)],
        ))
    }
}
