//! Names and values: of flags, of lines of configuration files, and of what stands inside of one value.

use super::mention::{Form, Mention, host};

/// The flag of one letter for a host.
pub(super) const HOST: &str = "h";

/// The flag of one letter for a user, behind whom stands a password and no port.
const USER: &str = "u";

/// A host that is all of `value`, or several of them between commas, semicolons or blanks.
pub(in crate::suggest) fn bare(value: &str) -> Vec<Mention> {
    let words = value
        .split([',', ';', ' ', '\n', '\t'])
        .filter(|word| !word.is_empty());
    let mentions: Option<Vec<Mention>> = words.map(whole).collect();
    mentions.unwrap_or_default()
}

fn whole(word: &str) -> Option<Mention> {
    if let Ok(address) = word.parse::<std::net::Ipv6Addr>() {
        let (host, port) = (address.to_string(), None);
        let form = Form::Bare;
        return Some(Mention { host, port, form });
    }
    let Some((name, port)) = word.split_once(':') else {
        let (host, port) = (host(word)?, None);
        let form = Form::Bare;
        return Some(Mention { host, port, form });
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some(Mention {
        host: host(name)?,
        port: Some(port),
        form: Form::HostPort,
    })
}

/// Keys of connect strings whose value is a host; the last one is the end of `Data Source`.
const HOST_KEYS: [&str; 5] = ["host", "hostname", "server", "address", "source"];

/// Hosts of `host=db port=5432`, `Server=db,1433;` and the like, which stand inside of one value.
pub(in crate::suggest) fn host_keys(value: &str) -> Vec<Mention> {
    const AROUND: [char; 4] = [' ', '\t', '"', '\''];
    let pairs: Vec<(String, &str)> = value
        .split([';', '&', '?', ' ', '\n'])
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim_matches(AROUND), value.trim_matches(AROUND)))
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect();
    let own = pairs.iter().find(|(key, _)| key == "port");
    let own = own.and_then(|(_, port)| port.parse().ok());
    let hosts = pairs
        .iter()
        .filter(|(key, _)| HOST_KEYS.contains(&key.as_str()));
    let mention = |(_, value): &(String, &str)| {
        let value = value.trim_start_matches("tcp:");
        let (name, port) = value.split_once([',', ':']).unwrap_or((value, ""));
        let (host, form) = (host(name)?, Form::Bare);
        let port = port.parse().ok().or(own);
        Some(Mention { host, port, form })
    };
    hosts.filter_map(mention).collect()
}

/// The arguments of a program as names and values, each with the place in the list that the value stands at:
/// `--name=value`, `--name value`, `-nvalue` where the value is a name with dots or a port, and what has no name. What is set
/// for the command of a shell, as in `PGHOST=db psql`, has a name of its own; the pairs of a connect string have none.
pub(in crate::suggest) fn from_arguments(arguments: &[String]) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    let mut waiting: Option<String> = None;
    for (index, argument) in arguments.iter().enumerate() {
        let flag = argument
            .strip_prefix('-')
            .map(|flag| flag.trim_start_matches('-'));
        match flag {
            Some(flag) => {
                waiting = None;
                match flag.split_once('=') {
                    Some((name, value)) => found.push((index, name.to_owned(), value.to_owned())),
                    None => {
                        let joined = joined(argument).map(|(name, value)| (index, name, value));
                        found.extend(joined);
                        waiting = Some(flag.to_owned());
                    }
                }
            }
            None => {
                let flag = waiting.take().unwrap_or_default();
                let (set, argument) = set_for_command(&flag, argument);
                let set = set.into_iter();
                found.extend(set.map(|(name, value)| (index, name.to_owned(), value.to_owned())));
                let (name, value) = match argument.split_once('=') {
                    Some((name, value)) if is_plain(name) && !is_connect_string(argument) => {
                        (name.to_owned(), value)
                    }
                    Some(_) | None => (flag, argument),
                };
                found.push((index, name, value.to_owned()));
            }
        }
    }
    found
}

/// What stands before a command behind the flag of a shell for one, such as `-c` and `-ec`, as names and values, and the rest.
fn set_for_command<'a>(flag: &str, argument: &'a str) -> (Vec<(&'a str, &'a str)>, &'a str) {
    let mut set = Vec::new();
    let mut rest = argument;
    while flag.ends_with('c')
        && let Some((word, behind)) = rest.split_once(char::is_whitespace)
        && let Some((name, value)) = word.split_once('=')
        && is_plain(name)
        && is_whole(value)
    {
        set.push((name, value.trim_matches(['"', '\'', ';'])));
        rest = behind.trim_start();
    }
    (set, rest)
}

