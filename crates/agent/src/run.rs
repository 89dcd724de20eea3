//! The loop around the state machine: inputs from all threads, one at a time; actions out.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use ringfence_cni::{EndpointStore, Request, Response};
use ringfence_compile::Origin;
use ringfence_compile::trace::outline;
use ringfence_model::{Holdings, LearnerLine, Lesson, PolicyName};

use crate::clock::time_of_day;
use crate::flows::{self, SharedJournal, Snapshot};
use crate::health_check::{Servers, health_checks};
use crate::holdings::Inventory;
use crate::host_pods::{self, HostPodsHealth, Wish};
use crate::http::{self, Pages};
use crate::kernel::{self, Job, Obstacle};
use crate::metrics::{Sample, Tally};
use crate::names::{self, DnsServers, Memory, ServerId};
use crate::protocol::AgentStatus;
use crate::server::{listen, serve};
use crate::source::{Source, Teller, hear};
use crate::state::{Action, Enforced, Event, Machine, Ticket};
use crate::status::{Health, StatusAnswer, StatusRequest};
use crate::store::Reporter;
use crate::verification::{Edited, Pulse, SharedWatched, Subject, verify, watch};
use crate::{AgentConfig, rules};

/// Whatever reaches the loop.
#[derive(Debug)]
pub(crate) enum Input {
    Event(Event),
    Request {
        request: Request,
        answer: Sender<Response>,
    },
    /// A DNS server is there, and takes lines.
    DnsServer {
        server: ServerId,
        lines: Sender<LearnerLine>,
    },
    DnsServerGone {
        server: ServerId,
    },
    /// It is about to answer a client.
    Lesson {
        server: ServerId,
        lesson: Lesson,
    },
    /// Which versions of objects the revision is made of.
    Held {
        revision: u64,
        holdings: Holdings,
    },
    /// Something of the cluster is not heard at the moment.
    Trouble {
        about: String,
        message: String,
    },
    Health {
        answer: Sender<Health>,
    },
    /// Somebody wants numbers.
    Sample {
        answer: Sender<Box<Sample>>,
    },
    /// What stands behind the table.
    Rules {
        answer: Sender<Causes>,
    },
    /// What a verification needs; nothing while a change is under way.
    Verify {
        answer: Sender<Option<Subject>>,
    },
    /// Whether there is something to verify.
    Pulse {
        answer: Sender<Pulse>,
    },
    /// Somebody wants to know the cluster, if it is another one than that of the moment `known`.
    Snapshot {
        known: Option<u64>,
        answer: Sender<Option<Box<Snapshot>>>,
    },
    /// Somebody wants to know what decides about pods in the network of the node, if it is of another moment than `known`. Nothing
    /// before everything was heard.
    HostPodsWish {
        known: Option<u64>,
        answer: Sender<Option<Box<Wish>>>,
    },
    /// What becomes of what they send.
    HostPods(HostPodsHealth),
    Stop,
    /// A thread that should live as long as the agent is gone.
    ThreadEnded {
        name: &'static str,
    },
}

/// Starts a thread that lives as long as the agent, and tells the loop if it does not: an agent that waits for
/// a dead thread would look alive and change nothing.
pub(crate) fn spawn(
    name: &'static str,
    inputs: &Sender<Input>,
    work: impl FnOnce() + Send + 'static,
) -> Result<()> {
    let alarm = Alarm {
        name,
        inputs: inputs.clone(),
    };
    let work = move || {
        let _alarm = alarm;
        work();
    };
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.with_context(|| format!("cannot start the {name} thread"))?;
    Ok(())
}

struct Alarm {
    name: &'static str,
    inputs: Sender<Input>,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let name = self.name;
        // A loop that is gone does not care.
        let _ = self.inputs.send(Input::ThreadEnded { name });
    }
}

/// What may stand behind the objects of the table.
#[derive(Debug)]
pub(crate) struct Causes {
    enforced: Option<Enforced>,
    policies: BTreeMap<PolicyName, Vec<Origin>>,
}

/// Asks the loop something; `None` if it is gone.
pub(crate) fn ask<T>(
    agent: &Sender<Input>,
    question: impl FnOnce(Sender<T>) -> Input,
) -> Option<T> {
    let (answer, response) = channel();
    agent.send(question(answer)).ok()?;
    response.recv().ok()
}

/// Runs the agent of one node until SIGTERM or SIGINT. The kernel stays as it is then.
///
/// Sockets belong to the network namespace of the calling thread.
///
/// # Errors
/// If the agent cannot start: its sockets, records or netlink cannot be opened.
pub fn run(config: AgentConfig) -> Result<()> {
    run_behind(config, None)
}

