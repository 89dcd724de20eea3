//! What is said about each lint.

use std::fmt;

use ringfence_model::Severity;

use super::context::Context;
use super::problem::Problem;
use super::rules::*;

/// A kind of finding. Its id and name are for ever: suppressions and configurations of users hold them.
#[derive(Clone, Copy)]
pub struct Lint {
    /// `RF001`
    pub id: &'static str,
    /// The id for people: `policy-selects-nothing`.
    pub name: &'static str,
    /// How bad such a finding is; a finding may be rated otherwise where it is surer or less sure.
    pub severity: Severity,
    /// What it finds, in a line.
    pub summary: &'static str,
    /// What it finds, why it matters, and what to do, as Markdown.
    pub explanation: &'static str,
    pub(super) run: fn(&Context<'_>) -> Vec<Problem>,
}

impl fmt::Debug for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

/// The lint called `name`: its id, in any case, or its name.
#[must_use]
pub fn lint(name: &str) -> Option<&'static Lint> {
    let is_it = |lint: &&Lint| lint.id.eq_ignore_ascii_case(name) || lint.name == name;
    LINTS.iter().find(is_it)
}

/// Every lint, in order of id. An id that is not used any more stays free.
pub static LINTS: &[Lint] = &[
    Lint {
        id: "RF001",
        name: "policy-selects-nothing",
        severity: Severity::Warning,
        summary: "the selector of a policy matches no pod",
        explanation: include_str!("../../../../docs/lints/RF001.md"),
        run: policy_selects_nothing::run,
    },
    Lint {
        id: "RF002",
        name: "peer-selects-nothing",
        severity: Severity::Warning,
        summary: "no pod has the labels of a peer",
        explanation: include_str!("../../../../docs/lints/RF002.md"),
        run: peer_selects_nothing::run,
    },
    Lint {
        id: "RF003",
        name: "peer-and-or",
        severity: Severity::Warning,
        summary: "namespaces and pods in two items that were probably meant as one",
        explanation: include_str!("../../../../docs/lints/RF003.md"),
        run: peer_and_or::run,
    },
    Lint {
        id: "RF004",
        name: "own-namespace-only",
        severity: Severity::Warning,
        summary: "a peer without `namespaceSelector` whose pods are in other namespaces",
        explanation: include_str!("../../../../docs/lints/RF004.md"),
        run: own_namespace_only::run,
    },
    Lint {
        id: "RF005",
        name: "label-nobody-sets",
        severity: Severity::Warning,
        summary: "a label that decides who gets in, on nobody",
        explanation: include_str!("../../../../docs/lints/RF005.md"),
        run: label_nobody_sets::run,
    },
    Lint {
        id: "RF006",
        name: "label-anybody-sets",
        severity: Severity::Note,
        summary: "a label on a pod of any namespace opens the door",
        explanation: include_str!("../../../../docs/lints/RF006.md"),
        run: label_anybody_sets::run,
    },
    Lint {
        id: "RF007",
        name: "contradictory-selector",
        severity: Severity::Warning,
        summary: "a selector that no labels satisfy",
        explanation: include_str!("../../../../docs/lints/RF007.md"),
        run: contradictory_selector::run,
    },
    Lint {
        id: "RF008",
        name: "policy-selects-host-pods",
        severity: Severity::Warning,
        summary: "a policy for pods on the host network, to which none applies",
        explanation: include_str!("../../../../docs/lints/RF008.md"),
        run: policy_selects_host_pods::run,
    },
    Lint {
        id: "RF009",
        name: "peer-is-host-pod",
        severity: Severity::Warning,
        summary: "a peer that only pods on the host network match, which are no peers",
        explanation: include_str!("../../../../docs/lints/RF009.md"),
        run: peer_is_host_pod::run,
    },
    Lint {
        id: "RF010",
        name: "inert-rules",
        severity: Severity::Warning,
        summary: "rules of a direction that `policyTypes` does not list",
        explanation: include_str!("../../../../docs/lints/RF010.md"),
        run: inert_rules::run,
    },
    Lint {
        id: "RF011",
        name: "unintended-ingress-deny",
        severity: Severity::Warning,
        summary: "egress rules without `policyTypes` deny all ingress too",
        explanation: include_str!("../../../../docs/lints/RF011.md"),
        run: unintended_ingress_deny::run,
    },
    Lint {
        id: "RF012",
        name: "empty-egress-list",
        severity: Severity::Warning,
        summary: "`egress: []` without `policyTypes` denies nothing",
        explanation: include_str!("../../../../docs/lints/RF012.md"),
        run: empty_egress_list::run,
    },
    Lint {
        id: "RF013",
        name: "block-of-pods",
        severity: Severity::Warning,
        summary: "an `ipBlock` names pods by address",
        explanation: include_str!("../../../../docs/lints/RF013.md"),
        run: block_of_pods::run,
    },
    Lint {
        id: "RF014",
        name: "block-of-services",
        severity: Severity::Warning,
        summary: "an `ipBlock` names Services by address and matches nothing",
        explanation: include_str!("../../../../docs/lints/RF014.md"),
        run: block_of_services::run,
    },
    Lint {
        id: "RF015",
        name: "block-includes-pods",
        severity: Severity::Note,
        summary: "a wide `ipBlock` admits the cluster's own pods",
        explanation: include_str!("../../../../docs/lints/RF015.md"),
        run: block_includes_pods::run,
    },
    Lint {
        id: "RF016",
        name: "one-family-block",
        severity: Severity::Warning,
        summary: "every address of one family, in a cluster with two",
        explanation: include_str!("../../../../docs/lints/RF016.md"),
        run: one_family_block::run,
    },
    Lint {
        id: "RF017",
        name: "except-reopened",
        severity: Severity::Warning,
        summary: "what `except` keeps out another rule lets in",
        explanation: include_str!("../../../../docs/lints/RF017.md"),
        run: except_reopened::run,
    },
    Lint {
        id: "RF018",
        name: "metadata-address-open",
        severity: Severity::Note,
        summary: "egress to every address includes the cloud's metadata service",
        explanation: include_str!("../../../../docs/lints/RF018.md"),
        run: metadata_address_open::run,
    },
    Lint {
        id: "RF019",
        name: "everyone-is-pods-only",
        severity: Severity::Warning,
        summary: "every namespace is admitted, and clients outside are not",
        explanation: include_str!("../../../../docs/lints/RF019.md"),
        run: everyone_is_pods_only::run,
    },
    Lint {
        id: "RF020",
        name: "service-port",
        severity: Severity::Warning,
        summary: "the port of a Service where the port of its pods is meant",
        explanation: include_str!("../../../../docs/lints/RF020.md"),
        run: service_port::run,
    },
    Lint {
        id: "RF021",
        name: "named-port-nowhere",
        severity: Severity::Warning,
        summary: "a port's name that no destination has",
        explanation: include_str!("../../../../docs/lints/RF021.md"),
        run: named_port_nowhere::run,
    },
    Lint {
        id: "RF022",
        name: "named-port-differs",
        severity: Severity::Note,
        summary: "a port's name that is another number on other pods",
        explanation: include_str!("../../../../docs/lints/RF022.md"),
        run: named_port_differs::run,
    },
    Lint {
        id: "RF023",
        name: "egress-without-dns",
        severity: Severity::Warning,
        summary: "pods that may connect to others and cannot ask for names",
        explanation: include_str!("../../../../docs/lints/RF023.md"),
        run: egress_without_dns::run,
    },
    Lint {
        id: "RF024",
        name: "dns-without-tcp",
        severity: Severity::Note,
        summary: "pods that may ask for names on UDP alone",
        explanation: include_str!("../../../../docs/lints/RF024.md"),
        run: dns_without_tcp::run,
    },
    Lint {
        id: "RF025",
        name: "no-default-deny-ingress",
        severity: Severity::Warning,
        summary: "a namespace with pods that anybody may connect to",
        explanation: include_str!("../../../../docs/lints/RF025.md"),
        run: no_default_deny::ingress,
    },
    Lint {
        id: "RF026",
        name: "no-default-deny-egress",
        severity: Severity::Note,
        summary: "a namespace with pods that may connect to anybody",
        explanation: include_str!("../../../../docs/lints/RF026.md"),
        run: no_default_deny::egress,
    },
    Lint {
        id: "RF027",
        name: "allow-all",
        severity: Severity::Warning,
        summary: "a rule that allows everything",
        explanation: include_str!("../../../../docs/lints/RF027.md"),
        run: allow_all::run,
    },
    Lint {
        id: "RF028",
        name: "redundant-rule",
        severity: Severity::Warning,
        summary: "a rule that another one makes superfluous",
        explanation: include_str!("../../../../docs/lints/RF028.md"),
        run: redundant_rule::run,
    },
    Lint {
        id: "RF029",
        name: "rule-without-effect",
        severity: Severity::Note,
        summary: "a rule without which nothing in this cluster changes",
        explanation: include_str!("../../../../docs/lints/RF029.md"),
        run: rule_without_effect::run,
    },
    Lint {
        id: "RF030",
        name: "equal-priorities",
        severity: Severity::Warning,
        summary: "cluster-scoped policies of one priority that contradict each other",
        explanation: include_str!("../../../../docs/lints/RF030.md"),
        run: equal_priorities::run,
    },
    Lint {
        id: "RF031",
        name: "admin-overrides-policy",
        severity: Severity::Warning,
        summary: "a policy or rule that the Admin tier leaves nothing to decide",
        explanation: include_str!("../../../../docs/lints/RF031.md"),
        run: admin_overrides_policy::run,
    },
    Lint {
        id: "RF032",
        name: "deny-leaves-outside-open",
        severity: Severity::Note,
        summary: "a Deny for all pods that leaves nodes and the outside open",
        explanation: include_str!("../../../../docs/lints/RF032.md"),
        run: deny_leaves_outside_open::run,
    },
    Lint {
        id: "RF033",
        name: "deny-leaves-family-open",
        severity: Severity::Warning,
        summary: "a Deny for every address of one family that leaves the other open",
        explanation: include_str!("../../../../docs/lints/RF033.md"),
        run: deny_leaves_family_open::run,
    },
    Lint {
        id: "RF034",
        name: "shadowed-cluster-rule",
        severity: Severity::Warning,
        summary: "a rule of a cluster-scoped policy that never decides",
        explanation: include_str!("../../../../docs/lints/RF034.md"),
        run: shadowed_cluster_rule::run,
    },
    Lint {
        id: "RF035",
        name: "malformed-suppression",
        severity: Severity::Warning,
        summary: "an annotation that suppresses nothing, since it gives no reason",
        explanation: include_str!("../../../../docs/lints/RF035.md"),
        run: |_| Vec::new(),
    },
    Lint {
        id: "RF036",
        name: "unused-suppression",
        severity: Severity::Note,
        summary: "an annotation that suppresses what is not found",
        explanation: include_str!("../../../../docs/lints/RF036.md"),
        run: |_| Vec::new(),
    },
    Lint {
        id: "RF037",
        name: "audit-mode-over",
        severity: Severity::Warning,
        summary: "the audit mode of a policy is over, and it enforces",
        explanation: include_str!("../../../../docs/lints/RF037.md"),
        run: audit_mode::over,
    },
    Lint {
        id: "RF038",
        name: "audit-mode-ends",
        severity: Severity::Warning,
        summary: "the audit mode of a policy ends within a week",
        explanation: include_str!("../../../../docs/lints/RF038.md"),
        run: audit_mode::ending,
    },
    Lint {
        id: "RF039",
        name: "audit-mode-begins",
        severity: Severity::Warning,
        summary: "the audit mode of a policy begins later, and it denies nothing then",
        explanation: include_str!("../../../../docs/lints/RF039.md"),
        run: audit_mode::ahead,
    },
];