/// Whether no word of a shell goes on behind `value`: it has neither half a quotation nor a command of its own.
fn is_whole(value: &str) -> bool {
    let quotes = |quote: char| value.matches(quote).count();
    !value.contains(['(', '`', '\\']) && quotes('"') % 2 == 0 && quotes('\'') % 2 == 0
}

/// Whether `argument` is all pairs of a connect string, which begins with the host or its port.
fn is_connect_string(argument: &str) -> bool {
    let Some((key, value)) = argument.split_once('=') else {
        return false;
    };
    let key = key.to_ascii_lowercase();
    let speaks_of_host = HOST_KEYS.contains(&key.as_str()) || key == "port";
    let mut behind = value.split([' ', ';', '\t', '\n']).skip(1);
    speaks_of_host && behind.any(|pair| pair.contains('='))
}

/// `-hdb.data` as `h` and `db.data`, and `-bdb:5432` as `b` and `db:5432`. Behind another letter than the one for a host a word
/// with neither a dot nor a port is no host.
pub(super) fn joined(argument: &str) -> Option<(String, String)> {
    let flag = argument
        .strip_prefix('-')
        .filter(|flag| !flag.starts_with('-'))?;
    let (name, value) = flag.split_at_checked(1)?;
    let has_port = || name != USER && has_port(value);
    let may_be_host = value.contains('.') || has_port() || (name == HOST && !value.is_empty());
    may_be_host.then(|| (name.to_owned(), value.to_owned()))
}

/// Whether `word` is a host with its port.
fn has_port(word: &str) -> bool {
    whole(word).is_some_and(|mention| mention.port.is_some())
}

/// `-bdb:5432` as [`joined`] has it; the host and its port.
pub(super) fn joined_with_port(argument: &str) -> Option<(String, String)> {
    joined(argument).filter(|(name, value)| name != USER && has_port(value))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || b"_.-".contains(&letter))
}

/// The lines of a configuration file as names and values, each with its number from 0. A line that has no name is all
/// value. Comments are left out.
pub(in crate::suggest) fn from_lines(text: &str) -> Vec<(usize, String, String)> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let line = line.trim();
            let left_out = line.is_empty() || is_comment(line);
            (!left_out).then(|| named(number, line))
        })
        .collect()
}

/// Neither `--host=db` of a command over several lines nor `* = host=db`, a line of pgbouncer, is one.
fn is_comment(line: &str) -> bool {
    let starts = ["#", "//", ";", "-- ", "<!--", "/*"];
    let is_pair = |rest: &str| rest.trim_start().starts_with('=');
    line == "--"
        || starts.iter().any(|start| line.starts_with(start))
        || line.strip_prefix('*').is_some_and(|rest| !is_pair(rest))
}

/// What `line` gives a name to: `upstream api {` of nginx, `backend db` of HAProxy.
pub(in crate::suggest) fn defined(line: &str) -> Option<&str> {
    let line = line.trim().trim_end_matches('{');
    let mut words = line.split_whitespace();
    let starts = matches!(words.next()?, "upstream" | "backend" | "frontend");
    let name = words.next()?;
    (starts && words.next().is_none() && is_plain(name)).then_some(name)
}

fn named(number: usize, line: &str) -> (usize, String, String) {
    const QUOTES: [char; 2] = ['"', '\''];
    let line = line.strip_prefix("- ").unwrap_or(line);
    let key_end = line.find([':', '=', ' ']);
    let split = key_end.and_then(|end| line.split_at_checked(end));
    let Some((key, value)) = split.filter(|(key, _)| is_plain(key.trim_matches(QUOTES))) else {
        return (number, String::new(), line.to_owned());
    };
    if value.starts_with("://")
        || value
            .strip_prefix(':')
            .is_some_and(|value| value.starts_with(|next: char| next.is_ascii_digit()))
    {
        return (number, String::new(), line.to_owned());
    }
    let value = value
        .trim_start_matches([':', '=', ' ', '>'])
        .trim_end_matches([',', ';', ' ']);
    (
        number,
        key.trim_matches(QUOTES).to_owned(),
        value.trim_matches(QUOTES).to_owned(),
    )
}
