//! A machine with a kernel in memory, driven step by step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ringfence_cni::{Endpoint, EndpointId, Request, Response};
use ringfence_compile::{LocalEndpoint, NodeView, compile};
use ringfence_model::{Cluster, DomainName, Timestamp};
use ringfence_netlink::conntrack::{End, Entry};
use ringfence_ruleset::{Operation, Table, apply};
use ringfence_testkit::generate::MOMENT;

use super::cluster::config;
use crate::protocol::{AgentKey, AgentObject, AgentStatus, StoreEvent};
use crate::state::{Action, Event, KnownAddress, LiveTable, Machine, Ticket, Which};

/// What the next commits do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) enum Commits {
    Succeed,
    Fail {
        retry: bool,
    },
    /// They are done, and their confirmation is lost.
    Unconfirmed,
}

/// Something that the machine did, without the timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::state) enum Did {
    Read,
    Commit,
    Interim,
    ListConnections,
    Revoke(usize),
    Answer(Ticket, Response),
    Forget(EndpointId),
    Report(AgentStatus),
}

pub(in crate::state) struct FakeNode {
    pub(in crate::state) machine: Machine,
    pub(in crate::state) now: Duration,
    /// The time of day when `now` was nothing.
    pub(in crate::state) epoch: Timestamp,
    pub(in crate::state) table: Option<Table>,
    pub(in crate::state) interim: Option<Table>,
    /// What others had made of it.
    pub(in crate::state) explained: Vec<Table>,
    pub(in crate::state) connections: Vec<Entry>,
    pub(in crate::state) local: BTreeSet<IpAddr>,
    pub(in crate::state) commits: Commits,
    pub(in crate::state) interim_commits: Commits,
    pub(in crate::state) connections_work: bool,
    /// Everything the machine did, oldest first.
    pub(in crate::state) log: Vec<Did>,
    pub(in crate::state) answered_at: BTreeMap<Ticket, Duration>,
    /// The interfaces of wired pods, by request.
    wired: BTreeMap<Ticket, String>,
    pub(in crate::state) transactions: Vec<Vec<Operation>>,
    pub(in crate::state) revoked: Vec<Entry>,
    /// Lessons that are done, the names that are wanted, and what was written down of names.
    pub(in crate::state) taught: Vec<Ticket>,
    pub(in crate::state) wanted: Vec<DomainName>,
    pub(in crate::state) kept: Vec<Vec<KnownAddress>>,
    /// Whose connections were asked for last.
    pub(in crate::state) listed: Option<BTreeSet<(IpAddr, End)>>,
    jobs: VecDeque<Action>,
    timer: Option<Duration>,
}

impl FakeNode {
    pub(in crate::state) fn new() -> Self {
        Self::with_table(None)
    }

    /// A node on which an earlier agent left a table.
    pub(in crate::state) fn with_table(table: Option<Table>) -> Self {
        Self {
            machine: Machine::new(config()),
            now: Duration::from_secs(100),
            epoch: Timestamp(MOMENT.0 - 100_000),
            table,
            interim: None,
            explained: Vec::new(),
            connections: Vec::new(),
            local: BTreeSet::from([super::cluster::ip("192.0.2.1")]),
            commits: Commits::Succeed,
            interim_commits: Commits::Succeed,
            connections_work: true,
            log: Vec::new(),
            answered_at: BTreeMap::new(),
            wired: BTreeMap::new(),
            transactions: Vec::new(),
            revoked: Vec::new(),
            taught: Vec::new(),
            wanted: Vec::new(),
            kept: Vec::new(),
            listed: None,
            jobs: VecDeque::new(),
            timer: None,
        }
    }

    /// A node in sync with these objects, without endpoints, all work done and the log empty.
    pub(in crate::state) fn synced(objects: impl IntoIterator<Item = AgentObject>) -> Self {
        let mut node = Self::new();
        node.load(Vec::new());
        node.sync(objects, 1);
        node.settle();
        node.forget_log();
        node
    }

    pub(in crate::state) fn load(&mut self, records: Vec<Endpoint>) {
        self.send(Event::EndpointsLoaded(records));
    }

