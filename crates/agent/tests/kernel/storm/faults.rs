//! What goes wrong.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use ringfence_agent::TABLE_NAME;
use ringfence_agent::protocol::{AgentKey, AgentStatus};
use ringfence_netlink::namespace::run_in;
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{BaseChain, ChainKind, Hook, Operation, Rule, Statement, Verdict};
use ringfence_testkit::random::Random;

use super::chronicle::Chronicle;
use super::world::{FRIENDS, Side, World, fence, guard};
use crate::agent::{eventually, live};
use crate::objects::{named, pod_on, policy};
use crate::protection::{Over, bustle};

/// Policies each of which keeps strangers out; one of them always stands.
const GUARDS: usize = 3;
const OTHER: &str = "10.244.1.13";
const OTHER_TABLE: &str = "other";

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The agent is killed and started.
    Kill,
    /// The agent is ended politely and started.
    Terminate,
    /// The agent stands still for a moment.
    Freeze,
    /// Policies change while no agent is there.
    Absence,
    /// The store hangs up.
    HangUp,
    /// The store is away, and comes back with other objects.
    StoreOutage,
    /// The store comes back and counts anew.
    OtherHistory,
    /// The next agent lays the table out in another way.
    OtherLayout,
    /// The next agent does not protect the table, the one after it does again.
    OlderVersion,
    /// Somebody changes or deletes the table.
    Tampering,
    /// Somebody changes or deletes a table that nothing protects.
    ForeignEdit,
    /// The same, while no agent is there.
    OrphanEdit,
    /// Somebody flushes the whole ruleset.
    Flush,
    /// Somebody has a table that accepts everything.
    OtherTable,
    /// Somebody changes a table of theirs without a pause.
    BusyNeighbour,
    /// The kernel refuses the agent every change.
    Refusal,
    /// A second agent is started beside the first.
    SecondAgent,
    /// A policy that counts is replaced by another one.
    Guards,
    /// For a while strangers are kept in, not out.
    OtherEnd,
    /// A policy that does not count comes or goes.
    Noise,
    /// A pod ends, and another one gets its address.
    Churn,
}

impl Fault {
    pub(crate) const ALL: [Self; 21] = [
        Self::Kill,
        Self::Terminate,
        Self::Freeze,
        Self::Absence,
        Self::HangUp,
        Self::StoreOutage,
        Self::OtherHistory,
        Self::OtherLayout,
        Self::OlderVersion,
        Self::Tampering,
        Self::ForeignEdit,
        Self::OrphanEdit,
        Self::Flush,
        Self::OtherTable,
        Self::BusyNeighbour,
        Self::Refusal,
        Self::SecondAgent,
        Self::Guards,
        Self::OtherEnd,
        Self::Noise,
        Self::Churn,
    ];
}

/// What stands because of earlier faults.
pub(crate) struct Faults {
    guards: BTreeSet<usize>,
    noise: BTreeSet<usize>,
    others: usize,
    pub(crate) chronicle: Chronicle,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            guards: [0].into(),
            noise: BTreeSet::new(),
            others: 0,
            chronicle: Chronicle::default(),
        }
    }
}

impl Faults {
    pub(crate) fn inflict(&mut self, fault: Fault, world: &mut World, random: &mut Random) {
        let number = random.below(world.sides.len());
        let node = &world.sides[number].node.config.node;
        self.chronicle.begins(format!("{fault:?}, node {node}"));
        self.carry_out(fault, number, world, random);
        self.chronicle.ends();
    }

    fn carry_out(&mut self, fault: Fault, number: usize, world: &mut World, random: &mut Random) {
        match fault {
            Fault::Kill => restart(&mut world.sides[number]),
            Fault::Terminate => {
                let status = world.sides[number].node.end();
                let by_signal = status.signal() == Some(Signal::SIGTERM as i32);
                assert!(status.success() || by_signal, "{status}");
                world.sides[number].start();
            }
            Fault::Freeze => freeze(&world.sides[number], random),
            Fault::Absence => self.while_away(world, number, random),
            Fault::HangUp => world.sides[number].node.store.hang_up(),
            Fault::StoreOutage => self.outage(world, number, random, false),
            Fault::OtherHistory => self.outage(world, number, random, true),
            Fault::OtherLayout => other_layout(&mut world.sides[number], random),
            Fault::OlderVersion => older_version(&mut world.sides[number]),
            Fault::Tampering => tamper(&world.sides[number]),
            Fault::ForeignEdit => self.foreign_edit(&mut world.sides[number], random),
            Fault::OrphanEdit => self.orphan_edit(&mut world.sides[number], random),
            Fault::Flush => flush(&world.sides[number]),
            Fault::OtherTable => world.sides[number].within(other_table),
            Fault::BusyNeighbour => busy_neighbour(&mut world.sides[number]),
            Fault::Refusal => self.refusal(world, number, random),
            Fault::SecondAgent => second_agent(&world.sides[number]),
            Fault::Guards => self.change_guards(world, random),
            Fault::OtherEnd => self.other_end(world, number, random),
            Fault::Noise => self.change_noise(world, random),
            Fault::Churn => self.churn(world),
        }
    }

