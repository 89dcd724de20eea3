use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use ringfence_ruleset::{BaseChain, Chain, Counter, Counters, Key, Rule, Set, Statement, Table};

use super::batch::header;
use super::constants::{NFPROTO_INET, chain, element, message, msg, rule, set, table};
use super::decode::Contents;
use super::{Nftables, Owner, ReadError, TableFlags, decode};
use crate::attribute::{Attributes, Writer};
use crate::socket::{Message, SocketError};

/// How often a table is read again because it changed underneath.
const ATTEMPTS: u32 = 10;
/// How often, and how long, to wait for a set's table to stop growing.
const SETTLE_ATTEMPTS: u32 = 200;
const SETTLE: Duration = Duration::from_millis(5);
/// Size of `struct nfgenmsg` before the attributes.
const HEADER: usize = 4;
/// `NFTA_GEN_ID`.
const GENERATION: u16 = 1;

/// What the kernel holds of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableState {
    /// The comment stored with the table.
    pub comment: Option<String>,
    /// Whom it belongs to, and whether it counts.
    pub flags: TableFlags,
    /// The chains by name.
    pub chains: BTreeMap<String, ChainState>,
    /// The sets and maps by name, with their elements, but those that packets write.
    pub sets: BTreeMap<String, Set>,
    /// What elements have counted.
    pub counters: Counters,
}

/// What the kernel holds of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    /// The hook, for a base chain.
    pub base: Option<BaseChain>,
    /// Whether the chain drops what its rules leave undecided; ringfence's own chains never do.
    pub policy_drop: bool,
    /// The rules in order.
    pub rules: Vec<RuleState>,
}

/// What the kernel holds of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// The kernel's number of the rule, unique in the table and never used again.
    pub handle: u64,
    /// The comment stored with it.
    pub comment: Option<String>,
    /// The statements, decoded; `None` if the rule does something that this crate does not write, which
    /// makes it foreign. Tests that a later field implies are left out, and a block of a single address
    /// reads as that address.
    pub statements: Option<Vec<Statement>>,
}

impl TableState {
    /// The table as an object to compare and to evaluate; `None` if somebody put a rule or a chain policy
    /// into it that ringfence does not write, or put it to sleep.
    #[must_use]
    pub fn to_table(&self, name: &str) -> Option<Table> {
        let chain = |(name, state): (&String, &ChainState)| Some((name.clone(), state.to_chain()?));
        let chains = self.chains.iter().map(chain).collect::<Option<_>>()?;
        let name = name.to_owned();
        (!self.flags.dormant).then_some(Table {
            name,
            comment: self.comment.clone(),
            chains,
            sets: self.sets.clone(),
        })
    }
}

impl ChainState {
    fn to_chain(&self) -> Option<Chain> {
        let rule = |state: &RuleState| {
            let statements = state.statements.clone()?;
            Some(Rule {
                statements,
                comment: state.comment.clone(),
            })
        };
        let rules = self.rules.iter().map(rule).collect::<Option<_>>()?;
        (!self.policy_drop).then_some(Chain {
            base: self.base,
            rules,
        })
    }
}

impl Nftables {
    /// The names of all tables of family `inet`, sorted.
    ///
    /// # Errors
    /// [`ReadError::Socket`].
    pub fn list_tables(&mut self) -> Result<Vec<String>, ReadError> {
        let tables = self
            .socket
            .dump(message(msg::GET_TABLE), &header(NFPROTO_INET, 0))?;
        let names = tables
            .iter()
            .filter_map(|message| Some(attributes(message).find(table::NAME)?.text()));
        Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Reads a table of family `inet` whole, from one generation of the ruleset; `None` if there is none.
    /// The generation is the network namespace's: commits to other tables make this start again, too, unless the table
    /// belongs to this connection.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_table(&mut self, name: &str) -> Result<Option<TableState>, ReadError> {
        for _ in 0..ATTEMPTS {
            let before = self.generation()?;
            let state = self.read_once(name);
            // An error may come from reading in the middle of a change.
            if self.is_own(&state) || self.generation()? == before {
                return state;
            }
        }
        Err(ReadError::Changing(ATTEMPTS))
    }