    /// Everything anew, as after a connect.
    pub(in crate::state) fn sync(
        &mut self,
        objects: impl IntoIterator<Item = AgentObject>,
        revision: u64,
    ) {
        self.store(StoreEvent::Reset);
        for object in objects {
            self.apply(object);
        }
        self.store(StoreEvent::Synced { revision });
    }

    pub(in crate::state) fn apply(&mut self, object: AgentObject) {
        self.store(StoreEvent::Apply(object));
    }

    pub(in crate::state) fn delete(&mut self, key: AgentKey) {
        self.store(StoreEvent::Delete(key));
    }

    pub(in crate::state) fn store(&mut self, event: StoreEvent) {
        self.send(Event::Store(event));
    }

    pub(in crate::state) fn wire(&mut self, endpoint: Endpoint, ticket: Ticket) {
        self.wired.insert(ticket, endpoint.host_interface.clone());
        self.send(Event::Request {
            request: Request::Wired(endpoint),
            ticket,
        });
    }

    pub(in crate::state) fn release(&mut self, id: EndpointId, ticket: Ticket) {
        self.send(Event::Request {
            request: Request::Released(id),
            ticket,
        });
    }

    pub(in crate::state) fn send(&mut self, event: Event) {
        let passed = i64::try_from(self.now.as_millis()).unwrap();
        self.machine.tell_time(Timestamp(self.epoch.0 + passed));
        for action in self.machine.handle(event, self.now) {
            match action {
                Action::ReadKernel => self.job(Did::Read, action),
                Action::Commit(Which::Table, _) => self.job(Did::Commit, action),
                Action::Commit(Which::Interim, _) => self.job(Did::Interim, action),
                Action::ReadConnections { .. } => self.job(Did::ListConnections, action),
                Action::Revoke(ref entries) => self.job(Did::Revoke(entries.len()), action),
                Action::Answer { ticket, response } => {
                    if let (Response::Done, Some(interface)) = (&response, self.wired.get(&ticket))
                    {
                        assert!(
                            self.is_programmed(interface),
                            "{interface} was answered too early"
                        );
                    }
                    self.answered_at.insert(ticket, self.now);
                    self.log.push(Did::Answer(ticket, response));
                }
                Action::ForgetEndpoint(id) => {
                    let interface = format!("vethrf{}", id.container_id);
                    assert!(
                        !self.is_programmed(&interface),
                        "{id} was forgotten too early"
                    );
                    self.log.push(Did::Forget(id));
                }
                Action::Report(status) => self.log.push(Did::Report(status)),
                Action::Taught(ticket) => self.taught.push(ticket),
                Action::Want(names) => self.wanted = names,
                Action::KeepNames(known) => self.kept.push(known),
                Action::Explain { table, .. } => self.explained.push(*table),
                Action::SetTimer(at) => self.timer = Some(at),
            }
        }
    }

    fn job(&mut self, did: Did, action: Action) {
        assert!(
            self.jobs.is_empty(),
            "{action:?} while {:?} is under way",
            self.jobs
        );
        self.log.push(did);
        self.jobs.push_back(action);
    }

    /// Whether the kernel holds rules for this interface.
    pub(in crate::state) fn is_programmed(&self, interface: &str) -> bool {
        let quoted = format!("\"{interface}\"");
        self.table
            .as_ref()
            .is_some_and(|table| table.to_string().contains(&quoted))
    }

    pub(in crate::state) fn is_busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Ends the job under way; `false` if there is none.
    pub(in crate::state) fn step(&mut self) -> bool {
        let Some(job) = self.jobs.pop_front() else {
            return false;
        };
        let event = self.carry_out(job);
        self.send(event);
        true
    }

    /// Does all that can be done without waiting.
    pub(in crate::state) fn settle(&mut self) {
        for _ in 0..100 {
            if !self.step() {
                return;
            }
        }
        panic!("the machine never rests: {:?}", self.log);
    }

