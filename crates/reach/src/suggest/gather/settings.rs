//! Needs out of what pods are told.

use std::collections::BTreeSet;

use ringfence_model::{BackendPort, Service};
use ringfence_net::Protocol;

use super::service::Wanted;
use super::{Destination, Gatherer, NeededPort};
use crate::suggest::facts::{Facts, Missing, Scope, Setting};
use crate::suggest::resolve::Host;
use crate::suggest::text::{
    Form, Key, Mention, bare, default_port, host_keys, is_of_image, is_service_name, mentions,
};
use crate::suggest::{End, Evidence};
use crate::workload::Unit;

/// Adds the needs of all settings.
pub(super) fn read(gatherer: &mut Gatherer<'_>, facts: &Facts) {
    for scope in &facts.scopes {
        for setting in &scope.settings {
            gatherer.setting(scope, setting);
        }
    }
    for missing in &facts.missing {
        gatherer.missing(missing);
    }
}

/// A host that a setting names, and what it is to the pod.
struct Meant<'a> {
    mention: Mention,
    host: Host<'a>,
    /// The port that words behind it name.
    port: Option<BackendPort>,
    /// Whether a flag says that it is a host.
    flagged: bool,
}

impl<'a> Gatherer<'a> {
    fn setting(&mut self, scope: &Scope, setting: &Setting) {
        let key = Key::of(&setting.name);
        if key.lists_names() {
            return;
        }
        let namespace = scope.unit.namespace().unwrap_or_default();
        let found = hosts(setting, &key);
        let named = self.named(scope, setting, &key, namespace).into_iter();
        let named = named.filter(|one| found.iter().all(|known| known.host != one.mention.host));
        let named: Vec<(Mention, Option<BackendPort>)> =
            named.map(|one| (one.mention, one.port)).collect();
        let found = found.into_iter().map(|mention| (mention, None));
        let meant = found.chain(named).map(|(mention, port)| Meant {
            host: self.resolver.resolve(&mention.host, namespace),
            mention,
            port,
            flagged: false,
        });
        let mut meant: Vec<Meant<'a>> = meant.collect();
        let flagged = self.flagged(scope, setting, namespace).into_iter();
        let flagged = flagged.filter(|(one, _)| {
            let mut known = meant.iter();
            known.all(|known| known.mention.host != one.mention.host)
        });
        let flagged: Vec<Meant<'a>> = flagged
            .map(|(one, host)| Meant {
                host,
                mention: one.mention,
                port: one.port,
                flagged: true,
            })
            .collect();
        meant.extend(flagged);
        meant.retain(|one| !scope.defined.contains(&one.mention.host));
        if key.is_own() {
            meant.retain(|one| self.is_of_others(&scope.unit, one));
        }
        for meant in plainest(meant) {
            self.meant(scope, setting, &key, &meant);
        }
    }

    /// Whether it is written as an address of a Service that leads to somebody else than `unit`.
    fn is_of_others(&self, unit: &Unit, meant: &Meant<'_>) -> bool {
        let is_address = meant.mention.form != Form::Bare;
        is_address
            && matches!(&meant.host, Host::Service(service) if !self.is_behind(service, unit))
    }

    fn meant(&mut self, scope: &Scope, setting: &Setting, key: &Key, meant: &Meant<'a>) {
        let unit = &scope.unit;
        let mut evidence = Evidence {
            what: format!("{} {}", unit.full_name(), setting.what),
            source: self.locate(&setting.place, &meant.mention.host),
            target: String::new(),
        };
        let is_name = meant.mention.host.parse::<std::net::IpAddr>().is_err();
        let mut wanted = wanted(scope, setting, key, &meant.mention);
        wanted.port = meant.port.clone().or(wanted.port);
        match &meant.host {
            Host::Itself => return,
            Host::Service(service) => match self.destinations(service, &wanted) {
                Ok((destinations, target)) => {
                    let destinations = of_pod(destinations, &meant.mention.host, service);
                    let own = End::Workload(unit.clone());
                    let itself = destinations.iter().all(|(end, _)| *end == own);
                    if itself && meant.mention.form == Form::Bare && key.is_own_name() {
                        return;
                    }
                    evidence.target = target;
                    self.client(unit, destinations, &evidence);
                }
                Err(problem) => self.undecided(unit, &evidence, problem.text, problem.help),
            },
            Host::ApiServer => self.needs_api_server(unit, &evidence),
            Host::Address(address) => self.address(unit, *address, &wanted, &evidence),
            Host::Nobody if !is_sure(&meant.mention, key) => return,
            Host::Nobody => self.nobody(unit, setting, &meant.mention, &evidence),
            Host::External(name)
                if *name == meant.mention.host
                    && !meant.flagged
                    && !speaks_to_outside(setting, key, &meant.mention) =>
            {
                return;
            }
            Host::External(name) => self.external(unit, setting, (name, &wanted), meant, &evidence),
        }
        if is_name && !matches!(meant.host, Host::Nobody) {
            self.looks_up(unit, evidence);
        }
    }