/// The same, with somebody who may refuse transactions in the kernel's place, for tests.
///
/// # Errors
/// As [`run`].
pub fn run_behind(config: AgentConfig, obstacle: Option<Obstacle>) -> Result<()> {
    let store = config.store.clone().context("no store is named")?;
    start(config, Source::Store(store), obstacle)
}

/// As [`run`], for an agent that is told the cluster by `tell`, on a thread of its own. An agent whose teller ends, ends.
///
/// # Errors
/// As [`run`].
pub fn run_with(config: AgentConfig, tell: impl FnOnce(Teller) + Send + 'static) -> Result<()> {
    start(config, Source::Told(Box::new(tell)), None)
}

fn start(config: AgentConfig, source: Source, obstacle: Option<Obstacle>) -> Result<()> {
    let (inputs, queue) = channel();
    stop_on_signals(&inputs)?;
    let records = EndpointStore::open(&config.data_dir)?;
    sweep_dead_runs(&records);
    let jobs = kernel::start(&config, obstacle, &inputs)?;
    host_pods::start(&config, &inputs)?;
    serve_plugin(&config, &inputs)?;
    let journal = SharedJournal::default();
    let watched = SharedWatched::default();
    let edits = watch(&config, &watched, &inputs)?;
    serve_status(&config, (&journal, &watched), &inputs)?;
    names::serve(&config, &inputs)?;
    serve_pages(&config, (&journal, &watched), &inputs)?;
    let listing = records.list().context("cannot read the endpoint records")?;
    for damaged in listing.damaged {
        tracing::warn!(path = %damaged.path.display(), reason = damaged.reason, "damaged record");
    }
    let reporter = Reporter::default();
    hear(source, reporter.clone(), &inputs)?;
    flows::listen(config.node.clone(), journal, &inputs)?;
    tracing::info!(
        node = config.node,
        endpoints = listing.endpoints.len(),
        "agent started"
    );
    let mut agent = Agent::new(config, records, reporter, (jobs, edits));
    agent.event(Event::NamesLoaded(agent.memory.read()));
    agent.event(Event::EndpointsLoaded(listing.endpoints));
    agent.work(&queue)
}

/// What a killed plugin left is taken away; if it cannot be, DEL and GC will, and the agent starts all the same.
fn sweep_dead_runs(records: &EndpointStore) {
    match ringfence_cni::sweep(records) {
        Ok(swept) => {
            for endpoint in swept {
                tracing::info!(%endpoint, "took away what a dead ADD had left");
            }
        }
        Err(error) => tracing::warn!("cannot take away what dead ADDs have left: {error}"),
    }
}

struct Agent {
    machine: Machine,
    /// Counts what may have changed the cluster or the endpoints.
    version: u64,
    start: Instant,
    timer: Option<Duration>,
    tickets: BTreeMap<Ticket, Sender<Response>>,
    next_ticket: Ticket,
    /// The last warning.
    warned: Option<String>,
    records: EndpointStore,
    dns: DnsServers,
    memory: Memory,
    reporter: Reporter,
    jobs: Sender<Job>,
    tally: Tally,
    inventory: Inventory,
    /// Tables that others changed.
    edits: SyncSender<Edited>,
    node: String,
    health_checks: Servers,
    host_pods: HostPodsHealth,
}

impl Agent {
    fn new(
        config: AgentConfig,
        records: EndpointStore,
        reporter: Reporter,
        (jobs, edits): (Sender<Job>, SyncSender<Edited>),
    ) -> Self {
        Self {
            node: config.node.clone(),
            health_checks: Servers::default(),
            host_pods: HostPodsHealth::Off,
            dns: DnsServers::default(),
            memory: Memory::new(&config),
            machine: Machine::new(config),
            version: 0,
            start: Instant::now(),
            timer: None,
            tickets: BTreeMap::new(),
            next_ticket: 0,
            warned: None,
            records,
            reporter,
            jobs,
            tally: Tally::default(),
            inventory: Inventory::default(),
            edits,
        }
    }

    fn work(&mut self, queue: &Receiver<Input>) -> Result<()> {
        loop {
            match self.next(queue) {
                Some(Input::Stop) => {
                    tracing::info!("agent stopped; the rules stay");
                    return Ok(());
                }
                Some(Input::ThreadEnded { name }) => bail!("the {name} thread ended"),
                Some(input) => self.input(input),
                None => self.event(Event::Tick),
            }
        }
    }

