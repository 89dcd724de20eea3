//! Commands in pods: streams, exit codes, environment, and ringfence's own agnhost and curl.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Lab, Run, eventually, processes_of};

const PODS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: s3cret}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  hostname: somewhere
  containers:
  - name: c
    image: x
    env:
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: login, key: password}}}
    - {name: GREETING, value: hello}
---
apiVersion: v1
kind: Pod
metadata: {name: server, labels: {app: server}}
spec:
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/agnhost:2.53
    args: [serve-hostname, --tcp, --http=false, --port, '80']
    ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
";

const CLOSED: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: server}}}
";

#[test]
fn exit_codes_are_the_commands() {
    let lab = Lab::up(PODS);
    for code in [0, 1, 7, 255] {
        let finished = lab.exec("client", &["sh", "-c", &format!("exit {code}")]);
        assert_eq!(finished.code(), Some(code), "{finished:?}");
    }
    let killed = lab.exec("client", &["sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.code(), Some(128 + 9));
    let missing = lab.exec("client", &["no-such-program", "-x"]);
    assert_eq!(missing.code(), Some(127));
    snapbox::assert_data_eq!(
        missing.stderr,
        snapbox::str![[r#"
error: cannot start `no-such-program` in the pod: no such program on this machine; pods run its programs, not those of their images

"#]]
    );
    let forbidden = lab.exec("client", &["/etc/passwd"]);
    assert_eq!(forbidden.code(), Some(126), "{forbidden:?}");
    let nobody = lab.exec("nobody", &["true"]).expect_refused();
    snapbox::assert_data_eq!(
        nobody,
        snapbox::str![[r#"
error: no pod `default/nobody`; the pods are default/client, default/server, default/web, kube-system/ringfence-dns

"#]]
    );
}

#[test]
fn standard_streams_are_the_callers() {
    let lab = Lab::up(PODS);
    let megabytes = "0123456789abcde\n".repeat(4 << 16);
    let copied = lab
        .command(&["exec", "client", "--", "cat"])
        .finish_with_input(megabytes.as_bytes());
    assert_eq!(copied.stdout.len(), megabytes.len());
    assert!(copied.expect_ok() == megabytes);
    let apart = lab.exec("client", &["sh", "-c", "echo out; echo err >&2"]);
    assert_eq!((&*apart.stdout, &*apart.stderr), ("out\n", "err\n"));
    // The command sees the end of a pipe that its reader closed.
    let mut cut = lab.command(&[
        "exec",
        "client",
        "--",
        "sh",
        "-c",
        "while echo y; do :; done",
    ]);
    let mut child = cut
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "y\n");
    eventually("the command ends", || child.try_wait().unwrap());
}

#[test]
fn commands_have_the_containers_environment_and_nothing_of_the_users() {
    let lab = Lab::up(PODS);
    let printed = lab.exec("client", &["env"]).expect_ok();
    let mut variables: Vec<&str> = printed
        .lines()
        .filter(|line| {
            !["PATH=", "TERM=", "LANG="]
                .iter()
                .any(|own| line.starts_with(own))
        })
        .collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "GREETING=hello",
            "HOME=/",
            "HOSTNAME=somewhere",
            "KUBERNETES_SERVICE_HOST=10.96.0.1",
            "KUBERNETES_SERVICE_PORT=443",
            "KUBERNETES_SERVICE_PORT_HTTPS=443",
            "PASSWORD=s3cret"
        ]
    );
    assert_eq!(
        lab.exec(
            "client",
            &["cat", "/proc/sys/kernel/hostname", "/etc/hostname"]
        )
        .expect_ok(),
        "somewhere\nsomewhere\n"
    );
}

#[test]
fn a_command_ends_with_its_client() {
    let lab = Lab::up(PODS);
    let before = processes_of(&lab.name);
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut client = lab
            .command(&[
                "exec",
                "client",
                "--",
                "sh",
                "-c",
                "echo started; sleep 1000 & sleep 1000",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(client.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "started\n");
        let is_new = |pid: &i32| !before.contains_key(pid);
        assert!(processes_of(&lab.name).keys().any(is_new));
        kill(Pid::from_raw(client.id().try_into().unwrap()), signal).unwrap();
        client.wait().unwrap();
        eventually("the command and what it started have ended", || {
            (!processes_of(&lab.name).keys().any(is_new)).then_some(())
        });
    }
}

#[test]
fn agnhost_is_built_in() {
    let lab = Lab::up(PODS);
    let target = format!("{}:80", lab.address("server"));
    let connect = |target: &str| {
        lab.exec(
            "client",
            &[
                "/agnhost",
                "connect",
                target,
                "--timeout=1s",
                "--protocol=tcp",
            ],
        )
    };
    let reached = connect(&target);
    assert_eq!(
        (reached.code(), &*reached.stderr),
        (Some(0), ""),
        "{reached:?}"
    );
    let refused = connect(&target.replace(":80", ":81"));
    assert_eq!((refused.code(), &*refused.stderr), (Some(1), "REFUSED\n"));
    lab.apply(CLOSED);
    let denied = connect(&target);
    assert_eq!((denied.code(), &*denied.stderr), (Some(1), "TIMEOUT\n"));
    let help = lab.exec("client", &["agnhost", "--help"]);
    assert!(help.stdout.contains("connect"), "{help:?}");
}

#[test]
fn curl_is_built_in_where_the_machine_has_none() {
    let lab = Lab::planned(crate::support::Permit::shared());
    let empty = lab.folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    lab.command(&["up", "-f", "-"])
        .env("PATH", &empty)
        .finish_with_input(PODS.as_bytes())
        .expect_ok();
    let url = format!("http://{}/", lab.address("web"));
    let page = lab.exec("client", &["curl", "-sS", "-m", "5", &url]);
    assert_eq!(page.code(), Some(0), "{page:?}");
    assert!(page.stdout.contains("web"), "{page:?}");
    let refused = lab.exec(
        "client",
        &[
            "curl",
            "-sS",
            "-m",
            "5",
            &format!("http://{}:81/", lab.address("web")),
        ],
    );
    assert_eq!(refused.code(), Some(7), "{refused:?}");
    lab.apply(&CLOSED.replace("{matchLabels: {app: server}}", "{}"));
    let denied = lab.exec("client", &["curl", "-sS", "-m", "1", &url]);
    assert_eq!(denied.code(), Some(28), "{denied:?}");
}

#[test]
fn the_user_sees_one_attempt_as_one_line() {
    let lab = Lab::up(PODS);
    let address = lab.address("web");
    let reached = lab.run(&["probe", "client", &address, "80", "--protocol", "http"]);
    assert_eq!(reached.code(), Some(0), "{reached:?}");
    assert!(
        reached.stdout.starts_with("reached: HTTP 200"),
        "{reached:?}"
    );
    let refused = lab.run(&["probe", "client", &address, "81"]);
    assert_eq!(refused.code(), Some(1));
    assert!(refused.stdout.starts_with("refused after"), "{refused:?}");
    let unknown = lab.run(&["probe", "client", "no-such-name", "80"]);
    assert_eq!(unknown.code(), Some(1));
    assert!(
        unknown.stdout.starts_with("name not resolved"),
        "{unknown:?}"
    );
}
