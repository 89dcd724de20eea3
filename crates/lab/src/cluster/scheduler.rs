//! Which node a pod runs on. Pure.

use std::collections::BTreeMap;

use ipnet::IpNet;
use ringfence_model::Labels;

/// A node as the scheduler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node's name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Blocks from which its pods get an address each.
    pub pod_cidrs: Vec<IpNet>,
    /// Whether ordinary pods keep off it: a control plane beside workers.
    pub reserved: bool,
}

impl Candidate {
    fn has_address(&self, load: Load) -> bool {
        let used = u128::try_from(load.addresses).unwrap_or(u128::MAX);
        self.pod_cidrs
            .iter()
            .all(|block| used < pod_addresses(*block))
    }
}

/// What a node carries already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Pods on it.
    pub pods: usize,
    /// Those of them with an address of their own.
    pub addresses: usize,
}

impl Load {
    /// Counts one pod more.
    pub const fn add(&mut self, has_address: bool) {
        self.pods += 1;
        if has_address {
            self.addresses += 1;
        }
    }
}

/// What a pod asks of its node.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// `spec.nodeName`.
    pub node: Option<&'a str>,
    /// `spec.nodeSelector`.
    pub selector: &'a Labels,
    /// Whether it needs an address: all but those with `hostNetwork: true`.
    pub needs_address: bool,
}

/// Why no node was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// `spec.nodeName` names no node.
    #[error("node `{wanted}` does not exist; the nodes are {}", .nodes.join(", "))]
    NoSuchNode {
        /// The name as written.
        wanted: String,
        /// The nodes there are.
        nodes: Vec<String>,
    },
    /// No node carries the labels of `spec.nodeSelector`.
    #[error("no node has the labels of nodeSelector {}", pairs(.selector))]
    NoNodeMatches {
        /// The selector.
        selector: Labels,
    },
    /// Every address of every node that it may run on names a pod.
    #[error("no pod address is free: {}", .nodes.join(", "))]
    NoAddress {
        /// The nodes with their blocks, as `node (block)`.
        nodes: Vec<String>,
    },
}

/// How many pods get an address from a node's block. The plugin never gives the network's address, the first after it
/// and the broadcast address.
#[must_use]
pub fn pod_addresses(block: IpNet) -> u128 {
    let kept = match block {
        IpNet::V4(_) => 3,
        IpNet::V6(_) => 2,
    };
    let bits = u32::from(block.max_prefix_len() - block.prefix_len());
    1u128
        .checked_shl(bits)
        .unwrap_or(u128::MAX)
        .saturating_sub(kept)
}

fn pairs(labels: &Labels) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// Chooses the node with the fewest pods among those allowed; the first in order breaks a tie.
///
/// # Errors
/// [`ScheduleError`] if the pod's own wishes exclude every node, or no node that is left has a free address.
pub fn choose<'a>(
    nodes: &'a [Candidate],
    wish: &Wish<'_>,
    load: &BTreeMap<String, Load>,
) -> Result<&'a str, ScheduleError> {
    let load_of = |node: &Candidate| load.get(&node.name).copied().unwrap_or_default();
    let allowed = allowed(nodes, wish)?;
    allowed
        .iter()
        .filter(|node| !wish.needs_address || node.has_address(load_of(node)))
        .min_by_key(|node| load_of(node).pods)
        .map(|node| node.name.as_str())
        .ok_or_else(|| ScheduleError::NoAddress {
            nodes: allowed.into_iter().map(with_blocks).collect(),
        })
}

fn allowed<'a>(
    nodes: &'a [Candidate],
    wish: &Wish<'_>,
) -> Result<Vec<&'a Candidate>, ScheduleError> {
    if let Some(wanted) = wish.node {
        let found = nodes.iter().find(|node| node.name == wanted);
        return found
            .map(|node| vec![node])
            .ok_or_else(|| ScheduleError::NoSuchNode {
                wanted: wanted.to_owned(),
                nodes: nodes.iter().map(|node| node.name.clone()).collect(),
            });
    }
    let found: Vec<_> = nodes
        .iter()
        .filter(|node| allows(node, wish.selector))
        .collect();
    if found.is_empty() {
        return Err(ScheduleError::NoNodeMatches {
            selector: wish.selector.clone(),
        });
    }
    Ok(found)
}

