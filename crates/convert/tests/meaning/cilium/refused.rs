//! What has no equivalent.

use super::{CLUSTERWIDE, NAMESPACED, converted};
use crate::world::namespaces;

/// What each text of a rule, policy or file is refused for: the field, and the reason.
#[test]
fn what_has_no_equivalent_is_refused_with_its_field() {
    for (kind, spec, path, why) in REFUSED {
        let selector = if spec.contains("odeSelector") || spec.contains("endpointSelector") {
            ""
        } else {
            "endpointSelector: {}, "
        };
        let metadata = if kind == NAMESPACED {
            "{name: p, namespace: red}"
        } else {
            "{name: p}"
        };
        let text = format!(
            "{}---\napiVersion: cilium.io/v2\nkind: {kind}\nmetadata: {metadata}\nspec: {{{selector}{spec}}}\n",
            namespaces()
        );
        let conversion = converted(&text);
        let reasons = conversion
            .refusals
            .iter()
            .flat_map(|refusal| &refusal.reasons);
        let found = reasons.clone().any(|reason| {
            reason.path.as_deref() == Some(path)
                && reason.message.contains(why)
                && reason.location.is_some()
                && reason.help.is_some()
        });
        let all: Vec<&str> = reasons.map(|reason| reason.message.as_str()).collect();
        assert!(found, "{spec}: {path}: {why}\nis refused for {all:#?}");
        assert!(conversion.objects.is_empty(), "{spec}");
    }
}

type Refused = (&'static str, &'static str, &'static str, &'static str);

