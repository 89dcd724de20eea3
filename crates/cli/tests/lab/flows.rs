//! What became of packets: recorded by the nodes, told by `ringfence flows`, replayed by `ringfence replay`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use ringfence_agent::flows::{FlowRecord, FlowVerdict};
use ringfence_compile::Reason;
use ringfence_model::Timestamp;
use ringfence_standin::probe::ProbeOutcome;
use ringfence_standin::probe::ProbeProtocol::{Tcp, Udp};

use crate::support::{Finished, Lab, PATIENCE, Permit, Run as _, eventually, ringfence};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  nodeName: kind-worker
  containers: [{name: c, image: web, ports: [{containerPort: 80}, {containerPort: 81}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app: client}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: locked, labels: {app: locked}}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: server}
  ports: [{port: 8080, targetPort: 80}]
";

const POLICIES: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: 80}]
  - from: [{podSelector: {matchLabels: {app: nobody}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: locked}
spec: {podSelector: {matchLabels: {app: locked}}, policyTypes: [Egress]}
";

/// `ringfence flows` or `replay` for this lab.
fn run(lab: &Lab, arguments: &[&str]) -> Finished {
    let mut command = ringfence(arguments);
    command.env("RINGFENCE_LAB", &lab.name);
    command.finish()
}

fn records(lab: &Lab, arguments: &[&str]) -> Vec<FlowRecord> {
    let all = [&["flows", "-o", "json"], arguments].concat();
    let printed: serde_json::Value = serde_json::from_str(&run(lab, &all).expect_ok()).unwrap();
    serde_json::from_value(printed["records"].clone()).unwrap()
}

/// Records of the last second are still being counted.
#[track_caller]
fn recorded(lab: &Lab, arguments: &[&str]) -> FlowRecord {
    eventually(&format!("recorded: {arguments:?}"), || {
        records(lab, arguments).into_iter().next()
    })
}

#[test]
fn drops_are_recorded_with_their_reason_and_can_be_replayed() {
    let lab = Lab::planned(Permit::shared());
    lab.command(&["up", "--record-allowed", "-f", "-"])
        .finish_with_input([PODS, SERVICE, POLICIES].join("---").as_bytes())
        .expect_ok();
    let server = lab.address("server");
    lab.reaches("client", &server, 80, Tcp);
    lab.is_denied("client", &server, 81, Tcp);
    lab.is_denied("locked", &server, 80, Udp);

    let denied = recorded(&lab, &["--to", "server", "--verdict", "deny"]);
    assert_eq!(denied.node, "kind-worker");
    assert_eq!(
        (denied.verdict, denied.reason),
        (FlowVerdict::Deny, Reason::Ingress)
    );
    assert_eq!(denied.source.pod.unwrap().to_string(), "default/client");
    assert_eq!(
        denied.destination.pod.unwrap().to_string(),
        "default/server"
    );
    assert_eq!((denied.protocol.as_str(), denied.port), ("tcp", Some(81)));
    assert_eq!(denied.policies[0].to_string(), "default/web");
    assert!(
        denied.because[0].contains("isolated by default/web"),
        "{:?}",
        denied.because
    );
    let nearest = denied.nearest.unwrap();
    assert!(nearest.contains("default/web ingress[0]"), "{nearest}");
    assert!(nearest.ends_with("port does not match"), "{nearest}");

    let locked = recorded(
        &lab,
        &[
            "--from",
            "default/[app=locked]",
            "--policy",
            "default/locked",
        ],
    );
    assert_eq!(
        (locked.node.as_str(), locked.reason),
        ("kind-worker2", Reason::Egress)
    );
    assert_eq!((locked.protocol.as_str(), locked.port), ("udp", Some(80)));
    assert_eq!(
        records(&lab, &["--from", "locked", "--policy", "netpol/web"]),
        []
    );
    assert_eq!(records(&lab, &["--since", "2099-01-01T00:00:00Z"]), []);
    assert_eq!(
        records(&lab, &["--node", "kind-control-plane", "--from", "client"]),
        []
    );

    let allowed = recorded(
        &lab,
        &[
            "--verdict",
            "allow",
            "--to",
            "server",
            "--node",
            "kind-worker",
        ],
    );
    assert_eq!((allowed.reason, allowed.port), (Reason::Allowed, Some(80)));
    assert!(
        allowed.because[1].contains("allowed by default/web ingress[0]"),
        "{:?}",
        allowed.because
    );

    let text = run(&lab, &["flows", "--to", "server", "--verdict", "deny"]).expect_ok();
    assert!(
        text.contains(" deny ingress default/client -> default/server tcp/81"),
        "{text}"
    );
    let nothing = run(&lab, &["flows", "--from", "elsewhere/client"]);
    assert!(nothing.stderr.contains("records matches"), "{nothing:?}");
    assert_eq!(nothing.expect_ok(), "");
    followed(&lab, &server);
    traced(&lab);
    replayed(&lab);
}

/// `ringfence flows -f -o json` under way.
struct Follower {
    program: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let all = [&["flows", "-f", "-o", "json"], arguments].concat();
        let mut program = ringfence(&all)
            .env("RINGFENCE_LAB", &lab.name)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(program.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            printed
                .lines()
                .try_for_each(|line| sender.send(line.unwrap()))
        });
        Self { program, lines }
    }

    fn next(&self) -> FlowRecord {
        let line = self.lines.recv_timeout(PATIENCE).expect("a record");
        serde_json::from_str(&line).expect("a record as one line of JSON")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Records come while the program runs, and only those that are asked for, by everything that they are asked for.
fn followed(lab: &Lab, server: &str) {
    let wanted = [
        ["--from", "client"],
        ["--to", "server"],
        ["--verdict", "deny"],
        ["--policy", "default/web"],
    ];
    let follower = Follower::start(lab, wanted.as_flattened());
    let shown = |port: u16| loop {
        let record = follower.next();
        let ends = [&record.source, &record.destination];
        let ends = ends.map(|end| end.pod.as_ref().unwrap().to_string());
        assert_eq!(ends, ["default/client", "default/server"], "{record:?}");
        assert_eq!(record.verdict, FlowVerdict::Deny);
        assert_eq!(record.policies[0].to_string(), "default/web");
        // What is repeated is recorded again.
        if record.port == Some(port) {
            return;
        }
    };
    shown(81);
    for port in [82, 83] {
        lab.is_denied("locked", server, port, Tcp);
        lab.reaches("client", server, 80, Tcp);
        lab.is_denied("client", server, port, Tcp);
        shown(port);
    }
}

/// Every node on the way is heard.
fn traced(lab: &Lab) {
    let text = run(lab, &["trace", "client", "svc/web", "tcp/8080"]).expect_ok();
    let steps: Vec<&str> = text.lines().collect();
    assert_eq!(steps.len(), 5, "{text}");
    assert!(
        steps[0].contains("kind-worker2: sent: default/client sends tcp to"),
        "{text}"
    );
    assert!(steps[1].contains("kind-worker2: translated:"), "{text}");
    assert!(
        steps[1].ends_with("port 80, which is default/server"),
        "{text}"
    );
    assert!(steps[2].contains("kind-worker2: egress: allowed"), "{text}");
    assert!(steps[3].contains("kind-worker: ingress: allowed"), "{text}");
    assert!(steps[3].contains("default/web ingress[0]"), "{text}");
    assert!(steps[4].contains("answer: reached"), "{text}");
    let unclear = run(lab, &["trace", "client", "server", "80-90"]);
    assert_eq!(unclear.code(), Some(2), "{unclear:?}");
    // By its address it is the same pod.
    let client = lab.address("client");
    let refused = run(lab, &["trace", &client, "server", "81", "-o", "json"]);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    let json: serde_json::Value = serde_json::from_str(&refused.stdout).unwrap();
    let last = json["hops"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["node"], &last["step"]),
        (&"kind-worker".into(), &"ingress".into())
    );
    assert_eq!(last["ends"], true);
}

/// The candidate cuts what was allowed on port 80, and opens port 81.
fn replayed(lab: &Lab) {
    let kept = run(lab, &["flows", "-o", "json"]).expect_ok();
    let flows = lab.file("flows.json", &kept);
    let flows = flows.to_str().unwrap();
    let same = lab.file("same.yaml", POLICIES);
    let finished = run(lab, &["replay", flows, "-f", same.to_str().unwrap()]);
    let text = finished.expect_ok();
    assert!(text.contains("unobserved default/web ingress[1]"), "{text}");
    assert!(text.contains("0 cut, 0 newly opened"), "{text}");
    let other = lab.file("other.yaml", &POLICIES.replace("port: 80", "port: 81"));
    let finished = run(lab, &["replay", flows, "-f", other.to_str().unwrap()]);
    assert_eq!(finished.code(), Some(1), "{finished:?}");
    let text = finished.stdout;
    assert!(
        text.contains("cut default/client -> default/server tcp/80"),
        "{text}"
    );
    assert!(
        text.contains("opened default/client -> default/server tcp/81"),
        "{text}"
    );
}

/// A default deny that is watched until `until`.
fn watched(until: Timestamp) -> String {
    let since = until.before(3_600_000);
    format!(
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: watched, annotations: {{ringfence.dev/audit-mode: {since}/{until}}}}}
spec: {{podSelector: {{matchLabels: {{app: server}}}}}}
"
    )
}

