//! Containers that run their images: the files, the users and the rights of these, and the network of their pods.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ringfence_standin::probe::ProbeProtocol::Tcp;
use ringfence_testkit::oci::{Image, Layer, Packed, write_layout};
use serde_json::json;

use crate::kubectl::Cluster;
use crate::support::{Lab, Permit, Run as _, eventually};

/// Programs of this machine that the image gets, with the libraries that they need.
const PROGRAMS: [&str; 6] = ["sh", "cat", "id", "sleep", "ls", "touch"];

const POD: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: it, labels: {app: it}}
spec:
  hostname: somewhere
  volumes: [{name: v, configMap: {name: settings}}]
  containers:
  - name: c
    image: registry.example/team/it:1
    args: [world]
    env: [{name: PLACE, value: here}]
    volumeMounts: [{name: v, mountPath: /settings/deep}]
    readinessProbe: {exec: {command: [cat, /only/in/the/image]}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  securityContext: {runAsUser: 4321, runAsGroup: 44}
  containers:
  - name: c
    image: registry.example/team/it:1
    securityContext: {readOnlyRootFilesystem: true}
  - {name: standin, image: registry.example/team/it:2, ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  containers: [{name: c, image: registry.example/team/it:1, stdin: true, tty: true, command: [sh]}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: client}]}
";

/// Its entry point says what it sees and stays.
const ENTRY: &str = "#!/bin/sh
echo \"hello $1, $GREETING from $(id -u):$(id -g) in $PWD at $PLACE, home $HOME\"
exec sleep 1000000
";

/// Writes the image into `folder`.
fn write_image(folder: &Path) {
    let mut files: BTreeSet<String> = BTreeSet::new();
    let mut layer = Layer::default().folder("bin").folder("tmp");
    for program in PROGRAMS {
        let path = format!("/usr/bin/{program}");
        let libraries = Command::new("ldd").arg(&path).output().unwrap();
        let said = String::from_utf8(libraries.stdout).unwrap();
        let words = said.split_whitespace().filter(|word| word.starts_with('/'));
        files.extend(words.map(str::to_owned));
        layer = layer.file(&format!("bin/{program}"), 0o755, &fs::read(&path).unwrap());
    }
    for library in &files {
        let name = library.trim_start_matches('/');
        layer = layer.file(name, 0o755, &fs::read(library).unwrap());
    }
    let upper = Layer::default()
        .file("entry", 0o755, ENTRY.as_bytes())
        .file("only/in/the/image", 0o644, b"here\n")
        .file("etc/passwd", 0o644, b"app:x:0:0::/srv/home:/bin/sh\n")
        // Where links lead that mean the machine's files.
        .link("etc/resolv.conf", "../../../../../../tmp/leads/out")
        .link("settings", "../../../../../../../tmp/settings");
    let image = Image {
        name: Some("1".to_owned()),
        config: json!({
            "Entrypoint": ["/entry"], "Cmd": ["nobody"], "WorkingDir": "/srv/here", "User": "app",
            "Env": ["PATH=/bin", "GREETING=good day", "PLACE=nowhere"],
        }),
        layers: vec![Packed::gzip(layer), Packed::plain(upper)],
    };
    write_layout(&folder.join("registry.example/team/it"), &image).unwrap();
}

fn up() -> (tempfile::TempDir, Cluster) {
    let folder = tempfile::tempdir().unwrap();
    write_image(folder.path());
    let lab = Lab::planned(Permit::shared());
    let images = folder.path().to_str().unwrap();
    let manifests = lab.file("pods.yaml", POD);
    let started = lab.run(&[
        "up",
        "--image-dir",
        images,
        "-f",
        manifests.to_str().unwrap(),
    ]);
    assert!(
        started
            .stderr
            .contains("images: registry.example/team/it:1"),
        "{started:?}"
    );
    let cluster = Cluster::of(lab, &started.expect_ok());
    (folder, cluster)
}