fn with_blocks(node: &Candidate) -> String {
    let blocks: Vec<_> = node
        .pod_cidrs
        .iter()
        .map(|block| format!("{} of {block}", pod_addresses(*block)))
        .collect();
    format!("{} has {}", node.name, blocks.join(" and "))
}

/// Whether a pod with this `nodeSelector` may run on `node`; one that says nothing keeps off a reserved node.
#[must_use]
pub fn allows(node: &Candidate, selector: &Labels) -> bool {
    let matches = |(key, value): (&String, &String)| node.labels.get(key) == Some(value);
    selector.iter().all(matches) && (!node.reserved || !selector.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<Candidate> {
        [("cp", true), ("w1", false), ("w2", false)]
            .map(|(name, reserved)| Candidate {
                name: name.into(),
                labels: Labels::from([("name".into(), name.into())]),
                pod_cidrs: vec!["10.0.0.0/30".parse().unwrap()],
                reserved,
            })
            .to_vec()
    }

    fn wish<'a>(node: Option<&'a str>, selector: &'a Labels) -> Wish<'a> {
        Wish {
            node,
            selector,
            needs_address: true,
        }
    }

    fn loaded(node: &str, addresses: usize) -> (String, Load) {
        let load = Load { pods: 1, addresses };
        (node.to_owned(), load)
    }

    #[test]
    fn pods_spread_over_workers() {
        let (any, nobody) = (Labels::new(), BTreeMap::new());
        let load = BTreeMap::from([loaded("w1", 0)]);
        assert_eq!(choose(&nodes(), &wish(None, &any), &load), Ok("w2"));
        assert_eq!(choose(&nodes(), &wish(None, &any), &nobody), Ok("w1"));
    }

    #[test]
    fn a_selector_reaches_the_control_plane() {
        let selector = Labels::from([("name".into(), "cp".into())]);
        let nobody = BTreeMap::new();
        assert_eq!(choose(&nodes(), &wish(None, &selector), &nobody), Ok("cp"));
    }

    #[test]
    fn a_node_without_free_address_takes_only_pods_that_need_none() {
        let any = Labels::new();
        let (all, load) = (nodes(), BTreeMap::from([loaded("w1", 1)]));
        let mut on_w1 = wish(Some("w1"), &any);
        let error = choose(&all, &on_w1, &load).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no pod address is free: w1 has 1 of 10.0.0.0/30"
        );
        on_w1.needs_address = false;
        assert_eq!(choose(&all, &on_w1, &load), Ok("w1"));
        assert_eq!(choose(&all, &wish(None, &any), &load), Ok("w2"));
    }

    #[test]
    fn impossible_wishes_are_named() {
        let (any, nobody) = (Labels::new(), BTreeMap::new());
        let error = choose(&nodes(), &wish(Some("w9"), &any), &nobody).unwrap_err();
        assert_eq!(
            error.to_string(),
            "node `w9` does not exist; the nodes are cp, w1, w2"
        );
        let selector = Labels::from([("disk".into(), "ssd".into())]);
        let error = choose(&nodes(), &wish(None, &selector), &nobody).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no node has the labels of nodeSelector disk=ssd"
        );
    }

    #[test]
    fn the_plugin_gives_as_many_addresses_as_are_counted() {
        for block in ["10.0.0.0/29", "10.0.0.8/30", "10.0.0.0/32", "fd00::/124"] {
            let block: IpNet = block.parse().unwrap();
            let mut taken = std::collections::BTreeSet::new();
            while let Ok(address) = ringfence_cni::allocation::next_free(block, &taken, None) {
                taken.insert(address);
            }
            assert_eq!(taken.len() as u128, pod_addresses(block), "{block}");
        }
    }
}
