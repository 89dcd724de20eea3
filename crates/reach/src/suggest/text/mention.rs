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
    for word in words(&rest) {
        found.extend(word.mention());
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|mention| seen.insert(mention.clone()));
    found
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

/// What stands before the next word, that word, and the rest.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(is_of_host).unwrap_or(text.len());
    let (before, word) = text.split_at_checked(start)?;
    let end = word.find(|letter| !is_of_host(letter));
    let (word, rest) = word.split_at_checked(end.unwrap_or(word.len()))?;
    Some((before, word, rest))
}

/// A run of the letters that host names have, and what stands around it.
struct Word<'a> {
    text: &'a str,
    before: Option<char>,
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
            before: skipped.chars().next_back().or(before),
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
    fn mention(&self) -> Option<Mention> {
        let host = host(self.text).filter(|_| !self.is_of_path())?;
        let (form, port) = match self.port() {
            Some(port) => (Form::HostPort, Some(port)),
            None if is_service_name(&host) => (Form::Bare, None),
            None => return None,
        };
        Some(Mention { host, port, form })
    }

    const fn is_of_path(&self) -> bool {
        matches!(self.before, Some('/' | '\\' | '$' | '%'))
    }

    /// The port behind the word. Digits before an `@` are a password, and digits with more behind them are no port.
    fn port(&self) -> Option<u16> {
        let behind = self.after.strip_prefix(':')?;
        let end = behind.find(|letter: char| !letter.is_ascii_digit());
        let (digits, left) = behind.split_at_checked(end.unwrap_or(behind.len()))?;
        let ends = !left.starts_with(|next: char| is_of_host(next) || next == '@')
            || left
                .strip_prefix('.')
                .is_some_and(|left| !left.starts_with(is_of_host));
        digits.parse().ok().filter(|port| ends && *port > 0)
    }
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