    fn while_away(&mut self, world: &mut World, number: usize, random: &mut Random) {
        world.sides[number].node.kill();
        self.change_guards(world, random);
        self.change_noise(world, random);
        pause(random);
        world.sides[number].node.store.forget_statuses();
        world.sides[number].start();
    }

    fn outage(&mut self, world: &World, number: usize, random: &mut Random, anew: bool) {
        let store = &world.sides[number].node.store;
        store.stop();
        self.change_guards(world, random);
        if anew {
            store.begin_another_history();
        }
        pause(random);
        store.forget_statuses();
        store.start();
    }

    /// The table belongs to somebody else for a moment.
    fn refusal(&mut self, world: &mut World, number: usize, random: &mut Random) {
        let side = &mut world.sides[number];
        side.node.kill();
        let holder = side.within(hold);
        side.node.store.forget_statuses();
        side.start();
        self.change_guards(world, random);
        eventually("the refusal", || {
            let statuses = world.sides[number].node.store.statuses();
            let failed = |status: &AgentStatus| matches!(status, AgentStatus::Failed { .. });
            statuses.iter().any(failed).then_some(())
        });
        drop(holder);
    }

    /// It is enforced as it is until the agent has noticed it, repaired it and said so.
    fn foreign_edit(&mut self, side: &mut Side, random: &mut Random) {
        side.node.configure(|config| config.protect_table = false);
        restart(side);
        side.node.store.wait();
        side.node.store.forget_statuses();
        let from = self.edit(side, random);
        eventually("the report of a foreign edit", || {
            let statuses = side.node.store.statuses();
            let degraded = |status: &AgentStatus| matches!(status, AgentStatus::Degraded { .. });
            statuses.iter().any(degraded).then_some(())
        });
        side.node.store.wait();
        self.chronicle.exposed(from);
        side.node.configure(|config| config.protect_table = true);
        restart(side);
        side.node.store.wait();
    }

    /// The next agent finds it.
    fn orphan_edit(&mut self, side: &mut Side, random: &mut Random) {
        side.node.store.wait();
        side.node.kill();
        let from = self.edit(side, random);
        side.node.store.forget_statuses();
        side.start();
        side.node.store.wait();
        self.chronicle.exposed(from);
    }

    fn edit(&mut self, side: &Side, random: &mut Random) -> Instant {
        let edits = side.within(|| {
            let mut edits = crate::protection::edits();
            edits.extend(without_one(random));
            edits
        });
        let edit = random.pick(&edits).unwrap();
        self.chronicle.note(&title(edit));
        let from = Instant::now();
        side.within(|| {
            Nftables::open()
                .unwrap()
                .apply(TABLE_NAME, std::slice::from_ref(edit))
        })
        .unwrap();
        from
    }

    /// Both nodes have the one policy before they lose the other: what nodes enforce at one moment is not coordinated.
    fn other_end(&mut self, world: &mut World, number: usize, random: &mut Random) {
        world.apply(fence());
        world.settle();
        for guard in std::mem::take(&mut self.guards) {
            world.delete(&AgentKey::NetworkPolicy(named(&format!("guard-{guard}"))));
        }
        pause(random);
        if random.chance(50) {
            restart(&mut world.sides[number]);
        }
        world.apply(guard(0, &FRIENDS));
        self.guards.insert(0);
        world.settle();
        world.delete(&fence().key());
    }

    /// Another one is there before one goes.
    fn change_guards(&mut self, world: &World, random: &mut Random) {
        let new = random.below(GUARDS);
        let mut friends = FRIENDS.to_vec();
        friends.extend(random.chance(50).then_some("nobody"));
        world.apply(guard(new, &friends));
        self.guards.insert(new);
        let old = self.guards.iter().copied().find(|one| *one != new);
        if let Some(old) = old.filter(|_| random.chance(60)) {
            self.guards.remove(&old);
            world.delete(&AgentKey::NetworkPolicy(named(&format!("guard-{old}"))));
        }
    }

