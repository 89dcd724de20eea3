use std::net::UdpSocket;
use std::time::{Duration, Instant};

use ringfence_netlink::nflog::{LogHook, Nflog};
use ringfence_netlink::nftables::Nftables;
use ringfence_ruleset::{
    BaseChain, Chain, ChainKind, Hook, Limit, Log, Rule, Statement, Table, Verdict, diff,
};

use crate::{lacks, loopback_up, run};

tests! {
    "nflog" => [
        dropped_packets_are_copied_with_their_prefix,
        one_listener_per_group,
        what_does_not_fit_is_counted,
        a_limit_bounds_the_copies_and_lets_nothing_through,
        log_and_limit_are_what_nft_lists,
    ],
}

const GROUP: u16 = 77;
/// For what has been sent, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn log(prefix: &str, snaplen: u32) -> Statement {
    Statement::Log(Log {
        prefix: prefix.to_owned(),
        group: GROUP,
        snaplen,
    })
}

fn rule(statements: Vec<Statement>) -> Rule {
    Rule {
        statements,
        comment: None,
    }
}

/// What leaves this host meets these rules.
fn table(rules: Vec<Rule>) -> Table {
    let chain = Chain {
        base: Some(BaseChain {
            kind: ChainKind::Filter,
            hook: Hook::Output,
            priority: 0,
        }),
        rules,
    };
    Table {
        name: "rf".to_owned(),
        comment: None,
        chains: [("o".to_owned(), chain)].into(),
        sets: std::collections::BTreeMap::new(),
    }
}

fn load(rules: Vec<Rule>) -> Table {
    loopback_up();
    let table = table(rules);
    let operations = diff(None, &table);
    let mut nftables = Nftables::open().unwrap();
    nftables.apply("rf", &operations).unwrap();
    let live = nftables.read_table("rf").unwrap().unwrap();
    assert_eq!(live.to_table("rf").unwrap(), table);
    table
}

fn logged_and_dropped(limit: Option<Limit>) -> Table {
    let limit = limit.map(Statement::Limit);
    let report = limit.into_iter().chain([log("ringfence egress", 64)]);
    let drop = Statement::Verdict(Verdict::Drop);
    load(vec![rule(report.collect()), rule(vec![drop])])
}

/// Each is refused by the table.
fn send(count: usize) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..count {
        assert!(socket.send_to(&[7; 200], "127.0.0.1:9").is_err());
    }
}

fn dropped_packets_are_copied_with_their_prefix() {
    logged_and_dropped(None);
    let mut nflog = Nflog::open(GROUP, 128).unwrap();
    assert_eq!(nflog.next(Duration::from_millis(1)).unwrap().copies, []);
    send(2);
    let mut copies = Vec::new();
    while copies.len() < 2 {
        let batch = nflog.next(PATIENCE).unwrap();
        assert!(!batch.copies.is_empty(), "only {copies:?}");
        assert_eq!((batch.lost, batch.overrun), (0, false));
        copies.extend(batch.copies);
    }
    let [first, second] = &copies[..] else {
        panic!("{copies:?}")
    };
    assert_eq!(first.prefix, "ringfence egress");
    assert_eq!(
        (first.hook, first.input, first.output),
        (LogHook::Output, 0, 1)
    );
    assert_eq!(second.sequence, first.sequence + 1);
    // The rule says 64 bytes, which is less than the listener takes.
    assert_eq!(first.payload.len(), 64);
    assert_eq!(first.payload[12..20], [127, 0, 0, 1, 127, 0, 0, 1]);
    assert_eq!(first.payload[22..24], 9_u16.to_be_bytes());
}

fn one_listener_per_group() {
    let _first = Nflog::open(GROUP, 128).unwrap();
    let error = Nflog::open(GROUP, 128).unwrap_err();
    assert!(error.errno().is_some(), "{error}");
    Nflog::open(GROUP + 1, 128).unwrap();
}

/// More than any buffer holds, and nobody reads.
fn what_does_not_fit_is_counted() {
    const SENT: usize = 60_000;
    logged_and_dropped(None);
    let mut nflog = Nflog::open(GROUP, 128).unwrap();
    send(SENT);
    let (mut seen, mut lost, mut overrun) = (0_u64, 0_u64, false);
    loop {
        let batch = nflog.next(Duration::from_millis(300)).unwrap();
        if batch.copies.is_empty() && !batch.overrun {
            break;
        }
        seen += batch.copies.len() as u64;
        lost += batch.lost;
        overrun |= batch.overrun;
    }
    // The gap shows with the next copy that comes through.
    send(1);
    let batch = nflog.next(PATIENCE).unwrap();
    seen += batch.copies.len() as u64;
    lost += batch.lost;
    assert!(overrun || seen == SENT as u64 + 1, "{seen} of {SENT}");
    assert_eq!(seen + lost, SENT as u64 + 1);
}

fn a_limit_bounds_the_copies_and_lets_nothing_through() {
    logged_and_dropped(Some(Limit { rate: 1, burst: 3 }));
    let mut nflog = Nflog::open(GROUP, 128).unwrap();
    let began = Instant::now();
    send(500);
    let mut seen = 0;
    loop {
        let batch = nflog.next(Duration::from_millis(300)).unwrap();
        if batch.copies.is_empty() {
            break;
        }
        seen += batch.copies.len();
    }
    // One more a second, as long as it took.
    let most = 4 + usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((3..=most).contains(&seen), "{seen} copies");
}

fn log_and_limit_are_what_nft_lists() {
    if lacks("nft") {
        return;
    }
    let limit = |rate, burst| Statement::Limit(Limit { rate, burst });
    let table = load(vec![
        rule(vec![limit(500, 1000), log("ringfence ingress", 128)]),
        rule(vec![limit(1, 5), log("a b", 0)]),
        rule(vec![log(&"x".repeat(127), 1)]),
        rule(vec![
            limit(1_000_000_000, u32::MAX),
            Statement::Verdict(Verdict::Drop),
        ]),
    ]);
    ringfence_ruleset::validate(&table).unwrap();
    let listed = run("nft", &["list", "table", "inet", "rf"]);
    assert_eq!(listed, table.to_string());
    assert!(listed.contains("limit rate 500/second burst 1000 packets log prefix"));
}
