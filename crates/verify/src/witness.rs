//! One packet of a difference, and why each side judges it as it does.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ringfence_model::{Because, DirectionDecision, Endpoint, PolicyName, PolicyRef, Query};
use ringfence_net::{ConnectionState, Family, IpProtocol, Packet, TcpFlags};
use ringfence_ruleset::{ChainKind, Evaluation, Evaluator, Outcome, Step};

use crate::axes::STATES;
use crate::bits::Bits;
use crate::compare::Comparison;
use crate::error::Unverifiable;
use crate::expectation::Place;
use crate::machine::Fate;
use crate::region::{Axis, Priority, Region};
use crate::report::{Difference, Witness};

/// Packets that are not judged as they should be.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) region: Region,
    pub(crate) fate: Fate,
    pub(crate) wanted: Fate,
    /// Why, unless policies say so.
    pub(crate) why: Option<&'static str>,
}

/// Protocols in the order in which they make a plain example.
const PLAIN: [u8; 5] = [6, 17, 132, 1, 58];

impl Comparison<'_> {
    /// The plainest packet of a region; none if no packet of it can arrive.
    pub(crate) fn packet(&self, region: &Region) -> Option<Packet> {
        let (source, input) = self.sender(region)?;
        let destination = region.get(Axis::Destination).first()?;
        let destination = self.axes.destination.example(destination)?;
        let protocols = region.get(Axis::Protocol);
        let plain = PLAIN.iter().map(|number| usize::from(*number));
        let protocol = plain.chain(0..256).find(|number| protocols.has(*number))?;
        let ports = region.get(Axis::Port);
        let port = ports
            .iter()
            .find(|atom| *atom > 0)
            .or_else(|| ports.first())?;
        let flags = region.get(Axis::Flags);
        let syn = usize::from(TcpFlags::SYN.0);
        let flags = if flags.has(syn) { syn } else { flags.first()? };
        let kind = region.get(Axis::Icmpv6Type).first()?;
        let output = self.way_out(region, destination)?;
        Some(Packet {
            source,
            destination,
            protocol: IpProtocol(u8::try_from(protocol).ok()?),
            source_port: u8::try_from(kind)
                .ok()
                .map(|kind| u16::from_be_bytes([kind, 0])),
            destination_port: self.axes.ports.port(port),
            tcp_flags: TcpFlags(u8::try_from(flags).ok()?),
            state: *STATES.get(region.get(Axis::State).first()?)?,
            input_interface: input,
            output_interface: output.clone(),
        })
    }

    /// A source address and the interface that it comes in by.
    fn sender(&self, region: &Region) -> Option<(IpAddr, String)> {
        let inputs = region.get(Axis::Input);
        let plain = plainest(inputs, &self.axes.input)?;
        let bound = matches!(self.place, Place::Forward | Place::Input);
        let sources = region.get(Axis::Source).iter();
        let mut sources = sources.filter_map(|atom| self.axes.source.example(atom));
        sources.find_map(|source| {
            let pod = self
                .facts
                .local(source)
                .and_then(|pod| self.facts.pods.get(pod));
            match pod.filter(|_| bound) {
                None => Some((source, plain.clone())),
                Some(pod) => {
                    let own = |name: &&String| **name == pod.interface;
                    let mut names = members(inputs, &self.axes.input);
                    let name = names.find(own)?;
                    Some((source, name.clone()))
                }
            }
        })
    }

    /// The interface by which packets leave: a pod of this node is behind its own.
    fn way_out(&self, region: &Region, destination: IpAddr) -> Option<&String> {
        let outputs = region.get(Axis::Output);
        let own = self.interface_of(destination);
        let own = own.and_then(|own| members(outputs, &self.axes.output).find(|it| *it == own));
        own.or_else(|| plainest(outputs, &self.axes.output))
    }

    fn interface_of(&self, address: IpAddr) -> Option<&String> {
        let pod = self.facts.pods.get(self.facts.local(address)?)?;
        Some(&pod.interface)
    }

    /// Whether routes lead it so; what a table says of others is compared all the same.
    pub(crate) fn is_plain(&self, packet: &Packet) -> bool {
        let own = self.interface_of(packet.destination);
        self.place != Place::Forward || own.is_none_or(|own| *own == packet.output_interface)
    }

    pub(crate) fn difference(
        &self,
        case: &Case,
        packet: &Packet,
    ) -> Result<Difference, Unverifiable> {
        let evaluation = self.evaluate(packet);
        self.check(case, packet, &evaluation)?;
        let (why, policies) = match case.why {
            Some(why) => (vec![why.to_owned()], Vec::new()),
            None => self.by_policy(packet),
        };
        Ok(Difference {
            hook: place_name(self.place).to_owned(),
            packet: self.describe(packet),
            kernel: fate_text(&case.fate),
            because: evaluation
                .trace
                .iter()
                .map(|step| self.step(step))
                .collect(),
            expected: fate_text(&case.wanted),
            why,
            policies,
        })
    }

    fn evaluate(&self, packet: &Packet) -> Evaluation {
        Evaluator::new(self.table).evaluate(self.place.hook(), packet, &mut |_| 0)
    }

    /// The evaluator of single packets must say the same.
    fn check(
        &self,
        case: &Case,
        packet: &Packet,
        evaluation: &Evaluation,
    ) -> Result<(), Unverifiable> {
        let is_filter = self.place.kind() == ChainKind::Filter;
        let agrees = match &case.fate {
            Fate::Accept if is_filter => {
                evaluation.outcome == Outcome::Accept && !evaluation.untracked
            }
            Fate::Accept => evaluation.destination.is_none() && !evaluation.masquerade,
            Fate::Untracked => evaluation.outcome == Outcome::Accept && evaluation.untracked,
            Fate::Drop => evaluation.outcome == Outcome::Drop,
            Fate::Reject | Fate::Reset => evaluation.outcome == Outcome::Reject,
            Fate::Translate(targets) => {
                let target = evaluation.destination;
                target.map_or(targets.is_empty(), |target| targets.contains(&target))
            }
            Fate::Masquerade => evaluation.masquerade,
            Fate::Unset => true,
        };
        // What earlier packets have written is nothing that a single packet shows.
        if case.region.priority == Priority::Written {
            return Ok(());
        }
        // A filter of the same hook may drop what chains of kind nat would see.
        if agrees || (!is_filter && evaluation.outcome != Outcome::Accept) {
            return Ok(());
        }
        let (found, said) = (evaluation.outcome, &case.fate);
        let text = format!("{said:?} and {found:?} for {}", self.describe(packet));
        Err(Unverifiable::Disagreement(text))
    }

    fn by_policy(&self, packet: &Packet) -> (Vec<String>, Vec<String>) {
        if self.facts.local(packet.source).is_some()
            && self.facts.local(packet.source) == self.facts.local(packet.destination)
        {
            let why = "policies of the cluster judge what a pod sends to itself through a Service (rules AM-4, CN-40)";
            return (vec![why.to_owned()], Vec::new());
        }
        let has_port = packet.protocol.as_policy().is_some();
        let query = Query {
            source: Endpoint::Address(packet.source),
            destination: Endpoint::Address(packet.destination),
            protocol: packet.protocol,
            port: packet.destination_port.filter(|_| has_port),
        };
        let answer = match self.facts.engines(packet.family()).policies.answer(&query) {
            Ok(answer) => answer,
            Err(error) => return (vec![error.to_string()], Vec::new()),
        };
        let connection = answer.connections.first();
        let decisions = connection
            .into_iter()
            .flat_map(|it| [&it.egress, &it.ingress]);
        let judged = decisions.filter(|it| it.because != Because::NoSubject);
        let judged: Vec<&DirectionDecision> = judged.collect();
        let policies: BTreeSet<PolicyName> = judged.iter().flat_map(|it| policies(it)).collect();
        (
            judged.iter().map(ToString::to_string).collect(),
            policies.iter().map(ToString::to_string).collect(),
        )
    }

    fn describe(&self, packet: &Packet) -> Witness {
        let number = packet.protocol.0;
        let has_port = packet.protocol.as_policy().is_some();
        let is_icmpv6 = packet.protocol == IpProtocol::ICMPV6 && packet.family() == Family::V6;
        let kind = packet.source_port.map(|both| both.to_be_bytes()[0]);
        let opens = packet.tcp_flags == TcpFlags::SYN;
        Witness {
            family: packet.family(),
            protocol: number,
            port: packet.destination_port.filter(|_| has_port),
            source: packet.source,
            source_name: self.name(packet.source),
            destination: packet.destination,
            destination_name: self.name(packet.destination),
            input: packet.input_interface.clone(),
            output: packet.output_interface.clone(),
            state: state_name(packet.state).to_owned(),
            flags: (number == 6 && !opens).then_some(packet.tcp_flags.0),
            icmp_type: kind.filter(|_| is_icmpv6),
        }
    }

    fn name(&self, address: IpAddr) -> Option<String> {
        let cluster = self.facts.engines(Family::of(address)).policies.cluster();
        let has = |all: &[IpAddr]| all.iter().any(|own| own.to_canonical() == address);
        let mut pods = cluster.pods.values();
        let pod = pods.find(|pod| pod.is_on_pod_network() && has(&pod.addresses));
        let node = || {
            let mut nodes = cluster.nodes.values();
            nodes
                .find(|node| has(&node.addresses))
                .map(|node| format!("node/{}", node.name))
        };
        pod.map(|pod| pod.name.to_string()).or_else(node)
    }

    /// A rule that did something, with the elements that it hit.
    fn step(&self, step: &Step) -> String {
        let chain = self.table.chains.get(&step.chain);
        let rule = chain.and_then(|chain| chain.rules.get(step.rule));
        let rule = rule.map(ToString::to_string).unwrap_or_default();
        let hits = step.hits.iter().filter_map(|hit| {
            let set = self.table.sets.get(&hit.set)?;
            let element = set.elements.get(&hit.key)?;
            Some(format!(
                "{} {{ {} }}",
                hit.set,
                set.element_text(&hit.key, element)
            ))
        });
        let hits: Vec<String> = hits.collect();
        let elements = if hits.is_empty() {
            String::new()
        } else {
            format!("  [{}]", hits.join("; "))
        };
        format!("{}[{}] {rule}{elements}", step.chain, step.rule)
    }
}

