//! The instructions of the kernel's nf_tables machine, one function each.

use ringfence_net::Family;
use ringfence_ruleset::{Limit, Log, Verdict};

use super::constants::{VERDICT_REGISTER, data, expr};
use super::element::write_verdict;
use crate::attribute::Writer;

/// The family numbers of `nfproto`, which equal `AF_INET` and `AF_INET6`.
pub(super) const fn nfproto(family: Family) -> u8 {
    match family {
        Family::V4 => super::constants::NFPROTO_IPV4,
        Family::V6 => super::constants::NFPROTO_IPV6,
    }
}

fn expression(writer: &mut Writer, name: &str, fill: impl FnOnce(&mut Writer)) {
    writer.nest(expr::LIST_ELEMENT, |writer| {
        writer.text(expr::NAME, name);
        writer.nest(expr::DATA, fill);
    });
}

pub(super) fn meta_load(writer: &mut Writer, key: u32, register: u32) {
    expression(writer, "meta", |writer| {
        writer.be32(1, register);
        writer.be32(2, key);
    });
}

pub(super) fn meta_set(writer: &mut Writer, key: u32, register: u32) {
    expression(writer, "meta", |writer| {
        writer.be32(2, key);
        writer.be32(3, register);
    });
}

pub(super) fn ct_load(writer: &mut Writer, key: u32, register: u32) {
    expression(writer, "ct", |writer| {
        writer.be32(1, register);
        writer.be32(2, key);
    });
}

pub(super) fn payload(writer: &mut Writer, base: u32, offset: u32, length: u32, register: u32) {
    expression(writer, "payload", |writer| {
        writer.be32(1, register);
        writer.be32(2, base);
        writer.be32(3, offset);
        writer.be32(4, length);
    });
}

pub(super) fn compare(writer: &mut Writer, register: u32, operator: u32, value: &[u8]) {
    expression(writer, "cmp", |writer| {
        writer.be32(1, register);
        writer.be32(2, operator);
        writer.nest(3, |writer| writer.put(data::VALUE, value));
    });
}

pub(super) fn outside(writer: &mut Writer, register: u32, first: &[u8], last: &[u8]) {
    expression(writer, "range", |writer| {
        writer.be32(1, register);
        writer.be32(2, expr::RANGE_NEQ);
        writer.nest(3, |writer| writer.put(data::VALUE, first));
        writer.nest(4, |writer| writer.put(data::VALUE, last));
    });
}

/// `register = register & mask`.
pub(super) fn mask(writer: &mut Writer, register: u32, length: u32, mask: &[u8]) {
    expression(writer, "bitwise", |writer| {
        writer.be32(1, register);
        writer.be32(2, register);
        writer.be32(3, length);
        writer.nest(4, |writer| writer.put(data::VALUE, mask));
        writer.nest(5, |writer| writer.put(data::VALUE, &vec![0; mask.len()]));
    });
}

/// Turns a number of 4 or 8 bytes in host order into network order.
pub(super) fn to_network_order(writer: &mut Writer, register: u32, length: u32) {
    expression(writer, "byteorder", |writer| {
        writer.be32(1, register);
        writer.be32(2, register);
        writer.be32(3, expr::HTON);
        writer.be32(4, length);
        writer.be32(5, length);
    });
}

/// What becomes of a lookup's hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The rule goes on only if the key is there.
    Member,
    /// The rule goes on only if the key is not there.
    NotMember,
    /// The value goes to a register; a miss ends the rule.
    Into(u32),
}

pub(super) fn lookup(writer: &mut Writer, set: &str, register: u32, result: Lookup) {
    expression(writer, "lookup", |writer| {
        writer.text(1, set);
        writer.be32(2, register);
        match result {
            Lookup::Member => {}
            Lookup::NotMember => writer.be32(5, expr::LOOKUP_INVERT),
            Lookup::Into(target) => writer.be32(3, target),
        }
    });
}

pub(super) fn constant(writer: &mut Writer, register: u32, value: &[u8]) {
    expression(writer, "immediate", |writer| {
        writer.be32(1, register);
        writer.nest(2, |writer| writer.put(data::VALUE, value));
    });
}

pub(super) fn verdict(writer: &mut Writer, verdict: &Verdict) {
    expression(writer, "immediate", |writer| {
        writer.be32(1, VERDICT_REGISTER);
        writer.nest(2, |writer| write_verdict(writer, verdict));
    });
}

pub(super) fn random(writer: &mut Writer, modulus: u32, register: u32) {
    expression(writer, "numgen", |writer| {
        writer.be32(1, register);
        writer.be32(2, modulus);
        writer.be32(3, expr::NUMGEN_RANDOM);
        writer.be32(4, 0);
    });
}

/// The cgroup of the packet's socket, or the one above it at this level.
pub(super) fn sender_cgroup(writer: &mut Writer, level: u8, register: u32) {
    expression(writer, "socket", |writer| {
        writer.be32(1, expr::SOCKET_CGROUP);
        writer.be32(2, register);
        writer.be32(3, level.into());
    });
}

pub(super) fn destination_nat(writer: &mut Writer, family: Family, address: u32, port: u32) {
    expression(writer, "nat", |writer| {
        writer.be32(1, expr::NAT_DESTINATION);
        writer.be32(2, u32::from(nfproto(family)));
        writer.be32(3, address);
        writer.be32(5, port);
    });
}

/// What a packet does to the element of the key in these registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// It is there for so many seconds from now on.
    Update(u32),
    /// It is gone.
    Delete,
}

pub(super) fn write_element(writer: &mut Writer, set: &str, (key, value): (u32, u32), what: Write) {
    let operation = match what {
        Write::Update(_) => expr::DYNSET_UPDATE,
        Write::Delete => expr::DYNSET_DELETE,
    };
    expression(writer, "dynset", |writer| {
        writer.text(1, set);
        writer.be32(3, operation);
        writer.be32(4, key);
        writer.be32(5, value);
        if let Write::Update(seconds) = what {
            let milliseconds = u64::from(seconds).saturating_mul(1000);
            writer.put(6, &milliseconds.to_be_bytes());
        }
    });
}

pub(super) fn masquerade(writer: &mut Writer) {
    expression(writer, "masq", |_| {});
}

pub(super) fn notrack(writer: &mut Writer) {
    expression(writer, "notrack", |_| {});
}

pub(super) fn reject(writer: &mut Writer) {
    expression(writer, "reject", |writer| {
        writer.be32(1, expr::REJECT_ICMPX);
        writer.put(2, &[expr::ICMPX_PORT_UNREACHABLE]);
    });
}

pub(super) fn reset(writer: &mut Writer) {
    expression(writer, "reject", |writer| {
        writer.be32(1, expr::REJECT_TCP_RESET);
    });
}

/// Packets per second; the kernel has other units, which nobody here writes.
pub(super) fn limit(writer: &mut Writer, limit: Limit) {
    expression(writer, "limit", |writer| {
        writer.put(1, &limit.rate.to_be_bytes());
        writer.put(2, &expr::LIMIT_SECOND.to_be_bytes());
        writer.be32(3, limit.burst);
        writer.be32(4, expr::LIMIT_PACKETS);
        writer.be32(5, 0);
    });
}

pub(super) fn log(writer: &mut Writer, log: &Log) {
    expression(writer, "log", |writer| {
        writer.put(1, &log.group.to_be_bytes());
        writer.text(2, &log.prefix);
        if log.snaplen != 0 {
            writer.be32(3, log.snaplen);
        }
    });
}
