//! Commands in pods, what they print, and their ports.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use ringfence_apiserver::containers::Size;

use super::bench::Bench;
use super::containers::resize;
use super::script::{has, has_not};

/// Everything must be over by then.
const LIMIT: Duration = Duration::from_secs(20);
const MIB: usize = 1 << 20;

pub(crate) fn run(bench: &Bench) {
    bench.record_pods();
    exit_codes(bench);
    input(bench);
    terminal(bench);
    attach(bench);
    logs(bench);
    forward(bench);
    copy(bench);
    refusals(bench);
}

fn exit_codes(bench: &Bench) {
    let shell = "exec shell -- sh -c echo~out;echo~err>&2;exit~7";
    let (code, output, errors) = bench.ends(shell, b"");
    assert_eq!(
        (code, output.as_slice()),
        (7, b"out\n".as_slice()),
        "{errors}"
    );
    has(&errors, &["err\n", "command terminated with exit code 7"]);
    let (code, output, errors) = bench.ends("exec shell -c second -- echo a~~b", b"");
    assert_eq!(
        (code, output.as_slice()),
        (0, b"a  b\n".as_slice()),
        "{errors}"
    );
}

/// What goes in comes out, byte by byte, and the command hears that nothing more comes.
fn input(bench: &Bench) {
    let bytes = binary();
    let (code, output, errors) = bench.ends("exec -i shell -- cat", &bytes);
    assert_eq!(code, 0, "{errors}");
    assert!(output == bytes, "{} of {} bytes", output.len(), bytes.len());
    let (code, output, errors) = bench.ends("exec -i shell -- wc -c", &bytes);
    assert_eq!(
        (code, output.trim_ascii()),
        (0, b"1048576".as_slice()),
        "{errors}"
    );
    // A command that does not read its input ends all the same.
    let (code, _, errors) = bench.ends("exec -i shell -- true", &bytes);
    assert_eq!(code, 0, "{errors}");
}

fn binary() -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(MIB).collect()
}

/// A terminal's size follows the user's.
fn terminal(bench: &Bench) {
    let pair = openpty(None, None).unwrap();
    resize(
        &pair.master,
        Size {
            width: 90,
            height: 20,
        },
    );
    let end = || Stdio::from(pair.slave.try_clone().unwrap());
    let mut child = bench
        .under_setsid("exec -it shell -- sh")
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    drop(pair.slave);
    let mut terminal = Terminal::new(pair.master);
    terminal.type_until("stty size\n", "20 90");
    resize(
        &terminal.master,
        Size {
            width: 100,
            height: 30,
        },
    );
    terminal.type_until("stty size\n", "30 100");
    terminal.type_until(
        "test -t 0 && test -t 2 && echo is a ter''minal\n",
        "is a terminal",
    );
    terminal.type_until("exit 7\n", "exit code 7");
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

struct Terminal {
    master: OwnedFd,
    seen: String,
    lines: std::sync::mpsc::Receiver<Vec<u8>>,
}

impl Terminal {
    fn new(master: OwnedFd) -> Self {
        let mut reader = std::fs::File::from(master.try_clone().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1_000];
            while let Ok(count) = reader.read(&mut buffer)
                && count > 0
                && sender.send(buffer[..count].to_vec()).is_ok()
            {}
        });
        let seen = String::new();
        Self {
            master,
            seen,
            lines,
        }
    }

    /// Types, again when nothing came of it for a while: the new size may not be there yet.
    fn type_until(&mut self, keys: &str, word: &str) {
        let started = Instant::now();
        let mut writer = std::fs::File::from(self.master.try_clone().unwrap());
        while !self.seen.contains(word) {
            assert!(started.elapsed() < LIMIT, "no {word:?} in {:?}", self.seen);
            writer.write_all(keys.as_bytes()).unwrap();
            let pause = Instant::now() + Duration::from_secs(1);
            while !self.seen.contains(word) {
                let left = pause.saturating_duration_since(Instant::now());
                match self.lines.recv_timeout(left) {
                    Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                    Err(_) => break,
                }
            }
        }
        self.seen.clear();
    }
}

fn attach(bench: &Bench) {
    let (code, output, errors) = bench.ends("attach -i shell -c first", b"a\nb\n");
    assert_eq!(code, 0, "{errors}");
    assert_eq!(String::from_utf8_lossy(&output), "got a\ngot b\n");
    has(&errors, &["bye"]);
}

fn logs(bench: &Bench) {
    assert_eq!(bench.ok("logs shell -c first"), "one\ntwo\nthree\n");
    assert_eq!(bench.ok("logs shell -c first --tail=1"), "three\n");
    assert_eq!(bench.ok("logs shell -c first --limit-bytes=5"), "one\nt");
    assert_eq!(
        bench.ok("logs -f shell -c first --tail=1 --timestamps"),
        "2026-01-01T00:00:02Z three\n2026-01-01T00:00:03Z four\n"
    );
}

/// Several connections at once; each side's end reaches the other.
fn forward(bench: &Bench) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer_at_the_end(stream.unwrap()));
        }
    });
    let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let closed = unused.local_addr().unwrap().port();
    drop(unused);
    let mut running = bench.begin_as(
        &format!("port-forward shell :{port} :{closed}"),
        "port-forward shell :8080 :8081",
    );
    let line = running.wait_for(&["127.0.0.1:", &format!("-> {port}")]);
    let local: u16 = line
        .split([':', ' '])
        .find_map(|word| word.parse().ok())
        .unwrap();
    std::thread::scope(|scope| {
        for number in 0..5_u8 {
            scope.spawn(move || {
                let sent = vec![number; 100_000 + usize::from(number)];
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, local)).unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                stream.write_all(&sent).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).unwrap();
                assert!(answer == sent, "{} of {} bytes", answer.len(), sent.len());
            });
        }
    });
}

/// Reads until the client has said all, then answers with it.
fn answer_at_the_end(mut stream: TcpStream) {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    stream.write_all(&all).unwrap();
}

fn copy(bench: &Bench) {
    let bytes = binary();
    let from = bench.file("from", "");
    std::fs::write(&from, &bytes).unwrap();
    let there = bench.file("there", "");
    bench.ok(&format!("cp {from} shell:{there} -c first"));
    assert!(
        std::fs::read(&there).unwrap() == bytes,
        "not what was copied"
    );
    bench.ok(&format!("cp shell:{there} back -c first"));
    assert!(
        std::fs::read(bench.path("back")).unwrap() == bytes,
        "not what was copied back"
    );
}

fn refusals(bench: &Bench) {
    has(
        &bench.fails("exec none -- true"),
        &["pods \"none\" not found"],
    );
    has(
        &bench.fails("exec shell -c third -- true"),
        &["container third is not valid for pod shell"],
    );
    has(
        &bench.fails("exec shell -c broken -- true"),
        &["the container is broken"],
    );
    has(
        &bench.fails("logs shell -c third"),
        &["container third is not valid"],
    );
    let errors = bench.fails("exec shell -c first -- /no/such/program");
    has(&errors, &["No such file"]);
    has_not(&errors, "panic");
}
