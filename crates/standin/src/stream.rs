//! Does a connection survive? Keeps one open, sends a numbered line from time to time, expects it
//! back, and says what happens as lines of JSON.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Peer;
use crate::probe::{Deadline, ProbeOutcome, Unreached, transport};

/// What to keep open, and how to watch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRequest {
    /// A name or an address.
    pub target: String,
    /// The TCP port of a stand-in, or of anything that sends lines back.
    pub port: u16,
    /// Time between two lines.
    #[serde(default = "default_interval")]
    pub interval_ms: u64,
    /// How long connecting may take, and how long an echo may take before the connection counts as
    /// stalled.
    #[serde(default = "default_timeout")]
    pub timeout_ms: u64,
    /// Ends after this many echoes; never if nothing is said.
    #[serde(default)]
    pub count: Option<u64>,
    /// Ends after this many stalls in a row.
    #[serde(default = "default_stalls")]
    pub stalls: u32,
}

const fn default_interval() -> u64 {
    500
}

const fn default_timeout() -> u64 {
    1000
}

const fn default_stalls() -> u32 {
    5
}

/// What happens on the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum StreamEvent {
    /// It stands.
    Connected {
        /// This end.
        local: SocketAddr,
        /// The other end as this one sees it; a Service's address, not the pod's.
        remote: SocketAddr,
    },
    /// It did not come about; the last event.
    NotConnected {
        /// Why.
        outcome: ProbeOutcome,
    },
    /// A line came back.
    Echo {
        /// The line's number, from 1.
        n: u64,
        /// How long it took.
        after_ms: u64,
        /// Who sent it back, if it was a stand-in.
        peer: Option<Peer>,
    },
    /// A line has not come back in time; it still may.
    Stalled {
        /// The line's number.
        n: u64,
        /// How long it has been waited for.
        after_ms: u64,
    },
    /// All echoes came, or too many stalls: this end closed. The last event.
    Done {
        /// Lines that came back.
        echoes: u64,
    },
    /// The other end closed in an orderly way; the last event.
    Closed {
        /// Lines that came back.
        echoes: u64,
    },
    /// The connection was cut; the last event.
    Broken {
        /// How the system puts it.
        reason: String,
        /// Lines that came back.
        echoes: u64,
    },
}

/// Keeps a connection open and tells `events` what happens, until it ends; returns the last event.
///
/// # Errors
/// If `events` cannot be written to.
pub fn stream(request: &StreamRequest, mut events: impl Write) -> io::Result<StreamEvent> {
    let last = match Connection::open(request) {
        Ok(mut connection) => {
            tell(&mut events, &connection.connected)?;
            connection.keep(request, &mut events)?
        }
        Err(why) => StreamEvent::NotConnected {
            outcome: why.into(),
        },
    };
    tell(&mut events, &last)?;
    Ok(last)
}

fn tell(events: &mut impl Write, event: &StreamEvent) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    events.write_all(&line)?;
    events.flush()
}

struct Connection {
    stream: TcpStream,
    connected: StreamEvent,
    /// Bytes that came and are no whole line yet.
    heard: Vec<u8>,
    echoes: u64,
}

/// What waiting for a line came to.
enum Heard {
    Line(String),
    Nothing,
    End,
    Failure(io::Error),
}

impl Connection {
    fn open(request: &StreamRequest) -> Result<Self, Unreached> {
        let deadline = Deadline::after(Duration::from_millis(request.timeout_ms));
        let stream = transport::connect(&request.target, request.port, deadline)?;
        let ends = |stream: &TcpStream| -> io::Result<StreamEvent> {
            stream.set_nodelay(true)?;
            let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
            Ok(StreamEvent::Connected { local, remote })
        };
        Ok(Self {
            connected: ends(&stream).map_err(Unreached::other)?,
            stream,
            heard: Vec::new(),
            echoes: 0,
        })
    }