    /// The next input, or `None` when the timer runs out.
    fn next(&mut self, queue: &Receiver<Input>) -> Option<Input> {
        let Some(timer) = self.timer else {
            return Some(queue.recv().unwrap_or(Input::Stop));
        };
        // A queue that is never empty must not hold up the time.
        let wait = timer.saturating_sub(self.start.elapsed());
        let input = if wait.is_zero() {
            Err(RecvTimeoutError::Timeout)
        } else {
            queue.recv_timeout(wait)
        };
        match input {
            Ok(input) => Some(input),
            Err(RecvTimeoutError::Disconnected) => Some(Input::Stop),
            Err(RecvTimeoutError::Timeout) => {
                self.timer = None;
                None
            }
        }
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Event(event) => self.event(event),
            Input::Request { request, answer } => {
                let ticket = self.take_ticket();
                self.tickets.insert(ticket, answer);
                self.event(Event::Request { request, ticket });
            }
            Input::DnsServer { server, lines } => {
                self.dns.add(server, lines);
                self.event(Event::DnsServers(self.dns.count()));
            }
            Input::DnsServerGone { server } => {
                self.dns.remove(server);
                self.event(Event::DnsServers(self.dns.count()));
            }
            Input::Lesson { server, lesson } => {
                let ticket = self.take_ticket();
                self.dns.begin(ticket, server, lesson.number);
                self.event(Event::Lesson { lesson, ticket });
            }
            Input::Held { revision, holdings } => {
                let enforced = self.machine.health().applied;
                self.inventory.tell(revision, holdings, enforced);
            }
            Input::Trouble { about, message } => self.trouble(about, message),
            Input::Health { answer } => {
                let _ = answer.send(self.health());
            }
            Input::Sample { answer } => {
                let _ = answer.send(Box::new(self.sample()));
            }
            Input::Rules { answer } => {
                let _ = answer.send(Causes {
                    enforced: self.machine.enforced(),
                    policies: outline(self.machine.cluster()),
                });
            }
            Input::Verify { answer } => {
                let _ = answer.send(self.machine.subject());
            }
            Input::Pulse { answer } => {
                let _ = answer.send(self.machine.pulse());
            }
            Input::Snapshot { known, answer } => {
                let changed = known != Some(self.version);
                let _ = answer.send(changed.then(|| Box::new(self.snapshot())));
            }
            Input::HostPodsWish { known, answer } => {
                let _ = answer.send(self.host_pods_wish(known).map(Box::new));
            }
            Input::HostPods(health) => self.host_pods = health,
            Input::Stop | Input::ThreadEnded { .. } => {}
        }
    }

    const fn take_ticket(&mut self) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    fn host_pods_wish(&self, known: Option<u64>) -> Option<Wish> {
        let is_news = self.machine.health().ready && known != Some(self.version);
        is_news.then(|| Wish::of(self.machine.cluster(), &self.node, self.version))
    }

    /// The table's, and that of what judges pods in the node's network.
    fn both_healths(&self) -> Health {
        let health = self.machine.health();
        let other = || self.host_pods.problem().map(str::to_owned);
        Health {
            problem: health.problem.clone().or_else(other),
            host_pods: self.host_pods.clone(),
            ..health
        }
    }

    fn health(&mut self) -> Health {
        let health = self.both_healths();
        Health {
            in_force: self.inventory.in_force(health.applied).clone(),
            unheard: self.tally.unheard(),
            ..health
        }
    }

    fn sample(&self) -> Sample {
        let (health, tally) = (self.both_healths(), self.tally.clone());
        Sample::new(health, tally, self.machine.table())
    }

    /// What lasts is logged once.
    fn trouble(&mut self, about: String, message: String) {
        if self.tally.trouble(about.clone(), message.clone()) {
            tracing::warn!(about, "not heard of the cluster: {message}");
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: self.version,
            cluster: self.machine.cluster().clone(),
            endpoints: self.machine.programmed().cloned().collect(),
        }
    }

    fn event(&mut self, event: Event) {
        let may_change_backends = may_change_backends(&event);
        self.version += u64::from(may_change_names(&event));
        let now = self.start.elapsed();
        self.tally.event(&event, now);
        self.machine.tell_time(time_of_day());
        for action in self.machine.handle(event, now) {
            self.act(action);
        }
        if may_change_backends {
            let (cluster, wired) = (self.machine.cluster(), self.machine.programmed());
            let checks = health_checks(cluster, &self.node, wired);
            self.health_checks.answer(checks);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::ReadKernel => self.job(Job::Read),
            Action::Commit(which, operations) => {
                tracing::debug!(?which, operations = operations.len(), "committing");
                self.job(Job::Commit(which, operations));
            }
            Action::ReadConnections { of } => self.job(Job::ReadConnections(of)),
            Action::Revoke(entries) => {
                tracing::info!(connections = entries.len(), "revoking");
                self.tally.revoked(entries.len());
                self.job(Job::Revoke(entries));
            }
            Action::Answer { ticket, response } => {
                if let Some(answer) = self.tickets.remove(&ticket) {
                    let _ = answer.send(response);
                }
            }
            Action::Taught(ticket) => self.dns.taught(ticket),
            Action::Want(names) => self.dns.want(names),
            Action::KeepNames(known) => self.memory.write(&known),
            Action::ForgetEndpoint(id) => {
                if let Err(error) = self.records.remove(&id) {
                    tracing::warn!("{:#}", anyhow::Error::from(error));
                }
            }
            Action::Report(status) => {
                self.log(&status);
                self.tally.report(&status, self.start.elapsed());
                self.reporter.report(&status);
            }
            // Who is busy with the last one does without.
            Action::Explain { table, subject } => {
                let (table, subject) = (*table, *subject);
                let _ = self.edits.try_send(Edited { table, subject });
            }
            Action::SetTimer(at) => self.timer = Some(at),
        }
    }

    /// What stays wrong while other things are applied is logged once.
    fn log(&mut self, status: &AgentStatus) {
        match status {
            AgentStatus::Applied { revision } => tracing::debug!(revision, "applied"),
            AgentStatus::Failed { message } => tracing::error!("the old rules stay: {message}"),
            AgentStatus::Degraded { message } => {
                if self.warned.as_ref() != Some(message) {
                    tracing::warn!("{message}");
                }
                self.warned = Some(message.clone());
            }
        }
    }

    fn job(&self, job: Job) {
        if self.jobs.send(job).is_err() {
            tracing::error!("the kernel thread is gone");
        }
    }
}

