//! Where two deciders disagree, as small as it gets.

use std::fmt;

use ringfence_model::Cluster;

use crate::decider::{Decider, Decision};
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
