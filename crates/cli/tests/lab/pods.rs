//! What pods do that kubectl starts: their programs, how they end, and what their nodes are told.

use crate::kubectl::Cluster;
use crate::support::eventually;

#[test]
fn arguments_alone_run_as_a_command_does() {
    let cluster = Cluster::up();
    cluster.ok("run hello --image=busybox --restart=Never -- echo hello there");
    cluster.ok("wait --for=jsonpath={.status.phase}=Succeeded pod/hello --timeout=20s");
    assert_eq!(cluster.ok("logs hello"), "hello there\n");
    cluster.ok("run other --image=web --port=80 -- --no-program=here");
    cluster.ok("wait --for=condition=Ready pod/other --timeout=20s");
}

#[test]
fn a_command_that_is_attached_to_ends_its_pod_with_its_exit_code() {
    let cluster = Cluster::up();
    let run = "run -i --restart=Never --image=x --rm --quiet";
    let failed = cluster.run(&format!("{run} three -- sh -c echo~out;exit~3"));
    assert_eq!(failed.code(), Some(3), "{failed:?}");
    assert_eq!(failed.stdout, "out\n", "{failed:?}");
    assert_eq!(cluster.ok(&format!("{run} zero -- echo fine")), "fine\n");
}

#[test]
fn people_say_which_pods_a_node_takes() {
    let cluster = Cluster::up();
    cluster.ok("cordon kind-worker");
    cluster.ok("label node kind-worker2 disk=ssd");
    cluster.ok("annotate node kind-worker2 note=here");
    cluster.ok("create deploy web --image=web --port=80 --replicas=3");
    cluster.ok("rollout status deploy/web --timeout=20s");
    let nodes = cluster.ok("get pods -o jsonpath={.items[*].spec.nodeName}");
    assert_eq!(nodes, ["kind-worker2"; 3].join(" "));
    let picked = "{\"spec\":{\"nodeSelector\":{\"disk\":\"ssd\"}}}";
    cluster.ok(&format!("run picked --image=web --overrides={picked}"));
    cluster.ok("wait --for=condition=Ready pod/picked --timeout=20s");
    let states = cluster.ok("get nodes --no-headers");
    assert!(states.contains("Ready,SchedulingDisabled"), "{states}");
    cluster.ok("uncordon kind-worker");
    cluster.ok("taint node kind-worker2 full=yes:NoSchedule");
    cluster.ok("run late --image=web");
    eventually("it has a node", || {
        let node = cluster.ok("get pod late -o jsonpath={.spec.nodeName}");
        (node == "kind-worker").then_some(())
    });
    let refused = cluster.run("delete node kind-worker");
    assert!(refused.stderr.contains("nodes of a lab"), "{refused:?}");
}
