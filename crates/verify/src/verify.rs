use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::Cluster;
use ringfence_net::Family;
use ringfence_policy::{ClassId, ClassKind, Engine};
use ringfence_ruleset::{Hook, Table};

use crate::axes::address::{AddressAxis, number, span};
use crate::axes::{Axes, PortAxis};
use crate::compare::Comparison;
use crate::error::Unverifiable;
use crate::expectation::{Expectation, Place};
use crate::facts::{Audits, Engines, Facts};
use crate::law::Law;
use crate::machine::Machine;
use crate::region::Axis;
use crate::report::{Coverage, Report};
use crate::strict;
use crate::survey::Survey;
use crate::wiring::Wiring;

/// Compares `table`, as the kernel of a node holds it, with what `cluster` asks of the node, for all packets.
///
/// # Errors
/// [`Unverifiable`] if the table holds something that this crate cannot judge: nothing is known of it then.
pub fn verify(table: &Table, cluster: &Cluster, wiring: &Wiring) -> Result<Report, Unverifiable> {
    let facts = Facts::new(cluster, wiring, Audits::Pass);
    let mut report = Report::new(facts.contested.iter().copied().collect());
    for place in Place::ALL {
        for family in Family::ALL {
            judge(table, &facts, place, family, &mut report)?;
        }
    }
    if report.is_equal() && cluster.has_audited() {
        audits(table, cluster, wiring, &mut report)?;
    }
    report.sort();
    Ok(report)
}

/// What policies in audit mode would deny is reported, that and nothing else (rule AU-4): a table that drops what this one
/// reports lets pass what both judgements allow.
fn audits(
    table: &Table,
    cluster: &Cluster,
    wiring: &Wiring,
    report: &mut Report,
) -> Result<(), Unverifiable> {
    let table = strict::dropping(table);
    let facts = Facts::new(cluster, wiring, Audits::Deny);
    let mut found = Report::new(Vec::new());
    for place in [Place::Forward, Place::Input] {
        for family in Family::ALL {
            judge(&table, &facts, place, family, &mut found)?;
        }
    }
    report.coverage.add(found.coverage);
    report.count += found.count;
    let differences = found.differences.into_iter();
    report.differences.extend(differences.map(strict::told));
    Ok(())
}

fn judge(
    table: &Table,
    facts: &Facts<'_>,
    place: Place,
    family: Family,
    report: &mut Report,
) -> Result<(), Unverifiable> {
    let mut survey = Survey::new(table, place.hook(), family);
    let views = View::of(place, facts.is_closed());
    mark(&mut survey, facts, family, Axis::Source, views.0);
    mark(&mut survey, facts, family, Axis::Destination, views.1);
    let axis = |marks, view: View| {
        let kind = |address| match view.classes {
            true => class_number(facts.engines(family), address),
            false => 0,
        };
        AddressAxis::new(family, marks, kind)
    };
    let source = axis(&survey.sources, views.0);
    let destination = axis(&survey.destinations, views.1);
    let law = match place {
        Place::Forward | Place::Input => Some(Law::new(
            facts,
            &source,
            &destination,
            place == Place::Forward,
        )),
        Place::Spoofing
        | Place::Services
        | Place::Output
        | Place::ServicesLocal
        | Place::Masquerade => None,
    };
    let axes = Axes {
        family,
        source,
        destination,
        input: input_names(&survey, facts, place.hook()),
        output: output_names(&survey, facts, place.hook()),
        ports: port_axis(&mut survey, facts, law.as_ref()),
    };
    let expectation = Expectation::new(facts, &axes, place);
    let leaves =
        Machine::new(table, &axes).run(place.hook(), place.kind(), expectation.arriving())?;
    report.coverage.add(Coverage {
        regions: leaves.len(),
        class_pairs: law.as_ref().map_or(0, |law| law.pairs),
        source_atoms: axes.source.len(),
        destination_atoms: axes.destination.len(),
        address_pairs_log2: log2(axes.source.size()) + log2(axes.destination.size()),
    });
    let comparison = Comparison {
        table,
        facts,
        axes: &axes,
        place,
        expectation: &expectation,
        law: law.as_ref(),
    };
    comparison.run(&leaves, report)
}

