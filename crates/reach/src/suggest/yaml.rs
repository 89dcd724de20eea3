//! Policies as YAML for people to review: the evidence stands above each rule.

use std::fmt::Write as _;

use ringfence_model::{Direction, Labels};

use super::{Draft, DraftPeer, DraftRule, NamespaceSuggestion, NeededPort, Unresolved};
use crate::yaml::{Yaml, ip_block};

/// The policies by namespace, each as text. What is unresolved stands at the head of its namespace.
pub(super) fn by_namespace(
    policies: Vec<Draft>,
    unresolved: &[Unresolved],
) -> Vec<NamespaceSuggestion> {
    let mut namespaces: Vec<NamespaceSuggestion> = Vec::new();
    for policy in policies {
        match namespaces.last_mut() {
            Some(last) if last.namespace == policy.name.namespace => last.policies.push(policy),
            Some(_) | None => namespaces.push(NamespaceSuggestion {
                namespace: policy.name.namespace.clone(),
                policies: vec![policy],
                text: String::new(),
            }),
        }
    }
    for found in &mut namespaces {
        let of_namespace = unresolved
            .iter()
            .filter(|one| one.namespace == found.namespace);
        found.text = text(&found.policies, of_namespace);
    }
    namespaces
}

fn text<'u>(policies: &[Draft], unresolved: impl Iterator<Item = &'u Unresolved>) -> String {
    let mut out = String::new();
    for (index, found) in unresolved.enumerate() {
        if index == 0 {
            out.push_str("# Not resolved, for a human to decide:\n");
        }
        let _ = writeln!(out, "# - {}", one_line(&found.to_string()));
        let _ = writeln!(out, "#   {}", one_line(&found.help));
    }
    for (index, policy) in policies.iter().enumerate() {
        if index > 0 {
            out.push_str("---\n");
        }
        out.push_str(&one(policy));
    }
    out
}

/// A comment ends with its line, whatever stands in it.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

fn one(policy: &Draft) -> String {
    let metadata = Yaml::map([
        ("name", Yaml::text(&policy.name.name)),
        ("namespace", Yaml::text(&policy.name.namespace)),
    ]);
    let object = Yaml::map([
        ("apiVersion", Yaml::text("networking.k8s.io/v1")),
        ("kind", Yaml::text("NetworkPolicy")),
        ("metadata", metadata),
        ("spec", spec(policy)),
    ]);
    let ingress = rules("ingress", "from", &policy.ingress);
    let egress = rules("egress", "to", &policy.egress);
    format!("{}{ingress}{egress}", object.block(0))
}

/// All but the rules, between which there are comments.
fn spec(policy: &Draft) -> Yaml {
    let types = [
        (Direction::Ingress, "Ingress"),
        (Direction::Egress, "Egress"),
    ];
    let types = types
        .into_iter()
        .filter(|(direction, _)| policy.directions.contains(direction));
    Yaml::map([
        ("podSelector", selector(&policy.selector)),
        (
            "policyTypes",
            Yaml::List(types.map(|(_, name)| Yaml::text(name)).collect()),
        ),
    ])
}

fn rules(direction: &str, peers: &str, rules: &[DraftRule]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut out = format!("  {direction}:\n");
    for rule in rules {
        for evidence in &rule.evidence {
            let _ = writeln!(out, "  # {}", one_line(&evidence.to_string()));
        }
        let item = Yaml::map([
            (peers, Yaml::List(rule.peers.iter().map(peer).collect())),
            ("ports", Yaml::List(rule.ports.iter().map(port).collect())),
        ]);
        out.push_str(&Yaml::List(vec![item]).block(2));
    }
    out
}

fn peer(peer: &DraftPeer) -> Yaml {
    match peer {
        DraftPeer::Block(block) => Yaml::map([("ipBlock", ip_block(block))]),
        DraftPeer::Pods { namespace, labels } => pods(namespace.as_deref(), labels),
    }
}

fn pods(namespace: Option<&str>, chosen: &Labels) -> Yaml {
    let pods = ("podSelector", selector(chosen));
    let Some(namespace) = namespace else {
        return Yaml::map([pods]);
    };
    let name = ringfence_model::METADATA_NAME_LABEL.to_owned();
    let label = Labels::from([(name, namespace.to_owned())]);
    let namespaces = ("namespaceSelector", selector(&label));
    if chosen.is_empty() {
        Yaml::map([namespaces])
    } else {
        Yaml::map([namespaces, pods])
    }
}

fn selector(labels: &Labels) -> Yaml {
    if labels.is_empty() {
        return Yaml::Map(Vec::new());
    }
    let labels = labels
        .iter()
        .map(|(key, value)| (key.clone(), Yaml::text(value)));
    Yaml::map([("matchLabels", Yaml::Map(labels.collect()))])
}

fn port(port: &NeededPort) -> Yaml {
    let number = match &port.name {
        Some(name) => Yaml::text(name),
        None => Yaml::Number(port.number),
    };
    let protocol = port.protocol.to_string().to_uppercase();
    Yaml::map([("protocol", Yaml::Text(protocol)), ("port", number)])
}
