use std::io::{BufReader, Cursor, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;

use ringfence_net::Protocol;

use super::*;
use crate::responder::tests::{config, port, start};

fn request(address: SocketAddr, protocol: ProbeProtocol) -> ProbeRequest {
    ProbeRequest {
        target: address.ip().to_string(),
        port: address.port(),
        protocol,
        timeout_ms: 5000,
    }
}

fn http(path: &str) -> ProbeProtocol {
    let path = path.to_owned();
    ProbeProtocol::Http { path }
}

fn dns(name: &str) -> ProbeProtocol {
    let name = name.to_owned();
    ProbeProtocol::Dns { name }
}

fn peer(outcome: &ProbeOutcome) -> &Peer {
    let ProbeOutcome::Reached { peer, .. } = outcome else {
        panic!("not reached: {outcome:?}");
    };
    peer.as_ref().expect("nobody introduced themselves")
}

/// A TCP socket that is bound and does not listen: connections to it are refused.
fn closed() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A listener whose queue is full: the kernel drops further SYNs, as a policy would.
pub(crate) fn deaf() -> (Vec<TcpStream>, socket2::Socket, SocketAddr) {
    let (socket, address) = closed();
    socket.listen(1).unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queued.push(stream);
        assert!(queued.len() < 64, "the queue does not fill");
    }
    (queued, socket, address)
}

#[test]
fn a_stand_in_is_reached_by_every_protocol_and_says_who_it_is() {
    let addresses = start(config(vec![port(Protocol::Tcp, 0), port(Protocol::Udp, 0)]));
    for (address, protocol, detail) in [
        (addresses[0], ProbeProtocol::Tcp, "connected"),
        (addresses[0], http("/"), "HTTP 200"),
        (addresses[0], http("without-slash"), "HTTP 200"),
        (addresses[1], ProbeProtocol::Udp, ""),
    ] {
        let report = probe(&request(address, protocol));
        let peer = peer(&report.outcome);
        assert_eq!(
            (peer.pod.as_str(), peer.node.as_str()),
            ("web-1", "kind-worker")
        );
        assert_eq!(peer.source.ip(), Ipv4Addr::LOCALHOST);
        let ProbeOutcome::Reached { detail: said, .. } = &report.outcome else {
            panic!("not reached: {report:?}")
        };
        assert!(said.starts_with(detail), "{said}");
    }
}

#[test]
fn names_are_looked_up() {
    let address = start(config(vec![port(Protocol::Tcp, 0)]))[0];
    for protocol in [ProbeProtocol::Tcp, http("/")] {
        let mut request = request(address, protocol);
        request.target = "localhost".to_owned();
        assert!(probe(&request).outcome.is_reached());
    }
}

#[test]
fn a_closed_port_refuses() {
    let (_socket, address) = closed();
    for protocol in [ProbeProtocol::Tcp, http("/")] {
        assert_eq!(
            probe(&request(address, protocol)).outcome,
            ProbeOutcome::Refused
        );
    }
    let unbound = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for protocol in [ProbeProtocol::Udp, dns("a.example")] {
        assert_eq!(
            probe(&request(unbound, protocol)).outcome,
            ProbeOutcome::Refused
        );
    }
}

#[test]
fn silence_is_a_timeout_and_no_longer_than_asked() {
    let (_queued, _socket, address) = deaf();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let unanswering = TcpListener::bind("127.0.0.1:0").unwrap();
    for (address, protocol) in [
        (address, ProbeProtocol::Tcp),
        (address, http("/")),
        (unanswering.local_addr().unwrap(), http("/")),
        (silent.local_addr().unwrap(), ProbeProtocol::Udp),
        (silent.local_addr().unwrap(), dns("a.example")),
    ] {
        let mut request = request(address, protocol.clone());
        request.timeout_ms = 300;
        let report = probe(&request);
        assert_eq!(report.outcome, ProbeOutcome::TimedOut, "{protocol:?}");
        assert!((290..2000).contains(&report.duration_ms), "{report:?}");
    }
}

#[test]
fn a_silent_server_is_reached_without_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let report = probe(&request(listener.local_addr().unwrap(), ProbeProtocol::Tcp));
    let expected = ProbeOutcome::Reached {
        detail: "connected".to_owned(),
        peer: None,
    };
    assert_eq!(report.outcome, expected);
    assert!(report.duration_ms < 2000, "{report:?}");
}

#[test]
fn a_lost_datagram_is_sent_again() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut buffer = [0; 512];
        socket.recv_from(&mut buffer).unwrap();
        let (_, source) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to(b"second", source).unwrap();
    });
    let report = probe(&request(address, ProbeProtocol::Udp));
    server.join().unwrap();
    assert!(report.outcome.is_reached(), "{report:?}");
}

#[test]
fn a_name_without_address_is_a_name_problem() {
    // No label may be empty, so the resolver refuses this without asking anybody.
    for protocol in [ProbeProtocol::Tcp, ProbeProtocol::Udp, http("/")] {
        let mut request = request("127.0.0.1:9".parse().unwrap(), protocol);
        request.target = "a..b".to_owned();
        let report = probe(&request);
        let failed = matches!(
            report.outcome,
            ProbeOutcome::DnsFailed { .. } | ProbeOutcome::Other { .. }
        );
        assert!(failed, "{report:?}");
    }
    let mut request = request("127.0.0.1:9".parse().unwrap(), ProbeProtocol::Tcp);
    request.target = "a..b".to_owned();
    assert!(matches!(
        probe(&request).outcome,
        ProbeOutcome::DnsFailed { .. }
    ));
}

