//! Commands that stand in one text, and hosts behind their flags, as in `psql -h db.example.com -p 5432`.

use super::key::Key;
use super::mention::{Form, Mention};
use super::setting::{HOST, bare, joined, joined_with_port};

const PORTS: [&str; 3] = ["p", "P", "-port"];

/// Programs whose `-h` names no host.
const OTHERS: [&str; 8] = ["chown", "df", "du", "free", "grep", "ls", "sort", "tar"];

/// The hosts that flags of the commands in `text` name, with the port that another flag of the same command names.
pub(in crate::suggest) fn flagged(text: &str) -> Vec<Mention> {
    text.split([';', '|', '&', '\n'])
        .flat_map(|command| of_command(command).into_iter().chain(of_devices(command)))
        .collect()
}

/// The devices by which a shell opens a connection, as in `exec 3<>/dev/tcp/db/5432`.
const DEVICES: [(&str, &str); 2] = [("tcp", "/dev/tcp/"), ("udp", "/dev/udp/")];

fn of_devices(command: &str) -> Vec<Mention> {
    let of_kind = |(scheme, device): (&str, &'static str)| {
        let opened = command.split(device).skip(1);
        let opened = opened.filter_map(|opened| opened_at(opened, scheme));
        opened.collect::<Vec<Mention>>()
    };
    DEVICES.into_iter().flat_map(of_kind).collect()
}

/// The host and port at the beginning of `opened`, which stands behind the name of a device.
fn opened_at(opened: &str, scheme: &str) -> Option<Mention> {
    let (host, rest) = opened.split_once('/')?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit());
    let port = rest.get(..end.unwrap_or(rest.len()))?.parse().ok()?;
    let named = bare(host).into_iter().next()?;
    let form = Form::Url {
        scheme: scheme.to_owned(),
        doubtful: false,
    };
    Some(Mention {
        host: named.host,
        port: Some(port),
        form,
    })
}

fn of_command(text: &str) -> Vec<Mention> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'', '(', ')']))
        .collect();
    let program = words
        .first()
        .map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    if OTHERS.contains(&program) {
        return Vec::new();
    }
    let flags = || {
        words.iter().enumerate().flat_map(|(at, word)| {
            let flag = word.strip_prefix('-').unwrap_or_default();
            if let Some((name, value)) = flag.split_once('=') {
                return vec![(name.to_owned(), value.to_owned())];
            }
            let next = words.get(at + 1).filter(|_| !flag.is_empty());
            let next = next.map(|value| (flag.to_owned(), (*value).to_owned()));
            joined(word).into_iter().chain(next).collect()
        })
    };
    let port = flags().find(|(name, _)| PORTS.contains(&name.as_str()));
    let port = port.and_then(|(_, value)| value.parse().ok().filter(|port: &u16| *port > 0));
    let hosts = flags().filter(|(name, _)| name == HOST || Key::of(name).names_a_host());
    let with_ports = words.iter().filter_map(|word| joined_with_port(word));
    let with_ports = with_ports.filter(|(name, _)| name != HOST);
    let mentions = hosts.chain(with_ports).flat_map(|(_, value)| bare(&value));
    mentions
        .map(|mention| Mention {
            port: mention.port.or(port),
            ..mention
        })
        .collect()
}

/// Words of shells that stand before a command.
const BEFORE: [&str; 12] = [
    "!", "(", "do", "elif", "else", "exec", "if", "sudo", "then", "time", "until", "while",
];

/// The words of the commands in `text` but those that name programs, which are no hosts.
pub(in crate::suggest) fn operands(text: &str) -> String {
    let commands = text.split_inclusive([';', '|', '&', '\n']).map(|command| {
        let start = program(command);
        let (before, rest) = command.split_at_checked(start).unwrap_or((command, ""));
        let end = rest.find(|letter: char| letter.is_whitespace() || ";|&".contains(letter));
        let behind = rest.get(end.unwrap_or(rest.len())..).unwrap_or_default();
        format!("{before} {behind}")
    });
    commands.collect()
}

/// Where the program's name begins.
fn program(command: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = command.get(at..).unwrap_or_default();
        let skipped = rest.len() - rest.trim_start().len();
        let word = rest.split_whitespace().next().unwrap_or_default();
        if !BEFORE.contains(&word) {
            return at + skipped;
        }
        at += skipped + word.len();
    }
}
