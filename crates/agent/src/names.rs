//! The Unix socket on which DNS servers tell what they are about to answer, and the file that keeps it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ringfence_model::{DomainName, LearnerLine, Lesson};

use crate::AgentConfig;
use crate::place::Place;
use crate::run::{Input, spawn};
use crate::server::{check_peer, listen};
use crate::state::{KnownAddress, Ticket};

/// DNS servers at once; more are hung up on.
const MOST_SERVERS: usize = 16;
/// Longest lesson in bytes.
const LONGEST_LESSON: u64 = 64 * 1024;
/// How long a server may take to take a line.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);

/// Names a DNS server for as long as it is connected.
pub(crate) type ServerId = usize;

/// The DNS servers that are connected, and the lessons that they wait for.
#[derive(Debug, Default)]
pub(crate) struct DnsServers {
    lines: BTreeMap<ServerId, Sender<LearnerLine>>,
    wanted: Vec<DomainName>,
    lessons: BTreeMap<Ticket, (ServerId, u64)>,
}

impl DnsServers {
    /// One has come; it hears what is wanted.
    pub(crate) fn add(&mut self, server: ServerId, lines: Sender<LearnerLine>) {
        let _ = lines.send(LearnerLine::Wanted(self.wanted.clone()));
        self.lines.insert(server, lines);
    }

    pub(crate) fn remove(&mut self, server: ServerId) {
        self.lines.remove(&server);
        self.lessons.retain(|_, (of, _)| *of != server);
    }

    pub(crate) fn count(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn want(&mut self, names: Vec<DomainName>) {
        for lines in self.lines.values() {
            let _ = lines.send(LearnerLine::Wanted(names.clone()));
        }
        self.wanted = names;
    }

    pub(crate) fn begin(&mut self, ticket: Ticket, server: ServerId, number: u64) {
        self.lessons.insert(ticket, (server, number));
    }

    /// Who has hung up meanwhile is told nothing.
    pub(crate) fn taught(&mut self, ticket: Ticket) {
        let lesson = self.lessons.remove(&ticket);
        if let Some((server, number)) = lesson
            && let Some(lines) = self.lines.get(&server)
        {
            let _ = lines.send(LearnerLine::Done(number));
        }
    }
}

/// Takes lessons for as long as the process lives.
pub(crate) fn serve(config: &AgentConfig, inputs: &Sender<Input>) -> Result<()> {
    let listener = listen(&config.names_socket())?;
    let agent = inputs.clone();
    let connected = Arc::new(AtomicUsize::new(0));
    let accept = move || {
        for (server, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else {
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            let Some(place) = Place::take(&connected, MOST_SERVERS) else {
                tracing::warn!("too many DNS servers");
                continue;
            };
            let agent = agent.clone();
            let work = move || {
                if let Err(error) = converse(server, &stream, &agent) {
                    tracing::warn!("a DNS server is not heard any more: {error:#}");
                }
                let _ = agent.send(Input::DnsServerGone { server });
                drop(place);
            };
            if let Err(error) = thread::Builder::new().name("dns".to_owned()).spawn(work) {
                tracing::warn!(%error, "cannot start a thread");
            }
        }
    };
    spawn("names", inputs, accept)
}

/// Hears a server until it hangs up.
fn converse(server: ServerId, stream: &UnixStream, agent: &Sender<Input>) -> Result<()> {
    check_peer(stream)?;
    stream.set_write_timeout(Some(WRITE_PATIENCE))?;
    let (lines, queue) = channel();
    let output = stream.try_clone()?;
    let writer = thread::Builder::new().name("dns-writer".to_owned());
    writer.spawn(move || write_lines(&output, &queue))?;
    if agent.send(Input::DnsServer { server, lines }).is_err() {
        return Ok(());
    }
    let mut input = BufReader::new(stream);
    while let Some(lesson) = read_lesson(&mut input)? {
        if agent.send(Input::Lesson { server, lesson }).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Writes until nobody has anything more to say. A server that takes nothing is hung up on.
fn write_lines(mut output: &UnixStream, queue: &Receiver<LearnerLine>) {
    for line in queue {
        let written = serde_json::to_vec(&line).map(|mut line| {
            line.push(b'\n');
            output.write_all(&line)
        });
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    let _ = output.shutdown(Shutdown::Both);
}

/// The next line; `None` after the last.
fn read_lesson(input: &mut impl BufRead) -> Result<Option<Lesson>> {
    let mut line = Vec::new();
    let mut bounded = input.take(LONGEST_LESSON);
    let read = bounded.read_until(b'\n', &mut line);
    if read.context("cannot read a lesson")? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        bail!("a lesson is cut off or longer than {LONGEST_LESSON} bytes");
    }
    let lesson = serde_json::from_slice(&line).context("a line that is no lesson")?;
    Ok(Some(lesson))
}

/// Where an agent leaves to the next one what it knows of names.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
}

impl Memory {
    pub(crate) fn new(config: &AgentConfig) -> Self {
        Self {
            path: config.data_dir.join("names.json"),
        }
    }

    /// What the last agent knew. A file that cannot be read is told of and means nothing: what is not known stays closed.
    pub(crate) fn read(&self) -> Vec<KnownAddress> {
        let known = match fs::read(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => Err(error.to_string()),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        };
        known.unwrap_or_else(|reason| {
            tracing::warn!(path = %self.path.display(), reason, "what was known of names is lost");
            Vec::new()
        })
    }

    /// Puts `known` in the place of what was written before. A failure costs the next agent's memory and nothing else.
    pub(crate) fn write(&self, known: &[KnownAddress]) {
        if let Err(error) = self.replace(known) {
            let path = self.path.display();
            tracing::warn!(%path, "cannot write down what is known of names: {error:#}");
        }
    }

    fn replace(&self, known: &[KnownAddress]) -> Result<()> {
        let new = self.path.with_extension("new");
        create(&new)?.write_all(&serde_json::to_vec(known)?)?;
        Ok(fs::rename(&new, &self.path)?)
    }
}

fn create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    Ok(options.open(path)?)
}

#[cfg(test)]
mod tests;
