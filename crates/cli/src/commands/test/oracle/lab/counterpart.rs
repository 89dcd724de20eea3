//! Who in a lab stands for whom in the manifests.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ringfence_lab::control::protocol::ControlPlane;
use ringfence_lab::plan::{API_ENDPOINT, METADATA, OUTSIDE_HOST};
use ringfence_model::{
    Cluster, Endpoint, ObjectName, Pod, Query, UNKNOWN_LABEL_VALUE, WorkloadKind,
};
use ringfence_net::Family;

/// The pods, nodes and addresses of a lab, by those of the manifests.
pub(super) struct Counterparts<'a> {
    manifests: &'a Cluster,
    lab: &'a Cluster,
    pods: BTreeMap<&'a ObjectName, &'a ObjectName>,
    /// Where a provider's API answers.
    api: &'static [IpAddr],
}

impl<'a> Counterparts<'a> {
    pub(super) fn new(
        manifests: &'a Cluster,
        lab: &'a Cluster,
        control_plane: ControlPlane,
    ) -> Self {
        Self {
            manifests,
            lab,
            pods: pods(manifests, lab),
            api: match control_plane {
                ControlPlane::Nodes => &[],
                ControlPlane::Provider => &API_ENDPOINT,
            },
        }
    }

    /// The same question about the lab.
    pub(super) fn query(&self, query: &Query) -> Result<Query, String> {
        let source = self.end(&query.source)?;
        if let Endpoint::Address(address) = &source
            && !OUTSIDE_HOST.contains(address)
        {
            return Err(nobody(address));
        }
        Ok(Query {
            source,
            destination: self.end(&query.destination)?,
            ..query.clone()
        })
    }

    fn end(&self, end: &Endpoint) -> Result<Endpoint, String> {
        match end {
            Endpoint::Pod(name) => self.pod(name).map(|name| Endpoint::Pod(name.clone())),
            Endpoint::Node(name) if self.lab.nodes.contains_key(name) => Ok(end.clone()),
            Endpoint::Node(name) => Err(format!("a lab has no node `{name}`")),
            Endpoint::Service(name) if self.lab.services.contains_key(name) => Ok(end.clone()),
            Endpoint::Service(name) => Err(format!("the lab has no Service {name}")),
            Endpoint::Address(address) => self.address(address.to_canonical()),
        }
    }

    fn pod(&self, name: &ObjectName) -> Result<&ObjectName, String> {
        let found = self.pods.get(name).copied();
        found.ok_or_else(|| format!("the lab has no pod for {name}"))
    }

    /// A pod's address is that of its counterpart, of the same family.
    fn address(&self, address: IpAddr) -> Result<Endpoint, String> {
        let mut places = OUTSIDE_HOST.iter().chain(&METADATA).chain(self.api);
        if places.any(|place| *place == address) {
            return Ok(Endpoint::Address(address));
        }
        let owns = |pod: &&Pod| pod.is_on_pod_network() && pod.addresses.contains(&address);
        let mut owners = self.manifests.pods.values().filter(owns);
        let owner = owners.next().ok_or_else(|| nobody(&address))?;
        let name = self.pod(&owner.name)?;
        let own = self.lab.pods.get(name).into_iter();
        let mut own = own.flat_map(|pod| &pod.addresses);
        let same = own.find(|own| Family::of(**own) == Family::of(address));
        let same =
            same.ok_or_else(|| format!("{name} of the lab has no address of that family"))?;
        Ok(Endpoint::Address(*same))
    }
}

fn nobody(address: &IpAddr) -> String {
    let [outside, _] = OUTSIDE_HOST;
    format!("nobody in a lab has the address {address}; the host outside of it is {outside}")
}

/// The same name; else the same place among the pods of a workload; else, for pods that are imagined, the same labels.
fn pods<'a>(manifests: &'a Cluster, lab: &'a Cluster) -> BTreeMap<&'a ObjectName, &'a ObjectName> {
    let mut found: BTreeMap<&ObjectName, &ObjectName> = BTreeMap::new();
    for pod in manifests.pods.values() {
        let free = |other: &&Pod| !found.values().any(|taken| **taken == other.name);
        let live = || lab.pods.values().filter(|other| other.is_live());
        let counterpart = live()
            .find(|other| other.name == pod.name)
            .or_else(|| {
                live()
                    .filter(free)
                    .find(|other| is_of_same_workload(pod, other))
            })
            .or_else(|| live().find(|other| is_imagined(pod) && is_like(pod, other)));
        if let Some(other) = counterpart {
            found.insert(&pod.name, &other.name);
        }
    }
    found
}

/// Whether `other` of a lab may be `pod` under the name that a workload of its kind gives.
fn is_of_same_workload(pod: &Pod, other: &Pod) -> bool {
    let Some(owner) = &pod.workload else {
        return false;
    };
    let parts = if owner.kind == WorkloadKind::Deployment.to_string() {
        2
    } else {
        1
    };
    let rest = other.name.name.strip_prefix(owner.name.as_str());
    let rest = rest.and_then(|rest| rest.strip_prefix('-'));
    let has_labels = pod
        .labels
        .iter()
        .all(|(key, value)| value == UNKNOWN_LABEL_VALUE || other.labels.get(key) == Some(value));
    pod.name.namespace == other.name.namespace
        && has_labels
        && rest.is_some_and(|rest| rest.split('-').count() == parts)
}

fn is_like(pod: &Pod, other: &Pod) -> bool {
    pod.name.namespace == other.name.namespace && pod.labels == other.labels
}

/// Whether a test made the pod up.
fn is_imagined(pod: &Pod) -> bool {
    pod.name.name.starts_with('[')
}