/// What of the model tells addresses apart at a place.
#[derive(Clone, Copy, Debug)]
struct View {
    /// Pods of the node.
    locals: bool,
    /// Classes of the policies.
    classes: bool,
    /// Pods, nodes and blocks of the cluster.
    cluster: bool,
    services: bool,
    /// Source ranges of load balancers.
    ranges: bool,
    /// Addresses of the link.
    link: bool,
}

const NOTHING: View = View {
    locals: false,
    classes: false,
    cluster: false,
    services: false,
    ranges: false,
    link: false,
};

impl View {
    /// Of sources and of destinations.
    fn of(place: Place, is_closed: bool) -> (Self, Self) {
        let peers = Self {
            locals: true,
            classes: true,
            cluster: true,
            ..NOTHING
        };
        let services = Self {
            services: true,
            ..NOTHING
        };
        match place {
            Place::Spoofing => (
                Self {
                    locals: true,
                    link: true,
                    cluster: true,
                    ..NOTHING
                },
                Self {
                    link: true,
                    cluster: true,
                    ..NOTHING
                },
            ),
            Place::Forward => (
                peers,
                Self {
                    services: true,
                    ..peers
                },
            ),
            Place::Input => {
                let with_link = Self {
                    link: true,
                    ..peers
                };
                (with_link, with_link)
            }
            Place::Services | Place::ServicesLocal => {
                let closed = is_closed && place == Place::Services;
                let sources = Self {
                    ranges: true,
                    locals: closed,
                    classes: closed,
                    cluster: closed,
                    ..NOTHING
                };
                let destinations = Self {
                    cluster: closed,
                    ..services
                };
                (sources, destinations)
            }
            Place::Output => (
                NOTHING,
                Self {
                    cluster: true,
                    ..services
                },
            ),
            Place::Masquerade => {
                let view = Self {
                    locals: true,
                    cluster: true,
                    ..NOTHING
                };
                let destination = Self {
                    services: true,
                    ..view
                };
                (view, destination)
            }
        }
    }
}

fn mark(survey: &mut Survey, facts: &Facts<'_>, family: Family, axis: Axis, view: View) {
    let one = |survey: &mut Survey, address: IpAddr, meaning| {
        if Family::of(address) == family {
            survey.mark(axis, number(address), number(address), meaning);
        }
    };
    if view.locals {
        for (_, address) in facts.local_addresses(family) {
            let own = survey.meaning();
            one(survey, address, own);
        }
    }
    if view.services {
        let addresses: BTreeSet<IpAddr> = facts.services.ports().map(|port| port.address).collect();
        for address in addresses {
            let own = survey.meaning();
            one(survey, address, own);
        }
    }
    if view.ranges {
        let ranges = facts.services.guarded.values().flatten();
        for block in ranges.filter(|block| Family::of(block.addr()) == family) {
            let (meaning, (first, last)) = (survey.meaning(), span(*block));
            survey.mark(axis, first, last, meaning);
        }
    }
    if view.classes {
        let cut = survey.meaning();
        for address in owned(&facts.engines(family).policies) {
            one(survey, address, cut);
        }
        let engines = facts.engines(family);
        for engine in [&engines.policies].into_iter().chain(&engines.strict) {
            for (first, last) in ranges(engine, family) {
                survey.mark(axis, number(first), number(last), cut);
            }
        }
    }
    if view.cluster {
        let (nodes, hosts) = (survey.meaning(), survey.meaning());
        facts.nodes.iter().for_each(|ip| one(survey, *ip, nodes));
        facts.hosts.iter().for_each(|ip| one(survey, *ip, hosts));
        let own = survey.meaning();
        facts.own.iter().for_each(|ip| one(survey, *ip, own));
        for blocks in [&facts.wiring.pod_blocks, &facts.wiring.service_blocks] {
            let meaning = survey.meaning();
            for block in blocks.iter().filter(|it| Family::of(it.addr()) == family) {
                let (first, last) = span(*block);
                survey.mark(axis, first, last, meaning);
            }
        }
        let contested = survey.meaning();
        facts
            .contested
            .iter()
            .for_each(|ip| one(survey, *ip, contested));
    }
    if view.link && family == Family::V6 {
        for block in ["fe80::/10", "::/128", "ff02::/16"] {
            let meaning = survey.meaning();
            if let Ok(block) = block.parse() {
                let (first, last) = span(block);
                survey.mark(axis, first, last, meaning);
            }
        }
    }
}

