//! Policy rules and where they were written, in the words of this command.

use ringfence_compile::Origin;
use ringfence_model::PolicyName;

/// `NetworkPolicy netpol-demo/web`, `ClusterNetworkPolicy web`.
pub(crate) fn policy(name: &PolicyName) -> String {
    match name {
        PolicyName::Network(name) => format!("NetworkPolicy {name}"),
        PolicyName::Cluster(name) => format!("{} {}", name.kind, name.name),
    }
}

/// `ingress[0]`, `isolates for ingress`, `judges ingress`.
pub(crate) fn part(origin: &Origin) -> String {
    match (origin.rule, &origin.policy) {
        (Some(index), _) => format!("{}[{index}]", origin.direction),
        (None, PolicyName::Network(_)) => format!("isolates for {}", origin.direction),
        (None, PolicyName::Cluster(_)) => format!("judges {}", origin.direction),
    }
}

/// `NetworkPolicy netpol-demo/web ingress[0] (web.yaml:14:5)`.
pub(crate) fn cause(origin: &Origin) -> String {
    let source = origin
        .source
        .as_ref()
        .map(|source| format!(" ({source})"))
        .unwrap_or_default();
    format!("{} {}{source}", policy(&origin.policy), part(origin))
}

/// The causes side by side, as a comment of nft.
pub(crate) fn causes<'a>(causes: impl IntoIterator<Item = &'a Origin>) -> Option<String> {
    let causes: Vec<String> = causes.into_iter().map(cause).collect();
    (!causes.is_empty()).then(|| format!("# {}", causes.join(", ")))
}
