use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::curl::{FetchRequest, FetchResponse, fetch, fetch_request};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn config(ports: Vec<ResponderPort>) -> ResponderConfig {
    ResponderConfig {
        pod: "web-1".to_owned(),
        namespace: "shop".to_owned(),
        node: "kind-worker".to_owned(),
        image: "nginx:1.14.2".to_owned(),
        container: "nginx".to_owned(),
        ports,
        addresses: vec!["127.0.0.1".parse().unwrap()],
    }
}

pub(crate) fn port(protocol: Protocol, port: u16) -> ResponderPort {
    ResponderPort {
        protocol,
        port,
        name: Some("web".to_owned()),
    }
}

/// Serves `config` in a thread of its own until the test process ends; its addresses.
pub(crate) fn start(config: ResponderConfig) -> Vec<SocketAddr> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let responder = Responder::bind(config).unwrap();
            let addresses = responder.addresses();
            sender.send(addresses).unwrap();
            responder.serve().await;
        });
    });
    let addresses = receiver.recv_timeout(PATIENCE).unwrap();
    addresses.into_iter().map(|(_, address)| address).collect()
}

fn tcp() -> SocketAddr {
    start(config(vec![port(Protocol::Tcp, 0)]))[0]
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends `bytes`, ends the sending direction, and reads to the end.
fn say(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> FetchResponse {
    fetch(&format!("http://{address}{path}"), PATIENCE).unwrap()
}

#[test]
fn a_page_says_honestly_who_answered() {
    let address = tcp();
    let answer = get(address, "/cart?x=1");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let body = String::from_utf8(answer.body.clone()).unwrap();
    for part in [
        "<h1>ringfence stand-in for image nginx:1.14.2</h1>",
        "pod        shop/web-1\n",
        "node       kind-worker\n",
        "container  nginx\n",
        &format!("port       {}/TCP (web)\n", address.port()),
        "source     127.0.0.1:",
        "request    GET /cart\n",
    ] {
        assert!(body.contains(part), "{part:?} is not in {body}");
    }
    let (peer, _) = Peer::parse(answer.header("x-ringfence-peer").unwrap()).unwrap();
    assert_eq!(
        (peer.namespace.as_str(), peer.pod.as_str()),
        ("shop", "web-1")
    );
}

#[test]
fn json_is_there_for_programs() {
    let address = tcp();
    let asked = get(address, "/?a=b&format=json");
    let mut accepting = FetchRequest::get(&format!("http://{address}/"));
    accepting.headers = vec![("accept".to_owned(), "application/json".to_owned())];
    let accepted = fetch_request(&accepting, PATIENCE).unwrap();
    for answer in [asked, accepted] {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(value["stand_in"], true);
        assert_eq!(value["image"], "nginx:1.14.2");
        assert_eq!(value["pod"], "web-1");
        assert_eq!(value["port"], address.port());
        let source: SocketAddr = value["source"].as_str().unwrap().parse().unwrap();
        assert!(source.ip().is_loopback());
    }
}

#[test]
fn what_a_client_sends_never_becomes_markup() {
    let mut config = config(vec![port(Protocol::Tcp, 0)]);
    config.image = "<script>alert(1)</script>".to_owned();
    let answer = get(start(config)[0], "/'%3Cb%3E");
    let body = String::from_utf8(answer.body).unwrap();
    assert!(!body.contains("<script>") && body.contains("&lt;script&gt;"));
    assert!(body.contains("GET /&#39;%3Cb%3E"));
}

#[test]
fn http_clients_may_be_slow_persistent_and_use_any_method() {
    let mut stream = connect(tcp());
    for piece in ["G", "ET / HT", "TP/1.1\r\nHost: a\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).unwrap();
    }
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut heads = Vec::new();
    for request in [
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "DELETE /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        let mut status = String::new();
        reader.read_line(&mut status).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        if heads.is_empty() {
            io::copy(&mut reader.by_ref().take(length), &mut io::sink()).unwrap();
        }
        heads.push(status);
        stream.write_all(request.as_bytes()).unwrap();
    }
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(heads, ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n"]);
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.contains("DELETE /x"));
}

#[test]
fn lines_come_back_behind_the_identity_as_long_as_the_connection_lives() {
    let mut stream = connect(tcp());
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let local = stream.local_addr().unwrap();
    for number in 0..20 {
        writeln!(stream, "line {number}").unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let expected = format!("shop/web-1 on kind-worker saw {local}: line {number}\n");
        assert_eq!(line, expected);
    }
}

#[test]
fn several_lines_and_an_unfinished_one() {
    let answer = String::from_utf8(say(tcp(), b"one\r\ntwo\nthree")).unwrap();
    let texts = answer.lines().map(|line| Peer::parse(line).unwrap().1);
    assert_eq!(texts.collect::<Vec<_>>(), ["one", "two", "three"]);
}

#[test]
fn silence_and_noise_do_not_break_it() {
    let address = tcp();
    let silent = connect(address);
    assert_eq!(say(address, b""), b"");
    assert!(!say(address, &[0xff; 100_000]).is_empty());
    assert!(!say(address, b"\0\0").is_empty());
    assert!(say(address, b"GET / HTTP/9.9\r\n\r\n").starts_with(b"HTTP/1.1 400"));
    drop(silent);
    assert_eq!(get(address, "/").status, 200);
}

#[test]
fn tls_clients_are_turned_away_at_once() {
    let mut stream = connect(tcp());
    stream
        .write_all(&[0x16, 3, 1, 0, 0xa5, 1, 0, 0, 0xa1, 3, 3])
        .unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x15, 3, 1, 0, 2, 2, 40]);
}