    /// Lets time pass, with every timer on the way.
    pub(in crate::state) fn sleep(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.timer.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.timer = None;
            self.send(Event::Tick);
            self.settle();
        }
        self.now = end;
    }

    pub(in crate::state) fn forget_log(&mut self) {
        self.log.clear();
        self.transactions.clear();
        self.revoked.clear();
    }

    /// The answer to a request; it must not have two.
    pub(in crate::state) fn answer(&self, wanted: Ticket) -> Option<&Response> {
        let mut answers = self.log.iter().filter_map(|did| {
            let Did::Answer(ticket, response) = did else {
                return None;
            };
            (*ticket == wanted).then_some(response)
        });
        let answer = answers.next();
        assert_eq!(answers.next(), None, "ticket {wanted} has two answers");
        answer
    }

    /// Another program changes the table.
    pub(in crate::state) fn edit(&mut self, edit: impl FnOnce(&mut Option<Table>)) {
        edit(&mut self.table);
        self.send(Event::ForeignEdit);
    }

    fn carry_out(&mut self, job: Action) -> Event {
        match job {
            Action::ReadKernel => Event::KernelState {
                live: self.read(),
                interim: self.interim.is_some(),
            },
            Action::Commit(Which::Interim, operations) => match self.interim_commits {
                Commits::Fail { retry } => Event::CommitFailed {
                    message: "not beside".to_owned(),
                    retry,
                },
                Commits::Succeed | Commits::Unconfirmed => {
                    apply(&mut self.interim, &operations).unwrap();
                    Event::Committed
                }
            },
            Action::Commit(Which::Table, operations) => {
                if let Commits::Fail { retry } = self.commits {
                    return Event::CommitFailed {
                        message: "no".to_owned(),
                        retry,
                    };
                }
                self.transactions.push(operations.clone());
                match apply(&mut self.table, &operations) {
                    Ok(()) if self.commits == Commits::Unconfirmed => Event::CommitFailed {
                        message: "unconfirmed".to_owned(),
                        retry: true,
                    },
                    Ok(()) => Event::Committed,
                    Err(error) => Event::CommitFailed {
                        message: error.to_string(),
                        retry: true,
                    },
                }
            }
            Action::ReadConnections { .. } if !self.connections_work => Event::ConnectionsFailed {
                message: "no conntrack".to_owned(),
            },
            Action::ReadConnections { of } => {
                let connections = self.connections_of(of.as_ref());
                self.listed = of;
                Event::Connections {
                    connections,
                    local: self.local.clone(),
                }
            }
            Action::Revoke(entries) => {
                self.connections.retain(|entry| !entries.contains(entry));
                self.revoked.extend(entries);
                Event::Revoked
            }
            Action::Answer { .. }
            | Action::ForgetEndpoint(_)
            | Action::Report(_)
            | Action::Taught(_)
            | Action::Want(_)
            | Action::KeepNames(_)
            | Action::Explain { .. }
            | Action::SetTimer(_) => panic!("this is no job"),
        }
    }

    /// What the kernel lists when it is asked for some addresses: the ends that a filter of it looks at.
    fn connections_of(&self, of: Option<&BTreeSet<(IpAddr, End)>>) -> Vec<Entry> {
        let ends = |entry: &Entry| {
            [
                (entry.original.source, End::Client),
                (entry.reply.source, End::Server),
            ]
        };
        let connections = self.connections.iter();
        let asked = connections.filter(|entry| {
            of.is_none_or(|of| ends(entry).into_iter().any(|end| of.contains(&end)))
        });
        asked.cloned().collect()
    }

    fn read(&self) -> LiveTable {
        self.table
            .clone()
            .map_or(LiveTable::Absent, LiveTable::Present)
    }

    /// What the table would be, compiled from nothing.
    pub(in crate::state) fn expected(&self, endpoints: &[Endpoint]) -> Table {
        from_scratch(self.machine.cluster(), endpoints)
    }
}

pub(in crate::state) fn from_scratch(cluster: &Cluster, endpoints: &[Endpoint]) -> Table {
    let config = config();
    let mut local: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            let pod = endpoint.pod.as_ref().unwrap();
            LocalEndpoint {
                pod: ringfence_model::ObjectName::new(&pod.namespace, &pod.name),
                host_interface: endpoint.host_interface.clone(),
                addresses: endpoint.addresses.clone(),
            }
        })
        .filter(|endpoint| {
            cluster
                .pods
                .get(&endpoint.pod)
                .is_some_and(|pod| pod.is_on_pod_network())
        })
        .collect();
    local.sort();
    let node = NodeView {
        name: &config.node,
        endpoints: &local,
        network: &config.network,
        enforcement: config.enforcement,
    };
    compile(cluster, &node).unwrap().table
}
