//! Tells the agents of nodes which addresses a name has, before the client hears it.
//!
//! Each agent says which names its policies ask for. An answer for one of them is held back until every agent that asked has
//! done with it, for a while at most: then it goes out all the same, and where the kernel does not know it yet it stays closed.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record};
use ringfence_model::{LearnerLine, Lesson, WantedNames};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::reply::Reply;

/// How long an answer is held back.
const PATIENCE: Duration = Duration::from_millis(300);
/// Lessons that one agent has not done with; what is more it is not told.
const MOST_LESSONS: usize = 256;
/// Addresses of one answer that are told.
const MOST_ADDRESSES: usize = 128;
/// The first pause before an agent is tried again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// The agents that are told. A clone tells the same.
#[derive(Clone, Debug, Default)]
pub struct Teacher {
    agents: Arc<[Arc<Learner>]>,
}

/// An agent.
#[derive(Debug)]
struct Learner {
    /// Nothing while it is away.
    wanted: RwLock<Arc<WantedNames>>,
    lessons: mpsc::Sender<Pending>,
}

/// A lesson on its way, and who waits for its end.
#[derive(Debug)]
struct Pending {
    lesson: Lesson,
    done: oneshot::Sender<()>,
}

impl Teacher {
    /// Tells the agents that listen on these Unix sockets; those that are not there yet are tried again.
    #[must_use]
    pub fn start(sockets: &[PathBuf]) -> Self {
        let agents = sockets.iter().map(|socket| {
            let (lessons, queue) = mpsc::channel(MOST_LESSONS);
            let learner = Arc::new(Learner {
                wanted: RwLock::default(),
                lessons,
            });
            tokio::spawn(follow(socket.clone(), Arc::clone(&learner), queue));
            learner
        });
        Self {
            agents: agents.collect(),
        }
    }

    /// What agents must know of this answer before the client does, if anything.
    pub(crate) fn lesson(&self, query: &Query, reply: &Reply) -> Option<Lesson> {
        if self.agents.is_empty() || reply.code != ResponseCode::NoError {
            return None;
        }
        let name = query.name().to_ascii().to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        let mut agents = self.agents.iter();
        if !agents.any(|agent| agent.wanted().include(name)) {
            return None;
        }
        let records = behind(query.name(), &reply.answers);
        let ttl = records.iter().map(|record| record.ttl).min();
        let addresses = records.iter().filter_map(|record| address(&record.data));
        let addresses: Vec<IpAddr> = addresses.take(MOST_ADDRESSES).collect();
        (!addresses.is_empty()).then(|| Lesson {
            number: 0,
            name: name.to_owned(),
            addresses,
            ttl: ttl.unwrap_or_default(),
        })
    }

    /// Tells every agent that wants to know, and waits until they have done with it. Tells whether all have.
    pub(crate) async fn teach(&self, lesson: &Lesson) -> bool {
        let agents = self.agents.iter();
        let wanting = agents.filter(|agent| agent.wanted().include(&lesson.name));
        let waiting: Vec<_> = wanting.map(|agent| agent.tell(lesson)).collect();
        let all = async {
            let mut all_done = true;
            for done in waiting {
                all_done &= done.await.is_ok();
            }
            all_done
        };
        timeout(PATIENCE, all).await.unwrap_or(false)
    }
}

/// The records that `name` leads to by its aliases. Whatever else somebody put into an answer says nothing of it.
fn behind<'a>(name: &'a Name, answers: &'a [Record]) -> Vec<&'a Record> {
    let mut names = vec![name];
    let mut next = 0;
    while let Some(owner) = names.get(next) {
        let targets = answers.iter().filter(|record| record.name == **owner);
        let targets: Vec<&Name> = targets.filter_map(|record| alias(&record.data)).collect();
        for target in targets {
            if !names.contains(&target) {
                names.push(target);
            }
        }
        next += 1;
    }
    let owned = answers
        .iter()
        .filter(|record| names.contains(&&record.name));
    owned.collect()
}

fn alias(data: &RData) -> Option<&Name> {
    let RData::CNAME(target) = data else {
        return None;
    };
    Some(&target.0)
}

