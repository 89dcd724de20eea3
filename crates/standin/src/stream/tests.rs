use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread;

use ringfence_net::Protocol;

use super::*;
use crate::responder::tests::{config, port, start};

fn request(address: SocketAddr) -> StreamRequest {
    StreamRequest {
        target: address.ip().to_string(),
        port: address.port(),
        interval_ms: 5,
        timeout_ms: 2000,
        count: Some(5),
        stalls: 2,
    }
}

fn watch(request: &StreamRequest) -> Vec<StreamEvent> {
    let mut told = Vec::new();
    let last = stream(request, &mut told).unwrap();
    let events: Vec<StreamEvent> = String::from_utf8(told)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.last(), Some(&last));
    events
}

/// A server that treats its one connection as `behave` says.
fn server(behave: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || behave(listener.accept().unwrap().0));
    address
}

/// Sends the first `count` lines back.
fn echo(stream: &TcpStream, count: usize) {
    let reader = BufReader::new(stream.try_clone().unwrap());
    for line in reader.lines().take(count) {
        writeln!(&mut &*stream, "{}", line.unwrap()).unwrap();
    }
}

#[test]
fn a_living_connection_echoes_and_says_who_it_is() {
    let events = watch(&request(start(config(vec![port(Protocol::Tcp, 0)]))[0]));
    assert!(matches!(events[0], StreamEvent::Connected { .. }));
    for (n, event) in (1..).zip(&events[1..6]) {
        let StreamEvent::Echo {
            n: number, peer, ..
        } = event
        else {
            panic!("{events:?}");
        };
        assert_eq!((*number, peer.as_ref().unwrap().pod.as_str()), (n, "web-1"));
    }
    assert_eq!(events[6..], [StreamEvent::Done { echoes: 5 }]);
}

#[test]
fn an_orderly_end_is_told_from_a_cut() {
    // The third line must not be on its way when the server closes: that would be a cut.
    let mut calm = request(server(|stream| echo(&stream, 2)));
    calm.interval_ms = 1000;
    let closed = watch(&calm);
    assert_eq!(closed.last(), Some(&StreamEvent::Closed { echoes: 2 }));
    let cut = watch(&request(server(|stream| {
        echo(&stream, 2);
        // The third line is there, so both echoes were taken; closing now resets, which is
        // also what linger zero asks for.
        stream.peek(&mut [0]).unwrap();
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    })));
    let Some(StreamEvent::Broken { reason, echoes: 2 }) = cut.last() else {
        panic!("{cut:?}");
    };
    assert!(reason.contains("reset"), "{reason}");
}

#[test]
fn silence_is_a_stall_and_ends_after_some() {
    let (stay, stayed) = std::sync::mpsc::channel::<()>();
    let address = server(move |stream| {
        echo(&stream, 1);
        let _ = stayed.recv();
    });
    let mut request = request(address);
    request.timeout_ms = 100;
    let events = watch(&request);
    drop(stay);
    assert!(
        matches!(events[1], StreamEvent::Echo { n: 1, .. }),
        "{events:?}"
    );
    assert!(
        matches!(events[2], StreamEvent::Stalled { n: 2, .. }),
        "{events:?}"
    );
    assert!(
        matches!(
            events[3],
            StreamEvent::Stalled {
                n: 2,
                after_ms: 200..
            }
        ),
        "{events:?}"
    );
    assert_eq!(events[4..], [StreamEvent::Done { echoes: 1 }]);
}

#[test]
fn a_late_echo_ends_a_stall() {
    let address = server(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        thread::sleep(Duration::from_millis(150));
        (&stream).write_all(line.as_bytes()).unwrap();
        echo(&stream, 1);
    });
    let mut request = request(address);
    (request.timeout_ms, request.stalls, request.count) = (100, 20, Some(2));
    let events = watch(&request);
    assert!(
        matches!(events[1], StreamEvent::Stalled { n: 1, .. }),
        "{events:?}"
    );
    assert_eq!(events.last(), Some(&StreamEvent::Done { echoes: 2 }));
}

#[test]
fn what_does_not_connect_says_why() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let outcome = ProbeOutcome::Refused;
    assert_eq!(
        watch(&request(address)),
        [StreamEvent::NotConnected { outcome }]
    );
}

#[test]
fn events_are_plain_json() {
    let event = StreamEvent::Stalled {
        n: 3,
        after_ms: 100,
    };
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(text, r#"{"event":"stalled","n":3,"after_ms":100}"#);
    let read: StreamRequest = serde_json::from_str(r#"{"target":"db","port":5432}"#).unwrap();
    assert_eq!((read.interval_ms, read.count, read.stalls), (500, None, 5));
}
