use super::url;

/// A host that a text names, with its port if that is written too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::suggest) struct Mention {
    /// In lower case; without brackets if it is an address.
    pub(in crate::suggest) host: String,
    pub(in crate::suggest) port: Option<u16>,
    pub(in crate::suggest) form: Form,
}

/// How a host is written, which says how sure it is that it is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::suggest) enum Form {
    /// Behind `scheme://`.
    Url {
        scheme: String,
        /// Whether what stands between `//` and the path is not plain, so that the host may be part of a password.
        doubtful: bool,
    },
    /// `host:port` among other words.
    HostPort,
    /// A whole value by itself, or a name that ends as those of Services do.
    Bare,
}

/// Every host in `text`, in order of appearance, each way of naming it once.
pub(in crate::suggest) fn mentions(text: &str) -> Vec<Mention> {
    let (mut found, rest) = url::urls(text);
    let (addresses, rest) = bracketed(&rest);
    found.extend(addresses);
    for word in words(&rest) {
        found.extend(word.mentions());
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|mention| seen.insert(mention.clone()));
    found
}

/// The IPv6 addresses of `text` that stand in brackets, those with a port as mentions, and what of the text is none.
fn bracketed(text: &str) -> (Vec<Mention>, String) {
    let mut found = Vec::new();
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('[') {
        left.push_str(before);
        left.push('[');
        rest = behind;
        let Some((inside, behind)) = behind.split_once(']') else {
            continue;
        };
        let Ok(address) = inside.parse::<std::net::Ipv6Addr>() else {
            continue;
        };
        rest = behind;
        found.extend(port_behind(behind).map(|port| Mention {
            host: address.to_string(),
            port: Some(port),
            form: Form::HostPort,
        }));
    }
    left.push_str(rest);
    (found, left)
}

/// Whether `mention` stands in `text` as the registry of an image, with more behind its port than a path:
/// `registry.example.com:5000/app:1.2`.
pub(in crate::suggest) fn is_of_image(text: &str, mention: &Mention) -> bool {
    let Some(port) = mention.port else {
        return false;
    };
    let text = text.to_ascii_lowercase();
    let start = format!("{}:{port}/", mention.host);
    text.match_indices(&start).any(|(at, _)| {
        let behind = text.get(at + start.len()..).unwrap_or_default();
        let end = behind.find(|letter: char| letter.is_whitespace() || "\"',;".contains(letter));
        let path = behind.get(..end.unwrap_or(behind.len()));
        path.is_some_and(|path| path.contains([':', '@']))
    })
}

/// Words that may be hosts, each with what stands between it and the next word, and that word, or the one behind it if it is
/// the flag of a port: whether they are any, somebody else has to know.
pub(in crate::suggest) fn host_words(text: &str) -> Vec<(String, String, String)> {
    let words = words(text).filter(|word| !word.is_of_path());
    let hosts = words.filter_map(|word| {
        let (between, next, rest) = next_word(word.after)?;
        let next = match next {
            "-p" | "-P" | "--port" => next_word(rest)?.1,
            other => other,
        };
        Some((host(word.text)?, between.to_owned(), next.to_owned()))
    });
    hosts.collect()
}

/// Words that may be the names of Services: whether they are, and are meant, somebody else has to know.
pub(in crate::suggest) fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut previous: Option<Word<'_>> = None;
    for word in words(text) {
        let joined = previous.filter(|previous| previous.after.starts_with('/'));
        found.extend(word.name(joined.as_ref()));
        previous = Some(word);
    }
    found
}

/// What stands before the next word, that word, and the rest.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(is_of_host).unwrap_or(text.len());
    let (before, word) = text.split_at_checked(start)?;
    let end = word.find(|letter| !is_of_host(letter));
    let (word, rest) = word.split_at_checked(end.unwrap_or(word.len()))?;
    Some((before, word, rest))
}

/// What stands before the host in connect strings of Oracle: `jdbc:oracle:thin:@//db:1521/x`.
const BEHIND_USER: &str = "@//";

