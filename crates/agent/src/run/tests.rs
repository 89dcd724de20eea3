use std::path::Path;

use super::*;

fn agent(inputs: &Path) -> (Agent, Receiver<Job>) {
    let config = AgentConfig {
        node: "one".to_owned(),
        store: inputs.join("store"),
        cni_socket: inputs.join("cni"),
        data_dir: inputs.to_owned(),
        network: crate::NetworkConfig {
            pod_cidrs: Vec::new(),
            service_cidrs: Vec::new(),
            tunnel_port: None,
            capacity: crate::Capacity::default(),
        },
        enforcement: crate::Enforcement::On,
        table_name: crate::TABLE_NAME.to_owned(),
    };
    let (jobs, queue) = channel();
    let records = EndpointStore::open(inputs).unwrap();
    (
        Agent::new(config, records, Reporter::default(), jobs),
        queue,
    )
}

#[test]
fn a_thread_that_dies_ends_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, _jobs) = agent(folder.path());
    let (inputs, queue) = channel();
    spawn("kernel", &inputs, || panic!("on purpose")).unwrap();
    let error = agent.work(&queue).unwrap_err();
    assert_eq!(error.to_string(), "the kernel thread ended");
}

#[test]
fn a_queue_that_is_never_empty_does_not_stop_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, _jobs) = agent(folder.path());
    let (inputs, queue) = channel();
    inputs.send(Input::Stop).unwrap();
    agent.timer = Some(Duration::ZERO);
    assert!(agent.next(&queue).is_none());
    assert!(matches!(agent.next(&queue), Some(Input::Stop)));
}

#[test]
fn own_commits_are_told_from_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, jobs) = agent(folder.path());
    let reads = |jobs: &Receiver<Job>| {
        jobs.try_iter()
            .filter(|job| matches!(job, Job::Read))
            .count()
    };
    agent.event(Event::EndpointsLoaded(Vec::new()));
    agent.event(Event::Store(crate::protocol::StoreEvent::Reset));
    agent.event(Event::Store(crate::protocol::StoreEvent::Synced {
        revision: 1,
    }));
    assert_eq!(reads(&jobs), 1);
    agent.event(Event::KernelState(crate::state::LiveTable::Absent));
    assert!(agent.committing);
    // The notification of the commit overtakes its end.
    agent.ruleset_changed(Some(7));
    agent.commit_ended(Event::Committed, Some(7));
    agent.event(Event::Connections {
        connections: Vec::new(),
        local: Default::default(),
    });
    agent.ruleset_changed(Some(7));
    assert_eq!(reads(&jobs), 0);
    agent.ruleset_changed(Some(8));
    assert_eq!(reads(&jobs), 1);
}

#[test]
fn a_foreign_change_during_a_commit_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut agent, jobs) = agent(folder.path());
    agent.event(Event::EndpointsLoaded(Vec::new()));
    agent.event(Event::Store(crate::protocol::StoreEvent::Reset));
    agent.event(Event::Store(crate::protocol::StoreEvent::Synced {
        revision: 1,
    }));
    agent.event(Event::KernelState(crate::state::LiveTable::Absent));
    agent.ruleset_changed(Some(6));
    agent.ruleset_changed(Some(7));
    agent.commit_ended(Event::Committed, Some(7));
    agent.event(Event::Connections {
        connections: Vec::new(),
        local: Default::default(),
    });
    assert!(
        jobs.try_iter()
            .filter(|job| matches!(job, Job::Read))
            .count()
            == 2
    );
}
