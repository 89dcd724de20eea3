use std::net::{Ipv4Addr, TcpListener};

use futures_util::AsyncBufReadExt as _;
use futures_util::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{AttachParams, LogParams, PostParams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::bench::{Bench, LIMIT, pod, refusal};

async fn running(bench: &Bench) -> Api<Pod> {
    let pods: Api<Pod> = Api::default_namespaced(bench.client().await);
    pods.create(&PostParams::default(), &pod("p"))
        .await
        .unwrap();
    let status = kube::api::Patch::Merge(serde_json::json!({"status": {
        "phase": "Running",
        "containerStatuses": [{"name": "c", "ready": true, "restartCount": 0, "image": "i:1", "imageID": "", "state": {"running": {}}}],
    }}));
    pods.patch_status("p", &Default::default(), &status)
        .await
        .unwrap();
    pods
}

#[tokio::test]
async fn a_command_is_run_and_its_end_is_told() {
    let bench = Bench::start();
    let pods = running(&bench).await;
    let script = "read line; echo got $line; echo oops >&2; exit 3";
    let params = AttachParams::default().stdin(true);
    let mut process = pods.exec("p", ["sh", "-c", script], &params).await.unwrap();
    let mut input = process.stdin().unwrap();
    input.write_all(b"hello\n").await.unwrap();
    let (mut output, mut errors) = (String::new(), String::new());
    let status = process.take_status().unwrap();
    process
        .stdout()
        .unwrap()
        .read_to_string(&mut output)
        .await
        .unwrap();
    process
        .stderr()
        .unwrap()
        .read_to_string(&mut errors)
        .await
        .unwrap();
    assert_eq!(
        (output.as_str(), errors.as_str()),
        ("got hello\n", "oops\n")
    );
    let status = tokio::time::timeout(LIMIT, status).await.unwrap().unwrap();
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let causes = status.details.unwrap().causes.unwrap();
    assert_eq!(
        (causes[0].reason.as_deref(), causes[0].message.as_deref()),
        (Some("ExitCode"), Some("3"))
    );
    drop(input);
    process.join().await.unwrap();
}

#[tokio::test]
async fn a_command_without_input_succeeds() {
    let bench = Bench::start();
    let pods = running(&bench).await;
    let mut process = pods
        .exec("p", ["echo", "word"], &AttachParams::default())
        .await
        .unwrap();
    let mut output = String::new();
    let status = process.take_status().unwrap();
    process
        .stdout()
        .unwrap()
        .read_to_string(&mut output)
        .await
        .unwrap();
    assert_eq!(output, "word\n");
    assert_eq!(status.await.unwrap().status.as_deref(), Some("Success"));
    process.join().await.unwrap();
}

#[tokio::test]
async fn a_container_is_attached_to() {
    let bench = Bench::start();
    let pods = running(&bench).await;
    let params = AttachParams::default().stdin(true);
    let mut process = pods.attach("p", &params).await.unwrap();
    let mut input = process.stdin().unwrap();
    input.write_all(b"one\n").await.unwrap();
    let mut output = process.stdout().unwrap();
    let mut line = [0; 8];
    tokio::time::timeout(LIMIT, output.read_exact(&mut line))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&line, b"got one\n");
    input.shutdown().await.unwrap();
    let status = process.take_status().unwrap();
    let status = tokio::time::timeout(LIMIT, status).await.unwrap().unwrap();
    assert_eq!(status.status.as_deref(), Some("Success"));
}

#[tokio::test]
async fn logs_are_read_and_followed() {
    let bench = Bench::start();
    let pods = running(&bench).await;
    let last = LogParams {
        tail_lines: Some(2),
        ..LogParams::default()
    };
    assert_eq!(pods.logs("p", &last).await.unwrap(), "two\nthree\n");
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let lines = pods.log_stream("p", &follow).await.unwrap().lines();
    let lines: Vec<String> = tokio::time::timeout(LIMIT, lines.try_collect())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lines, ["one", "two", "three", "four"]);
    let none = LogParams {
        container: Some("none".to_owned()),
        ..LogParams::default()
    };
    assert_eq!(refusal(pods.logs("p", &none).await).0, 400);
}

#[tokio::test]
async fn ports_are_forwarded() {
    let bench = Bench::start();
    let pods = running(&bench).await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut word = [0; 5];
        std::io::Read::read_exact(&mut stream, &mut word).unwrap();
        word.reverse();
        std::io::Write::write_all(&mut stream, &word).unwrap();
    });
    let mut forwarder = pods.portforward("p", &[port]).await.unwrap();
    let mut stream = forwarder.take_stream(port).unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut word = [0; 5];
    tokio::time::timeout(LIMIT, stream.read_exact(&mut word))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&word, b"olleh");
    drop(stream);
    tokio::time::timeout(LIMIT, forwarder.join())
        .await
        .unwrap()
        .unwrap();
}
