//! A guard as manifests.

use ringfence_model::{
    HOST_PODS_ANNOTATION, HOST_PODS_JUDGED, LabelSelector, METADATA_NAME_LABEL, SelectorOperator,
};

use super::{ADDRESSES, Grant, Guard, MetadataAddress, NAME};
use crate::yaml::{Yaml, selector};

/// The port of name servers.
const DNS: u16 = 53;

impl Guard {
    /// The policies: one for each grant, then the one that denies. They are the answer to a question about any of them
    /// (`explain`), since they have names.
    #[must_use]
    pub fn yaml(&self) -> String {
        let grants = self.grants.iter().zip(self.priority..).enumerate();
        let grants = grants.map(|(index, (grant, priority))| {
            let name = format!("{NAME}-grant-{}", index + 1);
            policy(&name, priority, &subject(grant), &[grant_rule()])
        });
        let everyone = Yaml::map([("namespaces", Yaml::Map(Vec::new()))]);
        let last = policy(
            NAME,
            self.last_priority(),
            &everyone,
            &[dns_rule(), deny_rule()],
        );
        let policies: Vec<String> = grants.chain([last]).collect();
        policies.join("---\n")
    }

    /// The priority of the policy that denies.
    #[must_use]
    pub fn last_priority(&self) -> u16 {
        let grants = u16::try_from(self.grants.len()).unwrap_or(u16::MAX);
        self.priority.saturating_add(grants)
    }
}

/// Pods in the network of their node are meant, too (rule HN-1).
fn policy(name: &str, priority: u16, subject: &Yaml, egress: &[Yaml]) -> String {
    let judged = Yaml::map([(HOST_PODS_ANNOTATION, Yaml::text(HOST_PODS_JUDGED))]);
    Yaml::map([
        ("apiVersion", Yaml::text("policy.networking.k8s.io/v1beta1")),
        ("kind", Yaml::text("ClusterNetworkPolicy")),
        (
            "metadata",
            Yaml::map([("name", Yaml::text(name)), ("annotations", judged)]),
        ),
        (
            "spec",
            Yaml::map([
                ("tier", Yaml::text("Admin")),
                ("priority", Yaml::Number(priority)),
                ("subject", subject.clone()),
                ("egress", Yaml::List(egress.to_vec())),
            ]),
        ),
    ])
    .block(0)
}

fn subject(grant: &Grant) -> Yaml {
    let label = Yaml::map([(METADATA_NAME_LABEL, Yaml::text(&grant.namespace))]);
    let namespace = Yaml::map([("matchLabels", label)]);
    if grant.pods == LabelSelector::default() {
        return Yaml::map([("namespaces", namespace)]);
    }
    let pods = selector(&with_labels(&grant.pods));
    let pods = Yaml::map([("namespaceSelector", namespace), ("podSelector", pods)]);
    Yaml::map([("pods", pods)])
}

/// What is one label and value is written as such.
fn with_labels(selector: &LabelSelector) -> LabelSelector {
    let mut labels = selector.match_labels.clone();
    let mut others = Vec::new();
    for requirement in &selector.match_expressions {
        match requirement.values.as_slice() {
            [value]
                if requirement.operator == SelectorOperator::In
                    && !labels.contains_key(&requirement.key) =>
            {
                labels.insert(requirement.key.clone(), value.clone());
            }
            _ => others.push(requirement.clone()),
        }
    }
    LabelSelector {
        match_labels: labels,
        match_expressions: others,
    }
}

/// NetworkPolicy decides: nothing is opened that it closes (rule CN-25).
fn grant_rule() -> Yaml {
    rule("granted", "Pass", &ADDRESSES, None)
}

/// Names are still found where the cloud's name server has the same address.
fn dns_rule() -> Yaml {
    let with_dns: Vec<_> = ADDRESSES.into_iter().filter(|one| one.has_dns).collect();
    let port = Yaml::map([(
        "destinationPort",
        Yaml::map([("number", Yaml::Number(DNS))]),
    )]);
    let protocols = ["udp", "tcp"].map(|protocol| Yaml::map([(protocol, port.clone())]));
    rule(
        "dns-of-the-cloud",
        "Pass",
        &with_dns,
        Some(Yaml::List(protocols.to_vec())),
    )
}

fn deny_rule() -> Yaml {
    rule("metadata", "Deny", &ADDRESSES, None)
}

fn rule(name: &str, action: &str, to: &[MetadataAddress], protocols: Option<Yaml>) -> Yaml {
    let networks = to.iter().map(|one| Yaml::text(one.block())).collect();
    let peer = Yaml::map([("networks", Yaml::List(networks))]);
    let mut fields = vec![
        ("name".to_owned(), Yaml::text(name)),
        ("action".to_owned(), Yaml::text(action)),
        ("to".to_owned(), Yaml::List(vec![peer])),
    ];
    fields.extend(protocols.map(|protocols| ("protocols".to_owned(), protocols)));
    Yaml::Map(fields)
}
