use std::fmt;
use std::net::IpAddr;

use ringfence_net::Family;
use serde::{Deserialize, Serialize};

/// How many differences are kept.
const MOST: usize = 64;

/// What comes of comparing a table with policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where the table does something else than it should; the plainest first.
    pub differences: Vec<Difference>,
    /// How many differences there are; `differences` has the first of them.
    pub count: usize,
    /// What was compared.
    pub coverage: Coverage,
    /// Addresses that several pods claim. Nothing can be said of these.
    pub contested: Vec<IpAddr>,
}

/// How much was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Parts of header space that share a verdict, over all hooks.
    pub regions: usize,
    /// Pairs of classes whose policies were asked, each direction for itself.
    pub class_pairs: usize,
    /// Groups of source addresses, at the hook that has most.
    pub source_atoms: usize,
    /// Groups of destination addresses, at the hook that has most.
    pub destination_atoms: usize,
    /// The pairs of addresses that these stand for are nearly this power of two.
    pub address_pairs_log2: u32,
}

/// One packet of those that the kernel does not judge as it should.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Where it is judged.
    pub hook: String,
    /// The packet.
    pub packet: Witness,
    /// What the kernel does.
    pub kernel: String,
    /// The rules and elements that do it, in order.
    pub because: Vec<String>,
    /// What should be done.
    pub expected: String,
    /// Why, by policies and rules of the specification.
    pub why: Vec<String>,
    /// Policies that have a part in the decision, as `kind namespace/name`.
    pub policies: Vec<String>,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// Its family.
    pub family: Family,
    /// Its protocol's number.
    pub protocol: u8,
    /// Its destination port, if it has one that matters.
    pub port: Option<u16>,
    /// Its sender.
    pub source: IpAddr,
    /// The pod or node that has this address.
    pub source_name: Option<String>,
    /// Its receiver, after a Service's address is replaced.
    pub destination: IpAddr,
    /// The pod or node that has this address.
    pub destination_name: Option<String>,
    /// The interface that it comes in by; empty if the node made it.
    pub input: String,
    /// The interface that it leaves by; empty if that is not known yet, or if the node itself receives it.
    pub output: String,
    /// What connection tracking says.
    pub state: String,
    /// The TCP flags as a byte, if they matter.
    pub flags: Option<u8>,
    /// The ICMPv6 type, if it matters.
    pub icmp_type: Option<u8>,
}

impl Report {
    pub(crate) fn new(contested: Vec<IpAddr>) -> Self {
        Self {
            differences: Vec::new(),
            count: 0,
            coverage: Coverage::default(),
            contested,
        }
    }

    /// Whether the table does what it should, for all packets.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.differences.len() >= MOST
    }

    pub(crate) fn sort(&mut self) {
        let key = |it: &Difference| {
            let is_odd = it.packet.state != "new";
            (is_odd, it.packet.clone(), it.hook.clone())
        };
        self.differences.sort_by_key(key);
    }
}

impl Difference {
    /// The packet and what becomes of it, in a line.
    #[must_use]
    pub fn in_short(&self) -> String {
        let Self {
            hook,
            packet,
            kernel,
            expected,
            ..
        } = self;
        format!("{hook}: {packet}: {kernel} instead of {expected}")
    }
}

impl Coverage {
    pub(crate) fn add(&mut self, other: Self) {
        self.regions += other.regions;
        self.class_pairs += other.class_pairs;
        self.source_atoms = self.source_atoms.max(other.source_atoms);
        self.destination_atoms = self.destination_atoms.max(other.destination_atoms);
        self.address_pairs_log2 = self.address_pairs_log2.max(other.address_pairs_log2);
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            regions,
            class_pairs,
            source_atoms,
            destination_atoms,
            address_pairs_log2,
        } = self;
        write!(
            f,
            "{class_pairs} pairs of classes, {source_atoms} x {destination_atoms} groups of addresses \
             (2^{address_pairs_log2} pairs), {regions} regions"
        )
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |name: &Option<String>, address: IpAddr| match name {
            Some(name) => format!("{name} ({address})"),
            None => address.to_string(),
        };
        let source = end(&self.source_name, self.source);
        let destination = end(&self.destination_name, self.destination);
        write!(
            f,
            "{source} -> {destination} {}",
            protocol_name(self.protocol)
        )?;
        match (self.port, self.icmp_type) {
            (Some(port), _) => write!(f, "/{port}")?,
            (None, Some(kind)) => write!(f, " type {kind}")?,
            (None, None) => {}
        }
        write!(f, ", {}", self.state)?;
        if let Some(flags) = self.flags {
            write!(f, ", flags {flags:#04x}")?;
        }
        if !self.input.is_empty() {
            write!(f, ", in by {}", self.input)?;
        }
        if !self.output.is_empty() {
            write!(f, ", out by {}", self.output)?;
        }
        Ok(())
    }
}

fn protocol_name(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        132 => "sctp".to_owned(),
        other => format!("protocol {other}"),
    }
}
