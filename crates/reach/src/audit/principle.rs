//! What is measured, and why it matters.

/// A principle of network security.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principle {
    /// RA01
    DefaultDenyIngress,
    /// RA02
    DefaultDenyEgress,
    /// RA03
    MetadataClosed,
    /// RA04
    HostNetwork,
    /// RA05
    HostNetworkAdmission,
    /// RA06
    SensitiveStores,
    /// RA07
    NodesClosed,
    /// RA08
    NamespacesSeparated,
}

/// How bad it is where a principle does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth mending.
    Medium,
    /// A way in, or a way to more.
    High,
}

/// What is said about a principle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// `RA01`. Ids and names are for ever: annotations and configurations of users hold them.
    pub id: &'static str,
    /// The id for people: `default-deny-ingress`.
    pub name: &'static str,
    /// The principle in one line.
    pub title: &'static str,
    /// When it holds for a workload.
    pub measure: &'static str,
    /// Its share of the score, in hundredths.
    pub weight: u32,
    /// Why it matters.
    pub reason: &'static str,
    /// What to do where it does not hold.
    pub mend: &'static str,
}

impl Severity {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Principle {
    /// Every principle in order of id.
    pub const ALL: [Self; 8] = [
        Self::DefaultDenyIngress,
        Self::DefaultDenyEgress,
        Self::MetadataClosed,
        Self::HostNetwork,
        Self::HostNetworkAdmission,
        Self::SensitiveStores,
        Self::NodesClosed,
        Self::NamespacesSeparated,
    ];

    /// The principle with this id, in any case of letters, or name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let is_it = |about: &About| about.id.eq_ignore_ascii_case(text) || about.name == text;
        Self::ALL.into_iter().find(|found| is_it(found.about()))
    }

    /// Whether only some clusters give something to measure by it: those with stores, those with several namespaces.
    pub(super) const fn is_occasional(self) -> bool {
        match self {
            Self::SensitiveStores | Self::NamespacesSeparated => true,
            Self::DefaultDenyIngress
            | Self::DefaultDenyEgress
            | Self::MetadataClosed
            | Self::HostNetwork
            | Self::HostNetworkAdmission
            | Self::NodesClosed => false,
        }
    }

    /// What is said about it.
    #[must_use]
    pub const fn about(self) -> &'static About {
        match self {
            Self::DefaultDenyIngress => &INGRESS,
            Self::DefaultDenyEgress => &EGRESS,
            Self::MetadataClosed => &METADATA,
            Self::HostNetwork => &HOST_NETWORK,
            Self::HostNetworkAdmission => &ADMISSION,
            Self::SensitiveStores => &STORES,
            Self::NodesClosed => &NODES,
            Self::NamespacesSeparated => &NAMESPACES,
        }
    }
}

static INGRESS: About = About {
    id: "RA01",
    name: "default-deny-ingress",
    title: "Nobody gets in who is not named",
    measure: "neither a pod without labels, from its own namespace or from one that nobody has heard of, nor one that gives \
              itself the labels policies ask for, nor the internet may open a connection to it, but to the ports that a Service \
              offers to the outside; and its policies let in neither any pod of every namespace nor nearly all workloads",
    weight: 20,
    reason: "Pods form one flat network: until a policy says otherwise, whoever takes over any pod can dial every other. \
             What has to be allowed can be listed; what ought to be denied never completely.",
    mend: "a NetworkPolicy with `podSelector: {}` and `policyTypes: [Ingress]` in its namespace, then a rule for each caller",
};

static EGRESS: About = About {
    id: "RA02",
    name: "default-deny-egress",
    title: "Nothing leaves that is not named",
    measure: "it may open nothing but DNS to such strangers, and to no more than a 256th of the internet; and its policies let \
              it out neither to any pod of every namespace nor to nearly all workloads",
    weight: 15,
    reason: "A container that was broken into calls out: for more tools, to hand over what it found, to try its neighbours. \
             Ingress rules of others do not stop what leaves the cluster.",
    mend: "a NetworkPolicy with `podSelector: {}` and `policyTypes: [Egress]` in its namespace, then rules for DNS and what \
           it calls; ipBlocks as narrow as the services behind them",
};

