//! Cilium.

mod draw;
mod judge;
mod refused;
mod write;

use ringfence_convert::{Conversion, Options, convert};
use ringfence_model::Input;
use ringfence_testkit::random::Random;

use crate::world::{KEPT, NODES, PODS_BLOCK, Tally, compare, count, namespaces};

const NAMESPACED: &str = "CiliumNetworkPolicy";
const CLUSTERWIDE: &str = "CiliumClusterwideNetworkPolicy";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// A requirement on one label, with its key as it is written.
#[derive(Clone, Debug)]
struct Requirement {
    key: &'static str,
    operator: Operator,
    values: Vec<&'static str>,
}

type Selector = Vec<Requirement>;

#[derive(Clone, Debug)]
enum Peers {
    /// No field of peers.
    Unsaid,
    Endpoints(Vec<Selector>),
    Cidrs(Vec<&'static str>),
    /// Blocks with what they leave out.
    CidrSets(Vec<(&'static str, Vec<&'static str>)>),
    Entities(Vec<&'static str>),
}

#[derive(Clone, Debug)]
struct Port {
    /// A number or a name.
    port: &'static str,
    end: Option<u16>,
    protocol: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Rule {
    peers: Peers,
    ports: Vec<Port>,
}

/// One `spec`.
#[derive(Clone, Debug)]
struct Spec {
    selector: Selector,
    ingress: Vec<Rule>,
    ingress_deny: Vec<Rule>,
    egress: Vec<Rule>,
    egress_deny: Vec<Rule>,
    /// `enableDefaultDeny`, for ingress and for egress.
    default_deny: [Option<bool>; 2],
}

#[derive(Clone, Debug)]
struct Policy {
    name: String,
    /// `None` for a CiliumClusterwideNetworkPolicy.
    namespace: Option<&'static str>,
    specs: Vec<Spec>,
}

#[derive(Clone, Debug)]
struct Cilium {
    policies: Vec<Policy>,
    /// Whether there is the NetworkPolicy of Kubernetes in [`KEPT`], too.
    kept: bool,
}

fn converted(text: &str) -> Conversion {
    let input = Input {
        name: "policies.yaml".to_owned(),
        text: text.to_owned(),
    };
    let options = Options {
        pod_blocks: vec![PODS_BLOCK.parse().unwrap()],
        node_blocks: vec![NODES.parse().unwrap()],
        ..Options::default()
    };
    convert(&[input], &options).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

fn compare_all(seeds: std::ops::Range<u64>, draw: impl Fn(&mut Random) -> Cilium) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let cilium = draw(&mut Random::new(seed));
        let text = format!("{}{}", namespaces(), write::manifests(&cilium));
        let kept = if cilium.kept { KEPT } else { "" };
        let conversion = converted(&text);
        compare(&mut tally, &conversion, (&text, kept), |flow| {
            judge::passes(&cilium, flow)
        });
    }
    tally
}

#[test]
fn whatever_is_converted_means_the_same() {
    let tally = compare_all(0..count() / 2, draw::anything);
    assert!(tally.converted * 10 > tally.refused, "{tally:?}");
    assert!(tally.allowed > 0 && tally.denied > 0, "{tally:?}");
}

/// Policies of the common sort are converted, and not refused to be on the safe side.
#[test]
fn policies_that_allow_are_converted() {
    let tally = compare_all(0..count() / 4, draw::allowing);
    assert_eq!(tally.refused, 0, "{tally:?}");
}

#[test]
fn denials_become_cluster_policies() {
    let tally = compare_all(0..count() / 2, draw::denying);
    assert!(tally.converted > tally.refused, "{tally:?}");
    assert!(tally.cluster_policies * 4 > tally.converted, "{tally:?}");
}

/// Without the cluster's addresses nobody can tell its pods and nodes from the outside.
#[test]
fn addresses_of_the_cluster_have_to_be_known() {
    for rule in [
        "toCIDR: [203.0.113.0/24]",
        "toEntities: [world]",
        "toEntities: [cluster]",
    ] {
        let input = Input {
            name: "policies.yaml".to_owned(),
            text: format!(
                "apiVersion: cilium.io/v2\nkind: {NAMESPACED}\nmetadata: {{name: p, namespace: red}}\n\
                 spec: {{endpointSelector: {{}}, egress: [{{{rule}}}]}}\n"
            ),
        };
        let conversion = convert(&[input], &Options::default()).unwrap();
        let [refusal] = conversion.refusals.as_slice() else {
            panic!("{rule}: {conversion:?}")
        };
        let reason = refusal.reasons.first().unwrap();
        assert!(
            reason.help.as_ref().unwrap().contains("--pod-cidr"),
            "{reason:?}"
        );
    }
}

/// What is converted and not quite the same is said, with the object, its field and its line.
#[test]
fn differences_are_warned_of() {
    let text = format!(
        "{}---\napiVersion: cilium.io/v2\nkind: {NAMESPACED}\nmetadata: {{name: p, namespace: red}}\nspec:\n  endpointSelector: {{}}\n  \
         ingress:\n  - fromEndpoints: [{{}}]\n  ingressDeny:\n  - toPorts: [{{ports: [{{port: '22'}}]}}]\n  egress:\n  - toCIDR: [10.0.3.0/24]\n",
        namespaces()
    );
    let conversion = converted(&text);
    assert!(conversion.refusals.is_empty(), "{:?}", conversion.refusals);
    for wanted in [
        "CiliumNetworkPolicy/red/p: spec.ingressDeny[0]: denies the pods' own node as well",
        "CiliumNetworkPolicy/red/p: spec.egress[0].toCIDR[0]: 10.0.3.0/24 holds addresses of pods and nodes alone",
    ] {
        let mut notes = conversion.notes.iter();
        assert!(
            notes.any(|note| note.message.starts_with(wanted) && note.location.is_some()),
            "{wanted}: {:#?}",
            conversion.notes
        );
    }
}

/// A named list of blocks is read where it is given.
#[test]
fn groups_of_blocks_are_their_blocks() {
    let text = format!(
        "{}---\napiVersion: cilium.io/v2alpha1\nkind: CiliumCIDRGroup\nmetadata: {{name: partners}}\nspec: {{externalCIDRs: [203.0.113.0/24, 10.0.0.0/8]}}\n\
         ---\napiVersion: cilium.io/v2\nkind: {CLUSTERWIDE}\nmetadata: {{name: p}}\n\
         spec: {{endpointSelector: {{matchLabels: {{'k8s:io.kubernetes.pod.namespace': red}}}}, egress: [{{toCIDRSet: [{{cidrGroupRef: partners, except: [203.0.113.9/32]}}]}}]}}\n",
        namespaces()
    );
    let conversion = converted(&text);
    assert!(conversion.refusals.is_empty(), "{:?}", conversion.refusals);
    let [policy] = conversion.objects.as_slice() else {
        panic!("{:?}", conversion.objects)
    };
    let expected = serde_json::json!([{"to": [
        {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.9/32"]}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/16"]}},
    ]}]);
    assert_eq!(policy.json()["spec"]["egress"], expected);
}
