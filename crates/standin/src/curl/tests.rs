use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use ringfence_net::Protocol;

use super::command::run;
use crate::metadata;
use crate::responder::tests::{config, port, start};

fn curl(line: &str) -> (u8, String, String) {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = run(&arguments, &mut stdout, &mut stderr);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(stdout), text(stderr))
}

fn server() -> SocketAddr {
    start(config(vec![port(Protocol::Tcp, 0)]))[0]
}

#[test]
fn a_page_is_printed() {
    let address = server();
    for line in [
        address.to_string(),
        format!("http://{address}/"),
        format!("-sS {address}"),
    ] {
        let (code, stdout, stderr) = curl(&line);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.contains("<h1>ringfence stand-in"), "{stdout}");
    }
}

#[test]
fn heads_methods_headers_and_formats() {
    let address = server();
    let (_, stdout, _) = curl(&format!("-i -H Accept:application/json {address}/x"));
    assert!(
        stdout.starts_with("HTTP/1.1 200\r\ncontent-type: application/json\r\n"),
        "{stdout}"
    );
    assert!(stdout.contains("\r\n\r\n{\"stand_in\":true"));
    let (_, stdout, _) = curl(&format!("-I {address}"));
    assert!(stdout.ends_with("\r\n\r\n"), "{stdout}");
    let (_, stdout, _) = curl(&format!("-d a=b {address}?format=json"));
    assert!(stdout.contains("\"method\":\"POST\""));
    let (_, stdout, _) = curl(&format!("-X DELETE {address}?format=json"));
    assert!(stdout.contains("\"method\":\"DELETE\""));
    let (_, stdout, _) = curl(&format!("-s -o /dev/null -w %{{http_code}}\\n {address}"));
    assert_eq!(stdout, "200\n");
}

#[test]
fn the_body_goes_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page");
    let (code, stdout, _) = curl(&format!("-o {} {}", path.display(), server()));
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(fs::read_to_string(&path).unwrap().contains("stand-in"));
    let (code, ..) = curl(&format!("-o {}/none/page {}", path.display(), server()));
    assert_eq!(code, 23);
}

#[test]
fn failures_have_the_codes_and_words_of_curl() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address))
        .unwrap();
    let (code, stdout, stderr) = curl(&format!("-w %{{http_code}} {closed}"));
    assert_eq!((code, stdout.as_str()), (7, "000"));
    assert!(
        stderr.contains("curl: (7) Failed to connect to 127.0.0.1 port"),
        "{stderr}"
    );
    assert_eq!(
        curl(&format!("-s {closed}")),
        (7, String::new(), String::new())
    );
    assert!(!curl(&format!("-sS {closed}")).2.is_empty());
    let (code, _, stderr) = curl(&format!("-m 0.2 {}", silent.1));
    assert_eq!(code, 28);
    assert!(
        stderr.contains("curl: (28) Connection timed out after 2"),
        "{stderr}"
    );
    assert_eq!(curl("a..b").0, 6);
    assert_eq!(curl("https://127.0.0.1/").0, 1);
    assert_eq!(curl("http://").0, 3);
    assert_eq!(curl("--no-such-option x").0, 2);
    assert_eq!(curl("").0, 2);
    assert_eq!(curl("--help").0, 0);
}

#[test]
fn connecting_has_a_limit_of_its_own() {
    let (_queued, _socket, address) = crate::probe::tests::deaf();
    let start = Instant::now();
    let (code, ..) = curl(&format!("-m 20 --connect-timeout 0.2 {address}"));
    assert_eq!(code, 28);
    assert!(start.elapsed() < Duration::from_secs(5));
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!(
        "-m 0.5 --connect-timeout 0.1 {}",
        slow.local_addr().unwrap()
    );
    let start = Instant::now();
    assert_eq!(curl(&line).0, 28);
    assert!(
        start.elapsed() > Duration::from_millis(450),
        "the limit is for connecting only"
    );
}

#[test]
fn bad_statuses_fail_when_asked() {
    let address = metadata::tests::start(metadata::Version::Any);
    let (code, stdout, _) = curl(&format!("{address}/latest/user-data"));
    assert_eq!((code, stdout.as_str()), (0, "not found\n"));
    let (code, stdout, stderr) = curl(&format!("-f {address}/latest/user-data"));
    assert_eq!((code, stdout.as_str()), (22, ""));
    assert_eq!(stderr, "curl: (22) The requested URL returned error: 404\n");
}