/// A run of the letters that host names have, and what stands around it.
struct Word<'a> {
    text: &'a str,
    before: Option<char>,
    is_behind_slashes: bool,
    after: &'a str,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = text;
    let mut before = None;
    std::iter::from_fn(move || {
        let start = rest.find(is_of_host)?;
        let (skipped, word) = rest.split_at_checked(start)?;
        let end = word
            .find(|letter| !is_of_host(letter))
            .unwrap_or(word.len());
        let (text, after) = word.split_at_checked(end)?;
        let found = Word {
            text,
            before: match skipped.ends_with(BEHIND_USER) {
                true => Some('@'),
                false => skipped.chars().next_back().or(before),
            },
            is_behind_slashes: skipped.ends_with("//"),
            after,
        };
        before = text.chars().next_back();
        rest = after;
        Some(found)
    })
}

pub(super) const fn is_of_host(letter: char) -> bool {
    matches!(letter, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_')
}

impl Word<'_> {
    /// One for each port: `zk-0:2888:3888` names two.
    fn mentions(&self) -> Vec<Mention> {
        let Some(host) = host(self.text).filter(|_| !self.is_of_path()) else {
            return Vec::new();
        };
        let (first, second) = ports_behind(self.after);
        let form = match first {
            Some(_) => Form::HostPort,
            None if is_service_name(&host) => Form::Bare,
            None => return Vec::new(),
        };
        let ports = [Some(first), second.map(Some)].into_iter().flatten();
        let mention = |port| Mention {
            host: host.clone(),
            port,
            form: form.clone(),
        };
        ports.map(mention).collect()
    }

    /// The name of a Service that it may be, as it is written: behind `//` or `/dev/tcp/`, or with its namespace before it, as
    /// in `shop/api`, or where no path goes on.
    fn name(&self, previous: Option<&Self>) -> Option<String> {
        let labels = self.text.trim_end_matches('.').split('.');
        let labels: Vec<&str> = labels.skip_while(|label| label.starts_with('_')).collect();
        let written = labels.join(".");
        let name = host(&written).filter(|name| *name == written)?;
        if !self.is_of_path() || self.is_behind_slashes {
            return Some(name);
        }
        let previous = previous.filter(|_| self.before == Some('/'))?;
        match (previous.text, previous.before) {
            ("tcp" | "udp", Some('/')) => Some(name),
            (_, Some('/' | '\\' | '$' | '%')) => None,
            (namespace, _) => (!name.contains('.')).then(|| format!("{name}.{namespace}")),
        }
    }

    const fn is_of_path(&self) -> bool {
        matches!(self.before, Some('/' | '\\' | '$' | '%'))
    }
}

/// The port at the beginning of `text`, and one right behind it. A small number there is a weight.
fn ports_behind(text: &str) -> (Option<u16>, Option<u16>) {
    let behind = text.get(1..).and_then(|behind| behind.find(':'));
    let second = behind.and_then(|colon| port_behind(text.get(colon + 1..)?));
    let first = port_behind(text);
    (
        first,
        second.filter(|port| first.is_some() && *port >= 1024),
    )
}

/// The port at the beginning of `text`, which stands behind a host. Digits before an `@` are a password, and digits with more
/// behind them are no port.
fn port_behind(text: &str) -> Option<u16> {
    let behind = text.strip_prefix(':')?;
    let end = behind.find(|letter: char| !letter.is_ascii_digit());
    let (digits, left) = behind.split_at_checked(end.unwrap_or(behind.len()))?;
    let ends = !left.starts_with(|next: char| is_of_host(next) || next == '@')
        || left
            .strip_prefix('.')
            .is_some_and(|left| !left.starts_with(is_of_host));
    digits.parse().ok().filter(|port| ends && *port > 0)
}

/// Whether nobody but a cluster's name server would know the name.
pub(in crate::suggest) fn is_service_name(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    matches!(
        labels.as_slice(),
        [_, _, "svc"] | [_, _, "svc", _, ..] | [_, _, _, "svc"] | [_, _, _, "svc", _, ..]
    )
}

/// `text` as a host name or an IPv4 address, without the dot at its end; `None` if it cannot be one.
pub(super) fn host(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        let edge = |letter: Option<u8>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        label.len() <= 63 && edge(label.bytes().next()) && edge(label.bytes().next_back())
    };
    let is_address = text.parse::<std::net::Ipv4Addr>().is_ok();
    let named = text.bytes().any(|letter| letter.is_ascii_alphabetic());
    let fits = text.len() <= 253
        && text.chars().all(is_of_host)
        && text.split('.').all(label)
        && (named || is_address);
    fits.then(|| text.to_ascii_lowercase())
}
