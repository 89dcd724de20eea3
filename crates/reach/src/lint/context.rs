//! What several lints look at: pods that are alike, rules with their places, and what of the cluster is known.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::OnceLock;

use ipnet::IpNet;
use ringfence_model::{
    Cluster, ContainerPort, Direction, Documents, Endpoint, LabelSelector, Labels,
    METADATA_NAME_LABEL, NetworkPolicy, Object, ObjectKey, ObjectName, PeerSelector, Pod,
    PortMatch, Workers,
};
use ringfence_net::Protocol;
use ringfence_policy::Engine;

use super::Subject;
use super::names::Resolvers;
use super::peer::{self, PeerSite};
use super::problem::{Place, RuleSite};
use super::proof;
use super::quotient::Quotient;
use super::ranges::Ranges;
use super::redundancy::{self, Redundant};
use super::stranger;
use crate::foreign;

/// A namespace that every cluster has, with pods of its own that manifests seldom tell.
const SYSTEM_NAMESPACE: &str = "kube-system";

pub(super) struct Context<'a> {
    pub(super) engine: &'a Engine,
    pub(super) cluster: &'a Cluster,
    pub(super) objects: &'a [Object],
    pub(super) documents: &'a Documents,
    default_namespace: &'a str,
    /// By namespace what may make pods there that the manifests do not hold.
    makers: OnceLock<BTreeMap<String, String>>,
    /// Who does what takes long.
    pub(super) workers: &'a dyn Workers,
    /// Live pods, those that are alike together, in order of namespace and labels.
    pub(super) groups: Vec<PodGroup<'a>>,
    /// Where those of each namespace stand among them.
    of_namespace: BTreeMap<&'a str, Range<usize>>,
    /// Every address of one of them with the place of its group, in order.
    addresses: Vec<(IpAddr, usize)>,
    pub(super) ranges: Ranges<'a>,
    /// The peers that name pods.
    pub(super) peer_sites: Vec<PeerSite<'a>>,
    /// Where each of them stands in the list, by object and path.
    peer_places: BTreeMap<ObjectKey, BTreeMap<String, usize>>,
    no_labels: Labels,
    quotient: OnceLock<Quotient>,
    resolvers: OnceLock<Resolvers>,
    redundant: OnceLock<Vec<Redundant<'a>>>,
    stranger: OnceLock<(Engine, Endpoint)>,
}

/// Live pods of one namespace with the same labels and ports.
#[derive(Debug)]
pub(super) struct PodGroup<'a> {
    pub(super) namespace: &'a str,
    pub(super) labels: &'a Labels,
    pub(super) ports: &'a [ContainerPort],
    /// Whether they are on their nodes' network, so that no policy concerns them (rule NP-53).
    pub(super) on_host: bool,
    /// At least one.
    pub(super) pods: Vec<&'a Pod>,
}

impl<'a> Context<'a> {
    pub(super) fn new(subject: &Subject<'a>, workers: &'a dyn Workers) -> Self {
        let cluster = subject.engine.cluster();
        let groups = groups(cluster);
        let mut context = Self {
            engine: subject.engine,
            cluster,
            objects: subject.objects,
            documents: subject.documents,
            default_namespace: subject.default_namespace,
            makers: OnceLock::new(),
            workers,
            of_namespace: places(&groups),
            addresses: addresses(&groups),
            groups,
            ranges: Ranges::new(cluster, subject.objects, subject.documents),
            peer_sites: Vec::new(),
            peer_places: BTreeMap::new(),
            no_labels: Labels::new(),
            quotient: OnceLock::new(),
            resolvers: OnceLock::new(),
            redundant: OnceLock::new(),
            stranger: OnceLock::new(),
        };
        let sites = OnceLock::new();
        // Both take their time, and neither needs the other.
        workers.work(2, &|piece| match piece {
            0 => drop(context.quotient()),
            _ => drop(sites.set(peer::peers(&context))),
        });
        context.peer_sites = sites.into_inner().unwrap_or_default();
        for (index, site) in context.peer_sites.iter().enumerate() {
            let of_object = context.peer_places.entry(site.place.object.clone());
            let of_object = of_object.or_default();
            of_object.insert(site.place.path.clone(), index);
        }
        context
    }

