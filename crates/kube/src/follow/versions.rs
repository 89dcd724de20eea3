//! Which versions of the objects were heard, by kind.

use std::collections::BTreeMap;

use ringfence_model::{Held, Holdings, Mark, ObjectKey};

use super::mirror::Change;
use super::translate::is_vital;

/// Of each source. Of an object that is not understood nothing is held, if rules are wrong without it.
#[derive(Debug)]
pub(super) struct Versions {
    sources: Vec<Source>,
    /// What was told last, and for which revision.
    told: Option<(u64, Holdings)>,
}

#[derive(Debug, Default)]
struct Source {
    now: Marks,
    /// While everything is told anew.
    hearing: Option<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    /// By a number that stands for the name: names are long, and pods are many.
    of: BTreeMap<u64, Mark>,
    held: Held,
}

impl Marks {
    fn set(&mut self, key: &ObjectKey, version: Option<&str>) {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let name = Mark::of(namespace, &key.name, "").number();
        let mark = version.map(|version| Mark::of(namespace, &key.name, version));
        let before = match mark {
            Some(mark) => self.of.insert(name, mark),
            None => self.of.remove(&name),
        };
        before.into_iter().for_each(|mark| self.held.remove(mark));
        mark.into_iter().for_each(|mark| self.held.add(mark));
    }
}

impl Versions {
    pub(super) fn new(sources: usize) -> Self {
        Self {
            sources: (0..sources).map(|_| Source::default()).collect(),
            told: None,
        }
    }

    /// Takes note of a change, whose object has `version`.
    pub(super) fn take(&mut self, source: usize, change: &Change, version: &str) {
        let Some(source) = self.sources.get_mut(source) else {
            return;
        };
        match change {
            Change::Begin => source.hearing = Some(Marks::default()),
            Change::Done => {
                if let Some(heard) = source.hearing.take() {
                    source.now = heard;
                }
            }
            Change::Apply(object) => source.set(&object.key(), Some(version)),
            Change::Unreadable { key, .. } if !is_vital(key.kind) => source.set(key, Some(version)),
            Change::Unreadable { key, .. } | Change::Delete(key) => source.set(key, None),
            Change::NotServed => {}
        }
    }

    /// What is held, if it was not told for `revision` yet.
    pub(super) fn news(&mut self, revision: u64, resources: &[String]) -> Option<Holdings> {
        let held = self.sources.iter().map(|source| source.now.held);
        let holdings: Holdings = resources.iter().cloned().zip(held).collect();
        let news = Some((revision, holdings));
        if self.told == news {
            return None;
        }
        self.told = news;
        self.told.as_ref().map(|(_, holdings)| holdings.clone())
    }
}

impl Source {
    fn set(&mut self, key: &ObjectKey, version: Option<&str>) {
        self.now.set(key, version);
        if let Some(hearing) = &mut self.hearing {
            hearing.set(key, version);
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::{Labels, Namespace, Object, ObjectKind};

    use super::*;

    fn apply(name: &str) -> Change {
        Change::Apply(Box::new(Object::Namespace(Namespace::new(
            name,
            Labels::new(),
        ))))
    }

    fn marks(held: &[(&str, &str)]) -> Held {
        held.iter()
            .map(|(name, version)| Mark::of("", name, version))
            .collect()
    }

    #[test]
    fn what_is_held_is_what_there_is_whether_it_was_told_or_listed() {
        let mut versions = Versions::new(1);
        let resources = ["namespaces".to_owned()];
        let mut held = |changes: &[(Change, &str)]| {
            for (change, version) in changes {
                versions.take(0, change, version);
            }
            versions.news(1, &resources).map(|news| news["namespaces"])
        };
        let listed = [
            (Change::Begin, ""),
            (apply("a"), "1"),
            (apply("b"), "2"),
            (Change::Done, ""),
        ];
        assert_eq!(held(&listed), Some(marks(&[("a", "1"), ("b", "2")])));
        assert_eq!(held(&[]), None, "it was told");
        assert_eq!(
            held(&[(apply("a"), "3")]),
            Some(marks(&[("a", "3"), ("b", "2")]))
        );
        let gone = Change::Delete(ObjectKey::cluster(ObjectKind::Namespace, "b"));
        assert_eq!(held(&[(gone, "4")]), Some(marks(&[("a", "3")])));
        // A deletion that nobody told of is in the next list.
        let again = [(Change::Begin, ""), (apply("c"), "5"), (Change::Done, "")];
        assert_eq!(held(&again), Some(marks(&[("c", "5")])));
        let odd = Change::Unreadable {
            key: ObjectKey::cluster(ObjectKind::Namespace, "c"),
            message: String::new(),
        };
        assert_eq!(held(&[(odd, "6")]), Some(marks(&[])));
    }
}
