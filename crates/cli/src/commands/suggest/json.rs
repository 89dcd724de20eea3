//! Suggestions for machines.

use ringfence_net::ConnectionSet;
use ringfence_reach::suggest::{
    Deviation, DeviationKind, Evidence, Need, Pairs, Suggestion, Unresolved,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct SuggestionJson<'a> {
    complete: bool,
    namespaces: Vec<NamespaceJson<'a>>,
    needs: Vec<NeedJson<'a>>,
    unresolved: Vec<UnresolvedJson<'a>>,
    unused_services: Vec<String>,
    differences: Vec<DifferenceJson<'a>>,
    further_differences: usize,
    open_before: Pairs,
    open_after: Pairs,
}

#[derive(Debug, Serialize)]
struct NamespaceJson<'a> {
    namespace: &'a str,
    policies: Vec<&'a str>,
    yaml: &'a str,
}

#[derive(Debug, Serialize)]
struct NeedJson<'a> {
    from: String,
    to: String,
    protocol: String,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_name: Option<&'a str>,
    evidence: Vec<EvidenceJson<'a>>,
}

#[derive(Debug, Serialize)]
struct EvidenceJson<'a> {
    what: &'a str,
    place: Option<String>,
    target: &'a str,
}

#[derive(Debug, Serialize)]
struct UnresolvedJson<'a> {
    namespace: &'a str,
    what: &'a str,
    place: Option<String>,
    problem: &'a str,
    help: &'a str,
}

#[derive(Debug, Serialize)]
struct DifferenceJson<'a> {
    kind: &'static str,
    from: &'a str,
    to: &'a str,
    connections: &'a ConnectionSet,
    witness: Option<String>,
}

pub(super) fn print(suggestion: &Suggestion) -> anyhow::Result<()> {
    crate::output::json::print(&SuggestionJson {
        complete: suggestion.is_complete(),
        namespaces: suggestion.namespaces.iter().map(namespace).collect(),
        needs: suggestion.needs.iter().map(need).collect(),
        unresolved: suggestion.unresolved.iter().map(unresolved).collect(),
        unused_services: suggestion.idle.iter().map(ToString::to_string).collect(),
        differences: suggestion.deviations.iter().map(difference).collect(),
        further_differences: suggestion.further,
        open_before: suggestion.before,
        open_after: suggestion.after,
    })
}

fn namespace(found: &ringfence_reach::suggest::NamespaceSuggestion) -> NamespaceJson<'_> {
    NamespaceJson {
        namespace: &found.namespace,
        policies: found
            .policies
            .iter()
            .map(|policy| policy.name.name.as_str())
            .collect(),
        yaml: &found.text,
    }
}

fn need(need: &Need) -> NeedJson<'_> {
    NeedJson {
        from: need.from.to_string(),
        to: need.to.to_string(),
        protocol: need.port.protocol.to_string(),
        port: need.port.number,
        port_name: need.port.name.as_deref(),
        evidence: need.evidence.iter().map(evidence).collect(),
    }
}

fn evidence(evidence: &Evidence) -> EvidenceJson<'_> {
    EvidenceJson {
        what: &evidence.what,
        place: evidence.source.as_ref().map(ToString::to_string),
        target: &evidence.target,
    }
}

fn unresolved(found: &Unresolved) -> UnresolvedJson<'_> {
    UnresolvedJson {
        namespace: &found.namespace,
        what: &found.what,
        place: found.source.as_ref().map(ToString::to_string),
        problem: &found.problem,
        help: &found.help,
    }
}

fn difference(deviation: &Deviation) -> DifferenceJson<'_> {
    DifferenceJson {
        kind: match deviation.kind {
            DeviationKind::Missing => "missing",
            DeviationKind::Unknown => "unknown",
            DeviationKind::Excess => "excess",
        },
        from: &deviation.from,
        to: &deviation.to,
        connections: &deviation.connections,
        witness: deviation
            .witness
            .as_ref()
            .map(|(_, answer)| answer.to_string()),
    }
}