#[test]
fn what_was_never_sent_is_no_timeout() {
    for protocol in [ProbeProtocol::Tcp, ProbeProtocol::Udp] {
        let mut request = request("127.0.0.1:9".parse().unwrap(), protocol);
        request.timeout_ms = 0;
        let reason = "the time was up before anything was sent".to_owned();
        assert_eq!(probe(&request).outcome, ProbeOutcome::Other { reason });
    }
}

#[test]
fn dns_answers_are_told_apart() {
    use hickory_proto::op::{Message, OpCode, ResponseCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{RData, Record};

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, source)) = socket.recv_from(&mut buffer) {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let name = asked.queries[0].name().clone();
            let mut answer = Message::response(asked.metadata.id, OpCode::Query);
            answer.add_queries(asked.queries.clone());
            if name.to_ascii().starts_with("found") {
                let data = RData::A(A::new(10, 96, 0, 20));
                answer.add_answer(Record::from_rdata(name, 5, data));
            } else if name.to_ascii().starts_with("missing") {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            // A forged answer first: it has another number.
            let mut forged = answer.clone();
            forged.metadata.id ^= 1;
            socket.send_to(&forged.to_vec().unwrap(), source).unwrap();
            socket.send_to(&answer.to_vec().unwrap(), source).unwrap();
        }
    });
    for (name, expected) in [
        ("found.example", "10.96.0.20"),
        ("missing.example", "Non-Existent Domain"),
        ("empty.example", "no records"),
    ] {
        let report = probe(&request(address, dns(name)));
        let ProbeOutcome::Reached { detail, .. } = report.outcome else {
            panic!("{report:?}");
        };
        assert_eq!(detail, expected);
    }
}

#[test]
fn a_batch_answers_in_order_and_survives_nonsense() {
    let address = start(config(vec![port(Protocol::Tcp, 0)]))[0];
    let (_socket, closed) = closed();
    let mut lines = String::new();
    for number in 0..60 {
        let asked = match number % 3 {
            0 => serde_json::to_string(&request(address, ProbeProtocol::Tcp)).unwrap(),
            1 => serde_json::to_string(&request(closed, ProbeProtocol::Tcp)).unwrap(),
            _ => "{\"target\":\n".trim().to_owned(),
        };
        lines.push_str(&asked);
        lines.push_str("\n\n");
    }
    let mut output = Vec::new();
    batch(Cursor::new(lines), &mut output, 8).unwrap();
    let reports: Vec<ProbeReport> = String::from_utf8(output)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reports.len(), 60);
    for (number, report) in reports.iter().enumerate() {
        match number % 3 {
            0 => assert_eq!(peer(&report.outcome).pod, "web-1"),
            1 => assert_eq!(report.outcome, ProbeOutcome::Refused),
            _ => assert!(matches!(report.outcome, ProbeOutcome::Other { .. })),
        }
    }
}

#[test]
fn a_batch_works_at_once() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut request = request(silent.local_addr().unwrap(), ProbeProtocol::Udp);
    request.timeout_ms = 300;
    let line = serde_json::to_string(&request).unwrap() + "\n";
    let start = Instant::now();
    batch(Cursor::new(line.repeat(16)), Vec::new(), 16).unwrap();
    assert!(start.elapsed() < Duration::from_millis(16 * 300 / 2));
}

/// Input that arrives line by line and stays open.
struct Slow {
    lines: mpsc::Receiver<Vec<u8>>,
    held: Cursor<Vec<u8>>,
}

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.held.read(buffer)?;
        if length > 0 {
            return Ok(length);
        }
        match self.lines.recv() {
            Ok(line) => {
                self.held = Cursor::new(line);
                self.held.read(buffer)
            }
            Err(_) => Ok(0),
        }
    }
}

#[test]
fn a_batch_reports_while_its_input_stays_open() {
    let (sender, lines) = mpsc::channel();
    let (read, write) = std::io::pipe().unwrap();
    let held = Cursor::new(Vec::new());
    let worker = thread::spawn(move || {
        batch(BufReader::new(Slow { lines, held }), write, 2).unwrap();
    });
    let (_socket, address) = closed();
    let line = serde_json::to_string(&request(address, ProbeProtocol::Tcp)).unwrap() + "\n";
    let mut reports = std::io::BufRead::lines(BufReader::new(read));
    for _ in 0..3 {
        sender.send(line.clone().into_bytes()).unwrap();
        let report: ProbeReport = serde_json::from_str(&reports.next().unwrap().unwrap()).unwrap();
        assert_eq!(report.outcome, ProbeOutcome::Refused);
    }
    drop(sender);
    worker.join().unwrap();
}

#[test]
fn requests_and_reports_are_plain_json() {
    let text = r#"{"target":"web","port":80,"protocol":{"http":{"path":"/"}}}"#;
    let read: ProbeRequest = serde_json::from_str(text).unwrap();
    assert_eq!((read.protocol, read.timeout_ms), (http("/"), 1000));
    let report = ProbeReport {
        outcome: ProbeOutcome::TimedOut,
        duration_ms: 7,
    };
    let written = serde_json::to_string(&report).unwrap();
    assert_eq!(written, r#"{"result":"timed-out","duration_ms":7}"#);
    assert_eq!(
        serde_json::from_str::<ProbeReport>(&written).unwrap(),
        report
    );
}
