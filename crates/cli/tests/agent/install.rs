//! What a container runtime finds on a node, from the first start of an agent until it has left for good.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

use ringfence_agent::TABLE_NAME;
use ringfence_agent::departure::{Departure, Step};
use ringfence_cni::installation::Folders;
use ringfence_cni::wiring::host_interfaces;
use ringfence_netlink::namespace;
use ringfence_netlink::nftables::Nftables;
use serde_json::Value;

use super::api::{self, Bench, node, pod};
use super::node::Node;

const CLIENT: &str = "10.244.1.2";

pub(crate) fn an_agent_installs_the_plugin_and_its_network_and_both_can_be_taken_away() {
    let mut machine = Node::new();
    let mut unnumbered = node();
    unnumbered["spec"] = Value::Null;
    let bench = Bench::start(&[api::namespace(), unnumbered, pod("client", CLIENT)]);
    bench.write_kubeconfig(&machine.path("kubeconfig"));
    start(&mut machine);
    machine.eventually("a reason", || machine.log().contains("no `spec.podCIDRs`"));
    assert!(!network(&machine).exists());

    bench.record(&node());
    machine.eventually("a network", || network(&machine).exists());
    assert!(
        departure(&machine).folders.program_file().exists(),
        "the program comes first"
    );
    let text = std::fs::read_to_string(network(&machine)).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["plugins"][0]["podCidrs"][0], "10.244.1.0/24");
    let plugin = Command::new(departure(&machine).folders.program_file())
        .env("CNI_COMMAND", "VERSION")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&plugin.stdout).contains("supportedVersions"));

    std::fs::remove_file(network(&machine)).unwrap();
    machine.eventually("the network again", || network(&machine).exists());

    let _client = machine.wire("client", CLIENT);
    let refused = uninstall(&machine, &[]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("end it first"),
        "{refused:?}"
    );
    // What it would do is told, and that it would not do it now.
    let refused = uninstall(&machine, &["--dry-run"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stdout).contains("table inet"));
    assert!(network(&machine).exists() && has_table());

    assert!(machine.end().success());
    assert!(
        network(&machine).exists() && has_table(),
        "an agent that ends takes nothing away"
    );
    let before = uninstall(&machine, &["--dry-run"]);
    assert!(
        network(&machine).exists() && has_table(),
        "so does a dry run"
    );
    let after = uninstall(&machine, &[]);
    assert!(after.status.success(), "{after:?}");
    let count = |output: &Output| String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!(count(&before), count(&after), "{before:?} {after:?}");
    assert_nothing_is_left(&machine);
    let again = uninstall(&machine, &[]);
    let nothing = "nothing of ringfence is on this node\n";
    assert_eq!(String::from_utf8_lossy(&again.stdout), nothing);
}

/// The kernel, files and wires of a node, in every state in which leaving it may stop.
pub(crate) fn a_death_between_any_two_steps_of_leaving_is_finished_by_the_next_run() {
    thread::scope(|scope| {
        for done in 0..=Step::ALL.len() {
            // Each on a node of its own.
            let own = namespace::create().unwrap();
            scope.spawn(move || {
                namespace::run_in(own, || finishes_after(&Step::ALL[..done])).unwrap()
            });
        }
    });
}

fn finishes_after(done: &[Step]) {
    let mut machine = Node::new();
    let bench = Bench::start(&[api::namespace(), node(), pod("client", CLIENT)]);
    bench.write_kubeconfig(&machine.path("kubeconfig"));
    start(&mut machine);
    machine.eventually("a network", || network(&machine).exists());
    let _client = machine.wire("client", CLIENT);
    assert!(machine.end().success());
    for step in done {
        departure(&machine).take(*step).unwrap();
        let judged = host_interfaces().unwrap().is_empty() || has_table();
        assert!(judged, "a wire outlives the table that judges it");
        let usable =
            !network(&machine).exists() || departure(&machine).folders.program_file().exists();
        assert!(usable, "a network outlives its program");
    }
    let finished = uninstall(&machine, &[]);
    assert!(finished.status.success(), "{finished:?}");
    assert_nothing_is_left(&machine);
}

fn start(machine: &mut Node) {
    let Folders { programs, networks } = departure(machine).folders;
    machine.start_with(&format!(
        "cniBinDir: {}\ncniConfDir: {}\n",
        programs.display(),
        networks.display()
    ));
}

fn departure(machine: &Node) -> Departure {
    Departure {
        folders: Folders {
            programs: machine.path("bin"),
            networks: machine.path("net.d"),
        },
        table: TABLE_NAME.to_owned(),
        data_dir: machine.path("state"),
        cni_socket: machine.path("cni.sock"),
    }
}

fn network(machine: &Node) -> PathBuf {
    departure(machine).folders.network_file()
}

fn uninstall(machine: &Node, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .arg("uninstall")
        .arg("--config")
        .arg(machine.path("agent.yaml"))
        .args(more)
        .output()
        .unwrap()
}

fn has_table() -> bool {
    let tables = Nftables::open().unwrap().list_tables().unwrap();
    tables.iter().any(|name| name == TABLE_NAME)
}

fn assert_nothing_is_left(machine: &Node) {
    assert!(!has_table());
    assert!(host_interfaces().unwrap().is_empty());
    let left = |folder: &str| std::fs::read_dir(machine.path(folder)).map_or(0, Iterator::count);
    assert_eq!((left("bin"), left("net.d"), left("state")), (0, 0, 0));
    assert!(!machine.path("state").exists() && !machine.path("cni.sock").exists());
}
