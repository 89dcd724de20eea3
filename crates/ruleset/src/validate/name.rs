use super::{ValidationError, check_comment};
use crate::Table;

/// Longest name of a table, chain or set, in bytes: `NFT_NAME_MAXLEN` of the kernel without the final zero.
const NAME_LIMIT: usize = 255;

/// Words that nft 1.0.6 refuses as the name of a chain; sorted.
const RESERVED: [&str; 149] = [
    "accept",
    "add",
    "ah",
    "all",
    "and",
    "arp",
    "auto-merge",
    "bridge",
    "chain",
    "comment",
    "comp",
    "constant",
    "continue",
    "counter",
    "cpu",
    "create",
    "ct",
    "dccp",
    "define",
    "delete",
    "describe",
    "device",
    "devices",
    "dnat",
    "drop",
    "dst",
    "dup",
    "dynamic",
    "ecn",
    "element",
    "elements",
    "eq",
    "esp",
    "ether",
    "exists",
    "expires",
    "export",
    "exthdr",
    "fib",
    "flags",
    "flow",
    "flowtable",
    "flush",
    "frag",
    "fwd",
    "gc-interval",
    "ge",
    "get",
    "goto",
    "gt",
    "handle",
    "hbh",
    "hook",
    "hour",
    "ibriport",
    "ibrname",
    "icmp",
    "icmpv6",
    "igmp",
    "iif",
    "iifgroup",
    "iifname",
    "iiftype",
    "import",
    "include",
    "index",
    "inet",
    "insert",
    "interval",
    "ip",
    "ip6",
    "ipsec",
    "jhash",
    "jump",
    "le",
    "limit",
    "list",
    "log",
    "lshift",
    "lt",
    "map",
    "mark",
    "masquerade",
    "meta",
    "meter",
    "mh",
    "missing",
    "monitor",
    "ne",
    "netdev",
    "nftrace",
    "not",
    "notrack",
    "numgen",
    "obriport",
    "obrname",
    "offload",
    "oif",
    "oifgroup",
    "oifname",
    "oiftype",
    "or",
    "osf",
    "pkttype",
    "policy",
    "position",
    "priority",
    "queue",
    "quota",
    "random",
    "redirect",
    "reject",
    "rename",
    "replace",
    "reset",
    "return",
    "rshift",
    "rt",
    "rt0",
    "rt2",
    "rtclassid",
    "rule",
    "ruleset",
    "sctp",
    "secmark",
    "set",
    "size",
    "skgid",
    "snat",
    "socket",
    "srh",
    "symhash",
    "synproxy",
    "table",
    "tcp",
    "th",
    "time",
    "timeout",
    "tproxy",
    "type",
    "typeof",
    "udp",
    "udplite",
    "undefine",
    "update",
    "vlan",
    "vmap",
    "xor",
    "xt",
];

pub(super) fn check(table: &Table, errors: &mut Vec<ValidationError>) {
    let names = [&table.name].into_iter();
    for name in names.chain(table.sets.keys()).chain(table.chains.keys()) {
        errors.extend(name_error(name));
    }
    check_comment(table.comment.as_ref(), || "the table".to_owned(), errors);
}

fn name_error(name: &str) -> Option<ValidationError> {
    let name_owned = || name.to_owned();
    if !is_name(name) {
        Some(ValidationError::Name { name: name_owned() })
    } else if RESERVED.binary_search(&name).is_ok() {
        Some(ValidationError::ReservedName { name: name_owned() })
    } else {
        None
    }
}

/// What nft's scanner takes as one word: a letter, then letters, digits and `/`, `\\`, `_`, `-`, `.`.
fn is_name(name: &str) -> bool {
    name.len() <= NAME_LIMIT
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/\\_-.".contains(c))
}
