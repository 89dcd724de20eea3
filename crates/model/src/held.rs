//! Which versions of objects somebody holds, in a few bytes: two who hold the same of a kind say the same.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is held of each kind, by its resource: `pods`, `networkpolicies.networking.k8s.io`.
pub type Holdings = BTreeMap<String, Held>;

/// How many objects of a kind somebody holds, and which versions of them. Objects come and go one by one, in any order. Made for
/// comparison, not against forgery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many.
    pub objects: u64,
    /// The sum of their marks.
    digest: Mark,
}

/// A number that stands for one version of one object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// Of the object `name` in `namespace`, which is empty where it lives in none, as it was at `version`, its `resourceVersion`.
    #[must_use]
    pub fn of(namespace: &str, name: &str, version: &str) -> Self {
        // No name and no version holds a slash.
        let parts = [namespace, "/", name, "/", version];
        let bytes = parts.iter().flat_map(|part| part.bytes());
        // FNV-1a, and then the last steps of MurmurHash3, without which sums of like texts would be alike.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self(hash ^ (hash >> 33))
    }

    /// The number itself.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl Held {
    /// One more.
    pub const fn add(&mut self, mark: Mark) {
        self.objects = self.objects.wrapping_add(1);
        self.digest.0 = self.digest.0.wrapping_add(mark.0);
    }

    /// One less, which was there.
    pub const fn remove(&mut self, mark: Mark) {
        self.objects = self.objects.wrapping_sub(1);
        self.digest.0 = self.digest.0.wrapping_sub(mark.0);
    }
}

impl FromIterator<Mark> for Held {
    fn from_iter<T: IntoIterator<Item = Mark>>(marks: T) -> Self {
        let mut held = Self::default();
        marks.into_iter().for_each(|mark| held.add(mark));
        held
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// As text: numbers of JSON are not so long everywhere.
impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = u64::from_str_radix(&text, 16);
        read.map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_does_not_depend_on_the_way_to_it() {
        let [a, b, c] = [("a", "1"), ("b", "2"), ("a", "3")]
            .map(|(name, version)| Mark::of("n", name, version));
        let mut held: Held = [a, b].into_iter().collect();
        held.remove(a);
        held.add(c);
        assert_eq!(held, [c, b].into_iter().collect());
        assert_eq!(held.objects, 2);
        let text = serde_json::to_string(&held).unwrap();
        assert_eq!(serde_json::from_str::<Held>(&text).unwrap(), held);
    }

    /// Without the last steps the sums of some of these are the same.
    #[test]
    fn versions_that_change_places_are_others() {
        let names: Vec<String> = (0..40).map(|number| format!("pod-{number}")).collect();
        for first in &names {
            for second in names.iter().filter(|second| *second != first) {
                let held = |one, other| -> Held {
                    [Mark::of("n", first, one), Mark::of("n", second, other)]
                        .into_iter()
                        .collect()
                };
                assert_ne!(held("1", "2"), held("2", "1"), "{first} {second}");
            }
        }
        assert_ne!(Mark::of("", "a", "1"), Mark::of("a", "", "1"));
    }
}