const REFUSED: [Refused; 47] = [
    (
        CLUSTERWIDE,
        "nodeSelector: {}",
        "spec.nodeSelector",
        "about hosts",
    ),
    (
        NAMESPACED,
        "nodeSelector: {matchLabels: {a: b}}, ingress: [{}]",
        "spec.nodeSelector",
        "about hosts",
    ),
    (NAMESPACED, "ingres: [{}]", "spec.ingres", "does not know"),
    (
        NAMESPACED,
        "enableDefaultDeny: {ingress: 'no'}, ingress: [{}]",
        "spec.enableDefaultDeny.ingress",
        "neither true nor false",
    ),
    (
        NAMESPACED,
        "ingress: [{fromRequires: [{}]}]",
        "spec.ingress[0].fromRequires",
        "narrows what other rules allow",
    ),
    (
        NAMESPACED,
        "ingress: [{fromNodes: []}]",
        "spec.ingress[0].fromNodes",
        "selects nodes",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}]",
        "spec.ingress[0].fromEndpoints",
        "empty list",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}]",
        "spec.ingress[0].fromCIDR",
        "another kind of peers",
    ),
    (
        NAMESPACED,
        "ingress: [{icmps: [{fields: [{type: 8}]}]}]",
        "spec.ingress[0].icmps",
        "types of ICMP",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]",
        "spec.ingress[0].authentication",
        "authenticate",
    ),
    (
        NAMESPACED,
        "egress: [{toFQDNs: [{matchName: a.example}]}]",
        "spec.egress[0].toFQDNs",
        "names domains",
    ),
    (
        NAMESPACED,
        "egress: [{toServices: [{k8sService: {serviceName: a}}]}]",
        "spec.egress[0].toServices",
        "names a Service",
    ),
    (
        NAMESPACED,
        "egress: [{toGroups: [{aws: {region: x}}]}]",
        "spec.egress[0].toGroups",
        "asks a cloud",
    ),
    (
        NAMESPACED,
        "egress: [{fromEndpoints: [{}]}]",
        "spec.egress[0].fromEndpoints",
        "does not know",
    ),
    (
        NAMESPACED,
        "egress: [{toEntities: [host]}]",
        "spec.egress[0].toEntities[0]",
        "node that each pod is on",
    ),
    (
        NAMESPACED,
        "egress: [{toEntities: [remote-node]}]",
        "spec.egress[0].toEntities[0]",
        "every node but",
    ),
    (
        NAMESPACED,
        "egress: [{toEntities: [kube-apiserver]}]",
        "spec.egress[0].toEntities[0]",
        "Kubernetes API",
    ),
    (
        NAMESPACED,
        "egress: [{toEntities: [init]}]",
        "spec.egress[0].toEntities[0]",
        "known to Cilium alone",
    ),
    (
        NAMESPACED,
        "egress: [{toEntities: [World]}]",
        "spec.egress[0].toEntities[0]",
        "no entity",
    ),
    (
        NAMESPACED,
        "ingressDeny: [{fromEntities: [host]}]",
        "spec.ingressDeny[0].fromEntities[0]",
        "own node",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: '80'}], rules: {http: [{}]}}]}]",
        "spec.ingress[0].toPorts[0].rules",
        "looks into connections",
    ),
    (
        NAMESPACED,
        "egress: [{toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]}]",
        "spec.egress[0].toPorts[0].rules",
        "looks into connections",
    ),
    (
        NAMESPACED,
        "egress: [{toPorts: [{ports: [{port: '443'}], serverNames: [a.example]}]}]",
        "spec.egress[0].toPorts[0].serverNames",
        "looks into connections",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{}]}]",
        "spec.ingress[0].toPorts[0]",
        "names no port",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: 80}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0]",
        "is no port",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: '010'}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0]",
        "is no port",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: '80', endPort: 70}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0]",
        "is no port",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: http, endPort: 90}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0]",
        "is no port",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: '0'}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0]",
        "every port of every protocol",
    ),
    (
        NAMESPACED,
        "ingress: [{toPorts: [{ports: [{port: '8', protocol: ICMP}]}]}]",
        "spec.ingress[0].toPorts[0].ports[0].protocol",
        "is no protocol",
    ),
    (
        NAMESPACED,
        "egress: [{toPorts: [{ports: [{port: http}]}]}]",
        "spec.egress[0].toPorts[0].ports[0]",
        "all pods of the cluster",
    ),
    (
        NAMESPACED,
        "endpointSelector: {matchLabels: {'reserved:init': ''}}, ingress: [{}]",
        "spec.endpointSelector.matchLabels.reserved:init",
        "source `reserved`",
    ),
    (
        NAMESPACED,
        "endpointSelector: {matchLabels: {'k8s:io.kubernetes.pod.namespace': blue}}, ingress: [{}]",
        "spec.endpointSelector",
        "pods of its own",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.serviceaccount: a}}]}]",
        "spec.ingress[0].fromEndpoints[0].matchLabels[io.cilium.k8s.policy.serviceaccount]",
        "service account",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: a}}]}]",
        "spec.ingress[0].fromEndpoints[0].matchLabels[io.cilium.k8s.policy.cluster]",
        "selects by cluster",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{matchLabels: {pod-template-hash: a}}]}]",
        "spec.ingress[0].fromEndpoints[0].matchLabels.pod-template-hash",
        "leaves out of identities",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{matchExpressions: [{key: 'io.kubernetes.pod.namespace', operator: NotIn, values: [red]}]}]}]",
        "spec.ingress[0].fromEndpoints[0]",
        "nodes and outside addresses",
    ),
    (
        CLUSTERWIDE,
        "ingress: [{fromEndpoints: [{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: DoesNotExist}]}]}]",
        "spec.ingress[0].fromEndpoints[0]",
        "nodes and outside addresses",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: Is, values: [b]}]}]}]",
        "spec.ingress[0].fromEndpoints[0].matchExpressions[0]",
        "no operator",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEndpoints: [{matchExpressions: [{key: a, operator: In}]}]}]",
        "spec.ingress[0].fromEndpoints[0].matchExpressions[0]",
        "do not go together",
    ),
    (
        NAMESPACED,
        "egress: [{toCIDR: [10.0.0.0/33]}]",
        "spec.egress[0].toCIDR[0]",
        "no address",
    ),
    (
        NAMESPACED,
        "egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/8]}]}]",
        "spec.egress[0].toCIDRSet[0]",
        "does not hold",
    ),
    (
        NAMESPACED,
        "egress: [{toCIDRSet: [{cidrGroupRef: partners}]}]",
        "spec.egress[0].toCIDRSet[0].cidrGroupRef",
        "not among the files",
    ),
    (
        NAMESPACED,
        "egress: [{toCIDRSet: [{cidrGroupSelector: {matchLabels: {a: b}}}]}]",
        "spec.egress[0].toCIDRSet[0].cidrGroupSelector",
        "by label",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEntities: [all]}], ingressDeny: [{fromCIDR: [203.0.113.0/24]}]",
        "spec.ingressDeny[0]",
        "denies what comes from addresses",
    ),
    (
        NAMESPACED,
        "ingress: [{fromEntities: [world]}], enableDefaultDeny: {ingress: false}",
        "spec.ingress[0]",
        "allows what comes from addresses",
    ),
    (
        NAMESPACED,
        "ingress: [null]",
        "spec.ingress[0]",
        "is no mapping",
    ),
];