    /// The cluster with one pod of each class.
    pub(super) fn thinned(&self) -> &Cluster {
        self.quotient().cluster()
    }

    /// The same, to be seen from a namespace.
    pub(super) fn quotient(&self) -> &Quotient {
        let quotient = || Quotient::of(proof::thinned(self.engine));
        self.quotient.get_or_init(quotient)
    }

    /// Who knows names.
    pub(super) fn resolvers(&self) -> &Resolvers {
        self.resolvers.get_or_init(|| Resolvers::of(self))
    }

    /// The rules of NetworkPolicies that could go.
    pub(super) fn redundant(&self) -> &[Redundant<'a>] {
        self.redundant.get_or_init(|| redundancy::redundant(self))
    }

    /// The cluster with a pod that nobody has named, and that pod.
    pub(super) fn with_stranger(&self) -> &(Engine, Endpoint) {
        self.stranger.get_or_init(|| stranger::beside(self.cluster))
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = &'a NetworkPolicy> + use<'a> {
        self.cluster.network_policies.values()
    }

    /// The policies of `namespace`.
    pub(super) fn policies_of(
        &self,
        namespace: &str,
    ) -> impl Iterator<Item = &'a NetworkPolicy> + use<'a> {
        let first = ObjectName::new(namespace, "");
        let policies = self.cluster.network_policies.range(first..);
        let namespace = namespace.to_owned();
        policies
            .map(|(_, policy)| policy)
            .take_while(move |policy| policy.name.namespace == namespace)
    }

    /// The rules that allow something: those of directions that their policy isolates (rule NP-4).
    pub(super) fn rules(&self) -> impl Iterator<Item = RuleSite<'a>> + use<'a> {
        self.policies().flat_map(rules)
    }

    /// The ports that these rules allow by name: the rule, the item's place in `ports`, the name and its protocol.
    pub(super) fn named_ports(
        &self,
    ) -> impl Iterator<Item = (RuleSite<'a>, usize, &'a str, Protocol)> + use<'a> {
        let items = self
            .rules()
            .flat_map(|site| site.ports().map(move |(index, port)| (site, index, port)));
        items.filter_map(|(site, index, port)| match &port.port {
            PortMatch::Name(name) => Some((site, index, name.as_str(), port.protocol)),
            PortMatch::Any | PortMatch::Range(_) => None,
        })
    }

