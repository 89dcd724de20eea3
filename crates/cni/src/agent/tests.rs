use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;

use super::*;
use crate::endpoint::EndpointId;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(20);

/// Asks something of an agent that behaves as `agent` does on its one connection.
fn ask_one(
    agent: impl FnOnce(UnixStream) + Send + 'static,
    timeout: Duration,
) -> Result<Response, AgentError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || agent(listener.accept().unwrap().0));
    ask(
        &path,
        &Request::Released(EndpointId::new("c", "eth0")),
        timeout,
    )
}

#[test]
fn only_the_answer_to_the_question_counts() {
    for (response, done, ready) in [
        (Response::Done, Some(true), None),
        (Response::Ready { endpoints: 1 }, None, Some(true)),
        (
            Response::Failed {
                message: "no".to_owned(),
                retry: true,
            },
            Some(false),
            Some(false),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let sent = response.clone();
        let agent = thread::spawn(move || {
            for _ in 0..2 {
                let stream = listener.accept().unwrap().0;
                let _: Request = receive(BufReader::new(&stream)).unwrap();
                send(&stream, &sent).unwrap();
            }
        });
        let request = Request::Released(EndpointId::new("c", "eth0"));
        let yes = |answer: Result<Answer, AgentError>| match answer {
            Ok(answer) => Some(answer == Answer::Yes),
            Err(AgentError::Broken { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(yes(ask_done(&path, &request, LONG)), done, "{response:?}");
        assert_eq!(yes(ask_ready(&path, LONG)), ready, "{response:?}");
        agent.join().unwrap();
    }
}

#[test]
fn an_answer_arrives() {
    let answer = ask_one(
        |stream| {
            let request: Request = receive(BufReader::new(&stream)).unwrap();
            assert_eq!(request, Request::Released(EndpointId::new("c", "eth0")));
            send(&stream, &Response::Done).unwrap();
        },
        LONG,
    );
    assert_eq!(answer.unwrap(), Response::Done);
}

#[test]
fn nobody_listening_is_said_at_once_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let begin = Instant::now();
    for _ in 0..2 {
        let error = ask(&path, &Request::Status, LONG).unwrap_err();
        assert!(matches!(error, AgentError::Absent { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
        // The second time a socket file is there, of an agent that is not.
        drop(UnixListener::bind(&path));
    }
    assert!(begin.elapsed() < LONG / 2);
}

#[test]
fn silence_and_dribble_end_at_the_deadline() {
    let silent = |stream: UnixStream| {
        thread::sleep(Duration::from_secs(3));
        drop(stream);
    };
    let dribbling = |mut stream: UnixStream| {
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    };
    let begin = Instant::now();
    for answer in [ask_one(silent, SHORT), ask_one(dribbling, SHORT)] {
        assert!(matches!(answer, Err(AgentError::Late { .. })), "{answer:?}");
    }
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_full_queue_of_the_agent_ends_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut waiting = Vec::new();
    let begin = Instant::now();
    // Nobody accepts: the queue fills, and connecting itself blocks.
    loop {
        match dial(&path, SHORT) {
            Ok(stream) if waiting.len() < 10_000 => waiting.push(stream),
            Ok(_) => break,
            Err(error) => {
                assert!(is_late(&error), "{error}");
                break;
            }
        }
    }
    let answer = ask(&path, &Request::Status, SHORT);
    assert!(matches!(answer, Err(AgentError::Late { .. })), "{answer:?}");
    assert!(begin.elapsed() < LONG);
}

#[test]
fn hanging_up_and_nonsense_are_errors() {
    for answer in [&b""[..], b"{}\n", b"\"done\""] {
        let outcome = ask_one(
            move |mut stream| {
                let _request: Request = receive(BufReader::new(&stream)).unwrap();
                stream.write_all(answer).unwrap();
            },
            LONG,
        );
        assert!(
            matches!(outcome, Err(AgentError::Broken { .. })),
            "{outcome:?}"
        );
    }
}
