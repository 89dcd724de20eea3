//! `scheme://user:password@host:port/path`, and the lists of hosts that some programs put there.

use super::mention::{Form, Mention, host};

/// Schemes behind which no host stands.
const NO_HOST: [&str; 14] = [
    "abfs",
    "arn",
    "classpath",
    "data",
    "file",
    "gs",
    "jar",
    "oci",
    "pkcs11",
    "s3",
    "s3a",
    "spiffe",
    "unix",
    "urn",
];

/// Schemes of name resolution, whose host is what others call the path.
const RESOLVED: [&str; 5] = ["dns", "k8s", "kubernetes", "passthrough", "xds"];

/// The port that is meant if a URL of `scheme` has none.
pub(in crate::suggest) fn default_port(scheme: &str) -> Option<u16> {
    let scheme = scheme.rsplit_once('+').map_or(scheme, |(first, _)| first);
    Some(match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "postgres" | "postgresql" => 5432,
        "mysql" | "mariadb" => 3306,
        "redis" | "rediss" => 6379,
        "amqp" => 5672,
        "amqps" => 5671,
        "mongodb" => 27017,
        "nats" => 4222,
        "kafka" => 9092,
        "memcached" => 11211,
        "ldap" => 389,
        "ldaps" => 636,
        "smtp" => 25,
        "smtps" => 465,
        "ssh" | "sftp" => 22,
        "ftp" => 21,
        "mqtt" => 1883,
        "mqtts" => 8883,
        "bolt" | "neo4j" => 7687,
        "sqlserver" | "mssql" => 1433,
        "clickhouse" => 9000,
        "etcd" => 2379,
        "syslog" => 514,
        "statsd" => 8125,
        _ => return None,
    })
}

/// The hosts of the URLs in `text`, and what of the text is no part of one.
pub(super) fn urls(text: &str) -> (Vec<Mention>, String) {
    let mut found = Vec::new();
    let mut left = String::new();
    let mut at = 0;
    for colon in text.match_indices(BEHIND_SCHEME).map(|(colon, _)| colon) {
        let Some(url) = Url::at(text, colon).filter(|url| url.start >= at) else {
            continue;
        };
        left.push_str(text.get(at..url.start).unwrap_or_default());
        left.push(' ');
        at = url.end;
        found.extend(url.hosts());
    }
    left.push_str(text.get(at..).unwrap_or_default());
    (found, left)
}

const BEHIND_SCHEME: &str = "://";

/// A URL and where it stands in its text.
struct Url<'a> {
    scheme: String,
    /// What stands behind `://`.
    behind: &'a str,
    start: usize,
    end: usize,
}

impl<'a> Url<'a> {
    /// The URL whose scheme ends at `colon`. It ends where the next one of a list begins.
    fn at(text: &'a str, colon: usize) -> Option<Self> {
        let start = scheme_start(text, colon);
        let from = colon + BEHIND_SCHEME.len();
        let behind = text.get(from..)?;
        let next = behind.find(BEHIND_SCHEME);
        let next = next.map(|next| scheme_start(text, from + next).max(from) - from);
        let ends = behind.find(ends_url).unwrap_or(behind.len());
        let behind = match next {
            Some(next) if next <= ends => without_next_name(behind.get(..next)?),
            Some(_) | None => behind.get(..ends)?,
        };
        Some(Self {
            scheme: text.get(start..colon)?.to_ascii_lowercase(),
            behind: behind.trim_end_matches([',', ';', '|', '=', ')', '}', ']', '.']),
            start,
            end: from + behind.len(),
        })
    }

    fn hosts(&self) -> Vec<Mention> {
        let behind = match self.behind.strip_prefix('/') {
            Some(path) if RESOLVED.contains(&self.scheme.as_str()) => path,
            Some(_) | None => self.behind,
        };
        if NO_HOST.contains(&self.scheme.as_str()) {
            return Vec::new();
        }
        let (authority, path) = authority(behind);
        let doubtful = path.contains('@') && !authority.contains('@');
        let form = Form::Url {
            scheme: self.scheme.clone(),
            doubtful,
        };
        let hidden = path.rsplit_once('@').filter(|_| doubtful);
        let hidden = hidden.map(|(_, behind)| self::authority(behind).0);
        let hosts = authority
            .rsplit_once('@')
            .map_or(authority, |(_, hosts)| hosts);
        let hosts = hosts.split(',').chain(hidden);
        hosts
            .filter_map(|text| host_and_port(text, &form))
            .collect()
    }
}

/// `text` without the name that a list gives its next URL, as in `a=http://a,b=http://b`.
fn without_next_name(text: &str) -> &str {
    let Some((before, name)) = text.rsplit_once([',', ';']) else {
        return text;
    };
    let name = name.trim_end_matches('=');
    let is_name = name.bytes().all(is_of_scheme);
    if is_name { before } else { text }
}

/// What stands before the path, and from there on.
fn authority(text: &str) -> (&str, &str) {
    let end = text.find(['/', '?', '#', ';']).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Where the scheme begins that ends at `end`.
fn scheme_start(text: &str, end: usize) -> usize {
    let before = text.get(..end).unwrap_or_default();
    let scheme = before
        .bytes()
        .rev()
        .take_while(|letter| is_of_scheme(*letter));
    end - scheme.count()
}

const fn is_of_scheme(letter: u8) -> bool {
    matches!(letter, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'.' | b'-' | b'_')
}

const fn ends_url(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>' | '`' | '\\')
}

fn host_and_port(text: &str, form: &Form) -> Option<Mention> {
    let mention = |host: String, port| Mention {
        host,
        port,
        form: form.clone(),
    };
    if let Some((address, behind)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        let port = behind.strip_prefix(':').and_then(|port| port.parse().ok());
        return Some(mention(address.to_string(), port));
    }
    match text.split_once(':') {
        None => Some(mention(host(text)?, None)),
        Some((name, port)) if port.bytes().all(|letter| letter.is_ascii_digit()) => {
            let port = port.parse().ok().filter(|port| *port > 0);
            Some(mention(host(name)?, port))
        }
        Some(_) => None,
    }
}