/// Whether the cluster or the programmed endpoints may be others after it.
const fn may_change_names(event: &Event) -> bool {
    match event {
        Event::Store(_)
        | Event::StoreDisconnected
        | Event::EndpointsLoaded(_)
        | Event::NamesLoaded(_)
        | Event::Lesson { .. }
        | Event::Request { .. }
        | Event::Committed => true,
        Event::KernelState { .. }
        | Event::KernelUnreadable { .. }
        | Event::CommitFailed { .. }
        | Event::Connections { .. }
        | Event::Revoked
        | Event::ConnectionsFailed { .. }
        | Event::ForeignEdit
        | Event::Verified { .. }
        | Event::DnsServers(_)
        | Event::Tick => false,
    }
}

/// Whether the backends of Services may be others after it: what names mean makes no difference to them.
const fn may_change_backends(event: &Event) -> bool {
    may_change_names(event) && !matches!(event, Event::Lesson { .. } | Event::NamesLoaded(_))
}

fn stop_on_signals(inputs: &Sender<Input>) -> Result<()> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block().context("cannot block signals")?;
    let stop = inputs.clone();
    let wait = move || {
        while signals.wait().is_err() {}
        let _ = stop.send(Input::Stop);
    };
    spawn("signal", inputs, wait)
}

fn serve_plugin(config: &AgentConfig, inputs: &Sender<Input>) -> Result<()> {
    let questions = inputs.clone();
    let answer = move |request: Request| {
        // The machine bounds every wait; a loop that is gone hangs up.
        ask(&questions, |answer| Input::Request { request, answer }).unwrap_or_else(stopping)
    };
    serve("cni", inputs, listen(&config.cni_socket)?, answer)
}

fn serve_status(
    config: &AgentConfig,
    (journal, watched): (&SharedJournal, &SharedWatched),
    inputs: &Sender<Input>,
) -> Result<()> {
    let (questions, journal) = (inputs.clone(), journal.clone());
    let watched = watched.clone();
    let table = config.table_name.clone();
    let own = config.clone();
    // A loop that is gone holds nothing and is not well.
    let answer = move |request: StatusRequest| match request {
        StatusRequest::Health => {
            let health = ask(&questions, |answer| Input::Health { answer });
            StatusAnswer::Health(Box::new(Health {
                watched: watched.lock().clone(),
                ..health.unwrap_or_default()
            }))
        }
        StatusRequest::Rules => match ask(&questions, |answer| Input::Rules { answer }) {
            Some(Causes { enforced, policies }) => {
                let rules = rules::read(&table, enforced.as_ref(), policies);
                StatusAnswer::Rules(Box::new(rules))
            }
            None => StatusAnswer::Health(Box::default()),
        },
        StatusRequest::Verify => StatusAnswer::Verification(Box::new(verify(&questions, &own))),
        StatusRequest::Flows { from } => StatusAnswer::Flows(Box::new(journal.lock().since(from))),
    };
    serve("status", inputs, listen(&config.status_socket())?, answer)
}

fn serve_pages(
    config: &AgentConfig,
    (journal, watched): (&SharedJournal, &SharedWatched),
    inputs: &Sender<Input>,
) -> Result<()> {
    let Some(address) = config.listen else {
        return Ok(());
    };
    let pages = Pages {
        agent: inputs.clone(),
        journal: journal.clone(),
        watched: watched.clone(),
    };
    http::serve(address, pages)
}

fn stopping() -> Response {
    Response::Failed {
        message: "the node agent is stopping".to_owned(),
        retry: true,
    }
}

#[cfg(test)]
mod tests;
