use crate::{Set, Table};

/// A hash of the layout, 16 hexadecimal digits: chains, rules and set definitions, without elements, names of the
/// table or its comment. Stable across runs, machines and compiler versions.
#[must_use]
pub fn fingerprint(table: &Table) -> String {
    let skeleton = Table {
        name: String::new(),
        comment: None,
        chains: table.chains.clone(),
        sets: table
            .sets
            .iter()
            .map(|(name, set)| (name.clone(), set.definition()))
            .collect(),
    };
    format!("{:016x}", fnv1a(skeleton.to_string().as_bytes()))
}

impl Set {
    /// The set without its elements.
    #[must_use]
    pub fn definition(&self) -> Self {
        Self {
            key: self.key.clone(),
            kind: self.kind.clone(),
            interval: self.interval,
            counted: self.counted,
            dynamic: self.dynamic,
            timed: self.timed,
            size: self.size,
            elements: std::collections::BTreeMap::new(),
        }
    }

    /// Whether `other` has the same definition, whatever the elements.
    #[must_use]
    pub fn same_definition(&self, other: &Self) -> bool {
        self.key == other.key
            && self.kind == other.kind
            && self.interval == other.interval
            && self.counted == other.counted
            && self.dynamic == other.dynamic
            && self.timed == other.timed
            && self.size == other.size
    }
}

/// FNV-1a, 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
