//! Connections that are tried, or kept, all the time.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringfence_lab::control::client::{Client, Origin};
use ringfence_model::ObjectName;
use ringfence_standin::probe::{ProbeOutcome, ProbeProtocol, ProbeReport, ProbeRequest};
use ringfence_standin::stream::{StreamEvent, StreamRequest};

/// A new attempt starts this often, whatever became of those before.
const EVERY: Duration = Duration::from_millis(50);
const TIMEOUT_MS: u64 = 300;

fn origin(pod: &str) -> Origin {
    Origin::Pod(ObjectName::new("default", pod))
}

/// Tries a connection again and again from one pod.
pub(super) struct Prober {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    reached: Arc<AtomicUsize>,
    asking: JoinHandle<()>,
    listening: JoinHandle<Tally>,
}

/// What came of all attempts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) from: String,
    pub(super) asked: usize,
    pub(super) timed_out: usize,
    pub(super) reached: Vec<String>,
    pub(super) other: Vec<ProbeOutcome>,
}

impl Prober {
    pub(super) fn start(
        client: &Client,
        pod: &str,
        target: &str,
        port: u16,
        protocol: ProbeProtocol,
    ) -> Self {
        let mut command = client.start(&origin(pod).builtin(&["probe"])).unwrap();
        let mut input = command.take_input().unwrap();
        let request = ProbeRequest {
            target: target.to_owned(),
            port,
            protocol,
            timeout_ms: TIMEOUT_MS,
        };
        let mut line = serde_json::to_vec(&request).unwrap();
        line.push(b'\n');
        let over = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let asking = {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut next = Instant::now();
                while !over.load(Ordering::Relaxed) {
                    input.write_all(&line).unwrap();
                    asked.fetch_add(1, Ordering::Relaxed);
                    next += EVERY;
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            })
        };
        let from = format!("{pod} to {target} port {port}");
        let reached = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reached);
        let listening = std::thread::spawn(move || {
            let mut tally = Tally {
                from,
                ..Tally::default()
            };
            while let Some(line) = command.next_line().unwrap() {
                let report: ProbeReport = serde_json::from_str(&line).unwrap();
                tally.count(report.outcome);
                counted.store(tally.reached.len(), Ordering::Relaxed);
            }
            tally
        });
        Self {
            over,
            asked,
            reached,
            asking,
            listening,
        }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// How many attempts have come through so far.
    pub(super) fn reached(&self) -> usize {
        self.reached.load(Ordering::Relaxed)
    }

    pub(super) fn finish(self) -> Tally {
        self.over.store(true, Ordering::Relaxed);
        self.asking.join().unwrap();
        let tally = self.listening.join().unwrap();
        assert_eq!(tally.asked, self.asked.load(Ordering::Relaxed));
        tally
    }
}

impl Tally {
    fn count(&mut self, outcome: ProbeOutcome) {
        self.asked += 1;
        match outcome {
            ProbeOutcome::Reached { detail, .. } => self.reached.push(detail),
            ProbeOutcome::TimedOut => self.timed_out += 1,
            other @ (ProbeOutcome::Refused
            | ProbeOutcome::DnsFailed { .. }
            | ProbeOutcome::Other { .. }) => self.other.push(other),
        }
    }
}

/// A connection that stays open, with a line to and fro every 50 ms.
pub(super) struct Stream {
    over: Arc<AtomicBool>,
    listening: JoinHandle<Fate>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) echoes: u64,
    /// Longest time without an echo.
    pub(super) longest: Duration,
    /// How it ended before it was told to.
    pub(super) end: Option<StreamEvent>,
}

impl Stream {
    pub(super) fn open(client: &Client, pod: &str, target: &str, port: u16) -> Self {
        let request = StreamRequest {
            target: target.to_owned(),
            port,
            interval_ms: 50,
            timeout_ms: 1000,
            count: None,
            stalls: 30,
        };
        let mut command = client.start(&origin(pod).builtin(&["stream"])).unwrap();
        let mut line = serde_json::to_vec(&request).unwrap();
        line.push(b'\n');
        command.give(&line).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let listening = std::thread::spawn(move || {
            let (mut fate, mut last) = (Fate::default(), Instant::now());
            while let Some(line) = command.next_line().unwrap() {
                match serde_json::from_str(&line).unwrap() {
                    StreamEvent::Connected { .. } => last = Instant::now(),
                    StreamEvent::Echo { .. } => {
                        fate.echoes += 1;
                        fate.longest = fate.longest.max(last.elapsed());
                        last = Instant::now();
                        if told.load(Ordering::Relaxed) {
                            return fate;
                        }
                    }
                    StreamEvent::Stalled { .. } => {}
                    end @ (StreamEvent::NotConnected { .. }
                    | StreamEvent::Done { .. }
                    | StreamEvent::Closed { .. }
                    | StreamEvent::Broken { .. }) => fate.end = Some(end),
                }
            }
            fate
        });
        Self { over, listening }
    }

    /// Waits for one more echo, or the end.
    pub(super) fn finish(self) -> Fate {
        self.over.store(true, Ordering::Relaxed);
        self.listening.join().unwrap()
    }
}