    /// Pods of the pod network.
    pub(super) fn pods(&self) -> impl Iterator<Item = &PodGroup<'a>> {
        self.groups.iter().filter(|group| !group.on_host)
    }

    /// Pods of the pod network with an address in one of `blocks` that `is_free`.
    pub(super) fn pods_within(
        &self,
        blocks: &[IpNet],
        is_free: impl Fn(&IpAddr) -> bool,
    ) -> Vec<&PodGroup<'a>> {
        let mut is_met = vec![false; self.groups.len()];
        for block in blocks {
            let (first, last) = (block.network(), block.broadcast());
            let start = self
                .addresses
                .partition_point(|(address, _)| *address < first);
            let held = self.addresses.get(start..).unwrap_or_default().iter();
            let held = held.take_while(|(address, _)| *address <= last);
            for (_, place) in held.filter(|(address, _)| is_free(address)) {
                if let Some(is_met) = is_met.get_mut(*place) {
                    *is_met = true;
                }
            }
        }
        let groups = self.groups.iter().zip(is_met);
        let met = groups.filter(|(group, is_met)| *is_met && !group.on_host);
        met.map(|(group, _)| group).collect()
    }

    /// Pods of the pod network and of the nodes in `namespace`.
    pub(super) fn groups_in(&self, namespace: &str) -> &[PodGroup<'a>] {
        let place = self.of_namespace.get(namespace);
        let groups = place.and_then(|place| self.groups.get(place.clone()));
        groups.unwrap_or_default()
    }

    /// Whether `policy` lists types of its own; an empty list is as good as none (rule NP-3).
    pub(super) fn lists_types(&self, policy: &NetworkPolicy) -> bool {
        let source = policy.source.as_ref();
        let spec = source.and_then(|source| self.documents.field(source, "spec"));
        spec.is_some_and(|spec| !spec.items_at("policyTypes").is_empty())
    }

    /// Whether another policy than `policy` isolates `group` in `direction`.
    pub(super) fn isolated_otherwise(
        &self,
        policy: &NetworkPolicy,
        group: &PodGroup<'_>,
        direction: Direction,
    ) -> bool {
        let all = self.policies_of(group.namespace);
        all.filter(|other| other.name != policy.name && other.isolates(direction))
            .any(|other| other.pod_selector.matches(group.labels))
    }

    /// The pods that `policy` selects (rule NP-1), host pods with the same labels among them.
    pub(super) fn labelled(&self, policy: &NetworkPolicy) -> Vec<&PodGroup<'a>> {
        let groups = self.groups_in(&policy.name.namespace).iter();
        groups
            .filter(|group| policy.pod_selector.matches(group.labels))
            .collect()
    }

    /// The pods that `policy` applies to (rules NP-1, NP-53).
    pub(super) fn selected(&self, policy: &NetworkPolicy) -> Vec<&PodGroup<'a>> {
        let mut selected = self.labelled(policy);
        selected.retain(|group| !group.on_host);
        selected
    }

    /// The pods with the labels and namespaces that `peer` of a policy in `namespace` asks for; host pods too, which are
    /// never peers (rule NP-16).
    pub(super) fn like_peer<'c, 'p>(
        &'c self,
        peer: &'p PeerSelector,
        namespace: &'p str,
    ) -> impl Iterator<Item = &'c PodGroup<'a>> {
        let groups: Vec<&'c [PodGroup<'a>]> = match &peer.namespaces {
            None => vec![self.groups_in(namespace)],
            Some(selector) => {
                let names = self.of_namespace.keys();
                let names = names.filter(|name| selector.matches(self.namespace_labels(name)));
                names.map(|name| self.groups_in(name)).collect()
            }
        };
        let selector = peer.pods.as_ref();
        let has_labels = move |group: &&'c PodGroup<'a>| {
            selector.is_none_or(|selector| selector.matches(group.labels))
        };
        groups.into_iter().flatten().filter(has_labels)
    }

    /// The pods that `peer` of a policy in `namespace` matches (rules NP-12 to NP-16).
    pub(super) fn peers(&self, peer: &PeerSelector, namespace: &str) -> Vec<&PodGroup<'a>> {
        let like = self.like_peer(peer, namespace);
        like.filter(|group| !group.on_host).collect()
    }

    /// The peer at `place`.
    pub(super) fn peer_site(&self, place: &Place) -> Option<&PeerSite<'a>> {
        let of_object = self.peer_places.get(&place.object)?;
        self.peer_sites.get(*of_object.get(&place.path)?)
    }

    /// Whether a workload without pods at present would make some with `pods` in the namespaces of `namespaces`, or in `own`.
    pub(super) fn idle(
        &self,
        namespaces: Option<&LabelSelector>,
        own: &str,
        pods: &LabelSelector,
    ) -> bool {
        let namespaces = self.namespaces(namespaces, own);
        self.objects.iter().any(|object| {
            let Object::Workload(workload) = object else {
                return false;
            };
            let namespace = workload.name.namespace.as_str();
            namespaces.contains(&namespace) && pods.matches(&workload.template.labels)
        })
    }

    /// The labels of a namespace.
    pub(super) fn namespace_labels(&self, name: &str) -> &Labels {
        let namespace = self.cluster.namespaces.get(name);
        namespace.map_or(&self.no_labels, |namespace| &namespace.labels)
    }

    /// The namespaces that `selector` of a policy in `own` matches; without selector, `own`.
    pub(super) fn namespaces(&self, selector: Option<&LabelSelector>, own: &str) -> Vec<&'a str> {
        let names = self.cluster.namespaces.values();
        names
            .filter(|namespace| match selector {
                None => namespace.name == own,
                Some(selector) => selector.matches(&namespace.labels),
            })
            .map(|namespace| namespace.name.as_str())
            .collect()
    }

    /// An object that may make pods in one of `namespaces`, which these manifests do not hold.
    pub(super) fn maker<'n>(&self, namespaces: impl IntoIterator<Item = &'n str>) -> Option<&str> {
        let makers = || foreign::makers(self.documents, self.default_namespace);
        let makers = self.makers.get_or_init(makers);
        let mut namespaces = namespaces.into_iter();
        let found = namespaces.find_map(|name| makers.get(name));
        found.map(String::as_str)
    }

    /// Whether the pods of every namespace that `selector` matches are among the manifests, as far as one can tell: there is
    /// at least one of each. Every cluster has system pods, so a selector that matches their namespace needs these too.
    pub(super) fn knows_pods_of(&self, selector: Option<&LabelSelector>, own: &str) -> bool {
        let system = Labels::from([(METADATA_NAME_LABEL.to_owned(), SYSTEM_NAMESPACE.to_owned())]);
        let mut names = self.namespaces(selector, own);
        if selector.is_some_and(|selector| selector.matches(&system)) {
            names.push(SYSTEM_NAMESPACE);
        }
        !names.is_empty() && names.iter().all(|name| !self.groups_in(name).is_empty())
    }

    /// Whether some selector depends on labels of namespaces other than their names.
    pub(super) fn reads_namespace_labels(&self) -> bool {
        let peers = self.peer_sites.iter();
        let peers = peers.filter_map(|site| site.selector.namespaces.as_ref());
        let subjects = self.cluster.cluster_policies.values();
        let subjects = subjects.filter_map(|policy| policy.subject.namespaces.as_ref());
        let mut keys = peers.chain(subjects).flat_map(LabelSelector::requirements);
        keys.any(|requirement| requirement.key != METADATA_NAME_LABEL)
    }

    /// Whether the manifests tell the labels of namespaces.
    pub(super) fn knows_namespaces(&self) -> bool {
        let mut namespaces = self.cluster.namespaces.values();
        namespaces.any(|namespace| namespace.source.is_some())
    }
}

