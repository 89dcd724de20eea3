//! Which node a pod runs on. Pure.

use std::collections::BTreeMap;

use ringfence_model::Labels;

/// A node as the scheduler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node's name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Whether ordinary pods keep off it: a control plane beside workers.
    pub reserved: bool,
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
    #[error("no node has the labels of nodeSelector {}", text(.selector))]
    NoNodeMatches {
        /// The selector.
        selector: Labels,
    },
}

fn text(labels: &Labels) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

/// Chooses the node with the fewest pods among those allowed; the first in order breaks a tie.
///
/// # Errors
/// [`ScheduleError`] if the pod's own wishes exclude every node.
pub fn choose<'a>(
    nodes: &'a [Candidate],
    wanted: Option<&str>,
    selector: &Labels,
    load: &BTreeMap<String, usize>,
) -> Result<&'a str, ScheduleError> {
    if let Some(wanted) = wanted {
        return nodes
            .iter()
            .find(|node| node.name == wanted)
            .map(|node| node.name.as_str())
            .ok_or_else(|| ScheduleError::NoSuchNode {
                wanted: wanted.to_owned(),
                nodes: nodes.iter().map(|node| node.name.clone()).collect(),
            });
    }
    let fits = |node: &&Candidate| {
        selector
            .iter()
            .all(|(key, value)| node.labels.get(key) == Some(value))
            && (!node.reserved || !selector.is_empty())
    };
    nodes
        .iter()
        .filter(fits)
        .min_by_key(|node| load.get(&node.name).copied().unwrap_or_default())
        .map(|node| node.name.as_str())
        .ok_or_else(|| ScheduleError::NoNodeMatches {
            selector: selector.clone(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<Candidate> {
        [("cp", true), ("w1", false), ("w2", false)]
            .map(|(name, reserved)| Candidate {
                name: name.into(),
                labels: Labels::from([("name".into(), name.into())]),
                reserved,
            })
            .to_vec()
    }

    #[test]
    fn pods_spread_over_workers() {
        let load = BTreeMap::from([("w1".to_owned(), 1)]);
        assert_eq!(choose(&nodes(), None, &Labels::new(), &load), Ok("w2"));
        assert_eq!(
            choose(&nodes(), None, &Labels::new(), &BTreeMap::new()),
            Ok("w1")
        );
    }

    #[test]
    fn a_selector_reaches_the_control_plane() {
        let selector = Labels::from([("name".into(), "cp".into())]);
        assert_eq!(
            choose(&nodes(), None, &selector, &BTreeMap::new()),
            Ok("cp")
        );
    }

    #[test]
    fn impossible_wishes_are_named() {
        let error = choose(&nodes(), Some("w9"), &Labels::new(), &BTreeMap::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "node `w9` does not exist; the nodes are cp, w1, w2"
        );
        let selector = Labels::from([("disk".into(), "ssd".into())]);
        let error = choose(&nodes(), None, &selector, &BTreeMap::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no node has the labels of nodeSelector disk=ssd"
        );
    }
}
