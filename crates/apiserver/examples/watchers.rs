//! How soon a write reaches everybody who watches, and what a large store costs: 10,000 pods, 50 watchers, over TLS.
//!
//! `cargo run --release -p ringfence-apiserver --example watchers`. The server is a process of its own, so that its memory is
//! its own; the same with few pods and one watcher, in the same run, is what to compare with.
#![expect(clippy::print_stdout, reason = "a program that measures and prints")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::AsyncBufReadExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use ringfence_apiserver::api::{AdmitAll, Api, ApiConfig, Method, Moment, Request};
use ringfence_apiserver::server::{Identity, Server, random};
use ringfence_apiserver::time::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Writes whose way is measured.
const WRITES: usize = 200;
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone, Copy)]
struct Size {
    pods: usize,
    watchers: usize,
}

const SMALL: Size = Size {
    pods: 100,
    watchers: 1,
};
const LARGE: Size = Size {
    pods: 10_000,
    watchers: 50,
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, pods, kubeconfig] = arguments.as_slice()
        && word == "serve"
    {
        return serve(pods.parse()?, Path::new(kubeconfig));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    println!(
        "| pods, watchers | one pod created, ms | all hear all, s | a write reaches all: half, 99%, most, ms | memory, most, MB |"
    );
    println!("|---|---|---|---|---|");
    for size in [SMALL, LARGE] {
        runtime.block_on(measure(size))?;
    }
    Ok(())
}

