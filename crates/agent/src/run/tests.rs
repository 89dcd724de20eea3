use std::path::Path;

use super::*;

fn agent(inputs: &Path) -> (Agent, Receiver<Job>) {
    let config = AgentConfig {
        node: "one".to_owned(),
        store: Some(inputs.join("store")),
        cni_socket: inputs.join("cni"),
        data_dir: inputs.to_owned(),
        network: crate::NetworkConfig {
            pod_cidrs: Vec::new(),
            service_cidrs: Vec::new(),
            tunnel_port: None,
            record: crate::Record::Denied,
            capacity: crate::Capacity::default(),
        },
        enforcement: crate::Enforcement::On,
        table_name: crate::TABLE_NAME.to_owned(),
        protect_table: true,
        listen: None,
        host_cgroups: None,
    };
    let (jobs, queue) = channel();
    let (edits, _) = std::sync::mpsc::sync_channel(1);
    let records = EndpointStore::open(inputs).unwrap();
    (
        Agent::new(config, records, Reporter::default(), (jobs, edits)),
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
