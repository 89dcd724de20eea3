use super::BALANCES;

/// Under what a Service's backends are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// An address and port.
    Address,
    /// The same, for those from outside, who are kept to this node (rule OB-19).
    Here,
    /// A port of all nodes.
    Nodes,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Address, Self::Here, Self::Nodes];

    /// The name of its set of this purpose, without the family's digit.
    pub(crate) fn set(self, purpose: &str) -> String {
        match self {
            Self::Address => purpose.to_owned(),
            Self::Here => format!("local-{purpose}"),
            Self::Nodes => format!("node-{purpose}"),
        }
    }
}

/// Whether the numbers in the set of this name stand for backends or for a choice among them, and not for classes of peers.
pub(crate) fn numbers_no_classes(name: &str) -> bool {
    let stem = name.trim_end_matches(['4', '6']);
    let of_place = |place: Place| stem == place.set("draws") || stem == place.set("kept");
    let leads = ["services", "entries", "node-ports", BALANCES, "sticky"];
    leads.contains(&stem) || Place::ALL.into_iter().any(of_place)
}