/// The rules of `policy` that allow something (rule NP-4).
pub(super) fn rules<'a>(policy: &'a NetworkPolicy) -> impl Iterator<Item = RuleSite<'a>> + use<'a> {
    let isolated = Direction::ALL.into_iter();
    let isolated = isolated.filter(|direction| policy.isolates(*direction));
    isolated.flat_map(move |direction| {
        let rules = policy.rules(direction).iter().enumerate();
        rules.map(move |(index, rule)| RuleSite {
            policy,
            direction,
            index,
            rule,
        })
    })
}

/// Where the groups of each namespace stand.
fn places<'a>(groups: &[PodGroup<'a>]) -> BTreeMap<&'a str, Range<usize>> {
    let mut places: BTreeMap<&str, Range<usize>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        let of_namespace = places.entry(group.namespace).or_insert(place..place);
        of_namespace.end = place + 1;
    }
    places
}

fn addresses(groups: &[PodGroup<'_>]) -> Vec<(IpAddr, usize)> {
    let groups = groups.iter().enumerate();
    let all = groups.flat_map(|(place, group)| {
        let addresses = group.pods.iter().flat_map(|pod| &pod.addresses);
        addresses.map(move |address| (*address, place))
    });
    let mut all: Vec<(IpAddr, usize)> = all.collect();
    all.sort_unstable();
    all
}

fn groups(cluster: &Cluster) -> Vec<PodGroup<'_>> {
    let mut groups: BTreeMap<_, Vec<&Pod>> = BTreeMap::new();
    for pod in cluster.pods.values().filter(|pod| pod.is_live()) {
        let key = (
            pod.name.namespace.as_str(),
            &pod.labels,
            pod.ports.as_slice(),
            pod.host_network,
        );
        groups.entry(key).or_default().push(pod);
    }
    let group = |((namespace, labels, ports, on_host), pods)| PodGroup {
        namespace,
        labels,
        ports,
        on_host,
        pods,
    };
    groups.into_iter().map(group).collect()
}