    fn change_noise(&mut self, world: &World, random: &mut Random) {
        let number = random.below(8);
        let name = format!("noise-{number}");
        if self.noise.remove(&number) {
            return world.delete(&AgentKey::NetworkPolicy(named(&name)));
        }
        self.noise.insert(number);
        let subjects = ["other", "stranger-near", "stranger-far", "nobody"];
        let subject = random.pick(&subjects).unwrap();
        let port = u16::try_from(random.between(1, 9000)).unwrap();
        world.apply(policy(&name, subject, &["friend-far", "other"], Some(port)));
    }

    /// The new pod has the old one's address.
    fn churn(&mut self, world: &mut World) {
        let pod = world.sides[0].remove(OTHER);
        let old = pod.endpoint.pod.unwrap().name;
        self.others += 1;
        let new = format!("other-{}", self.others);
        world.delete(&AgentKey::Pod(named(&old)));
        world.apply(pod_on("one", &new, OTHER));
        world.sides[0].add(&new, OTHER);
    }
}

fn pause(random: &mut Random) {
    thread::sleep(Duration::from_millis(random.below(30).try_into().unwrap()));
}

fn restart(side: &mut Side) {
    side.node.kill();
    side.node.store.forget_statuses();
    side.start();
}

fn freeze(side: &Side, random: &mut Random) {
    kill(side.node.pid(), Signal::SIGSTOP).unwrap();
    pause(random);
    kill(side.node.pid(), Signal::SIGCONT).unwrap();
}

fn other_layout(side: &mut Side, random: &mut Random) {
    side.node.kill();
    let entries = 1024 << random.below(4);
    side.node
        .configure(|config| config.network.capacity.entries = entries);
    side.node.store.forget_statuses();
    side.start();
}

fn older_version(side: &mut Side) {
    for protect in [false, true] {
        side.node.configure(|config| config.protect_table = protect);
        restart(side);
        side.node.store.wait();
    }
}

/// While no agent is there anybody may change the table, and opens it; that is documented.
fn tamper(side: &Side) {
    if side.is_owned() {
        assert!(side.tampering_fails());
    }
}

fn flush(side: &Side) {
    if side.is_owned() {
        // Without nft there is nothing that could flush.
        side.within(|| {
            let _ = std::process::Command::new("nft")
                .args(["flush", "ruleset"])
                .status();
        });
        assert!(side.is_owned(), "it was flushed");
    }
}

/// From each set one element.
fn without_one(random: &mut Random) -> Vec<Operation> {
    let table = live().expect("a table");
    let mut edits = Vec::new();
    for (name, mut set) in table.sets {
        let keys: Vec<_> = std::mem::take(&mut set.elements).into_keys().collect();
        edits.extend(random.pick(&keys).map(|key| Operation::DeleteElements {
            set: name,
            definition: set,
            keys: vec![key.clone()],
        }));
    }
    edits
}

fn title(edit: &Operation) -> String {
    if let Operation::DeleteElements { set, keys, .. } = edit {
        return format!("{} elements of {set} deleted", keys.len());
    }
    format!("{edit:?}").chars().take(60).collect()
}

fn busy_neighbour(side: &mut Side) {
    let (over, netns) = (AtomicBool::new(false), side.netns());
    thread::scope(|scope| {
        scope.spawn(|| run_in(&netns, || bustle("busy", &over)).unwrap());
        let end = Over(&over);
        restart(side);
        side.node.store.wait();
        drop(end);
    });
}

/// Takes the table that an agent left.
fn hold() -> Nftables {
    let mut nftables = Nftables::open().unwrap();
    assert!(nftables.own_tables().unwrap());
    nftables.adopt(TABLE_NAME).unwrap();
    nftables
}

fn second_agent(side: &Side) {
    side.node.store.wait();
    assert!(!side.start_another(), "two agents");
}

/// It comes if it is not there, else it goes.
fn other_table() {
    let mut nftables = Nftables::open().unwrap();
    let operations = if nftables
        .list_tables()
        .unwrap()
        .iter()
        .any(|name| name == OTHER_TABLE)
    {
        vec![Operation::DeleteTable]
    } else {
        accepting()
    };
    nftables.apply(OTHER_TABLE, &operations).unwrap();
}

fn accepting() -> Vec<Operation> {
    let mut operations = vec![Operation::AddTable { comment: None }];
    for (hook, name) in [(Hook::Prerouting, "prerouting"), (Hook::Forward, "forward")] {
        let base = BaseChain {
            kind: ChainKind::Filter,
            hook,
            priority: -500,
        };
        let rule = Rule {
            statements: vec![Statement::Verdict(Verdict::Accept)],
            comment: None,
        };
        operations.push(Operation::AddChain {
            name: name.to_owned(),
            base: Some(base),
        });
        operations.push(Operation::AddRule {
            chain: name.to_owned(),
            rule,
        });
    }
    operations
}
