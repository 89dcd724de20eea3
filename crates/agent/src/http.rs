//! `GET /healthz`, `/readyz` and `/metrics`, for probes and Prometheus: one request a connection.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::flows::SharedJournal;
use crate::metrics::{Sample, page};
use crate::place::Place;
use crate::run::{Input, spawn};
use crate::verification::SharedWatched;

/// How long a client may take to send a piece of its request, or to take the answer.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
/// How long the agent may take to answer before it counts as stuck.
const AGENT_PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const LONGEST_HEAD: u64 = 8 * 1024;
/// More connections at once are hung up on.
const MOST_CONNECTIONS: usize = 16;
/// Pause when a connection cannot be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// What pages are made of.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) agent: Sender<Input>,
    pub(crate) journal: SharedJournal,
    pub(crate) watched: SharedWatched,
}

/// Answers on `address`, in the network namespace of the calling thread.
pub(crate) fn serve(address: SocketAddr, pages: Pages) -> Result<()> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot answer /metrics on {address}"))?;
    let inputs = pages.agent.clone();
    let open = Arc::new(AtomicUsize::new(0));
    spawn("http", &inputs, move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => start(stream, &pages, &open),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    thread::sleep(PAUSE);
                }
            }
        }
    })
}

fn start(stream: TcpStream, pages: &Pages, open: &Arc<AtomicUsize>) {
    let (pages, place) = (pages.clone(), Place::take(open, MOST_CONNECTIONS));
    let Some(place) = place else { return };
    let work = move || {
        if let Err(error) = converse(&stream, &pages) {
            tracing::debug!(%error, "a client of /metrics hung up");
        }
        drop(place);
    };
    let spawned = thread::Builder::new().name("page".to_owned()).spawn(work);
    if let Err(error) = spawned {
        tracing::warn!(%error, "cannot start a thread");
    }
}

fn converse(mut stream: &TcpStream, pages: &Pages) -> io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_PATIENCE))?;
    stream.set_write_timeout(Some(CLIENT_PATIENCE))?;
    let request = head(stream)?;
    let Answer { status, kind, text } = pages.answer(&request);
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(text.as_bytes())
}

/// The request line; the fields behind it are read and passed over.
fn head(stream: &TcpStream) -> io::Result<String> {
    let mut reader = BufReader::new(stream.take(LONGEST_HEAD));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut field = String::new();
    while reader.read_line(&mut field)? > 2 {
        field.clear();
    }
    Ok(request)
}

struct Answer {
    status: &'static str,
    kind: &'static str,
    text: String,
}

impl Answer {
    fn new(status: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            kind: "text/plain; charset=utf-8",
            text: text.into(),
        }
    }
}

const OK: &str = "200 OK";
const UNAVAILABLE: &str = "503 Service Unavailable";
/// What Prometheus is told a page is.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Pages {
    fn answer(&self, request: &str) -> Answer {
        let mut words = request.split_whitespace();
        let (method, path) = (words.next(), words.next().unwrap_or_default());
        if method != Some("GET") {
            return Answer::new("405 Method Not Allowed", "only GET is answered\n");
        }
        let answer = match path.split('?').next() {
            Some("/healthz") => Self::alive,
            Some("/readyz") => Self::ready,
            Some("/metrics") => Self::metrics,
            Some(_) | None => {
                let text = "there are /healthz, /readyz and /metrics\n";
                return Answer::new("404 Not Found", text);
            }
        };
        match self.sample() {
            Some(sample) => answer(self, &sample),
            None => Answer::new(UNAVAILABLE, "the agent does not answer\n"),
        }
    }

    /// `None` if the agent is stuck.
    fn sample(&self) -> Option<Sample> {
        let (answer, response) = channel();
        self.agent.send(Input::Sample { answer }).ok()?;
        let mut sample = response.recv_timeout(AGENT_PATIENCE).ok()?;
        sample.health.watched = self.watched.lock().clone();
        Some(*sample)
    }

    fn alive(&self, _: &Sample) -> Answer {
        Answer::new(OK, "ok\n")
    }

    fn ready(&self, sample: &Sample) -> Answer {
        let lines = sample.obstacles();
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        match sample.health.ready {
            true => Answer::new(OK, format!("ready\n{lines}")),
            false => Answer::new(UNAVAILABLE, format!("not ready\n{lines}")),
        }
    }

    fn metrics(&self, sample: &Sample) -> Answer {
        let (packets, lost) = self.journal.lock().totals();
        Answer {
            kind: METRICS,
            ..Answer::new(OK, page(sample, &packets, lost))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Tally;
    use crate::status::Health;

    /// What a client hears from an agent whose health is `health`, or that is stuck.
    fn heard(request: &str, health: Option<Health>) -> String {
        let (agent, inputs) = channel();
        let pages = Pages {
            agent,
            journal: SharedJournal::default(),
            watched: SharedWatched::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        write!(client, "{request}\r\nHost: x\r\n\r\n").unwrap();
        let Some(health) = health else {
            drop(inputs);
            converse(&stream, &pages).unwrap();
            drop(stream);
            return read(client);
        };
        thread::scope(|scope| {
            scope.spawn(|| converse(&stream, &pages).unwrap());
            if let Ok(Input::Sample { answer }) = inputs.recv_timeout(Duration::from_secs(1)) {
                let sample = Sample::new(health, Tally::default(), None);
                answer.send(Box::new(sample)).unwrap();
            }
        });
        drop(stream);
        read(client)
    }

    fn read(mut client: TcpStream) -> String {
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    }

    fn ready() -> Option<Health> {
        Some(Health {
            ready: true,
            connected: true,
            ..Health::default()
        })
    }

    #[test]
    fn probes_hear_how_the_agent_is() {
        let fresh = || Some(Health::default());
        assert!(heard("GET /healthz HTTP/1.1", fresh()).starts_with("HTTP/1.1 200 "));
        assert!(heard("GET /healthz HTTP/1.1", None).starts_with("HTTP/1.1 503 "));
        assert!(heard("GET /readyz HTTP/1.1", ready()).ends_with("\r\n\r\nready\n"));
        let waiting = heard("GET /readyz HTTP/1.1", fresh());
        assert!(waiting.starts_with("HTTP/1.1 503 "), "{waiting}");
        assert!(waiting.ends_with("not ready\nthe cluster's objects have not all been received\n"));
    }

    #[test]
    fn prometheus_hears_numbers() {
        let text = heard("GET /metrics?x=y HTTP/1.1", ready());
        assert!(text.contains("\nringfence_ready 1\n"), "{text}");
        assert!(
            text.contains("\nringfence_apply_seconds_count 0\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn other_requests_are_refused() {
        let (post, other) = ("POST /metrics HTTP/1.1", "GET / HTTP/1.1");
        assert!(heard(post, None).starts_with("HTTP/1.1 405 "));
        assert!(heard(other, None).starts_with("HTTP/1.1 404 "));
    }
}
