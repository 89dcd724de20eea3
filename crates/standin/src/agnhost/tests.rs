use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Instant;

use ringfence_net::Protocol;

use super::*;
use crate::curl::fetch;
use crate::probe::tests::deaf;
use crate::responder::tests::{config, port, start};

const PATIENCE: Duration = Duration::from_secs(10);

fn agnhost(line: &str) -> (u8, String) {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut stderr = Vec::new();
    let loopback = [IpAddr::from([127, 0, 0, 1])];
    let code = run_on(&loopback, &arguments, &mut Vec::new(), &mut stderr);
    (code, String::from_utf8(stderr).unwrap())
}

/// A port that was free a moment ago, for TCP and UDP.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address.port();
        }
    }
}

/// Runs `agnhost` in a thread until the test process ends, and waits until its TCP port answers.
fn serve(line: &str, port: u16) -> SocketAddr {
    let line = line.to_owned();
    std::thread::spawn(move || panic!("ended: {:?}", agnhost(&line)));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    await_listener(address);
    address
}

/// Asks now and then: a loop without pause could end up connected to its own source port.
fn await_listener(address: SocketAddr) {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "nobody listens on {address}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn page(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = fetch(&format!("http://{address}{path}"), PATIENCE).unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn ask_udp(address: SocketAddr, command: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(command.as_bytes(), address).unwrap();
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

fn own_name() -> String {
    nix::unistd::gethostname().unwrap().into_string().unwrap()
}

#[test]
fn connect_is_silent_about_success() {
    let addresses = start(config(vec![port(Protocol::Tcp, 0), port(Protocol::Udp, 0)]));
    for line in [
        format!("connect {} --timeout=1s --protocol=tcp", addresses[0]),
        format!("connect --timeout 1s {}", addresses[0]),
        format!("connect {}", addresses[0]),
        format!("connect localhost:{} --timeout=1s", addresses[0].port()),
        format!("connect {} --timeout=1s --protocol=udp", addresses[1]),
    ] {
        assert_eq!(agnhost(&line), (0, String::new()), "{line}");
    }
}

#[test]
fn connect_says_why_not_in_one_word() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (_queued, _socket, deaf) = deaf();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address))
        .unwrap();
    for (line, word) in [
        (format!("{closed} --timeout=1s"), "REFUSED"),
        (format!("{closed} --timeout=1s --protocol=udp"), "REFUSED"),
        (format!("{deaf} --timeout=200ms"), "TIMEOUT"),
        (
            format!("{} --timeout=200ms --protocol=udp", silent.1),
            "TIMEOUT",
        ),
        ("a..b:80 --timeout=1s".to_owned(), "DNS: "),
        (format!("{closed} --protocol=sctp"), "OTHER: "),
        ("localhost".to_owned(), "UNKNOWN: "),
        ("::1".to_owned(), "UNKNOWN: "),
        ("localhost:http2".to_owned(), "DNS: "),
    ] {
        let (code, stderr) = agnhost(&format!("connect {line}"));
        assert_eq!(code, 1, "{line}");
        assert!(
            stderr.starts_with(word) && stderr.ends_with('\n'),
            "{line}: {stderr}"
        );
    }
}

#[test]
fn bad_usage_fails() {
    for line in [
        "",
        "nonsense",
        "connect",
        "connect a:1 --timeout=1x",
        "serve-hostname --tcp",
    ] {
        let (code, stderr) = agnhost(line);
        assert_eq!(code, 1, "{line}");
        assert!(!stderr.is_empty());
    }
    assert_eq!(agnhost("--help"), (0, String::new()));
}

#[test]
fn the_host_name_is_served_over_tcp_and_udp() {
    let port = free_port();
    let address = serve(
        &format!("serve-hostname --tcp --udp --http=false --port {port}"),
        port,
    );
    let mut answer = String::new();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, own_name());
    assert_eq!(ask_udp(address, "anything"), own_name());
    let line = format!("connect {address} --timeout=1s --protocol=udp");
    assert_eq!(agnhost(&line).0, 0);
}

#[test]
fn the_host_name_is_served_over_http() {
    let port = free_port();
    let address = serve(&format!("serve-hostname --port={port} --close=true"), port);
    let answer = fetch(&format!("http://{address}/"), PATIENCE).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.body), own_name());
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn netexec_obeys_simple_commands() {
    let (http, udp) = (free_port(), free_port());
    let line = format!("netexec --http-port={http} --udp-port={udp}");
    let address = serve(&line, http);
    assert_eq!(page(address, "/hostname"), (200, own_name()));
    assert_eq!(page(address, "/hostName"), (200, own_name()));
    assert_eq!(page(address, "/healthz"), (200, String::new()));
    assert_eq!(
        page(address, "/echo?msg=a+b%21&code=418"),
        (418, "a b!".to_owned())
    );
    assert_eq!(page(address, "/echo?msg=x"), (200, "x".to_owned()));
    assert_eq!(page(address, "/shell?cmd=id").0, 404);
    assert!(page(address, "/clientip").1.starts_with("127.0.0.1:"));
    assert!(page(address, "/").1.starts_with("NOW: "));
    let udp = SocketAddr::from(([127, 0, 0, 1], udp));
    assert_eq!(ask_udp(udp, "hostName\n"), own_name());
    assert_eq!(ask_udp(udp, "echo Hello you"), "Hello you");
    assert!(ask_udp(udp, "clientip").starts_with("127.0.0.1:"));
}

#[test]
fn porter_answers_with_what_its_variables_say() {
    let port = free_port();
    let variable = |name: String, value: &str| (name, value.to_owned());
    let variables = [
        variable(format!("SERVE_PORT_{port}"), "foo"),
        variable("SERVE_SCTP_PORT_80".to_owned(), "bar"),
        variable("HOME".to_owned(), "/"),
    ];
    let mut doors = Doors::on(&[IpAddr::from([127, 0, 0, 1])]);
    std::thread::spawn(move || {
        until_ended(async move {
            doors.porter(variables.into_iter())?;
            doors.wait().await
        })
    });
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    await_listener(address);
    assert_eq!(page(address, "/"), (200, "foo".to_owned()));
    let wrong = [variable("SERVE_PORT_x".to_owned(), "foo")];
    assert!(Doors::on(&[]).porter(wrong.into_iter()).is_err());
}

#[test]
fn durations_are_those_of_go() {
    for (text, expected) in [
        ("0", 0),
        ("1s", 1000),
        ("500ms", 500),
        ("1m30s", 90_000),
        ("1.5s", 1500),
        ("2h", 7_200_000),
        ("250000us", 250),
    ] {
        assert_eq!(
            go_duration(text),
            Ok(Duration::from_millis(expected)),
            "{text}"
        );
    }
    for text in ["", "1", "s", "1x", "1s2", "-1s", "1..2s", "ms"] {
        assert!(go_duration(text).is_err(), "{text}");
    }
}
