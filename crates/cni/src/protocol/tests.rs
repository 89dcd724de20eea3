use std::path::PathBuf;

use super::*;
use crate::endpoint::{EndpointState, PodName};

fn endpoint() -> Endpoint {
    Endpoint {
        id: EndpointId::new("c1", "eth0"),
        pod: Some(PodName {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
        }),
        uid: None,
        host_interface: "vethrf012345678".to_owned(),
        netns: PathBuf::from("/run/netns/c1"),
        network: "ringfence".to_owned(),
        addresses: vec!["10.244.1.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        state: EndpointState::Wired,
    }
}

#[test]
fn a_line_of_json_goes_out_and_comes_back() {
    let requests = [
        Request::Wired(endpoint()),
        Request::Released(EndpointId::new("c1", "eth0")),
        Request::Check(EndpointId::new("c1", "eth0")),
        Request::Status,
    ];
    for request in requests {
        let mut line = Vec::new();
        send(&mut line, &request).unwrap();
        assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
        assert_eq!(receive::<Request>(&line[..]).unwrap(), request);
    }
}

#[test]
fn the_words_on_the_wire_are_fixed() {
    let text = |response: &Response| serde_json::to_string(response).unwrap();
    assert_eq!(text(&Response::Done), r#""done""#);
    assert_eq!(
        text(&Response::Ready { endpoints: 3 }),
        r#"{"ready":{"endpoints":3}}"#
    );
    let wired = serde_json::to_value(Request::Wired(endpoint())).unwrap();
    let expected = serde_json::json!({"wired": {
        "id": {"containerId": "c1", "interface": "eth0"},
        "pod": {"namespace": "shop", "name": "web"},
        "hostInterface": "vethrf012345678", "netns": "/run/netns/c1", "network": "ringfence",
        "addresses": ["10.244.1.2", "fd00::2"], "state": "wired"}});
    assert_eq!(wired, expected);
}

#[test]
fn a_cut_long_or_foreign_line_is_an_error() {
    let kind = |bytes: &[u8]| receive::<Response>(bytes).unwrap_err().kind();
    assert_eq!(kind(b""), io::ErrorKind::UnexpectedEof);
    assert_eq!(kind(br#""done""#), io::ErrorKind::UnexpectedEof);
    assert_eq!(kind(b"\"almost\"\n"), io::ErrorKind::InvalidData);
    assert_eq!(kind(&vec![b' '; 100_000]), io::ErrorKind::InvalidData);
}