/// The interfaces of a set.
fn members<'n>(atoms: &Bits, names: &'n [String]) -> impl Iterator<Item = &'n String> {
    let atoms: Vec<usize> = atoms.iter().collect();
    atoms.into_iter().filter_map(|atom| names.get(atom))
}

/// The interface to show for a set.
fn plainest<'n>(atoms: &Bits, names: &'n [String]) -> Option<&'n String> {
    let plain = members(atoms, names).find(|name| *name == "eth0");
    plain.or_else(|| members(atoms, names).next())
}

/// The policies that a decision rests on.
fn policies(decision: &DirectionDecision) -> BTreeSet<PolicyName> {
    let network = |policy: &PolicyRef| PolicyName::Network(policy.name.clone());
    let passed = decision.passed.iter();
    let mut found: BTreeSet<PolicyName> = passed
        .map(|rule| PolicyName::Cluster(rule.policy.clone()))
        .collect();
    match &decision.because {
        Because::NoSubject
        | Because::Host(_)
        | Because::Loopback
        | Because::OwnAddress
        | Because::NotIsolated => {}
        Because::ClusterRule(rule) => {
            found.insert(PolicyName::Cluster(rule.policy.clone()));
        }
        Because::LocalNode { isolated_by }
        | Because::OwnService { isolated_by }
        | Because::NoRuleMatched { isolated_by, .. } => {
            found.extend(isolated_by.iter().map(network))
        }
        Because::Rules { allowed_by } => {
            found.extend(allowed_by.iter().map(|rule| network(&rule.policy)));
        }
        Because::AddressUnknown {
            cluster_rules,
            rules,
            ..
        } => {
            let cluster = cluster_rules.iter();
            found.extend(cluster.map(|rule| PolicyName::Cluster(rule.policy.clone())));
            found.extend(rules.iter().map(|rule| network(&rule.policy)));
        }
    }
    found
}

