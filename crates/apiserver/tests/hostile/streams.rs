//! Clients of running commands: those who lie, say nothing, or leave.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringfence_apiserver::containers::{
    Connection, Container, Containers, Exec, LogOptions, ObjectName, Output, Process, Streams,
};
use ringfence_apiserver::status::ApiError;
use tokio::io::DuplexStream;

use super::{Bench, SOCKET, SPDY, Stream, bench_with, read, record_pod};

/// Commands that neither read nor end.
#[derive(Debug, Default)]
struct Endless {
    running: Arc<AtomicUsize>,
}

/// One of them.
struct Command {
    running: Arc<AtomicUsize>,
    _input: DuplexStream,
    _output: DuplexStream,
}

impl Drop for Command {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Endless {
    fn process(&self) -> Process {
        self.running.fetch_add(1, Ordering::SeqCst);
        let (stdin, input) = tokio::io::duplex(1_000);
        let (stdout, output) = tokio::io::duplex(1_000);
        let command = Command {
            running: Arc::clone(&self.running),
            _input: input,
            _output: output,
        };
        Process {
            stdin: Some(Box::new(stdin)),
            stdout: Some(Box::new(stdout)),
            stderr: None,
            resize: None,
            exit: Box::pin(async move {
                let _command = command;
                std::future::pending().await
            }),
        }
    }
}

impl Containers for Endless {
    fn exec(&self, _: &Container, _: &Exec) -> Result<Process, ApiError> {
        Ok(self.process())
    }

    fn attach(&self, _: &Container, _: Streams) -> Result<Process, ApiError> {
        Ok(self.process())
    }

    fn logs(&self, _: &Container, _: &LogOptions) -> Result<Output, ApiError> {
        Ok(Box::new(tokio::io::empty()))
    }

    fn forwards(&self, _: &ObjectName) -> Result<(), ApiError> {
        Ok(())
    }

    fn dial(&self, _: &ObjectName, port: u16) -> io::Result<Box<dyn Connection>> {
        let stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nonblocking(true)?;
        Ok(Box::new(tokio::net::TcpStream::from_std(stream)?))
    }
}

fn bench() -> (Bench, Arc<AtomicUsize>) {
    let endless = Endless::default();
    let running = Arc::clone(&endless.running);
    let bench = bench_with(Arc::new(endless));
    record_pod(&bench);
    (bench, running)
}

const EXEC: &str = "exec?command=a&stdin=1&stdout=1";

/// A connection that has gone on in another protocol.
fn upgraded(bench: &Bench, method: &str, what: &str, upgrade: &str) -> Stream {
    let mut stream = bench.connect();
    let token = &bench.token;
    let head = format!(
        "{method} /api/v1/namespaces/d/pods/p/{what} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
         Authorization: Bearer {token}\r\n{upgrade}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream
}

/// A short message of a client.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    [&[0x80 | kind, 0x80 | length, 0, 0, 0, 0], content].concat()
}

/// The next message of the server.
fn next(stream: &mut Stream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut content = vec![0; usize::from(head[1])];
    stream.read_exact(&mut content).unwrap();
    (head[0] & 0xf, content)
}

#[track_caller]
fn all_end(running: &AtomicUsize) {
    let started = Instant::now();
    while running.load(Ordering::SeqCst) > 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_command_ends_with_its_client() {
    let (bench, running) = bench();
    let socket = upgraded(&bench, "GET", EXEC, SOCKET);
    let spdy = upgraded(&bench, "POST", EXEC, SPDY);
    assert_eq!(running.load(Ordering::SeqCst), 2);
    drop((socket, spdy));
    all_end(&running);
}

#[test]
fn nonsense_ends_a_command_and_nothing_else() {
    let (bench, running) = bench();
    // A message that declares more than any may have, and a frame that does.
    let large = [
        0x82, 0xff, 0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
    ];
    for bytes in [large.as_slice(), &[0xff; 14], &[0; 100]] {
        let mut socket = upgraded(&bench, "GET", EXEC, SOCKET);
        socket.write_all(bytes).unwrap();
        read(&mut socket);
    }
    for bytes in [
        b"\0\0\0\x01\0\xff\xff\xff".as_slice(),
        b"\x80\x09\0\x01\0\0\0\0",
        b"\x80\x03\0\x01\0\0\0\x0e0123456789\xff\xff\xff\xff",
    ] {
        let mut spdy = upgraded(&bench, "POST", EXEC, SPDY);
        spdy.write_all(bytes).unwrap();
        read(&mut spdy);
    }
    all_end(&running);
    bench.assert_serves();
}

#[test]
fn pings_are_answered_while_a_command_reads_nothing() {
    let (bench, _running) = bench();
    let mut socket = upgraded(&bench, "GET", EXEC, SOCKET);
    for _ in 0..20 {
        socket.write_all(&message(2, &[0; 100])).unwrap();
    }
    // A pong comes unasked, whatever stands before the question.
    assert_eq!(next(&mut socket), (10, Vec::new()));
    let mut other = upgraded(&bench, "GET", EXEC, SOCKET);
    other.write_all(&message(9, b"there?")).unwrap();
    let pongs = [next(&mut other), next(&mut other)];
    assert!(pongs.contains(&(10, b"there?".to_vec())), "{pongs:?}");
    let mut spdy = upgraded(&bench, "POST", EXEC, SPDY);
    let ping = b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x07";
    spdy.write_all(ping).unwrap();
    let mut echo = [0; 12];
    spdy.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, ping);
}

#[test]
fn ports_that_are_named_beforehand_are_channels() {
    let (bench, _running) = bench();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let upgrade = SOCKET.replace("v5", "v4");
    let mut socket = upgraded(
        &bench,
        "GET",
        &format!("portforward?ports={port}"),
        &upgrade,
    );
    let [low, high] = port.to_le_bytes();
    assert_eq!(next(&mut socket), (2, vec![0, low, high]));
    assert_eq!(next(&mut socket), (2, vec![1, low, high]));
    let (mut pod, _) = listener.accept().unwrap();
    socket.write_all(&message(2, b"\0question")).unwrap();
    let mut question = [0; 8];
    pod.read_exact(&mut question).unwrap();
    assert_eq!(&question, b"question");
    pod.write_all(b"answer").unwrap();
    assert_eq!(next(&mut socket), (2, b"\0answer".to_vec()));
    drop(listener);
    let closed = format!("portforward?ports={port}");
    let mut socket = upgraded(&bench, "GET", &closed, &upgrade);
    let messages = [next(&mut socket), next(&mut socket), next(&mut socket)];
    let text = String::from_utf8_lossy(&messages[2].1);
    assert!(text.contains("refused"), "{text}");
}
