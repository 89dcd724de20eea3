//! A change touches what it must and leaves the rest as it was.

use std::collections::BTreeSet;

use ringfence_model::{Cluster, Direction, LabelSelector};
use ringfence_testkit::builder::{
    block, cluster, labels, name, namespaces, pod, pods, policy, rule, tcp,
};

use super::{Connectivity, World};
use crate::change::Change;
use crate::class::{ClassId, ClassSet};
use crate::index::Index;
use crate::shared_family::SharedFamily;

/// A cluster and its connectivity, all of it judged.
struct Kept {
    cluster: Cluster,
    index: Index,
    found: Connectivity,
}

impl Kept {
    /// Two namespaces with two workloads each; in both the first is isolated, and lets in the second, or namespaces of
    /// a team.
    fn new() -> Self {
        let from_db = rule()
            .peer(pods(labels(&[("app", "db")])))
            .peer(namespaces(labels(&[("team", "a")])));
        let mut parts = cluster();
        for (space, number) in [("one", 1), ("two", 2)] {
            let web = pod(&format!("{space}/web")).label("app", "web");
            let db = pod(&format!("{space}/db")).label("app", "db");
            let closed = policy(&format!("{space}/web"))
                .select(labels(&[("app", "web")]))
                .ingress(from_db.clone());
            parts = parts
                .with(web.address(&format!("10.0.{number}.1")))
                .with(db.address(&format!("10.0.{number}.2")))
                .with(closed);
        }
        let cluster = parts.build();
        let index = Index::new(&cluster);
        let world = World {
            cluster: &cluster,
            index: &index,
        };
        let found = Connectivity::new(world);
        let mut made = Self {
            cluster,
            index,
            found,
        };
        made.judge();
        made
    }

    fn judge(&mut self) {
        let world = World {
            cluster: &self.cluster,
            index: &self.index,
        };
        let way = (Direction::Egress, SharedFamily::First);
        self.found.for_each_row(world, way, None, |_, _| {});
    }

    /// Makes a change; returns the pods that have lost a judgement.
    fn change(&mut self, change: Change) -> BTreeSet<String> {
        self.judge();
        let touched = change.apply_to(&mut self.cluster, &mut self.index);
        let world = World {
            cluster: &self.cluster,
            index: &self.index,
        };
        assert!(self.found.update(world, &touched));
        let open = |class: &ClassId| {
            Direction::ALL.into_iter().any(|direction| {
                let group = self.found.groups.get(direction).of(*class);
                group.is_some_and(|group| group.judged.get().is_none())
            })
        };
        let open: Vec<ClassId> = self.found.classes.iter().filter(open).collect();
        let members = open
            .iter()
            .flat_map(|class| self.found.classes.members(*class));
        members.map(ToString::to_string).collect()
    }

    fn class(&self, pod: &str) -> ClassId {
        self.found.classes.of_pod(&name(pod)).unwrap()
    }
}

fn named(pods: &[&str]) -> BTreeSet<String> {
    pods.iter().map(|pod| (*pod).to_owned()).collect()
}

#[test]
fn a_policy_is_judged_anew_for_the_pods_that_it_selects() {
    let mut world = Kept::new();
    let wider = policy("one/web")
        .select(labels(&[("app", "web")]))
        .ingress(rule().port(tcp(80)));
    let set = Change::SetNetworkPolicy(wider.build());
    assert_eq!(world.change(set), named(&["one/web"]));
    let gone = Change::RemoveNetworkPolicy(name("two/web"));
    // It is judged like the other pods that nothing isolates, which is known already.
    assert_eq!(world.change(gone), named(&[]));
}

#[test]
fn a_pod_like_others_changes_no_judgement() {
    let mut world = Kept::new();
    let twin = pod("one/db-2").label("app", "db").address("10.0.1.3");
    assert_eq!(world.change(Change::SetPod(twin.build())), named(&[]));
    assert_eq!(world.class("one/db"), world.class("one/db-2"));
    assert_eq!(world.change(Change::RemovePod(name("one/db"))), named(&[]));
}

#[test]
fn a_new_kind_of_pod_concerns_those_whose_rules_match_it() {
    let mut world = Kept::new();
    let stranger = pod("one/stranger")
        .label("app", "other")
        .address("10.0.1.9")
        .build();
    assert_eq!(world.change(Change::SetPod(stranger)), named(&[]));
    let db = pod("two/other-db")
        .label("app", "db")
        .label("version", "2")
        .address("10.0.2.9");
    assert_eq!(
        world.change(Change::SetPod(db.build())),
        named(&["two/web"])
    );
    let gone = Change::RemovePod(name("two/other-db"));
    assert_eq!(world.change(gone), named(&["two/web"]));
}

#[test]
fn labels_of_a_namespace_concern_those_who_ask_for_them() {
    let mut world = Kept::new();
    let labelled = |team: &str| {
        let labels = [("team", team)];
        Change::SetNamespace(ringfence_testkit::builder::namespace("one", &labels))
    };
    assert_eq!(world.change(labelled("b")), named(&[]));
    let both = named(&["one/web", "two/web"]);
    assert_eq!(world.change(labelled("a")), both);
}

#[test]
fn a_block_around_classes_leaves_them_and_their_judgements() {
    let mut world = Kept::new();
    let classes = ["one/web", "one/db", "two/web", "two/db"].map(|pod| world.class(pod));
    let from_all = policy("two/db")
        .select(labels(&[("app", "db")]))
        .ingress(rule().peer(block("10.0.0.0/8", &[])));
    let set = Change::SetNetworkPolicy(from_all.build());
    assert_eq!(world.change(set), named(&["two/db"]));
    let same = ["one/web", "one/db", "two/web", "two/db"].map(|pod| world.class(pod));
    assert_eq!(classes, same);
}

#[test]
fn what_nobody_asks_any_more_is_forgotten() {
    let mut world = Kept::new();
    let selecting = policy("one/all").select(LabelSelector::default());
    let blocks = rule().peer(block("10.0.0.0/8", &["10.0.1.0/24"]));
    let named = rule().peer(pods(labels(&[("never", "seen")])));
    let odd = selecting.ingress(blocks).egress(named).build();
    let before = format!("{:?}", world.found.atoms);
    for _ in 0..3 {
        world.change(Change::SetNetworkPolicy(odd.clone()));
        world.change(Change::RemoveNetworkPolicy(odd.name.clone()));
    }
    assert_eq!(format!("{:?}", world.found.atoms), before);
    assert_eq!(world.found.terms.len(), Kept::new().found.terms.len());
}

#[test]
fn a_side_is_what_one_end_alone_lets_pass() {
    let kept = Kept::new();
    let world = World {
        cluster: &kept.cluster,
        index: &kept.index,
    };
    let classes: ClassSet = kept.found.classes().iter().collect();
    for direction in Direction::ALL {
        let mut met = ClassSet::new();
        let way = (direction, SharedFamily::First);
        let ends = (&classes, &classes);
        kept.found.for_each_side(world, way, ends, |subjects, row| {
            met = met.union(subjects);
            for subject in subjects.iter() {
                for peer in classes.iter() {
                    let alone = kept.found.one_way(world, direction, subject, peer);
                    assert_eq!(row.reach(peer), alone, "{direction:?} {subject} {peer}");
                }
            }
        });
        assert_eq!(met, classes);
    }
}
