//! Clients that mean no good, or are slow: they get what they deserve, and the others are served.
#![expect(clippy::unwrap_used, reason = "test code")]

mod streams;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence_apiserver::api::{AdmitAll, Api, ApiConfig};
use ringfence_apiserver::containers::{Containers, NoContainers};
use ringfence_apiserver::server::{Identity, Server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

struct Bench {
    server: Server,
    api: Arc<Api>,
    token: String,
    tls: Arc<ClientConfig>,
}

type Stream = StreamOwned<ClientConnection, TcpStream>;

fn bench() -> Bench {
    bench_with(Arc::new(NoContainers))
}

fn bench_with(containers: Arc<dyn Containers>) -> Bench {
    let config = ApiConfig {
        first_revision: 0,
        ends_pods: false,
    };
    let api = Arc::new(Api::new(config, Box::new(AdmitAll)));
    let identity = Identity::generate(&["127.0.0.1"]).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(identity.authority().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let token = identity.token().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::with_containers(Arc::clone(&api), containers, listener, identity).unwrap();
    Bench {
        server,
        api,
        token,
        tls: Arc::new(tls),
    }
}

impl Bench {
    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    fn connect(&self) -> Stream {
        let name = ServerName::from(self.address().ip());
        let client = ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        StreamOwned::new(client, self.tcp())
    }

    /// Sends a request and reads the whole answer, which ends the connection.
    fn ask(&self, head: &str, body: &[u8]) -> String {
        let mut stream = self.connect();
        let token = &self.token;
        let head = format!(
            "{head}\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that has seen enough may hang up before all is written.
        let _ = stream.write_all(body);
        read(&mut stream)
    }

    fn assert_serves(&self) {
        let started = Instant::now();
        let answer = self.ask("GET /api/v1/namespaces HTTP/1.1", b"");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "late: {:?}",
            started.elapsed()
        );
    }
}

fn read(stream: &mut Stream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
        answer.extend(buffer.iter().take(count));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const POST: &str = "POST /api/v1/namespaces HTTP/1.1\r\nContent-Type: application/json";

#[test]
fn without_the_token_there_is_nothing_but_the_version() {
    let bench = bench();
    for (path, code) in [
        ("/version", "200"),
        ("/healthz", "200"),
        ("/api/v1/namespaces", "401"),
        ("/api/v1/namespaces/d/pods/p/exec?command=a", "401"),
        ("/", "401"),
        ("/none", "401"),
    ] {
        let mut stream = bench.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer wrong\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {code} ")),
            "{path}: {answer}"
        );
        assert!(
            code == "200" || answer.contains("\"reason\":\"Unauthorized\""),
            "{answer}"
        );
    }
}

/// A pod that nothing runs.
fn record_pod(bench: &Bench) {
    let kind = Arc::clone(bench.api.kinds().of_object("v1", "Pod").unwrap());
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d"},
        "spec": {"containers": [{"name": "c"}]},
    });
    bench.api.record(&kind, &pod);
}

const SOCKET: &str = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                      Sec-WebSocket-Protocol: v5.channel.k8s.io";
const SPDY: &str = "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io";

#[test]
fn an_upgrade_that_is_refused_is_refused_alike_in_every_protocol() {
    let bench = bench();
    record_pod(&bench);
    for (path, code, word) in [
        ("pods/p/exec?command=a&stdout=1", 405, "lab exec"),
        (
            "pods/q/exec?command=a&stdout=1",
            404,
            "pods \\\"q\\\" not found",
        ),
        ("pods/p/exec?stdout=1", 400, "at least one command"),
        ("pods/p/exec?command=a", 400, "at least 1 of stdin"),
        ("pods/p/attach?stdout=1", 405, "lab exec"),
        (
            "pods/p/attach?stdout=1&container=d",
            400,
            "container d is not valid for pod p",
        ),
    ] {
        for (method, upgrade) in [("GET", SOCKET), ("POST", SPDY)] {
            let head = format!("{method} /api/v1/namespaces/d/{path} HTTP/1.1\r\n{upgrade}");
            let answer = bench.ask(&head, b"");
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
            assert!(
                answer.contains("\"kind\":\"Status\"") && answer.contains(word),
                "{answer}"
            );
        }
    }
    let plain = bench.ask("GET /api/v1/namespaces/d/pods/p/portforward HTTP/1.1", b"");
    assert!(plain.contains("Upgrade request required"), "{plain}");
    let logs = bench.ask("GET /api/v1/namespaces/d/pods/p/log HTTP/1.1", b"");
    assert!(logs.contains("lab logs"), "{logs}");
    bench.assert_serves();
}

#[test]
fn bodies_without_end_are_cut_off() {
    let bench = bench();
    let large = vec![b' '; 5 << 20];
    let answer = bench.ask(
        &format!("{POST}\r\nContent-Length: {}", large.len()),
        &large,
    );
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut chunks = Vec::new();
    for _ in 0..80 {
        chunks.extend(b"10000\r\n");
        chunks.extend(std::iter::repeat_n(b' ', 0x10000));
        chunks.extend(b"\r\n");
    }
    let answer = bench.ask(&format!("{POST}\r\nTransfer-Encoding: chunked"), &chunks);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    bench.assert_serves();
}

#[test]
fn nonsense_ends_its_own_connection_only() {
    let bench = bench();
    let mut plain = bench.tcp();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "no answer without TLS");
    let mut stream = bench.connect();
    stream.write_all(b"\0\x01\x02 nonsense\r\n\r\n").unwrap();
    let answer = read(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let head = format!("GET /{} HTTP/1.1", "a".repeat(100_000));
    let answer = bench.ask(&head, b"");
    assert!(!answer.starts_with("HTTP/1.1 200 "), "{answer}");
    bench.assert_serves();
}

#[test]
fn those_who_say_nothing_hold_nobody_back() {
    let bench = bench();
    let silent: Vec<TcpStream> = (0..100).map(|_| bench.tcp()).collect();
    let mut slow: Vec<Stream> = (0..20).map(|_| bench.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /api HT").unwrap();
    }
    let mut half: Vec<Stream> = (0..20).map(|_| bench.connect()).collect();
    for stream in &mut half {
        let head = format!(
            "{POST}\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n{{",
            bench.token
        );
        stream.write_all(head.as_bytes()).unwrap();
    }
    bench.assert_serves();
    drop((silent, slow, half));
    bench.assert_serves();
}

#[test]
fn a_watcher_that_does_not_read_holds_nobody_back() {
    let bench = bench();
    let kind = Arc::clone(bench.api.kinds().of_object("v1", "ConfigMap").unwrap());
    let mut stream = bench.connect();
    let head = format!(
        "GET /api/v1/configmaps?watch=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        bench.token
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    let text = "x".repeat(2_000);
    for number in 0..20_000 {
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("m{}", number % 10), "namespace": "d"},
            "data": {"number": number.to_string(), "text": text},
        });
        bench.api.record(&kind, &object);
    }
    bench.assert_serves();
    let answer = read_until(&mut stream, "\"reason\":\"Expired\"");
    assert!(
        answer.contains("\"type\":\"ERROR\""),
        "the late reader is told that it missed something"
    );
}

fn read_until(stream: &mut Stream, word: &str) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 1 << 16];
    while !answer.contains(word) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the stream ended without {word}");
        let keep = answer.len().saturating_sub(4_096);
        answer = answer.chars().skip(keep).collect();
        answer.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap()));
    }
    answer
}
