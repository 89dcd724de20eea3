use std::sync::mpsc;

use super::*;
use crate::curl::{FetchRequest, FetchResponse, fetch_request};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn start(version: Version) -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let address = "127.0.0.1:0".parse().unwrap();
            let metadata = Metadata::bind(&[address], version).unwrap();
            sender.send(metadata.addresses()[0]).unwrap();
            metadata.serve().await;
        });
    });
    receiver.recv_timeout(PATIENCE).unwrap()
}

fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    header: Option<(&str, &str)>,
) -> FetchResponse {
    let mut request = FetchRequest::get(&format!("http://{address}{path}"));
    request.method = method.to_owned();
    request.headers = header
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    fetch_request(&request, PATIENCE).unwrap()
}

fn credentials() -> String {
    format!("/latest/meta-data/iam/security-credentials/{ROLE}")
}

#[test]
fn a_thief_finds_the_way_to_fake_credentials() {
    let address = start(Version::Any);
    let get = |path: &str| {
        let answer = ask(address, "GET", path, None);
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).unwrap()
    };
    assert!(get("/latest/meta-data/").contains("iam/"));
    assert_eq!(get("/latest/meta-data/iam/"), "security-credentials/\n");
    assert_eq!(get("/latest/meta-data/iam/security-credentials/"), ROLE);
    let stolen: serde_json::Value = serde_json::from_str(&get(&credentials())).unwrap();
    for key in ["AccessKeyId", "SecretAccessKey", "Token"] {
        assert_eq!(stolen[key], "FAKE-ringfence-lab");
    }
    assert!(stolen["Expiration"].as_str() > stolen["LastUpdated"].as_str());
}

#[test]
fn sessions_work_and_are_needed_where_they_are() {
    let address = start(Version::TokenOnly);
    assert_eq!(ask(address, "GET", &credentials(), None).status, 401);
    let token = ask(address, "PUT", "/latest/api/token", Some((LIFETIME, "60")));
    assert_eq!(token.status, 200);
    let token = String::from_utf8(token.body).unwrap();
    assert_eq!(
        ask(address, "GET", &credentials(), Some((TOKEN, &token))).status,
        200
    );
    for wrong in [
        "x",
        "FAKE-ringfence-lab-token-1",
        "FAKE-ringfence-lab-token-x",
    ] {
        let answer = ask(address, "GET", &credentials(), Some((TOKEN, wrong)));
        assert_eq!(answer.status, 401, "{wrong}");
    }
}

#[test]
fn other_requests_are_refused() {
    let address = start(Version::Any);
    assert_eq!(ask(address, "GET", "/latest/user-data", None).status, 404);
    assert_eq!(
        ask(address, "DELETE", "/latest/meta-data", None).status,
        405
    );
    assert_eq!(ask(address, "PUT", "/latest/api/token", None).status, 400);
    for lifetime in ["0", "21601", "x"] {
        let header = Some((LIFETIME, lifetime));
        assert_eq!(ask(address, "PUT", "/latest/api/token", header).status, 400);
    }
}

#[test]
fn times_are_written_as_the_cloud_writes_them() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (1_798_761_599, "2026-12-31T23:59:59Z"),
    ] {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(timestamp(time), text);
    }
}

#[test]
fn a_missing_address_is_named() {
    let error = run(&["192.0.2.1:80".parse().unwrap()]).unwrap_err();
    assert_eq!(error.to_string(), "cannot listen on 192.0.2.1:80");
}
