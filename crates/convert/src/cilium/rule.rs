//! Rules: peers and ports must both match.

use ringfence_model::Direction;

use super::entity;
use super::outside::Outside;
use super::ports::ports;
use super::selector;
use crate::ladder::{Action, Peer, Peers, Rule};
use crate::written::Field;

/// What a rule needs to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'g> {
    /// The policy's namespace; none for one of the cluster.
    pub(super) namespace: Option<&'g str>,
    pub(super) outside: Outside<'g>,
}

const REQUIRES: &str = "narrows what other rules allow, which a Kubernetes policy cannot";
const REPEAT: &str = "write its labels into each `fromEndpoints` and `toEndpoints` that it narrows";
const NODES: &str = "selects nodes by label, and no NetworkPolicy knows their labels";
const ADDRESSES: &str = "allow the addresses of the nodes with an `ipBlock`, by hand";
const GROUPS: &str = "asks a cloud for its machines, whose addresses are not in the policy";
const LIST: &str = "list the addresses with `fromCIDR` or `toCIDR`";

/// Fields that have no equivalent, why, and what to do.
const WITHOUT: [(&str, &str, &str); 10] = [
    ("fromRequires", REQUIRES, REPEAT),
    ("toRequires", REQUIRES, REPEAT),
    ("fromNodes", NODES, ADDRESSES),
    ("toNodes", NODES, ADDRESSES),
    ("fromGroups", GROUPS, LIST),
    ("toGroups", GROUPS, LIST),
    (
        "toServices",
        "names a Service, and Services are no peers of Kubernetes policies (rule OB-14)",
        "select the pods behind the Service with `toEndpoints`, and name its target port",
    ),
    (
        "toFQDNs",
        "names domains, whose addresses are not known before they are asked for",
        "list the addresses with `toCIDR`, or write a ClusterNetworkPolicy with `domainNames` by hand",
    ),
    (
        "icmps",
        "speaks of types of ICMP, which Kubernetes policies cannot",
        "a rule without `toPorts` covers ICMP with everything else; replies and errors of allowed connections always pass",
    ),
    (
        "authentication",
        "asks both ends to authenticate, and Kubernetes policies see addresses and ports",
        "leave this to a service mesh, and remove the field",
    ),
];

/// The rule in `field`; `None` if it speaks of nobody, and only isolates.
pub(super) fn rule(
    context: &Context<'_>,
    direction: Direction,
    action: Action,
    field: &Field<'_>,
) -> Option<Rule> {
    let side = Side::of(direction);
    let without = WITHOUT.map(|(key, _, _)| key);
    field.only(&[&side.keys()[..], &without, &["toPorts"]].concat(), &[]);
    for (key, why, instead) in WITHOUT {
        if let Some(field) = field.get(key) {
            field.refuse(why, instead);
        }
    }
    let ports = ports(field, direction);
    let written = side.written(field);
    let peers = match written.as_slice() {
        [] if ports.is_empty() => return None,
        [] => Peers::Any,
        [(kind, one)] => peers(context, (direction, action), *kind, one),
        [_, (_, second), ..] => {
            second.refuse(
                "stands beside another kind of peers, which Cilium takes for no valid policy",
                "write a rule for each kind of peers",
            );
            return None;
        }
    };
    if action == Action::Deny && direction == Direction::Ingress && peers == Peers::Any {
        warn_of_own_node(field);
    }
    Some(Rule {
        action,
        peers,
        ports,
        outside: context.outside.is_apart(),
        path: field.path.clone(),
    })
}

/// A denial of everybody includes the pod's own node in Cilium (rule NP-50).
pub(super) fn warn_of_own_node(field: &Field<'_>) {
    field.warn(
        "denies the pods' own node as well, which no Kubernetes policy does: it still reaches them, as it has to for probes",
        "keep a firewall on the nodes if their processes are not to be trusted",
    );
}

/// A way to name peers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Endpoints,
    Cidr,
    CidrSet,
    Entities,
}

/// The names of the fields of one direction.
struct Side {
    fields: [(Kind, &'static str); 4],
}

impl Side {
    const fn of(direction: Direction) -> Self {
        let [endpoints, cidr, cidr_set, entities] = match direction {
            Direction::Ingress => ["fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities"],
            Direction::Egress => ["toEndpoints", "toCIDR", "toCIDRSet", "toEntities"],
        };
        Self {
            fields: [
                (Kind::Endpoints, endpoints),
                (Kind::Cidr, cidr),
                (Kind::CidrSet, cidr_set),
                (Kind::Entities, entities),
            ],
        }
    }

    fn keys(&self) -> [&'static str; 4] {
        self.fields.map(|(_, key)| key)
    }

    /// The lists of peers that are written, each with its items. Empty ones are refused.
    fn written<'a>(&self, rule: &Field<'a>) -> Vec<(Kind, Written<'a>)> {
        let mut written = Vec::new();
        for (kind, key) in self.fields {
            let Some(field) = rule.get(key) else { continue };
            let items = rule.list(key);
            if items.is_empty() {
                field.refuse(
                    "is an empty list, which some versions of Cilium take for nobody and others for everybody",
                    "remove the rule if nobody is meant, or the field if everybody is",
                );
            }
            written.push((kind, Written { field, items }));
        }
        written
    }
}

/// A list of peers.
struct Written<'a> {
    field: Field<'a>,
    items: Vec<Field<'a>>,
}

impl Written<'_> {
    fn refuse(&self, why: &str, instead: &str) {
        self.field.refuse(why, instead);
    }
}

fn peers(
    context: &Context<'_>,
    (direction, action): (Direction, Action),
    kind: Kind,
    written: &Written<'_>,
) -> Peers {
    let Written { field, items } = written;
    let outside = &context.outside;
    let found: Vec<Peer> = match kind {
        Kind::Endpoints => {
            let scope = |item| selector::peer(item, context.namespace).map(Peer::Pods);
            items.iter().filter_map(scope).collect()
        }
        Kind::Cidr => outside.cidrs(field, items),
        Kind::CidrSet => outside.cidr_sets(field, items),
        Kind::Entities => return entity::peers(outside, (direction, action), field, items),
    };
    Peers::Of(found)
}