/// A server with so many pods, until its standard input ends.
fn serve(pods: usize, kubeconfig: &Path) -> anyhow::Result<()> {
    let config = ApiConfig {
        first_revision: 1,
        ends_pods: true,
    };
    let api = Arc::new(Api::new(config, Box::new(AdmitAll)));
    let namespaces = pods.div_ceil(50);
    for index in 0..namespaces {
        let namespace = json!({"metadata": {"name": format!("team-{index}")}});
        ask(&api, "namespaces", None, &namespace)?;
    }
    let start = Instant::now();
    for index in 0..pods {
        let namespace = format!("team-{}", index % namespaces);
        ask(&api, "pods", Some(&namespace), &pod(index))?;
        let status = json!({"metadata": {"name": format!("web-{index}")}, "status": status(index)});
        put_status(&api, &namespace, index, &status)?;
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / pods as f64;
    let identity = Identity::generate(&["127.0.0.1"])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    std::fs::write(kubeconfig, identity.kubeconfig("bench", &address))?;
    let _server = Server::start(api, listener, identity)?;
    println!("{each:.3}");
    std::io::stdout().flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn pod(index: usize) -> Value {
    json!({
        "metadata": {
            "name": format!("web-{index}"),
            "labels": {"app": "web", "tier": "frontend", "pod-template-hash": "6b7f9c5d4"},
            "annotations": {"prometheus.io/scrape": "true"},
            "ownerReferences": [],
        },
        "spec": {
            "nodeName": format!("node-{}", index % 100),
            "containers": [{
                "name": "web", "image": "registry.example/web:1.4.2",
                "ports": [{"name": "http", "containerPort": 8080}],
                "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "DB", "value": "db.data"}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
                "volumeMounts": [{"name": "config", "mountPath": "/etc/web"}],
            }],
            "volumes": [{"name": "config", "configMap": {"name": "web"}}],
        },
    })
}

fn status(index: usize) -> Value {
    let ip = format!("10.244.{}.{}", index / 250, index % 250);
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition);
    json!({
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "startTime": "2026-01-01T00:00:00Z",
        "conditions": conditions,
        "containerStatuses": [{
            "name": "web", "image": "registry.example/web:1.4.2", "imageID": "", "ready": true, "started": true,
            "restartCount": 0, "lastState": {}, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }],
    })
}

fn ask(api: &Api, plural: &str, namespace: Option<&str>, object: &Value) -> anyhow::Result<()> {
    let inside = namespace.map(|namespace| format!("namespaces/{namespace}/"));
    let path = format!("api/v1/{}{plural}", inside.unwrap_or_default());
    send(api, Method::Post, &path, "application/json", object)
}

fn put_status(api: &Api, namespace: &str, index: usize, patch: &Value) -> anyhow::Result<()> {
    let path = format!("api/v1/namespaces/{namespace}/pods/web-{index}/status");
    send(
        api,
        Method::Patch,
        &path,
        "application/merge-patch+json",
        patch,
    )
}

fn send(api: &Api, method: Method, path: &str, content: &str, body: &Value) -> anyhow::Result<()> {
    let request = Request {
        method,
        path: path.split('/').map(str::to_owned).collect(),
        query: Vec::new(),
        accept: String::new(),
        content_type: content.to_owned(),
        user_agent: "bench/1".to_owned(),
        if_none_match: None,
        body: body.to_string().into_bytes(),
    };
    let moment = Moment {
        now: Timestamp(1_800_000_000),
        random: &random,
    };
    let answer = api.handle(&request, &moment);
    ensure!(answer.code < 300, "{path}: {answer:?}");
    Ok(())
}

/// A server in a process of its own, which ends with this.
struct Served {
    child: Child,
    directory: tempfile::TempDir,
    created: String,
}

impl Served {
    fn start(pods: usize) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", &pods.to_string()])
            .arg(directory.path().join("kubeconfig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut created = String::new();
        let output = child.stdout.take().context("a pipe")?;
        BufReader::new(output).read_line(&mut created)?;
        Ok(Self {
            child,
            directory,
            created: created.trim().to_owned(),
        })
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let kubeconfig = Kubeconfig::read_from(self.directory.path().join("kubeconfig"))?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        Ok(Client::try_from(config)?)
    }

    /// The most memory that was in use, in MB.
    fn memory(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("VmHWM")?.parse::<u64>()? / 1_000)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

async fn measure(size: Size) -> anyhow::Result<()> {
    let served = Served::start(size.pods)?;
    let (heard, mut hears) = mpsc::unbounded_channel();
    // They end before their server does.
    let mut watchers = tokio::task::JoinSet::new();
    let start = Instant::now();
    for _ in 0..size.watchers {
        let (client, heard) = (served.client().await?, heard.clone());
        watchers.spawn(async move {
            if let Err(error) = watch(client, heard).await {
                eprintln!("a watcher: {error:#}");
            }
        });
    }
    all(&mut hears, size.watchers, "initial-events-end").await?;
    let first = start.elapsed();
    let client = served.client().await?;
    let mut times = Vec::new();
    for number in 0..WRITES {
        let word = format!("n{number}");
        let patch = json!({"metadata": {"annotations": {"bench": format!("<{word}>")}}});
        let index = number * 37 % size.pods;
        let team = index % size.pods.div_ceil(50);
        let request =
            http::Request::patch(format!("/api/v1/namespaces/team-{team}/pods/web-{index}"))
                .header("content-type", "application/merge-patch+json")
                .body(patch.to_string().into_bytes())?;
        let start = Instant::now();
        let (answer, reached) = tokio::join!(
            client.request_text(request),
            all(&mut hears, size.watchers, &word)
        );
        answer?;
        reached?;
        times.push(start.elapsed());
    }
    times.sort();
    let at = |share: usize| {
        let time = times
            .get((times.len() - 1) * share / 100)
            .copied()
            .unwrap_or_default();
        format!("{:.1}", time.as_secs_f64() * 1e3)
    };
    println!(
        "| {}, {} | {} | {:.1} | {}, {}, {} | {} |",
        size.pods,
        size.watchers,
        served.created,
        first.as_secs_f64(),
        at(50),
        at(99),
        at(100),
        served.memory()?,
    );
    Ok(())
}

/// Waits until so many watchers have heard `word`.
async fn all(
    hears: &mut mpsc::UnboundedReceiver<String>,
    watchers: usize,
    word: &str,
) -> anyhow::Result<()> {
    for _ in 0..watchers {
        let heard = tokio::time::timeout(LIMIT, hears.recv()).await;
        let heard = heard.with_context(|| format!("nobody hears {word}"))?;
        ensure!(
            heard.as_deref() == Some(word),
            "heard {heard:?} instead of {word}"
        );
    }
    Ok(())
}

/// Watches all pods, and says the word of each event that has one.
async fn watch(client: Client, heard: mpsc::UnboundedSender<String>) -> anyhow::Result<()> {
    let url = "/api/v1/pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let stream = client
        .request_stream(http::Request::get(url).body(Vec::new())?)
        .await?;
    let mut stream = std::pin::pin!(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        let text = std::str::from_utf8(&line)?;
        let word = match text.split_once("\"bench\":\"<") {
            Some((_, rest)) => rest.split('>').next(),
            None => text
                .contains("k8s.io/initial-events-end")
                .then_some("initial-events-end"),
        };
        if let Some(word) = word {
            heard.send(word.to_owned())?;
        }
        line.clear();
    }
    anyhow::bail!("the watch ended")
}