    /// Whether the table is one that only this connection changes, which was busy reading.
    fn is_own(&self, read: &Result<Option<TableState>, ReadError>) -> bool {
        let own = Owner::Port(self.port());
        matches!(read, Ok(Some(state)) if state.flags.owner == own)
    }

    /// The number of the ruleset's generation, which every committed transaction of this network
    /// namespace increases.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn generation(&mut self) -> Result<u32, ReadError> {
        let answer = self
            .socket
            .request(message(msg::GET_GENERATION), 0, &header(0, 0))?;
        let number = answer
            .iter()
            .find_map(|message| attributes(message).find(GENERATION)?.be32());
        number.ok_or_else(|| ReadError::Malformed {
            object: "generation".to_owned(),
        })
    }

    fn read_once(&mut self, name: &str) -> Result<Option<TableState>, ReadError> {
        let Some((comment, flags)) = self.table_header(name)? else {
            return Ok(None);
        };
        let mut chains = self.read_chains(name)?;
        let mut sets = self.read_definitions(name)?;
        self.read_rules(name, &mut chains, &sets)?;
        let mut counters = Counters::new();
        let own = sets.iter_mut().filter(|(_, set)| !set.dynamic);
        for (set, definition) in own {
            let counted = self.read_elements(name, set, definition)?;
            counters.insert(set.clone(), counted);
        }
        counters.retain(|_, counted| !counted.is_empty());
        Ok(Some(TableState {
            comment,
            flags,
            chains,
            sets,
            counters,
        }))
    }

    /// Whom a table belongs to, and whether it counts; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError::Socket`].
    pub fn table_flags(&mut self, name: &str) -> Result<Option<TableFlags>, ReadError> {
        Ok(self.table_header(name)?.map(|(_, flags)| flags))
    }

    /// The table's comment and flags; `None` if there is no table.
    fn table_header(
        &mut self,
        name: &str,
    ) -> Result<Option<(Option<String>, TableFlags)>, ReadError> {
        let body = request(|writer| writer.text(table::NAME, name));
        match self.socket.request(message(msg::GET_TABLE), 0, &body) {
            Err(SocketError::Refused(refused)) if refused.errno == Errno::ENOENT => Ok(None),
            Err(error) => Err(error.into()),
            Ok(answer) => Ok(answer.first().map(|message| {
                let fields = attributes(message);
                let comment = fields
                    .find(table::USERDATA)
                    .and_then(|data| decode::comment(data.value));
                (comment, TableFlags::read(&fields))
            })),
        }
    }

    fn read_chains(&mut self, name: &str) -> Result<BTreeMap<String, ChainState>, ReadError> {
        let body = request(|writer| writer.text(chain::TABLE, name));
        let chains = self.socket.dump(message(msg::GET_CHAIN), &body)?;
        let ours = chains
            .iter()
            .map(attributes)
            .filter(|chain| belongs(chain, chain::TABLE, name));
        ours.map(|chain| decode::chain(&chain)).collect()
    }

    fn read_rules(
        &mut self,
        name: &str,
        chains: &mut BTreeMap<String, ChainState>,
        sets: &BTreeMap<String, Set>,
    ) -> Result<(), ReadError> {
        let body = request(|writer| writer.text(rule::TABLE, name));
        let rules = self.socket.dump(message(msg::GET_RULE), &body)?;
        for rule in rules
            .iter()
            .map(attributes)
            .filter(|rule| belongs(rule, rule::TABLE, name))
        {
            let (chain, state) = decode::rule(&rule, sets)?;
            chains.entry(chain).or_default().rules.push(state);
        }
        Ok(())
    }

    fn read_definitions(&mut self, name: &str) -> Result<BTreeMap<String, Set>, ReadError> {
        let body = request(|writer| writer.text(set::TABLE, name));
        let sets = self.socket.dump(message(msg::GET_SET), &body)?;
        let ours = sets
            .iter()
            .map(attributes)
            .filter(|set| belongs(set, set::TABLE, name));
        ours.filter_map(|set| decode::definition(&set).transpose())
            .collect()
    }

    /// Reads a set's elements. While the kernel still grows the hash table of a set without a size, which
    /// it does in the background, a dump can miss elements: then it is read again. Gives what they have counted.
    fn read_elements(
        &mut self,
        table: &str,
        name: &str,
        set: &mut Set,
    ) -> Result<BTreeMap<Key, Counter>, ReadError> {
        let mut previous = self.dump_elements(table, name, set)?;
        if !may_grow(set) || self.count(table, name)? == Some(previous.elements.len()) {
            set.elements = previous.elements;
            return Ok(previous.counters);
        }
        for _ in 0..SETTLE_ATTEMPTS {
            thread::sleep(SETTLE);
            let next = self.dump_elements(table, name, set)?;
            let complete = match self.count(table, name)? {
                // Of elements that end by themselves it counts some that have ended.
                Some(count) if !set.timed => count == next.elements.len(),
                Some(_) | None => next.elements == previous.elements,
            };
            if complete {
                set.elements = next.elements;
                return Ok(next.counters);
            }
            previous = next;
        }
        Err(ReadError::Changing(SETTLE_ATTEMPTS))
    }

    fn dump_elements(&mut self, table: &str, name: &str, set: &Set) -> Result<Contents, ReadError> {
        let body = request(|writer| {
            writer.text(element::LIST_TABLE, table);
            writer.text(element::LIST_SET, name);
        });
        let messages = self.socket.dump(message(msg::GET_ELEMENTS), &body)?;
        let lists = messages
            .iter()
            .filter_map(|message| attributes(message).find(element::LIST_ELEMENTS));
        decode::elements(name, set, lists.flat_map(|list| list.nested()))
    }

    /// How many elements the kernel counts; `None` if it does not say.
    fn count(&mut self, table: &str, name: &str) -> Result<Option<usize>, ReadError> {
        let body = set_request(table, name);
        let answer = self.socket.request(message(msg::GET_SET), 0, &body)?;
        let count = answer
            .first()
            .and_then(|message| attributes(message).find(set::COUNT)?.be32());
        Ok(count.and_then(|count| usize::try_from(count).ok()))
    }

    /// Whether a set has ranges; `None` if there is no such set.
    pub(super) fn is_interval_set(
        &mut self,
        table: &str,
        name: &str,
    ) -> Result<Option<bool>, SocketError> {
        let body = set_request(table, name);
        match self.socket.request(message(msg::GET_SET), 0, &body) {
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
            // No flags are not sent.
            Ok(answer) => Ok(answer.first().map(|message| {
                let flags = attributes(message)
                    .find(set::FLAGS)
                    .and_then(|flags| flags.be32());
                flags.unwrap_or(0) & set::FLAG_INTERVAL != 0
            })),
        }
    }
}

/// Only sets of one point a key are in tables that grow: those without size, and those whose elements end.
fn may_grow(set: &Set) -> bool {
    !set.interval && (set.size.is_none() || set.timed)
}

fn set_request(table: &str, name: &str) -> Vec<u8> {
    request(|writer| {
        writer.text(set::TABLE, table);
        writer.text(set::NAME, name);
    })
}

/// The body of a request: header and attributes.
fn request(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.raw(&header(NFPROTO_INET, 0));
    fill(&mut writer);
    // Names too long for an attribute do not exist; the kernel refuses the empty request.
    writer.finish().unwrap_or_default()
}

pub(super) fn attributes(message: &Message) -> Attributes<'_> {
    Attributes::new(message.body.get(HEADER..).unwrap_or_default())
}

/// Old kernels ignore the filter by table.
fn belongs(object: &Attributes<'_>, attribute: u16, table: &str) -> bool {
    object
        .find(attribute)
        .is_some_and(|found| found.text() == table)
}
