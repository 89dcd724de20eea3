//! Services that words of arguments and variables name, where nothing but the Service says that they are hosts.

use std::borrow::Cow;

use ringfence_model::{BackendPort, Service};

use super::Gatherer;
use crate::suggest::facts::{Scope, Setting};
use crate::suggest::resolve::Host;
use crate::suggest::text::{Form, Key, Mention, bare, flagged, host_words, operands};

/// What programs are told, in which a word that is the name of a Service is that Service.
const TOLD: [&str; 3] = ["args[", "command[", "env "];

/// What holds commands, and the word of it that is always a program.
const COMMANDS: [&str; 2] = ["args[", "command["];
const PROGRAM: &str = "command[0]";

/// Names of flags for a host, of one letter.
const HOST_FLAG: &str = "h";

/// Names of flags for a port.
const PORT_FLAGS: [&str; 4] = ["", "p", "P", "port"];

/// A Service that a word names, and the port of it that the words behind name.
pub(super) struct Named {
    pub(super) mention: Mention,
    pub(super) port: Option<BackendPort>,
}

impl<'a> Gatherer<'a> {
    /// The Services that words of `setting` name. A name without a namespace has to be told by its flag or by a port.
    pub(super) fn named(
        &self,
        scope: &Scope,
        setting: &Setting,
        key: &Key,
        namespace: &str,
    ) -> Vec<Named> {
        if !is_told(setting) || key.is_other() {
            return Vec::new();
        }
        let value = without_programs(setting);
        let words = host_words(&value);
        let is_only = words.len() == 1;
        let is_host = is_only && (key.names_a_host() || setting.name == HOST_FLAG);
        let named = words.into_iter().filter_map(|(host, between, next)| {
            let Host::Service(service) = self.resolver.resolve(&host, namespace) else {
                return None;
            };
            let behind = port_behind(service, &between, &next);
            let port = behind.or_else(|| port_of_next(scope, setting).filter(|_| is_only));
            let is_meant = host.contains('.') || is_host || port.is_some();
            is_meant.then_some(Named {
                mention: Mention {
                    host,
                    port: None,
                    form: Form::Bare,
                },
                port,
            })
        });
        named.collect()
    }

    /// The Services, the addresses, and the hosts outside of the cluster that flags of a command name.
    pub(super) fn flagged(
        &self,
        scope: &Scope,
        setting: &Setting,
        namespace: &str,
    ) -> Vec<(Named, Host<'a>)> {
        if !is_told(setting) {
            return Vec::new();
        }
        let own = if setting.name == HOST_FLAG {
            bare(&setting.value)
        } else {
            Vec::new()
        };
        let port = |mention: &Mention| {
            let next = || port_of_next(scope, setting);
            mention.port.is_none().then(next).flatten()
        };
        let own = own.into_iter().map(|mention| (port(&mention), mention));
        let of_text = flagged(&setting.value).into_iter();
        let all = own.chain(of_text.map(|mention| (None, mention)));
        let known = all.filter_map(|(port, mention)| {
            let host = self.resolver.resolve(&mention.host, namespace);
            let is_known = matches!(
                host,
                Host::Service(_) | Host::External(_) | Host::Address(_)
            );
            is_known.then_some((Named { mention, port }, host))
        });
        known.collect()
    }
}

/// Whether it is an argument or a variable, rather than a line of a file.
pub(super) fn is_told(setting: &Setting) -> bool {
    TOLD.iter().any(|start| setting.what.starts_with(start))
}

/// What the setting says beside the names of programs that it runs.
pub(super) fn without_programs(setting: &Setting) -> Cow<'_, str> {
    let is_command = COMMANDS.iter().any(|start| setting.what.starts_with(start));
    if setting.what.starts_with(PROGRAM) {
        Cow::Borrowed("")
    } else if is_command && setting.value.contains(char::is_whitespace) {
        Cow::Owned(operands(&setting.value))
    } else {
        Cow::Borrowed(setting.value.as_str())
    }
}

/// `db.data 5432`, `db.data,5432`, `db.data:5432` and `db.data:postgres`.
fn port_behind(service: &Service, between: &str, next: &str) -> Option<BackendPort> {
    let between = between.trim_matches([' ', '"', '\'']);
    if !matches!(between, "" | "," | ":") {
        return None;
    }
    let has_name = || {
        let mut names = service.ports.iter().filter_map(|port| port.name.as_deref());
        between == ":" && names.any(|name| name == next)
    };
    match number(next) {
        Some(number) => Some(BackendPort::Number(number)),
        None => has_name().then(|| BackendPort::Name(next.to_owned())),
    }
}

/// `-h db.data -p 5432`, and `db.data 5432` as two arguments.
fn port_of_next(scope: &Scope, setting: &Setting) -> Option<BackendPort> {
    let mut behind = scope.settings.iter();
    behind.find(|other| other.place.path == setting.place.path)?;
    let next = behind.next()?;
    let is_argument = !next.what.starts_with("env ");
    let is_port = is_argument && PORT_FLAGS.contains(&next.name.as_str());
    let port = number(next.value.trim()).filter(|_| is_port)?;
    Some(BackendPort::Number(port))
}

fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|number| *number > 0)
}
