use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use ringfence_net::{ConnectionSet, PortRange, PortSet, Protocol};

use super::{HEADER, Lock};
use crate::matrix::Cell;
use crate::workload::{Place, Unit};

/// Source and destination.
type Pair = (Arc<Unit>, Arc<Unit>);

/// A lockfile that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {problem}")]
pub struct LockError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// The first word of every lockfile; what follows is its version.
const WORD: &str = "ringfence-lock ";

/// What version control leaves at the beginning of lines that it could not merge.
const CONFLICT: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

impl Lock {
    /// Whether `text` is meant to be a lockfile, of whatever version, be it with conflicts in it.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let first = text.lines().find(|line| !is_conflict(line));
        first.is_some_and(|line| line.starts_with(WORD))
    }
}

fn is_conflict(line: &str) -> bool {
    CONFLICT.iter().any(|mark| line.starts_with(mark))
}

/// Reads what [`Lock`] prints; lines may stand in any order.
///
/// ```text
/// lock    = "ringfence-lock 1" *( comment / unit / host / accept / pair )   each on a line of its own
/// comment = "#" text
/// unit    = "unit " name
/// host    = "host " name
/// accept  = "name " name " -> " DOMAIN ": " ports *( " " ports )
/// pair    = name " -> " name ": " set *( "; " set )
/// name    = NAMESPACE "/" kind "/" NAME / "node" "s" / "node/" NAME / place / block
/// place   = ( "internet" / "metadata" / "private" / "special" ) [ "-ipv6" ]
/// set     = [ "some " / "unknown " ] ( "all" / ports *( " " ports ) )
/// ports   = ( "tcp/" / "udp/" / "sctp/" ) ( "*" / range *( "," range ) ) / "other"
/// range   = PORT [ "-" PORT ]
/// ```
impl FromStr for Lock {
    type Err = LockError;

    fn from_str(text: &str) -> Result<Self, LockError> {
        let mut lines = text.lines().zip(1..);
        let (header, _) = lines.next().unwrap_or(("", 1));
        check_header(header).map_err(|problem| LockError { line: 1, problem })?;
        let mut reader = Reader::default();
        for (text, line) in lines {
            let read = reader.read(text.trim_end(), line);
            read.map_err(|problem| LockError { line, problem })?;
        }
        reader.finish()
    }
}

fn check_header(header: &str) -> Result<(), String> {
    if header.trim_end() == HEADER {
        return Ok(());
    }
    if is_conflict(header) {
        return Err(conflict(header));
    }
    Err(match header.strip_prefix(WORD) {
        Some(version) => format!(
            "the lockfile is of version `{}`, and this ringfence reads `{HEADER}`: write it anew with `ringfence lock`",
            version.trim_end()
        ),
        None => format!("a lockfile begins with `{HEADER}`, and this is `{header}`"),
    })
}

fn conflict(line: &str) -> String {
    let mark = line.get(..7).unwrap_or(line);
    format!(
        "`{mark}` is the mark of a conflict that a merge left: write the lockfile anew with `ringfence lock`"
    )
}

/// A lock in the making, and the line that each pair stands on.
#[derive(Default)]
struct Reader {
    lock: Lock,
    lines: BTreeMap<Pair, usize>,
    /// Ends of pairs by name, and cells by what is said of them: the same stand in many lines.
    units: BTreeMap<String, Arc<Unit>>,
    cells: BTreeMap<String, Arc<Cell>>,
}

