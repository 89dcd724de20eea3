use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use super::*;
use crate::{Kind, ZoneOptions};

fn zone_line(serial: u32) -> Vec<u8> {
    let options = ZoneOptions {
        serial,
        ..ZoneOptions::default()
    };
    let zone = Zone::of_cluster(&ringfence_model::Cluster::default(), &options);
    let mut line = serde_json::to_vec(&zone).unwrap();
    line.push(b'\n');
    line
}

#[tokio::test]
async fn each_line_is_answered_and_a_bad_one_changes_nothing() {
    let feed = Feed {
        handle: Handle::new(),
        addresses: vec!["127.0.0.1:53".parse().unwrap()],
        metrics: Arc::default(),
    };
    let input = [&zone_line(3)[..], b"{\n\n\xff\n", &zone_line(4)].concat();
    let mut output = Vec::new();
    feed.take(input.as_slice(), &mut output).await.unwrap();
    let events: Vec<Event> = output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(events[0], Event::Listening(feed.addresses.clone()));
    assert_eq!(events[1], Event::Serving(3));
    assert!(matches!(events[2], Event::Rejected(_)));
    assert!(matches!(events[3], Event::Rejected(_)));
    assert_eq!(events[4], Event::Serving(4));
    let zone = feed.handle.current().unwrap();
    let soa = zone.answer("cluster.local", Kind::Soa);
    assert_eq!((zone.serial(), soa.records.len()), (4, 1));
}

#[test]
fn a_process_takes_zones_from_its_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zones");
    let config = DnsConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        upstream: UpstreamConfig::Nobody,
        metrics: Vec::new(),
        updates: Updates::Socket(path.clone()),
        agents: Vec::new(),
        sharing: Sharing::Alone,
    };
    // The thread serves until the test process ends.
    std::thread::spawn(move || run(&config).unwrap());
    let mut stream = loop {
        match UnixStream::connect(&path) {
            Ok(stream) => break stream,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    };
    stream.write_all(&zone_line(9)).unwrap();
    let mut lines = BufReader::new(stream).lines();
    let mut next = || serde_json::from_str::<Event>(&lines.next().unwrap().unwrap()).unwrap();
    assert!(matches!(next(), Event::Listening(_)));
    assert_eq!(next(), Event::Serving(9));
}

/// The page at `path`, status line and all.
fn fetched(address: SocketAddr, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    std::io::Read::read_to_string(&mut stream, &mut page).unwrap();
    page
}

#[tokio::test]
async fn counters_are_read_over_http() {
    let feed = Feed {
        handle: Handle::new(),
        addresses: Vec::new(),
        metrics: Arc::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let scrape = Scrape {
        metrics: Arc::clone(&feed.metrics),
        handle: feed.handle.clone(),
    };
    tokio::spawn(scrape.serve(listener));
    let fetch = |path| tokio::task::spawn_blocking(move || fetched(address, path));
    assert!(fetch("/ready").await.unwrap().starts_with("HTTP/1.1 503"));
    assert_eq!(feed.apply(&zone_line(7)), Event::Serving(7));
    assert!(fetch("/ready").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(fetch("/secret").await.unwrap().starts_with("HTTP/1.1 404"));
    let page = fetch("/metrics").await.unwrap();
    assert!(page.contains("\nringfence_dns_zone_serial 7\n"), "{page}");
    assert!(page.ends_with("# EOF\n"), "{page}");
}

/// The test runs itself as a second process, which is the server.
fn child() -> (std::process::Child, impl FnMut() -> Event) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "process::tests::a_process_is_fed_on_stdin",
        ])
        .env(CHILD, "yes")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The test harness speaks on the same stream.
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut events = lines.filter_map(|line| serde_json::from_str(&line.unwrap()).ok());
    (child, move || events.next().expect("the server ended"))
}

const CHILD: &str = "RINGFENCE_TEST_IS_THE_SERVER";

#[test]
fn a_process_is_fed_on_stdin() {
    let config = DnsConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        upstream: UpstreamConfig::Nobody,
        metrics: Vec::new(),
        updates: Updates::Stdin,
        agents: Vec::new(),
        sharing: Sharing::Alone,
    };
    if std::env::var_os(CHILD).is_some() {
        return run(&config).unwrap();
    }
    let (mut child, mut next) = child();
    assert!(matches!(next(), Event::Listening(_)));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&zone_line(5)).unwrap();
    assert_eq!(next(), Event::Serving(5));
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn sigterm_ends_it_while_stdin_is_open() {
    let (mut child, mut next) = child();
    assert!(matches!(next(), Event::Listening(_)));
    let id = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_taken_address_is_named() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = DnsConfig {
        listen: vec![address],
        upstream: UpstreamConfig::Nobody,
        metrics: Vec::new(),
        updates: Updates::Stdin,
        agents: Vec::new(),
        sharing: Sharing::Alone,
    };
    let error = run(&config).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}