#[test]
fn containers_run_their_images() {
    let (_folder, cluster) = up();
    let lab = cluster.lab();
    eventually("what it says", || {
        let said = lab.ok(&["logs", "it"]);
        (said == "hello world, good day from 0:0 in /srv/here at here, home /srv/home\n")
            .then_some(())
    });
    let said = |pod: &str, script: &str| lab.exec(pod, &["sh", "-c", script]).expect_ok();
    // The image's files, the pod's names and volumes, and nothing of the machine.
    assert_eq!(
        said("it", "cat /only/in/the/image /settings/deep/colour"),
        "here\nblue"
    );
    assert_eq!(said("it", "cat /etc/hostname"), "somewhere\n");
    assert!(said("it", "cat /etc/resolv.conf").contains("svc.cluster.local"));
    assert_eq!(
        said("it", "echo $PLACE $GREETING $HOME"),
        "here good day /srv/home\n"
    );
    for path in ["/tmp/leads", "/tmp/settings", "/only", "/entry"] {
        assert!(!Path::new(path).exists(), "{path} is the machine's");
    }
    for none in [
        "ls /usr/bin/env",
        "touch /proc/sys/net/ipv4/ip_forward",
        "ls /sys/kernel",
    ] {
        assert_ne!(
            lab.exec("it", &["sh", "-c", none]).code(),
            Some(0),
            "{none}"
        );
    }
    assert_eq!(lab.exec("it", &["curl", "web"]).code(), Some(127));
    assert!(said("it", "cat /proc/net/dev").contains("eth0"));
    // Whoever it is may listen on the ports of well-known programs.
    let first = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    assert_eq!(said("other", &format!("cat {first}")), "0\n");
    // What one writes the other does not see.
    said("it", "echo x > /bin/written; echo y > /dev/shm/z");
    let other = lab.exec("other", &["ls", "/bin/written"]);
    assert_ne!(other.code(), Some(0));
    // The manifest's users, and a root that is not written to.
    assert_eq!(said("other", "id -u; id -g"), "4321\n44\n");
    assert_ne!(lab.exec("other", &["touch", "/tmp/x"]).code(), Some(0));
    // Its pod's network, and what stands in for an image that is not here.
    lab.reaches("client", &lab.address("other"), 80, Tcp);
    // Programs are as confined as runtimes confine them.
    let rights = said("it", "cat /proc/self/status");
    let bounding = rights
        .lines()
        .find(|line| line.starts_with("CapBnd"))
        .unwrap();
    assert!(bounding.ends_with("00000000a80425fb"), "{bounding}");
}

#[test]
fn kubectl_sees_images_that_run() {
    let (_folder, cluster) = up();
    cluster.ok("wait --for=condition=Ready pod/it --timeout=60s");
    let digest = cluster.ok("get pod it -o jsonpath={.status.containerStatuses[0].imageID}");
    assert!(digest.starts_with("sha256:"), "{digest}");
    assert_eq!(
        cluster.ok("get pod other -o jsonpath={.status.containerStatuses[1].imageID}"),
        ""
    );
    let events = cluster
        .ok("get events --field-selector involvedObject.name=it -o jsonpath={.items[*].message}");
    let pulled = "Container image \"registry.example/team/it:1\" already present on machine";
    assert!(events.contains(pulled), "{events}");
    assert_eq!(cluster.ok("exec it -- cat /only/in/the/image"), "here\n");
    // One that waits for input runs its command for whoever attaches.
    let attached = cluster
        .command("attach -i shell")
        .finish_with_input(b"cat /only/in/the/image; exit\n");
    assert!(attached.expect_ok().contains("here"));
    cluster.ok("debug it --image=registry.example/team/it:1 -c look -- sleep 1000");
    eventually("what was added runs its image", || {
        let look = cluster
            .command("exec it -c look -- cat /only/in/the/image")
            .finish();
        (look.stdout == "here\n").then_some(())
    });
}

#[test]
fn what_cannot_run_says_why() {
    let (_folder, cluster) = up();
    let pods = cluster.lab().file(
        "cannot-run.yaml",
        "
apiVersion: v1
kind: Pod
metadata: {name: lost}
spec:
  restartPolicy: Never
  containers: [{name: c, image: registry.example/team/it:1, command: [no-such-program]}]
---
apiVersion: v1
kind: Pod
metadata: {name: root}
spec:
  restartPolicy: Never
  securityContext: {runAsNonRoot: true}
  containers: [{name: c, image: registry.example/team/it:1}]
",
    );
    cluster.ok(&format!("apply -f {}", pods.display()));
    for (pod, reason) in [
        (
            "lost",
            "cannot start `no-such-program`: no such program in the image",
        ),
        (
            "root",
            "container has runAsNonRoot and image will run as root",
        ),
    ] {
        eventually(reason, || {
            let events = cluster.ok(&format!(
                "get events --field-selector involvedObject.name={pod} -o jsonpath={{.items[*].message}}"
            ));
            events.contains(reason).then_some(())
        });
    }
}

#[test]
fn folders_without_images_start_no_lab() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::planned(Permit::shared());
    let path = folder.path().to_str().unwrap();
    let refused = lab.run(&["up", "--image-dir", path]).expect_refused();
    let expected =
        format!("error: the images in {path} cannot be used: {path} has no OCI image layout");
    assert!(refused.starts_with(&expected), "{refused}");
}