fn address(data: &RData) -> Option<IpAddr> {
    if let RData::A(address) = data {
        return Some(IpAddr::V4(address.0));
    }
    let RData::AAAA(address) = data else {
        return None;
    };
    Some(IpAddr::V6(address.0))
}

impl Learner {
    fn wanted(&self) -> Arc<WantedNames> {
        let wanted = self.wanted.read();
        Arc::clone(&wanted.unwrap_or_else(PoisonError::into_inner))
    }

    fn want(&self, names: WantedNames) {
        let wanted = self.wanted.write();
        *wanted.unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }

    /// What resolves when the agent has done with the lesson, and fails when it never will.
    fn tell(&self, lesson: &Lesson) -> oneshot::Receiver<()> {
        let (done, waiting) = oneshot::channel();
        let lesson = lesson.clone();
        // A full queue drops it, and that is heard at the other end.
        let _ = self.lessons.try_send(Pending { lesson, done });
        waiting
    }
}

/// Talks with an agent for as long as the server lives.
async fn follow(socket: PathBuf, learner: Arc<Learner>, mut queue: mpsc::Receiver<Pending>) {
    let mut pause = PAUSES.0;
    loop {
        if let Ok(stream) = UnixStream::connect(&socket).await {
            let ended = converse(stream, &learner, &mut queue).await;
            learner.want(WantedNames::default());
            tracing::info!(socket = %socket.display(), ?ended, "an agent hung up");
            pause = PAUSES.0;
        }
        // Nobody is to wait for an agent that is away.
        while queue.try_recv().is_ok() {}
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn converse(
    stream: UnixStream,
    learner: &Learner,
    queue: &mut mpsc::Receiver<Pending>,
) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    let mut waiting: BTreeMap<u64, oneshot::Sender<()>> = BTreeMap::new();
    let mut number = 0;
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => hear(&line, learner, &mut waiting)?,
                None => return Ok(()),
            },
            Some(pending) = queue.recv() => {
                waiting.retain(|_, done| !done.is_closed());
                if waiting.len() < MOST_LESSONS {
                    number += 1;
                    let lesson = Lesson { number, ..pending.lesson };
                    let mut line = serde_json::to_vec(&lesson)?;
                    line.push(b'\n');
                    timeout(PATIENCE, output.write_all(&line)).await??;
                    waiting.insert(number, pending.done);
                }
            }
        }
    }
}

fn hear(
    line: &str,
    learner: &Learner,
    waiting: &mut BTreeMap<u64, oneshot::Sender<()>>,
) -> io::Result<()> {
    match serde_json::from_str(line)? {
        LearnerLine::Wanted(names) => learner.want(names.into_iter().collect()),
        LearnerLine::Done(number) => {
            if let Some(done) = waiting.remove(&number) {
                // Who waited may have given up.
                let _ = done.send(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::rr::rdata::{A, CNAME};

    use super::*;

    fn record(owner: &str, data: RData) -> Record {
        Record::from_rdata(Name::from_ascii(owner).unwrap(), 5, data)
    }

    fn to(target: &str) -> RData {
        RData::CNAME(CNAME(Name::from_ascii(target).unwrap()))
    }

    fn at(last: u8) -> RData {
        RData::A(A(Ipv4Addr::new(192, 0, 2, last)))
    }

    /// An upstream server could add a record of another name, and open it.
    #[test]
    fn records_to_which_no_alias_leads_say_nothing() {
        let answers = [
            record("c.example.", at(3)),
            record("A.example.", to("b.example.")),
            record("b.example.", to("c.example.")),
            record("other.example.", at(4)),
            record("loop.example.", to("a.example.")),
        ];
        let name = Name::from_ascii("a.Example.").unwrap();
        let found = behind(&name, &answers);
        let found: Vec<_> = found.iter().filter_map(|it| address(&it.data)).collect();
        assert_eq!(found, [IpAddr::from([192, 0, 2, 3])]);
        let circle = [
            record("a.example.", to("b.example.")),
            record("b.example.", to("a.example.")),
        ];
        assert_eq!(behind(&name, &circle).len(), 2);
    }
}
