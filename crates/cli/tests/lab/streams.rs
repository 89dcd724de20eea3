//! kubectl into the pods of a lab: commands, terminals, logs, ports.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::pty::openpty;

use crate::kubectl::Cluster;
use crate::support::{PATIENCE, eventually};

const WEB: &str = "web-app.netpol-demo.svc.cluster.local";

/// A command that goes on until this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_shell_in_a_new_pod_reaches_the_demonstration() {
    let cluster = Cluster::up();
    cluster.apply("demo-app.yaml");
    let command = cluster
        .command("run -n default -it client --image=raesene/alpine-containertools -- /bin/bash");
    let mut terminal = Terminal::run(&command);
    terminal.type_until("echo I am on $HOSTNAME\n", "I am on client");
    terminal.type_until(
        "test -t 0 && test -t 2 && echo a ter''minal\n",
        "a terminal",
    );
    // A second one behind it would sleep on.
    terminal.type_once("sh -c \"echo a''sleep; exec sleep 1000\"\n", "asleep");
    terminal.type_until("\x03", "^C");
    terminal.type_until("echo st''ill here\n", "still here");
    terminal.type_until("exit\n", "Session ended");
    assert!(terminal.child.0.wait().unwrap().success());
    cluster.ok("rollout status deploy/web-app -n netpol-demo --timeout=90s");
    let page = cluster.ok(&format!("exec client -- curl -s -m 5 {WEB}"));
    assert!(page.contains("web-app"), "{page}");
    let mut again = Terminal::run(&cluster.command("exec -it client -- sh"));
    again.type_until("exit 7\n", "exit code 7");
    assert_eq!(again.child.0.wait().unwrap().code(), Some(7));
    cluster.apply("default-deny-ingress.yaml");
    let denied = cluster.run(&format!("exec client -- curl -s -m 1 {WEB}"));
    assert_eq!(denied.code(), Some(28), "{denied:?}");
}

/// kubectl under a terminal, and what can be seen on it.
struct Terminal {
    child: Running,
    keys: File,
    screen: std::sync::mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn run(inner: &Command) -> Self {
        let pair = openpty(None, None).unwrap();
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(inner.get_program());
        command.args(inner.get_args());
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap());
        }
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        let mut reader = File::from(pair.master.try_clone().unwrap());
        let (sender, screen) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1_000];
            while let Ok(count) = reader.read(&mut buffer)
                && count > 0
                && sender.send(buffer[..count].to_vec()).is_ok()
            {}
        });
        Self {
            child: Running(child.unwrap()),
            keys: File::from(pair.master),
            screen,
            seen: String::new(),
        }
    }

    /// Types, again when nothing came of it for a while: nobody may be there yet.
    fn type_until(&mut self, keys: &str, word: &str) {
        self.seen.clear();
        eventually(word, || {
            self.keys.write_all(keys.as_bytes()).unwrap();
            self.shows(word)
        });
    }

    /// Types to somebody who is there.
    fn type_once(&mut self, keys: &str, word: &str) {
        self.seen.clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
        eventually(word, || self.shows(word));
    }

    /// Whether `word` comes before nothing came for a while.
    fn shows(&mut self, word: &str) -> Option<()> {
        while !self.seen.contains(word) {
            let bytes = self.screen.recv_timeout(Duration::from_secs(2)).ok()?;
            self.seen += &String::from_utf8_lossy(&bytes);
        }
        Some(())
    }
}

#[test]
fn input_output_and_logs_are_the_commands() {
    let cluster = Cluster::up();
    cluster
        .ok("run talker --image=x --command -- sh -c echo~hello;echo~trouble>&2;exec~sleep~1000");
    cluster.ok("wait --for=condition=Ready pod/talker --timeout=90s");
    let logs = eventually("both lines are there", || {
        let logs = cluster.ok("logs talker");
        (logs.lines().count() == 2).then_some(logs)
    });
    assert_eq!(logs, "hello\ntrouble\n");
    assert_eq!(cluster.ok("logs talker --tail=1"), "trouble\n");
    assert_eq!(cluster.ok("logs talker --since=1h"), "hello\ntrouble\n");
    let late = "logs talker --since-time=2999-01-01T00:00:00Z";
    assert_eq!(cluster.ok(late), "");
    let stamped = cluster.ok("logs talker --timestamps --tail=1");
    let (time, line) = stamped.split_once(' ').unwrap();
    assert_eq!(line, "trouble\n");
    let year = time.split_once('-').unwrap().0;
    assert!(
        year.parse::<u32>().unwrap() >= 2024 && time.ends_with('Z'),
        "{stamped}"
    );
    let refused = cluster.run("logs talker --previous");
    assert!(refused.stderr.contains("has not run before"), "{refused:?}");
    cluster.ok("run again --image=x --command -- sh -c echo~run~$$;sleep~0.2;exit~1");
    eventually("a run before this one", || {
        let previous = cluster.run("logs again --previous");
        let is_one = previous.stdout.starts_with("run ") && previous.stdout.lines().count() == 1;
        is_one.then_some(())
    });
    // Whoever follows a run hears its end.
    let followed = cluster.ok("logs again -f");
    assert_eq!(followed.lines().count(), 1, "{followed}");
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let input = cluster.path("input");
    std::fs::write(&input, &bytes).unwrap();
    let mut command = cluster.command("exec -i talker -- cat");
    let output = command.stdin(File::open(&input).unwrap()).output().unwrap();
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
    let failed = cluster.run("exec talker -- sh -c echo~bad>&2;exit~3");
    assert_eq!(failed.code(), Some(3), "{failed:?}");
    assert!(failed.stderr.starts_with("bad\n"), "{failed:?}");
    let missing = cluster.run("exec talker -- no-such-program");
    assert_eq!(missing.code(), Some(127), "{missing:?}");
    let once = "run once -i --rm --quiet --restart=Never --image=x -- sh -c cat;echo~$HOSTNAME";
    let mut command = cluster.command(once);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "once\n",
        "{output:?}"
    );
    assert!(!cluster.ok("get pods").contains("once"));
}

#[test]
fn ports_of_pods_are_forwarded() {
    let cluster = Cluster::up();
    cluster.apply("demo-app.yaml");
    cluster.ok("rollout status deploy/web-app -n netpol-demo --timeout=90s");
    let mut command = cluster.command("port-forward -n netpol-demo deploy/web-app :80");
    let mut child = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut said = String::new();
    let mut output = child.0.stdout.take().unwrap();
    while !said.contains("-> 80\n") {
        let mut buffer = [0; 200];
        let count = output.read(&mut buffer).unwrap();
        assert!(count > 0, "{said}");
        said += &String::from_utf8_lossy(&buffer[..count]);
    }
    let port = said
        .split([':', ' '])
        .find_map(|word| word.parse::<u16>().ok());
    for _ in 0..3 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port.unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("web-app"), "{answer}");
    }
}