    /// Notes that each of `destinations` is needed by `unit`.
    pub(super) fn client(
        &mut self,
        unit: &Unit,
        destinations: impl IntoIterator<Item = (End, NeededPort)>,
        evidence: &Evidence,
    ) {
        let ends = self.ends_of(unit);
        let on_host = ends.is_empty() && self.inhabitants.is_on_host(unit);
        for (to, port) in destinations {
            for from in &ends {
                self.add(from.clone(), to.clone(), port.clone(), evidence.clone());
            }
            if let (true, End::Workload(server)) = (on_host, &to) {
                let problem = format!(
                    "{unit} runs on the host network of nodes of which no address is known, and opens {port}"
                );
                let help = "add the manifests of the nodes, or allow their addresses by an ipBlock";
                self.undecided(server, evidence, problem, help.to_owned());
            }
        }
    }

    fn looks_up(&mut self, unit: &Unit, evidence: Evidence) {
        let found = self.looking_up.entry(unit.clone());
        found.or_insert(evidence);
    }

    pub(super) fn address(
        &mut self,
        unit: &Unit,
        address: std::net::IpAddr,
        wanted: &Wanted,
        evidence: &Evidence,
    ) {
        let end = self.end_at(address);
        let number = match &wanted.port {
            Some(BackendPort::Number(number)) => Some(*number),
            Some(BackendPort::Name(_)) | None => wanted.usual,
        };
        let help = "allow it by an ipBlock in a policy of your own if it has to be".to_owned();
        if is_link_local(address) {
            let problem =
                format!("{address} is link-local: instance metadata, or a server on the node");
            return self.undecided(unit, evidence, problem, help);
        }
        let Some(number) = number else {
            let problem = format!("the port at {address} is not written");
            return self.undecided(unit, evidence, problem, help);
        };
        let port = NeededPort {
            protocol: wanted.protocol.unwrap_or(Protocol::Tcp),
            number,
            name: None,
        };
        let target = format!("{address}:{number}");
        let evidence = Evidence {
            target,
            ..evidence.clone()
        };
        self.client(unit, [(end, port)], &evidence);
    }

    fn end_at(&self, address: std::net::IpAddr) -> End {
        match self.inhabitants.cluster.pod_at(address) {
            Some(pod) => End::Workload(crate::suggest::inhabitants::unit_of(pod)),
            None => End::address(address),
        }
    }

    fn nobody(&mut self, unit: &Unit, setting: &Setting, mention: &Mention, evidence: &Evidence) {
        let problem = match hidden(setting, mention) {
            true => "names a host that is no Service of these manifests".to_owned(),
            false => format!("`{}` is no Service of these manifests", mention.host),
        };
        let help = "add the Service's manifest, or correct the name".to_owned();
        self.undecided(unit, evidence, problem, help);
    }

    fn external(
        &mut self,
        unit: &Unit,
        setting: &Setting,
        (name, wanted): (&str, &Wanted),
        meant: &Meant<'_>,
        evidence: &Evidence,
    ) {
        let port = match &wanted.port {
            Some(BackendPort::Number(port)) => format!(":{port}"),
            Some(BackendPort::Name(_)) | None => wanted
                .usual
                .map_or_else(String::new, |port| format!(":{port}")),
        };
        let problem = match hidden(setting, &meant.mention) {
            true => "names a host outside of the cluster".to_owned(),
            false => format!(
                "{name}{port} is outside of the cluster, and a NetworkPolicy cannot name hosts"
            ),
        };
        let help =
            "allow its addresses by an ipBlock, or a gateway for traffic to the outside".to_owned();
        self.undecided(unit, evidence, problem, help);
    }

    fn missing(&mut self, missing: &Missing) {
        let speaks = missing
            .name
            .as_ref()
            .is_none_or(|name| Key::of(name).names_a_host());
        if !speaks {
            return;
        }
        let evidence = Evidence {
            what: format!("{} {}", missing.unit.full_name(), missing.what),
            source: self.locate(&missing.place, ""),
            target: String::new(),
        };
        let problem = format!("{} is not among these manifests", missing.object);
        let help = "add its manifest, so that the host in it can be read".to_owned();
        self.undecided(&missing.unit, &evidence, problem, help);
    }
}