#[test]
fn postgres_clients_are_told_that_no_database_runs() {
    let address = tcp();
    let startup = b"\0\0\0\x13\0\x03\0\0user\0me\0\0";
    let direct = say(address, startup);
    let mut stream = connect(address);
    stream.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").unwrap();
    let mut no = [0];
    stream.read_exact(&mut no).unwrap();
    assert_eq!(&no, b"N");
    stream.write_all(startup).unwrap();
    let mut asked_first = Vec::new();
    stream.read_to_end(&mut asked_first).unwrap();
    for answer in [direct, asked_first] {
        assert_eq!(answer[0], b'E');
        let length = u32::from_be_bytes(answer[1..5].try_into().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), answer.len() - 1);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.contains("no database runs here (shop/web-1 on kind-worker"),
            "{text}"
        );
    }
}

#[test]
fn datagrams_come_back_behind_the_identity() {
    let address = start(config(vec![port(Protocol::Udp, 0)]))[0];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    for payload in [&b"hello"[..], b"", &[0xff, 0], &[b'x'; 9000]] {
        socket.send_to(payload, address).unwrap();
        let mut buffer = vec![0; 65_535];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, address);
        let source = socket.local_addr().unwrap();
        let mut expected = format!("shop/web-1 on kind-worker saw {source}: ").into_bytes();
        expected.extend_from_slice(payload);
        assert_eq!(&buffer[..length], expected);
    }
    // Too big to come back with the identity in front: nothing comes, and the next one does.
    socket.send_to(&[b'x'; 65_507], address).unwrap();
    socket.send_to(b"after", address).unwrap();
    let mut buffer = vec![0; 65_535];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    assert!(buffer[..length].ends_with(b"after"));
}

#[test]
fn both_families_are_served_on_one_port_with_plain_addresses() {
    let mut config = config(vec![port(Protocol::Tcp, 0), port(Protocol::Sctp, 9)]);
    config.addresses = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    let addresses = start(config);
    assert_eq!(addresses.len(), 2, "this machine needs ::1 for this test");
    assert_eq!(addresses[0].port(), addresses[1].port());
    for address in addresses {
        let answer = get(address, "/");
        let (peer, _) = Peer::parse(answer.header("x-ringfence-peer").unwrap()).unwrap();
        assert_eq!(peer.source.ip(), address.ip());
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = taken.local_addr().unwrap().port();
    let error = run(config(vec![port(Protocol::Tcp, number)])).unwrap_err();
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    let expected = format!("cannot listen on port {number}/TCP for container `nginx`");
    assert_eq!(chain[0], expected);
    assert!(chain[1].contains("in use"), "{chain:?}");
}

/// The test runs itself as a second process, which is the stand-in. Who is connected by then is answered.
#[test]
fn sigterm_ends_it() {
    const ROLE: &str = "RINGFENCE_TEST_IS_THE_STAND_IN";
    if let Ok(number) = std::env::var(ROLE) {
        run(config(vec![port(Protocol::Tcp, number.parse().unwrap())])).unwrap();
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "responder::tests::sigterm_ends_it"])
        .env(ROLE, address.port().to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut open = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(_) => assert!(child.try_wait().unwrap().is_none(), "it ended by itself"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let id = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    while TcpStream::connect(address).is_ok() {
        std::thread::sleep(Duration::from_millis(1));
    }
    open.write_all(b"still there?\n").unwrap();
    let mut answer = String::new();
    BufReader::new(&open).read_line(&mut answer).unwrap();
    assert!(answer.ends_with("still there?\n"), "{answer}");
    // Nor does it wait for somebody who stays.
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_host_outside_has_no_namespace() {
    let mut outside = ResponderConfig::outside("outside.example");
    outside.addresses = vec!["127.0.0.1".parse().unwrap()];
    for port in &mut outside.ports {
        port.port = 0;
    }
    for address in start(outside) {
        let answer = String::from_utf8(say(address, b"hello\n")).unwrap();
        assert!(
            answer.starts_with("outside.example on outside saw 127.0.0.1:"),
            "{answer}"
        );
    }
}

#[test]
fn the_configuration_is_plain_json() {
    let text = r#"{"pod":"web-1","namespace":"shop","node":"kind-worker","image":"nginx:1.14.2",
        "container":"nginx","ports":[{"protocol":"TCP","port":80,"name":"web"},
        {"protocol":"UDP","port":53}]}"#;
    let read: ResponderConfig = serde_json::from_str(text).unwrap();
    assert_eq!(read.addresses, listen::everywhere());
    assert_eq!(read.ports[0], port(Protocol::Tcp, 80));
    assert_eq!(read.ports[1].name, None);
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(
        serde_json::from_str::<ResponderConfig>(&written).unwrap(),
        read
    );
}
