//! `--admission`: what keeps pods off their nodes' network, as manifests for `kubectl apply`.

mod guards;

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::ensure;
use ringfence_model::{Documents, METADATA_NAME_LABEL};
use ringfence_reach::audit::{self, Finding, Principle, Subject};

use super::arguments::AuditArguments;
use crate::output::answer::write_out;
use crate::output::plain::plain;

pub(super) use guards::{KINDS, guards};

/// The policy; it is the same for every cluster.
const POLICY: &str = include_str!("admission/policy.yaml");

/// The namespace of what makes a node part of the cluster.
const SYSTEM: &str = "kube-system";

/// The label by which a namespace may have pods on the host network.
const LABEL: (&str, &str) = ("ringfence.dev/host-network", "allowed");

pub(super) fn run(arguments: &AuditArguments) -> anyhow::Result<ExitCode> {
    let mut exempt = BTreeSet::from([SYSTEM.to_owned()]);
    for namespace in &arguments.exempt {
        ensure!(
            is_dns_label(namespace),
            "`{namespace}` is no name of a namespace"
        );
        exempt.insert(namespace.clone());
    }
    let mut refused = Vec::new();
    if arguments.has_files() {
        for finding in host_pods(arguments)? {
            match (finding.unit.namespace(), &finding.accepted) {
                (Some(namespace), Some(_)) => drop(exempt.insert(namespace.to_owned())),
                (Some(_) | None, _) => refused.push(finding),
            }
        }
    }
    refused.retain(|finding| !is_exempt(finding, &exempt));
    write_out!("{POLICY}---\n{}", binding(&exempt, &refused));
    Ok(ExitCode::SUCCESS)
}

/// RFC 1123, section 2.1.
fn is_dns_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The workloads of the manifests that have pods on the host network.
fn host_pods(arguments: &AuditArguments) -> anyhow::Result<Vec<Finding>> {
    let loaded = arguments.manifests()?.load()?;
    let subject = Subject {
        cluster: &loaded.cluster,
        objects: &loaded.objects,
        documents: &Documents::new(&loaded.sources),
        guards: &[],
    };
    let audit = audit::audit(&subject, &arguments.measures());
    let findings = audit.findings().cloned();
    Ok(findings
        .filter(|finding| finding.principle == Principle::HostNetwork)
        .collect())
}

fn is_exempt(finding: &Finding, exempt: &BTreeSet<String>) -> bool {
    let namespace = finding.unit.namespace();
    namespace.is_some_and(|namespace| exempt.contains(namespace))
}

/// The binding to every namespace but these, with a word about who is `refused`.
fn binding(exempt: &BTreeSet<String>, refused: &[Finding]) -> String {
    let names: Vec<String> = exempt.iter().map(|name| format!("\"{name}\"")).collect();
    let names = names.join(", ");
    let (key, value) = LABEL;
    format!(
        "{}apiVersion: admissionregistration.k8s.io/v1\n\
         kind: ValidatingAdmissionPolicyBinding\n\
         metadata:\n  name: ringfence-host-network\n\
         spec:\n  policyName: ringfence-host-network\n  validationActions: [\"Deny\"]\n\
         \x20 matchResources:\n    namespaceSelector:\n      matchExpressions:\n\
         \x20     # The API server sets this label; nobody can take it away or give it to another namespace.\n\
         \x20     - key: {METADATA_NAME_LABEL}\n        operator: NotIn\n        values: [{names}]\n\
         \x20     # Whoever may label namespaces may exempt more of them.\n\
         \x20     - key: {key}\n        operator: NotIn\n        values: [\"{value}\"]\n",
        told(refused)
    )
}

/// A comment on the workloads that could not be created again.
fn told(refused: &[Finding]) -> String {
    if refused.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "# These workloads of the manifests are on the host network and would be refused. `--exempt NAMESPACE`, or the\n\
         # annotation `ringfence.dev/accept: \"RA04: reason\"` on the workload, exempts their namespace.\n",
    );
    for finding in refused {
        let unit = plain(&finding.unit.full_name());
        text.push_str(&format!("#   {unit}\n"));
    }
    text
}