impl Reader {
    fn read(&mut self, line: &str, number: usize) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if is_conflict(line) {
            return Err(conflict(line));
        }
        if let Some(name) = line.strip_prefix("unit ") {
            let first = self.lock.units.insert(unit(name)?);
            return first
                .then_some(())
                .ok_or(format!("unit `{name}` is given twice"));
        }
        if let Some(name) = line.strip_prefix("host ") {
            let first = self.lock.hosts.insert(unit(name)?);
            return first
                .then_some(())
                .ok_or(format!("`host {name}` is given twice"));
        }
        if let Some(accepted) = line.strip_prefix("name ") {
            let (key, set) = named(accepted)?;
            let before = self.lock.names.insert(key, set);
            return match before {
                None => Ok(()),
                Some(_) => Err(format!("`name {accepted}` is given twice")),
            };
        }
        let (units, cell) = self.pair(line)?;
        if let Some(before) = self.lines.insert(units.clone(), number) {
            return Err(format!("this pair is given on line {before} too"));
        }
        self.lock.cells.insert(units.0, units.1, cell);
        Ok(())
    }

    fn pair(&mut self, line: &str) -> Result<(Pair, Arc<Cell>), String> {
        let expected = || format!("`{line}` is neither `unit NAME` nor `NAME -> NAME: PORTS`");
        let (ends, sets) = line.split_once(": ").ok_or_else(expected)?;
        let (source, destination) = ends.split_once(" -> ").ok_or_else(expected)?;
        let source = known(&mut self.units, source, unit)?;
        let destination = known(&mut self.units, destination, unit)?;
        Ok(((source, destination), known(&mut self.cells, sets, cell)?))
    }

    /// Every end of a pair must be a unit: a merge that lost one is not to be read as its absence.
    fn finish(self) -> Result<Lock, LockError> {
        let units = &self.lock.units;
        let unknown = self.units.values().filter(|unit| !units.contains(&***unit));
        let unknown: BTreeSet<&Unit> = unknown.map(|unit| &**unit).collect();
        let lost = |(source, destination): &Pair| {
            let mut ends = [source, destination].into_iter();
            ends.find(|unit| unknown.contains(&***unit))
                .map(|unit| unit.full_name())
        };
        let mut pairs = self.lines.iter();
        let found = pairs.find_map(|(pair, line)| Some((lost(pair)?, *line)));
        match found {
            None => Ok(self.lock),
            Some((name, line)) => Err(LockError {
                line,
                problem: format!("`{name}` stands in a pair, and there is no line `unit {name}`"),
            }),
        }
    }
}

/// What `read` makes of `text`, which it is asked once.
fn known<T>(
    known: &mut BTreeMap<String, Arc<T>>,
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Arc<T>, String> {
    if let Some(found) = known.get(text) {
        return Ok(Arc::clone(found));
    }
    let found = Arc::new(read(text)?);
    known.insert(text.to_owned(), Arc::clone(&found));
    Ok(found)
}

fn named(line: &str) -> Result<((Unit, String), ConnectionSet), String> {
    let expected = || format!("`{line}` is not `NAME -> DOMAIN: PORTS`");
    let (ends, ports) = line.split_once(": ").ok_or_else(expected)?;
    let (source, domain) = ends.split_once(" -> ").ok_or_else(expected)?;
    let domain = match domain.strip_prefix("*.") {
        Some(parent) => unescaped(parent).map(|parent| format!("*.{parent}")),
        None => unescaped(domain),
    };
    let key = (unit(source)?, domain.ok_or_else(expected)?);
    Ok((key, connections(ports)?))
}

fn unit(name: &str) -> Result<Unit, String> {
    if let Some(place) = Place::parse(name) {
        return Ok(Unit::Place(place));
    }
    let parts: Option<Vec<String>> = name.split('/').map(unescaped).collect();
    match parts.as_deref() {
        Some([nodes]) if nodes == "nodes" => Ok(Unit::Nodes),
        Some([node, name]) if node == "node" => Ok(Unit::Node(name.clone())),
        Some([namespace, kind, name]) => Ok(Unit::workload(namespace, kind, name)),
        Some(_) | None => Err(format!(
            "`{name}` names no unit, such as `shop/deployment/web` or `internet`"
        )),
    }
}

fn unescaped(part: &str) -> Option<String> {
    let mut pieces = part.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|part| !part.is_empty())
}

fn cell(text: &str) -> Result<Cell, String> {
    let mut cell = Cell::nothing();
    for set in text.split("; ") {
        let (place, ports) = match set.split_once(' ') {
            Some(("some", ports)) => (&mut cell.some, ports),
            Some(("unknown", ports)) => (&mut cell.unknown, ports),
            Some(_) | None => (&mut cell.all, set),
        };
        *place = place.union(&connections(ports)?);
    }
    Ok(cell)
}

fn connections(text: &str) -> Result<ConnectionSet, String> {
    if text == "all" {
        return Ok(ConnectionSet::all());
    }
    let words = text.split(' ').map(|word| {
        of_word(word).ok_or_else(|| {
            format!("`{word}` names no ports, such as `all`, `tcp/80,8000-8080`, `udp/*`, `other`")
        })
    });
    words
        .into_iter()
        .try_fold(ConnectionSet::none(), |set, word| Ok(set.union(&word?)))
}

fn of_word(word: &str) -> Option<ConnectionSet> {
    if word == "other" {
        return Some(ConnectionSet::other_protocols());
    }
    let (protocol, ports) = word.split_once('/')?;
    let is_named = |known: &Protocol| known.name().to_ascii_lowercase() == protocol;
    let protocol = Protocol::ALL.into_iter().find(is_named)?;
    let ports = match ports {
        "*" => PortSet::all(),
        _ => ports.split(',').map(range).collect::<Option<PortSet>>()?,
    };
    Some(ConnectionSet::of(protocol, ports))
}

fn range(text: &str) -> Option<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    PortRange::new(port(first)?, port(last)?).ok()
}