/// Of `destinations` those of the one pod that `host` names, as in `db-0.db-headless`, if it is found by its workload.
fn of_pod(
    destinations: BTreeSet<Destination>,
    host: &str,
    service: &Service,
) -> BTreeSet<Destination> {
    let label = host.split('.').next().unwrap_or_default();
    let (stem, number) = label.rsplit_once('-').unwrap_or((label, ""));
    if label == service.name.name || number.parse::<u32>().is_err() {
        return destinations;
    }
    let is_named = |(end, _): &&Destination| match end {
        End::Workload(Unit::Workload { name, .. }) => name == stem || name == label,
        End::Workload(_) | End::Unseen { .. } | End::Block(_) | End::Outside => false,
    };
    let named: BTreeSet<Destination> = destinations.iter().filter(is_named).cloned().collect();
    if named.is_empty() {
        destinations
    } else {
        named
    }
}

/// Every host that the setting may mean.
fn hosts(setting: &Setting, key: &Key) -> Vec<Mention> {
    let mut found = mentions(&setting.value);
    if found.is_empty() && key.names_a_host() {
        found = bare(&setting.value);
    }
    if found.is_empty() {
        found = host_keys(&setting.value);
    }
    found
}

/// Of what may be a host or part of a password the Services, if there are any.
fn plainest(meant: Vec<Meant<'_>>) -> Vec<Meant<'_>> {
    let doubtful =
        |meant: &Meant<'_>| matches!(meant.mention.form, Form::Url { doubtful: true, .. });
    let is_service = |meant: &Meant<'_>| matches!(meant.host, Host::Service(_));
    let sure = meant
        .iter()
        .any(|found| doubtful(found) && is_service(found));
    let mut left = meant;
    left.retain(|found| !sure || !doubtful(found) || is_service(found));
    left
}

fn wanted(scope: &Scope, setting: &Setting, key: &Key, mention: &Mention) -> Wanted {
    let usual = match &mention.form {
        Form::Url { scheme, .. } => default_port(scheme),
        Form::HostPort | Form::Bare => None,
    };
    let protocol = match &mention.form {
        Form::Url { scheme, .. } if scheme == "udp" || scheme == "statsd" => Some(Protocol::Udp),
        Form::Url { .. } => Some(Protocol::Tcp).filter(|_| usual.is_some()),
        Form::HostPort | Form::Bare => None,
    };
    let beside = || match mention.form {
        Form::Url { .. } => None,
        Form::HostPort | Form::Bare => beside(scope, setting, key),
    };
    Wanted {
        port: mention.port.or_else(beside).map(BackendPort::Number),
        usual,
        protocol,
    }
}

/// The port that stands in another setting, the nearest one with the best name.
fn beside(scope: &Scope, setting: &Setting, key: &Key) -> Option<u16> {
    let number = |other: &Setting| {
        other
            .value
            .trim()
            .parse()
            .ok()
            .filter(|port: &u16| *port > 0)
    };
    let names = key.ports().into_iter();
    let mut found = names.filter_map(|name| {
        let same = scope
            .settings
            .iter()
            .filter(|other| Key::of(&other.name) == name);
        let nearest = same.min_by_key(|other| other.place.line.abs_diff(setting.place.line))?;
        number(nearest)
    });
    found.next()
}

/// Whether `mention` surely is a host, though nobody has its name.
fn is_sure(mention: &Mention, key: &Key) -> bool {
    let is_url = matches!(mention.form, Form::Url { .. });
    is_url || key.names_a_host() || is_service_name(&mention.host)
}

/// Whether a host outside is something that the program talks to, rather than a word of a document.
fn speaks_to_outside(setting: &Setting, key: &Key, mention: &Mention) -> bool {
    const DOCUMENTS: [&str; 8] = [
        ".html", ".css", ".js", ".md", ".svg", ".pem", ".crt", ".txt",
    ];
    let of_document = DOCUMENTS
        .iter()
        .any(|ending| setting.what.ends_with(ending));
    let of_schema = ["$schema", "xmlns"]
        .iter()
        .any(|name| setting.name.starts_with(name));
    !of_document && !of_schema && (is_sure(mention, key) || is_outside(setting, key, mention))
}

/// Whether it is the `host:port` of a host with a domain, and neither an image nor a line of a program's source.
fn is_outside(setting: &Setting, key: &Key, mention: &Mention) -> bool {
    const SOURCES: [&str; 11] = [
        "cc", "go", "js", "md", "pl", "py", "rb", "rs", "sh", "so", "ts",
    ];
    let of_source = mention
        .host
        .split_once('.')
        .is_some_and(|(_, ending)| SOURCES.contains(&ending));
    let of_image = key.names_an_image() || is_of_image(&setting.value, mention);
    mention.form == Form::HostPort && !of_source && !of_image
}

/// Whether the host may be a piece of something secret.
fn hidden(setting: &Setting, mention: &Mention) -> bool {
    let doubtful = matches!(mention.form, Form::Url { doubtful: true, .. });
    let named = mention.form == Form::HostPort && Key::of(&setting.name).names_a_host();
    let is_url = matches!(mention.form, Form::Url { .. });
    doubtful || setting.secret && !is_url && !named
}

const fn is_link_local(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(address) => address.is_link_local(),
        std::net::IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
