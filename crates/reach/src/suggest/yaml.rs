//! Policies as YAML for people to review: the evidence stands above each rule.

use std::fmt::Write as _;

use ringfence_model::{Direction, IpBlock, Labels};

use super::{Draft, DraftPeer, DraftRule, NamespaceSuggestion, NeededPort, Unresolved};

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
    let mut out =
        String::from("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n");
    let _ = writeln!(out, "  name: {}", scalar(&policy.name.name));
    let _ = writeln!(out, "  namespace: {}", scalar(&policy.name.namespace));
    out.push_str("spec:\n");
    match policy.selector.is_empty() {
        true => out.push_str("  podSelector: {}\n"),
        false => {
            out.push_str("  podSelector:\n");
            labels(&mut out, "    ", &policy.selector);
        }
    }
    out.push_str("  policyTypes:\n");
    let named = [
        (Direction::Ingress, "Ingress"),
        (Direction::Egress, "Egress"),
    ];
    for (direction, name) in named {
        if policy.directions.contains(&direction) {
            let _ = writeln!(out, "  - {name}");
        }
    }
    rules(&mut out, "ingress", "from", &policy.ingress);
    rules(&mut out, "egress", "to", &policy.egress);
    out
}

fn rules(out: &mut String, direction: &str, peers: &str, rules: &[DraftRule]) {
    if rules.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {direction}:");
    for rule in rules {
        for evidence in &rule.evidence {
            let _ = writeln!(out, "  # {}", one_line(&evidence.to_string()));
        }
        let _ = writeln!(out, "  - {peers}:");
        for found in &rule.peers {
            peer(out, found);
        }
        out.push_str("    ports:\n");
        for found in &rule.ports {
            port(out, found);
        }
    }
}

fn peer(out: &mut String, peer: &DraftPeer) {
    match peer {
        DraftPeer::Block(IpBlock { cidr, except }) => {
            let _ = writeln!(
                out,
                "    - ipBlock:\n        cidr: {}",
                scalar(&cidr.to_string())
            );
            if !except.is_empty() {
                out.push_str("        except:\n");
            }
            for hole in except {
                let _ = writeln!(out, "        - {}", scalar(&hole.to_string()));
            }
        }
        DraftPeer::Pods { namespace, labels } => pods(out, namespace.as_deref(), labels),
    }
}

fn pods(out: &mut String, namespace: Option<&str>, chosen: &Labels) {
    let mut lead = "    - ";
    if let Some(namespace) = namespace {
        let _ = writeln!(out, "{lead}namespaceSelector:");
        let name = ringfence_model::METADATA_NAME_LABEL;
        let label = Labels::from([(name.to_owned(), namespace.to_owned())]);
        labels(out, "        ", &label);
        lead = "      ";
    }
    match (chosen.is_empty(), namespace) {
        (true, Some(_)) => {}
        (true, None) => {
            let _ = writeln!(out, "{lead}podSelector: {{}}");
        }
        (false, _) => {
            let _ = writeln!(out, "{lead}podSelector:");
            labels(out, "        ", chosen);
        }
    }
}

fn labels(out: &mut String, indent: &str, labels: &Labels) {
    let _ = writeln!(out, "{indent}matchLabels:");
    for (key, value) in labels {
        let _ = writeln!(out, "{indent}  {}: {}", scalar(key), scalar(value));
    }
}

fn port(out: &mut String, port: &NeededPort) {
    let _ = writeln!(
        out,
        "    - protocol: {}",
        port.protocol.to_string().to_uppercase()
    );
    match &port.name {
        Some(name) => {
            let _ = writeln!(out, "      port: {}", scalar(name));
        }
        None => {
            let _ = writeln!(out, "      port: {}", port.number);
        }
    }
}

/// `text` so that YAML reads it as this text.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 8] = ["null", "true", "false", "yes", "no", "on", "off", "y"];
    let starts = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let letters = |letter: char| letter.is_ascii_alphanumeric() || "-._/".contains(letter);
    let word = text.to_ascii_lowercase();
    let plain =
        starts && text.chars().all(letters) && !WORDS.contains(&word.as_str()) && word != "n";
    let address = text
        .split_once('/')
        .is_some_and(|(address, _)| address.parse::<std::net::Ipv4Addr>().is_ok());
    if plain || address {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
