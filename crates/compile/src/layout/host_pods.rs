//! The table that judges what pods in the network of their node send (rules HN-*): chains, rules and sets, which are the same
//! whatever the cluster holds.

use std::collections::BTreeMap;

use ringfence_net::Family;
use ringfence_ruleset::{
    Chain, ChainKind, DataType, Expression, Hook, Set, SetKind, Table, Verdict,
};

use super::chains::{base, both, called};
use super::part::{destination, jump, rule, service_key, verdict, within};
use super::reports::{drop_chain, end_for};
use super::set_name;
use crate::host_pods::LEVELS;
use crate::report::Reason;

/// The addresses that are kept from pods.
pub(crate) const WITHHELD: &str = "withheld";
/// Who may reach which of them.
pub(crate) const OPENED: &str = "opened";
/// The cgroups that the pods of the node are in.
pub(crate) const ALL_PODS: &str = "all-pods";

/// The table without elements.
///
/// A packet to any other address is looked up once. Others are compared with the cgroups above their socket, the deepest first: what
/// is open to a pod stands under the pod's cgroup, what is open to all of them under that of all. What comes from a pod
/// and is not open is dropped; what comes from no pod, or from no socket, goes on.
pub(crate) fn host_pods(name: &str) -> Table {
    let mut chains = BTreeMap::from([
        ("output".to_owned(), output()),
        ("senders".to_owned(), senders()),
        drop_chain(Reason::HostPod),
    ]);
    chains.extend(Family::ALL.map(|family| (judge_chain(family), judge(family))));
    Table {
        name: name.to_owned(),
        comment: Some("ringfence: what pods in the network of this node may send".to_owned()),
        chains,
        sets: sets(),
    }
}

fn judge_chain(family: Family) -> String {
    set_name("judge", family)
}

/// Behind address translation: a Service that leads to such an address is none (rule CN-34).
fn output() -> Chain {
    let rules = both(|family| {
        rule([
            within(destination(family), &set_name(WITHHELD, family)),
            jump(&judge_chain(family)),
        ])
    });
    base(ChainKind::Filter, Hook::Output, 0, rules.collect())
}

fn judge(family: Family) -> Chain {
    let open = LEVELS.rev().map(|level| {
        let mut key = vec![Expression::SenderCgroup { level }];
        key.extend(service_key(family));
        let open = within(Expression::Concat(key), &set_name(OPENED, family));
        rule([open, verdict(Verdict::Accept)])
    });
    let end = rule([verdict(Verdict::Goto("senders".to_owned()))]);
    called(open.chain([end]).collect())
}

fn senders() -> Chain {
    let rules = LEVELS.map(|level| {
        let is_pod = within(Expression::SenderCgroup { level }, ALL_PODS);
        rule([is_pod, end_for(Reason::HostPod)])
    });
    called(rules.collect())
}

fn sets() -> BTreeMap<String, Set> {
    let of_family = |family| {
        let address = match family {
            Family::V4 => DataType::Ipv4Address,
            Family::V6 => DataType::Ipv6Address,
        };
        let sender = vec![
            DataType::Cgroup,
            address,
            DataType::InetProto,
            DataType::InetService,
        ];
        [
            (set_name(WITHHELD, family), set(vec![address], true)),
            (set_name(OPENED, family), set(sender, true)),
        ]
    };
    let pods = Set {
        counted: true,
        ..set(vec![DataType::Cgroup], false)
    };
    let sets = Family::ALL.into_iter().flat_map(of_family);
    sets.chain([(ALL_PODS.to_owned(), pods)]).collect()
}

const fn set(key: Vec<DataType>, interval: bool) -> Set {
    Set {
        key,
        kind: SetKind::Set,
        interval,
        counted: false,
        dynamic: false,
        timed: false,
        size: None,
        elements: BTreeMap::new(),
    }
}
