//! A change of many elements is committed in portions where that is safe (rule DP-27).

use std::time::Duration;

use ringfence_ruleset::Operation;

use super::cluster::{endpoint, from_app, labels, named, namespace, node, pod, policy};
use super::node::{Commits, Did, FakeNode};
use crate::protocol::{AgentKey, AgentObject, AgentStatus};

const WEB: &str = "10.244.1.2";
/// Of another node, and all alike.
const CROWD: u16 = 2300;
/// So many elements come or go in one transaction at most.
const MOST: usize = 1000;

fn allowed() -> AgentObject {
    AgentObject::NetworkPolicy(policy("crowd", "web", &[from_app("crowd")], Some(80)))
}

/// A node whose pod the crowd reaches under a policy.
fn visited() -> FakeNode {
    let crowd = (0..CROWD).map(|number| {
        let address = format!("10.244.{}.{}", 2 + number / 250, 1 + number % 250);
        let mut pod = pod(&format!("crowd-{number}"), &[&address]);
        pod.node = Some("two".to_owned());
        pod.labels = labels("crowd");
        AgentObject::Pod(pod)
    });
    let web = AgentObject::Pod(pod("web", &[WEB]));
    let mut fake = FakeNode::new();
    fake.load(vec![endpoint("web", &[WEB])]);
    let objects = [namespace(), node(), web, allowed()];
    fake.sync(objects.into_iter().chain(crowd), 1);
    fake.settle();
    fake.forget_log();
    fake
}

/// The transactions since the log was forgotten: of how many elements each is, and which of them says who is judged.
fn transactions(fake: &FakeNode) -> (Vec<usize>, Option<usize>) {
    let sizes = fake.transactions.iter();
    let of_elements = |it: &Operation| it.elements().unwrap();
    let sizes = sizes.map(|all| all.iter().map(of_elements).sum()).collect();
    let judges = |operation: &Operation| matches!(operation, Operation::AddElements { set, .. } | Operation::DeleteElements { set, .. } if set == "ingress4");
    let mut judging = fake.transactions.iter();
    let judging = judging.position(|all| all.iter().any(judges));
    (sizes, judging)
}

#[test]
fn whoever_is_judged_is_so_after_all_classes_are_there_and_before_they_go() {
    let mut fake = visited();
    let before = fake.table.clone();
    fake.delete(AgentKey::NetworkPolicy(named("crowd")));
    fake.settle();
    let (sizes, judging) = transactions(&fake);
    assert!(
        sizes.len() > 2 && sizes.iter().all(|size| *size <= MOST),
        "{sizes:?}"
    );
    assert_eq!(judging, Some(0), "{sizes:?}");
    fake.forget_log();
    fake.apply(allowed());
    fake.settle();
    let (sizes, judging) = transactions(&fake);
    assert!(
        sizes.len() > 2 && sizes.iter().all(|size| *size <= MOST),
        "{sizes:?}"
    );
    assert_eq!(judging, Some(sizes.len() - 1), "{sizes:?}");
    assert_eq!(fake.table, before);
}

#[test]
fn what_was_left_in_the_middle_is_taken_up_from_there() {
    let mut fake = visited();
    fake.delete(AgentKey::NetworkPolicy(named("crowd")));
    fake.settle();
    let without = fake.table.clone();
    fake.apply(allowed());
    fake.settle();
    fake.forget_log();
    fake.delete(AgentKey::NetworkPolicy(named("crowd")));
    while fake.transactions.is_empty() {
        assert!(fake.step());
    }
    fake.commits = Commits::Fail { retry: true };
    fake.settle();
    let failed = |did: &Did| matches!(did, Did::Report(AgentStatus::Failed { .. }));
    assert!(fake.log.iter().any(failed), "{:?}", fake.log);
    assert_ne!(fake.table, without);
    fake.commits = Commits::Succeed;
    fake.sleep(Duration::from_secs(5));
    assert_eq!(fake.table, without);
}
