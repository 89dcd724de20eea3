//! Connections that stay open during the story.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_lab::control::client::{Client, Origin};
use ringfence_model::ObjectName;
use ringfence_standin::stream::{StreamEvent, StreamRequest};

use super::measure::{Target, origin_name, predict};
use super::report::{Check, Passage, milliseconds};

/// Pause between two lines on the connection.
const INTERVAL_MS: u64 = 50;
/// How long an echo may take before the connection counts as stalled.
const STALL_MS: u64 = 300;
/// How long is waited for the connection to stall or to go on.
const PATIENCE: Duration = Duration::from_secs(2);

/// One open connection.
pub(crate) struct Line {
    origin: Origin,
    target: Target,
    label: String,
    events: Receiver<StreamEvent>,
}

impl Line {
    /// Opens a connection and waits for the first echo.
    pub(crate) fn open(
        client: &Client,
        from: &Origin,
        service: &ObjectName,
        port: u16,
    ) -> anyhow::Result<Self> {
        let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
        let label = format!("{host}:{port}");
        let request = StreamRequest {
            target: host,
            port,
            interval_ms: INTERVAL_MS,
            timeout_ms: STALL_MS,
            count: None,
            stalls: 2,
        };
        let mut command = client.start(&from.builtin(&["stream"]))?;
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        command.give(&line)?;
        let (sender, events) = channel();
        std::thread::spawn(move || {
            while let Ok(Some(line)) = command.next_line() {
                let Ok(event) = serde_json::from_str(&line) else {
                    return;
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let target = Target::Service(service.clone(), port);
        let line = Self {
            origin: from.clone(),
            target,
            label,
            events,
        };
        line.wait_for_echo()
            .with_context(|| format!("no connection to {}", line.label))?;
        Ok(line)
    }

    fn wait_for_echo(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left)? {
                StreamEvent::Echo { .. } => return Ok(()),
                StreamEvent::NotConnected { outcome } => anyhow::bail!("{outcome:?}"),
                StreamEvent::Connected { .. }
                | StreamEvent::Stalled { .. }
                | StreamEvent::Done { .. }
                | StreamEvent::Closed { .. }
                | StreamEvent::Broken { .. } => {}
            }
        }
    }

    /// What became of the connection since. The specification is asked about such a connection as it is now.
    pub(crate) fn check(&self, client: &Client, expected: Passage) -> anyhow::Result<Check> {
        let started = Instant::now();
        let (measured, outcome) = self.fate();
        let (predicted, because) = predict(&client.cluster()?, &self.origin, &self.target)?;
        let check = Check {
            from: origin_name(&self.origin),
            to: format!("{}, opened before the policy", self.label),
            expected: Some(expected),
            predicted,
            because,
            measured,
            outcome,
            duration_ms: milliseconds(started.elapsed()),
            agreed: false,
        };
        Ok(check.settle())
    }

    /// Lines of the past are passed over: what counts is whether echoes still come.
    fn fate(&self) -> (Option<Passage>, String) {
        while self.events.try_recv().is_ok_and(|event| !is_end(&event)) {}
        match self.events.recv_timeout(PATIENCE) {
            Ok(StreamEvent::Echo { .. }) => (Some(Passage::Open), "echoes still come".to_owned()),
            Ok(_) | Err(RecvTimeoutError::Disconnected) => (
                Some(Passage::Closed),
                "no echo comes any more: cut".to_owned(),
            ),
            Err(RecvTimeoutError::Timeout) => (None, "neither echo nor end".to_owned()),
        }
    }
}

fn is_end(event: &StreamEvent) -> bool {
    !matches!(
        event,
        StreamEvent::Echo { .. } | StreamEvent::Connected { .. }
    )
}
