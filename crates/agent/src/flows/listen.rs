//! The thread that listens to the kernel and keeps the journal.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::net::if_::if_indextoname;
use ringfence_compile::{LOG_GROUP, Reason};
use ringfence_net::IpProtocol;
use ringfence_netlink::nflog::{Batch, Copy, Nflog};

use super::aggregate::{Aggregator, Counted, Flow};
use super::judge::{Finding, Judge, Snapshot};
use super::{FlowVerdict, Journal, packet};
use crate::clock::time_of_day;
use crate::run::{Input, spawn};

/// How long a turn waits for copies.
const TURN: Duration = Duration::from_millis(100);
/// After a listener could not be had: perhaps that of an agent that is still ending.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of each packet.
const COPIED: u32 = 128;
/// The part of its time that the thread may spend on learning a changed cluster is one of so many.
const LEARNING: u32 = 20;

/// The journal, written by one thread and read by those that answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedJournal(Arc<Mutex<Journal>>);

impl SharedJournal {
    /// A thread that panicked while writing left at worst a record out.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread, in the calling thread's network namespace.
pub(crate) fn listen(node: String, journal: SharedJournal, inputs: &Sender<Input>) -> Result<()> {
    let questions = inputs.clone();
    let mut listener = Listener {
        node,
        journal,
        questions,
        judge: None,
        version: None,
        learn_after: Instant::now(),
        flows: Aggregator::new(),
    };
    spawn("flows", inputs, move || listener.work())
}

struct Listener {
    node: String,
    journal: SharedJournal,
    questions: Sender<Input>,
    judge: Option<Judge>,
    version: Option<u64>,
    /// When the cluster may be asked for again.
    learn_after: Instant,
    flows: Aggregator<Option<Finding>>,
}

impl Listener {
    /// Reports are not enforcement: whatever fails here is said in the journal, and tried again.
    fn work(&mut self) {
        loop {
            match Nflog::open(LOG_GROUP, COPIED) {
                Ok(mut nflog) => {
                    self.journal.lock().problem = None;
                    let error = self.follow(&mut nflog);
                    self.trouble(&error);
                }
                Err(error) => self.trouble(&anyhow::Error::from(error)),
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn trouble(&self, error: &anyhow::Error) {
        let problem = format!("the kernel's copies of packets cannot be read: {error:#}");
        let mut journal = self.journal.lock();
        if journal.problem.as_ref() != Some(&problem) {
            tracing::warn!("{problem}");
        }
        journal.problem = Some(problem);
    }

    fn follow(&mut self, nflog: &mut Nflog) -> anyhow::Error {
        loop {
            match nflog.next(TURN) {
                Ok(batch) => self.take(batch),
                Err(error) => return error.into(),
            }
            self.write_down();
        }
    }

    fn take(&mut self, batch: Batch) {
        self.journal.lock().lost.packets += batch.lost;
        if batch.copies.is_empty() {
            return;
        }
        self.learn();
        let now = time_of_day();
        let mut unreadable = 0;
        for copy in batch.copies {
            match read(&copy) {
                Some(flow) if is_of_the_link(&flow) => {}
                Some(flow) => {
                    let judge = self.judge.as_ref();
                    self.flows.add(flow, now, |flow| {
                        let interface = interface(flow.input);
                        Some(judge?.find(flow, interface.as_deref()))
                    });
                }
                None => unreadable += 1,
            }
        }
        let lost = std::mem::take(&mut self.flows.lost);
        self.journal.lock().lost.unrecorded += unreadable + lost;
    }

    /// Asks for the cluster if it has changed, but not all the time.
    fn learn(&mut self) {
        let start = Instant::now();
        if start < self.learn_after {
            return;
        }
        let (answer, snapshot) = channel();
        let known = self.version;
        let sent = self.questions.send(Input::Snapshot { known, answer });
        let Some(Some(snapshot)) = sent.ok().and_then(|()| snapshot.recv().ok()) else {
            return;
        };
        let snapshot: Snapshot = *snapshot;
        self.version = Some(snapshot.version);
        self.judge = Some(Judge::new(snapshot));
        self.learn_after = Instant::now() + start.elapsed() * LEARNING;
    }

    fn write_down(&mut self) {
        for counted in self.flows.finish(time_of_day()) {
            let Counted {
                flow,
                first,
                count,
                known,
            } = counted;
            let mut journal = self.journal.lock();
            match known {
                // Allowed traffic of others than pods is not ours to tell.
                Some(finding)
                    if FlowVerdict::of(flow.reason) == FlowVerdict::Allow
                        && finding.concerns_no_pod() => {}
                Some(finding) => {
                    let counted = Counted {
                        flow,
                        first,
                        count,
                        known: (),
                    };
                    journal.push(finding.into_record(&self.node, &counted));
                }
                None => journal.lost.unrecorded += count,
            }
        }
    }
}

fn read(copy: &Copy) -> Option<Flow> {
    Some(Flow {
        reason: Reason::of_prefix(&copy.prefix)?,
        header: packet::read(&copy.payload)?,
        input: copy.input,
    })
}

/// What every IPv6 interface says on its link when it comes up (listener reports); it is dropped, and means nothing.
fn is_of_the_link(flow: &Flow) -> bool {
    let std::net::IpAddr::V6(destination) = flow.header.destination else {
        return false;
    };
    let [first, second, ..] = destination.octets();
    let link_multicast = first == 0xff && second & 0x0f == 2;
    let housekeeping = [IpProtocol::ICMPV6, IpProtocol(0)].contains(&flow.header.protocol);
    flow.reason == Reason::Spoofed && link_multicast && housekeeping
}

fn interface(index: u32) -> Option<String> {
    let name = if_indextoname(index).ok()?;
    Some(name.to_string_lossy().into_owned())
}