/// Addresses of pods and nodes.
fn owned(engine: &Engine) -> BTreeSet<IpAddr> {
    let cluster = engine.cluster();
    let pods = cluster.pods.values();
    let pods = pods.flat_map(|pod| pod.addresses.iter().chain(&pod.host_addresses));
    let nodes = cluster.nodes.values().flat_map(|node| &node.addresses);
    pods.chain(nodes).map(IpAddr::to_canonical).collect()
}

/// Where the classes of other addresses begin and end.
fn ranges(engine: &Engine, family: Family) -> Vec<(IpAddr, IpAddr)> {
    let classes = engine.classes().filter_map(|(_, class)| match &class.kind {
        ClassKind::Addresses {
            family: own,
            ranges,
            ..
        } if *own == family => Some(ranges.clone()),
        ClassKind::Addresses { .. } | ClassKind::Pods { .. } | ClassKind::Node { .. } => None,
    });
    classes.flatten().collect()
}

fn class_number(engines: &Engines, address: IpAddr) -> u64 {
    let (class, strict) = engines.classes_of(address);
    let number = |class: ClassId| u64::from(u32::try_from(class.index()).unwrap_or(u32::MAX));
    (strict.map_or(0, number) << 32) | number(class)
}

fn input_names(survey: &Survey, facts: &Facts<'_>, hook: Hook) -> Vec<String> {
    match hook {
        Hook::Prerouting | Hook::Input | Hook::Forward => names(survey, facts),
        Hook::Output => vec![String::new()],
        Hook::Postrouting => with_none(names(survey, facts)),
    }
}

fn output_names(survey: &Survey, facts: &Facts<'_>, hook: Hook) -> Vec<String> {
    match hook {
        Hook::Prerouting | Hook::Input => vec![String::new()],
        Hook::Forward | Hook::Output | Hook::Postrouting => names(survey, facts),
    }
}

fn with_none(mut names: Vec<String>) -> Vec<String> {
    names.push(String::new());
    names
}

/// Every interface that the table or the node names, and one more of each kind that they tell apart.
fn names(survey: &Survey, facts: &Facts<'_>) -> Vec<String> {
    let wired = facts.pods.iter().map(|pod| pod.interface.clone());
    let mut names: BTreeSet<String> = survey.interfaces.iter().cloned().chain(wired).collect();
    let prefix = &facts.wiring.interface_prefix;
    let prefixes = survey.interface_prefixes.iter().chain([prefix]);
    let other = |prefix: &str| format!("{prefix}~");
    let others: Vec<String> = prefixes.map(|prefix| other(prefix)).collect();
    names.extend(others);
    names.insert("eth0".to_owned());
    names.into_iter().collect()
}

fn port_axis(survey: &mut Survey, facts: &Facts<'_>, law: Option<&Law>) -> PortAxis {
    for port in facts.services.ports() {
        survey.port_range(port.port, port.port);
    }
    if let Some(port) = facts.wiring.tunnel_port {
        survey.port_range(port, port);
    }
    for range in facts.host_ports() {
        survey.port_range(range.first(), range.last());
    }
    let cuts = law.map(Law::port_cuts).unwrap_or_default();
    PortAxis::new(survey.ports.iter().copied().chain(cuts))
}

/// The exponent of a number of addresses that is nearly a power of two.
fn log2(addresses: u128) -> u32 {
    let below = addresses.checked_ilog2().unwrap_or(0);
    let is_exact = addresses.is_power_of_two() || addresses == 0;
    if is_exact { below } else { below + 1 }
}
