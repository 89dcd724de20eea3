//! Hosts behind the flags of commands that stand in one text, as in `psql -h db.example.com -p 5432`.

use super::key::Key;
use super::mention::Mention;
use super::setting::{bare, joined};

/// The flag of one letter for a host.
const HOST: &str = "h";
const PORTS: [&str; 3] = ["p", "P", "-port"];

/// The hosts that flags of the commands in `text` name, with the port that another flag of the same command names.
pub(in crate::suggest) fn flagged(text: &str) -> Vec<Mention> {
    text.split([';', '|', '&', '\n'])
        .flat_map(of_command)
        .collect()
}

fn of_command(text: &str) -> Vec<Mention> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'', '(', ')']))
        .collect();
    let flags = || {
        words.iter().enumerate().filter_map(|(at, word)| {
            let flag = word.strip_prefix('-')?;
            let (name, value) = match (flag.split_once('='), joined(word)) {
                (Some((name, value)), _) => (name.to_owned(), value.to_owned()),
                (None, Some(joined)) => joined,
                (None, None) => (flag.to_owned(), (*words.get(at + 1)?).to_owned()),
            };
            Some((name, value))
        })
    };
    let port = flags().find(|(name, _)| PORTS.contains(&name.as_str()));
    let port = port.and_then(|(_, value)| value.parse().ok().filter(|port: &u16| *port > 0));
    let hosts = flags().filter(|(name, _)| name == HOST || Key::of(name).names_a_host());
    let mentions = hosts.flat_map(|(_, value)| bare(&value));
    mentions
        .map(|mention| Mention {
            port: mention.port.or(port),
            ..mention
        })
        .collect()
}