/// What it would deny passes and is recorded; when audit mode is over it is denied, and nobody has done anything.
#[test]
fn what_would_be_denied_passes_and_is_recorded_until_audit_mode_ends() {
    let lab = Lab::up(PODS);
    let server = lab.address("server");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    lab.apply(&watched(Timestamp(now + 600_000)));
    lab.reaches("client", &server, 80, Tcp);
    let audited = recorded(&lab, &["--to", "server"]);
    assert_eq!(
        (audited.verdict, audited.reason),
        (FlowVerdict::Audit, Reason::AuditIngress)
    );
    assert_eq!(audited.node, "kind-worker");
    assert_eq!(audited.policies[0].to_string(), "default/watched");
    let because = &audited.because[0];
    assert!(
        because.starts_with("audited: it would be denied"),
        "{because}"
    );
    let text = run(&lab, &["flows", "--verdict", "audit"]).expect_ok();
    assert!(
        text.contains(" audit ingress default/client -> default/server tcp/80"),
        "{text}"
    );

    lab.apply(&watched(Timestamp(now + 3_000)));
    eventually("audit mode ends", || {
        let outcome = lab.probe("client", &server, 80, Tcp, 500);
        (outcome == ProbeOutcome::TimedOut).then_some(())
    });
    let denied = recorded(&lab, &["--to", "server", "--verdict", "deny"]);
    assert_eq!(denied.policies[0].to_string(), "default/watched");
}
