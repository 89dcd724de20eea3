//! What the name of a variable, flag or field says about its value.

/// Last words of names whose value is a host.
const HOST: [&str; 34] = [
    "addr",
    "address",
    "addresses",
    "addrs",
    "backend",
    "backends",
    "bootstrap",
    "broker",
    "brokers",
    "connect",
    "dsn",
    "endpoint",
    "endpoints",
    "gateway",
    "host",
    "hostname",
    "hosts",
    "origin",
    "peers",
    "proxy",
    "remote",
    "seed",
    "seeds",
    "server",
    "servers",
    "service",
    "svc",
    "target",
    "targets",
    "upstream",
    "upstreams",
    "uri",
    "url",
    "urls",
];

/// Last words that are also the ends of words written without a separator, such as `PGHOST`.
const ENDINGS: [&str; 7] = ["hostname", "hosts", "host", "addr", "port", "url", "uri"];

/// First words of names that speak of the program itself, and not of others.
const OWN: [&str; 6] = [
    "advertise",
    "advertised",
    "bind",
    "listen",
    "listener",
    "listeners",
];

/// Last words of names whose value is something else, though a Service may be called so as well.
const OTHER: [&str; 12] = [
    "app",
    "database",
    "db",
    "driver",
    "level",
    "mode",
    "name",
    "namespace",
    "password",
    "role",
    "user",
    "username",
];

/// Words in a row by which a name lists hosts that nobody dials for it: `NO_PROXY`, `ALLOWED_HOSTS`, `cors.origins`.
const NOT_DIALLED: [&str; 11] = [
    "allowedhost",
    "allowedorigin",
    "allowhost",
    "alloworigin",
    "cors",
    "csrf",
    "dnsname",
    "nonproxyhosts",
    "noproxy",
    "trustedhost",
    "trustedorigin",
];

/// A name as words in lower case: `DB_HOST`, `dbHost`, `db.host` and `--db-host` are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::suggest) struct Key(Vec<String>);

impl Key {
    pub(in crate::suggest) fn of(name: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut word = String::new();
        let mut last_is_small = false;
        for letter in name.chars() {
            let starts = letter.is_ascii_uppercase() && last_is_small;
            if (starts || !letter.is_ascii_alphanumeric()) && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if letter.is_ascii_alphanumeric() {
                word.push(letter.to_ascii_lowercase());
            }
            last_is_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        }
        words.extend((!word.is_empty()).then_some(word));
        Self(split_last(words))
    }

    /// Whether the value is a host, an address, or a list of them, of somebody else.
    pub(in crate::suggest) fn names_a_host(&self) -> bool {
        let vendor = self.0.first().is_some_and(|first| first == "dd") && self.ends_with("service");
        self.host_word().is_some() && !vendor && !self.is_own()
    }

    /// Whether the value is where the program itself listens.
    pub(in crate::suggest) fn is_own(&self) -> bool {
        self.0.iter().any(|word| OWN.contains(&word.as_str()))
    }

    /// Whether the value is no host, whatever it is called. What is called `db` and no more may be one.
    pub(in crate::suggest) fn is_other(&self) -> bool {
        let last = self.0.last();
        let is_alone = matches!(self.0.as_slice(), [only] if only == "db");
        !is_alone && last.is_some_and(|word| OTHER.contains(&word.as_str()))
    }

    /// Whether the value is a list of names that nobody dials for it: those that go past a proxy, or that a server takes
    /// for its own or its callers'.
    pub(in crate::suggest) fn lists_names(&self) -> bool {
        let joined = self.0.concat();
        NOT_DIALLED.iter().any(|words| joined.contains(words))
    }

    /// Whether the value is an image.
    pub(in crate::suggest) fn names_an_image(&self) -> bool {
        let words = ["image", "images", "repository"];
        words.iter().any(|word| self.ends_with(word))
    }

    /// Whether the value may be the program's own name: `HOST` and `HOSTNAME` say no more.
    pub(in crate::suggest) fn is_own_name(&self) -> bool {
        matches!(self.0.as_slice(), [only] if only == "host" || only == "hostname")
    }

    /// The names that the port of this host may have, the likeliest first.
    pub(in crate::suggest) fn ports(&self) -> Vec<Self> {
        let port = |words: &[String]| {
            let mut words = words.to_vec();
            words.push("port".to_owned());
            Self(words)
        };
        let stem = self.host_word().and_then(|at| self.0.get(..at));
        let replaced = stem.map(port);
        replaced.into_iter().chain([port(&self.0)]).collect()
    }

    fn ends_with(&self, word: &str) -> bool {
        self.0.last().is_some_and(|last| last == word)
    }

    /// Where the word stands that says that this is a host: the last one, or before a number.
    fn host_word(&self) -> Option<usize> {
        let counted = |word: &String| word.bytes().all(|letter| letter.is_ascii_digit());
        let at = self.0.iter().rposition(|word| !counted(word))?;
        let word = self.0.get(at)?;
        HOST.contains(&word.as_str()).then_some(at)
    }
}

/// `pghost` says two words.
fn split_last(mut words: Vec<String>) -> Vec<String> {
    const SHORTEST: usize = 2;
    let Some(last) = words.pop() else {
        return words;
    };
    let endings = ENDINGS.iter();
    let mut split = endings.filter_map(|ending| Some((last.strip_suffix(ending)?, *ending)));
    match split.find(|(first, _)| first.len() >= SHORTEST) {
        Some((first, ending)) => words.extend([first.to_owned(), ending.to_owned()]),
        None => words.push(last),
    }
    words
}