const fn place_name(place: Place) -> &'static str {
    match place {
        Place::Spoofing => "prerouting",
        Place::Services => "prerouting (Services)",
        Place::Forward => "forward",
        Place::Input => "input",
        Place::Output => "output",
        Place::ServicesLocal => "output (Services)",
        Place::Masquerade => "postrouting",
    }
}

fn fate_text(fate: &Fate) -> String {
    match fate {
        Fate::Accept => "accept".to_owned(),
        Fate::Untracked => "accept, untracked".to_owned(),
        Fate::Drop => "drop".to_owned(),
        Fate::Reject => "reject".to_owned(),
        Fate::Reset => "reject with a TCP reset".to_owned(),
        Fate::Masquerade => "masquerade".to_owned(),
        Fate::Unset => "depends on `meta priority`, which nothing has set".to_owned(),
        Fate::Translate(targets) => {
            let targets = targets.iter().map(|(ip, port)| match ip {
                IpAddr::V4(ip) => format!("{ip}:{port}"),
                IpAddr::V6(ip) => format!("[{ip}]:{port}"),
            });
            format!("translate to {}", targets.collect::<Vec<_>>().join(" or "))
        }
    }
}

const fn state_name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Invalid => "invalid",
        ConnectionState::Established => "established",
        ConnectionState::Related => "related",
        ConnectionState::New => "new",
        ConnectionState::Untracked => "untracked",
    }
}