    /// Line after line until the connection ends; the last event is returned and not told.
    fn keep(
        &mut self,
        request: &StreamRequest,
        events: &mut impl Write,
    ) -> io::Result<StreamEvent> {
        let interval = Duration::from_millis(request.interval_ms);
        for n in 1.. {
            let sent = Instant::now();
            if let Err(error) = self.stream.write_all(format!("{n}\n").as_bytes()) {
                return Ok(self.cut(&error));
            }
            if let Some(last) = self.await_echo(n, request, events)? {
                return Ok(last);
            }
            if request.count.is_some_and(|count| self.echoes >= count) {
                break;
            }
            if let Some(last) = self.pause(interval.saturating_sub(sent.elapsed())) {
                return Ok(last);
            }
        }
        Ok(StreamEvent::Done {
            echoes: self.echoes,
        })
    }

    fn await_echo(
        &mut self,
        n: u64,
        request: &StreamRequest,
        events: &mut impl Write,
    ) -> io::Result<Option<StreamEvent>> {
        let sent = Instant::now();
        let timeout = Duration::from_millis(request.timeout_ms.max(1));
        let mut stalls = 0;
        loop {
            match self.hear(timeout) {
                Heard::Line(line) => {
                    let Some(peer) = echo_of(n, &line) else {
                        continue;
                    };
                    self.echoes += 1;
                    let after_ms = milliseconds(sent);
                    tell(events, &StreamEvent::Echo { n, after_ms, peer })?;
                    return Ok(None);
                }
                Heard::Nothing => {
                    stalls += 1;
                    let after_ms = milliseconds(sent);
                    tell(events, &StreamEvent::Stalled { n, after_ms })?;
                    if stalls >= request.stalls.max(1) {
                        let echoes = self.echoes;
                        return Ok(Some(StreamEvent::Done { echoes }));
                    }
                }
                Heard::End => return Ok(Some(self.closed())),
                Heard::Failure(error) => return Ok(Some(self.cut(&error))),
            }
        }
    }

    /// Waits, and notices if the connection ends meanwhile.
    fn pause(&mut self, time: Duration) -> Option<StreamEvent> {
        let end = Instant::now() + time;
        loop {
            match self.hear(end.saturating_duration_since(Instant::now())) {
                Heard::Line(_) => {}
                Heard::Nothing => return None,
                Heard::End => return Some(self.closed()),
                Heard::Failure(error) => return Some(self.cut(&error)),
            }
        }
    }

    /// The next line, waiting at most `timeout`.
    fn hear(&mut self, timeout: Duration) -> Heard {
        let end = Instant::now() + timeout;
        let mut buffer = [0; 1024];
        loop {
            if let Some(at) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=at).collect();
                return Heard::Line(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Nothing;
            }
            let set = self
                .stream
                .set_read_timeout(Some(left.max(Duration::from_micros(1))));
            match set.and_then(|()| self.stream.read(&mut buffer)) {
                Ok(0) => return Heard::End,
                Ok(length) => self
                    .heard
                    .extend_from_slice(buffer.get(..length).unwrap_or_default()),
                Err(error) if is_waiting(&error) => {}
                Err(error) => return Heard::Failure(error),
            }
        }
    }

    const fn closed(&self) -> StreamEvent {
        let echoes = self.echoes;
        StreamEvent::Closed { echoes }
    }

    /// The system says "broken pipe" when the other end had closed before the connection was cut.
    fn cut(&self, error: &io::Error) -> StreamEvent {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return self.closed();
        }
        StreamEvent::Broken {
            reason: error.to_string(),
            echoes: self.echoes,
        }
    }
}

/// Our own patience is up (EAGAIN). ETIMEDOUT is the kernel's: it has given the connection up.
fn is_waiting(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Who sent line `n` back in `line`; `None` if this is another line.
#[expect(
    clippy::option_option,
    reason = "no echo, an echo by nobody known, an echo by a peer"
)]
fn echo_of(n: u64, line: &str) -> Option<Option<Peer>> {
    let number = n.to_string();
    match Peer::parse(line) {
        Some((peer, text)) => (text == number).then_some(Some(peer)),
        None => (line == number).then_some(None),
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