static METADATA: About = About {
    id: "RA03",
    name: "metadata-closed",
    title: "The cloud's metadata service is closed",
    measure: "it may open nothing but DNS to 169.254.169.254, nor to fd00:ec2::254 where pods have IPv6 addresses",
    weight: 15,
    reason: "The metadata service hands the node's credentials to whoever asks from the node, pods included. From one \
             container that leads to the whole cluster, and on to the account that pays for it.",
    mend: "egress that is denied by default, with `except: [169.254.169.254/32]` in every wide ipBlock; or a cluster-wide \
           rule of the Admin tier that denies these addresses",
};

static HOST_NETWORK: About = About {
    id: "RA04",
    name: "host-network",
    title: "No workload goes around the policies",
    measure: "its pods are on the pod network; kube-system is not measured",
    weight: 10,
    reason: "A pod on its node's network has the node's address: policies neither select it nor hold it back, and to other \
             pods on the node it is the node itself, which they always let in.",
    mend: "remove `hostNetwork: true`, or say on the workload why it is needed: `ringfence.dev/accept: \"RA04: ...\"`",
};

static ADMISSION: About = About {
    id: "RA05",
    name: "host-network-admission",
    title: "Admission refuses the host network",
    measure: "the namespace enforces the Pod Security level baseline or restricted, or ringfence's admission policy is bound \
              to it; kube-system is not measured",
    weight: 5,
    reason: "Policies can only bind what admission keeps on the pod network. Whoever may create a pod may otherwise create \
             one that no policy concerns.",
    mend: "label the namespace `pod-security.kubernetes.io/enforce: baseline`, or apply what `ringfence audit --admission` \
           prints",
};

static STORES: About = About {
    id: "RA06",
    name: "sensitive-stores",
    title: "Stores are reached by their tier alone",
    measure: "no stranger and not the internet may open its ports, whatever Services offer, and no more workloads than a few",
    weight: 15,
    reason: "Databases, queues and caches hold what attackers come for, and often trust whoever reaches them. The fewer can \
             dial them, the fewer containers are worth breaking into.",
    mend: "a NetworkPolicy that selects the store and names its clients by label and its port by number",
};

static NODES: About = About {
    id: "RA07",
    name: "nodes-closed",
    title: "Nodes and the control plane are out of reach",
    measure: "it may open neither the kubelet's ports of a node (10250, 10255) nor those of the control plane (etcd 2379 and \
              2380, 10257, 10259); the API server (6443) only with a service account of its own",
    weight: 10,
    reason: "Pods and nodes are two zones of trust. A kubelet runs commands in every container of its node, and etcd holds \
             every secret; a workload has no business with either.",
    mend: "egress that is denied by default; ipBlocks that leave out the nodes' addresses, and no rule without `to`",
};

static NAMESPACES: About = About {
    id: "RA08",
    name: "namespaces-separated",
    title: "Namespaces are apart unless a rule names them",
    measure: "no workload of another namespace may open what a pod with the same labels could open from a namespace that \
              nobody has heard of, nor anything without a rule that lets it in; nor may a pod without labels there, nor any \
              pod of every namespace, even if rules name each",
    weight: 10,
    reason: "Teams share the pod network, and a namespace is the border between them. Labels of pods are no proof of where \
             a pod lives: whoever may create one chooses them.",
    mend: "a namespaceSelector with labels in every `from` that is meant for another namespace, such as \
           `kubernetes.io/metadata.name`",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_hundredths_and_ids_count_up() {
        let weights: u32 = Principle::ALL.iter().map(|one| one.about().weight).sum();
        assert_eq!(weights, 100);
        for (number, principle) in (1..).zip(Principle::ALL) {
            let About { id, name, .. } = principle.about();
            assert_eq!(*id, format!("RA{number:02}"));
            assert_eq!(Principle::named(&id.to_lowercase()), Some(principle));
            assert_eq!(Principle::named(name), Some(principle));
        }
        assert_eq!(Principle::named("RA99"), None);
    }
}
