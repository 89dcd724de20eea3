//! What each hook must do to which packets, in the order in which it counts. Written from the specification, apart from
//! the compiler.

mod hosts;
mod services;

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_net::{ConnectionState, Family, TcpFlags};
use ringfence_ruleset::{ChainKind, Hook};

use crate::axes::{Axes, flags, icmpv6_types, protocols, states};
use crate::bits::Bits;
use crate::facts::{Facts, Port};
use crate::machine::Fate;
use crate::region::{Axis, Region};

/// Where packets are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// Who may send under which address.
    Spoofing,
    /// Where Services lead those who come from elsewhere.
    Services,
    /// Between pods, and between pods and others.
    Forward,
    /// To the node itself.
    Input,
    /// From the node itself.
    Output,
    /// Where Services lead the node itself.
    ServicesLocal,
    /// Whose source address is replaced.
    Masquerade,
}

impl Place {
    pub(crate) const ALL: [Self; 7] = [
        Self::Spoofing,
        Self::Services,
        Self::Forward,
        Self::Input,
        Self::Output,
        Self::ServicesLocal,
        Self::Masquerade,
    ];

    pub(crate) const fn hook(self) -> Hook {
        match self {
            Self::Spoofing | Self::Services => Hook::Prerouting,
            Self::Forward => Hook::Forward,
            Self::Input => Hook::Input,
            Self::Output | Self::ServicesLocal => Hook::Output,
            Self::Masquerade => Hook::Postrouting,
        }
    }

    pub(crate) const fn kind(self) -> ChainKind {
        match self {
            Self::Spoofing | Self::Forward | Self::Input | Self::Output => ChainKind::Filter,
            Self::Services | Self::ServicesLocal | Self::Masquerade => ChainKind::Nat,
        }
    }
}

/// What must become of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    Fate(Fate, &'static str),
    /// What policies say.
    Policy,
    /// Whatever it is, no such packet arrives.
    Anything,
}

/// Packets within all limits that no earlier clause speaks of.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) limits: Vec<(Axis, Bits)>,
    pub(crate) expect: Expect,
}

/// What a place must do.
#[derive(Debug)]
pub(crate) struct Expectation<'a> {
    facts: &'a Facts<'a>,
    axes: &'a Axes,
    place: Place,
    pods_in: Bits,
    pods_out: Bits,
    local_sources: Bits,
    local_destinations: Bits,
    fixed: Vec<Clause>,
    /// What a pod sends to itself and would leave by another interface: no route leads there.
    astray: Vec<Clause>,
    /// The Service ports of each destination atom.
    services: Vec<Vec<Port>>,
}

impl<'a> Expectation<'a> {
    pub(crate) fn new(facts: &'a Facts<'a>, axes: &'a Axes, place: Place) -> Self {
        let is_pod = |name: &str| facts.is_pod_interface(name);
        let is_local = |address: IpAddr| facts.local(address).is_some();
        let mut services = vec![Vec::new(); axes.destination.len()];
        for port in facts
            .services
            .all
            .keys()
            .filter(|it| Family::of(it.address) == axes.family)
        {
            let number = crate::axes::address::number(port.address);
            if let Some(atom) = axes.destination.bits(number, number).first()
                && let Some(ports) = services.get_mut(atom)
            {
                ports.push(*port);
            }
        }
        let mut found = Self {
            pods_in: axes.interfaces(Axis::Input, is_pod),
            pods_out: axes.interfaces(Axis::Output, is_pod),
            local_sources: axes.source.matching(is_local),
            local_destinations: axes.destination.matching(is_local),
            fixed: Vec::new(),
            astray: Vec::new(),
            facts,
            axes,
            place,
            services,
        };
        found.fixed = found.fixed_clauses();
        found.astray = found.astray_clauses();
        found
    }

    /// The packets that come to the place at all, and perhaps others.
    pub(crate) fn arriving(&self) -> Vec<Region> {
        let all = self.axes.everything();
        let outside = all.outside(Axis::Input, &self.pods_in);
        let from_pods = all.within(Axis::Input, &self.pods_in);
        let regions: Vec<Region> = match self.place {
            Place::Spoofing
            | Place::Services
            | Place::Output
            | Place::ServicesLocal
            | Place::Masquerade => vec![all],
            Place::Forward => {
                let strangers =
                    outside.and_then(|it| it.outside(Axis::Source, &self.local_sources));
                let pods = from_pods.and_then(|it| it.within(Axis::Source, &self.local_sources));
                strangers.into_iter().chain(pods).collect()
            }
            Place::Input => {
                let strangers =
                    outside.and_then(|it| it.outside(Axis::Source, &self.local_sources));
                strangers.into_iter().chain(from_pods).collect()
            }
        };
        let regions = regions.into_iter();
        let opening = states([ConnectionState::New]);
        match self.place.kind() {
            ChainKind::Filter => regions.collect(),
            ChainKind::Nat => regions
                .filter_map(|region| region.within(Axis::State, &opening))
                .collect(),
        }
    }

    /// The clauses that may concern `region`, in order; what none of them speaks of is `self.rest()`.
    pub(crate) fn clauses(&self, region: &Region) -> Vec<Clause> {
        let mut clauses = self.fixed.clone();
        match self.place {
            Place::Forward => {
                clauses.extend(self.astray_in(region));
                clauses.extend(self.unreached(region));
                clauses.extend(self.tunnel_from_pods());
                clauses.extend(self.tunnel_through());
                clauses.extend(self.unserved(region));
            }
            Place::Output => {
                clauses.extend(self.tunnel_between_nodes());
                let opening = states([ConnectionState::New]);
                let mut unserved = self.unserved(region);
                for clause in &mut unserved {
                    clause.limits.push((Axis::State, opening.clone()));
                }
                clauses.extend(unserved);
            }
            Place::Services => {
                clauses.extend(self.closed_ports());
                clauses.extend(self.guarded());
                clauses.extend(self.entries());
                clauses.extend(self.served(region));
                clauses.extend(self.node_ports());
            }
            Place::ServicesLocal => {
                clauses.extend(self.guarded());
                clauses.extend(self.served(region));
                clauses.extend(self.node_ports());
            }
            Place::Spoofing | Place::Input | Place::Masquerade => {}
        }
        clauses
    }

    pub(crate) fn rest(&self) -> Expect {
        match self.place {
            Place::Forward | Place::Input => Expect::Policy,
            Place::Spoofing => Expect::Fate(Fate::Accept, "its sender may send it"),
            Place::Services | Place::ServicesLocal => {
                Expect::Fate(Fate::Accept, "no Service with a backend is dialled")
            }
            Place::Output => Expect::Fate(Fate::Accept, "a node reaches its pods (rule NP-50)"),
            Place::Masquerade => Expect::Fate(Fate::Accept, "it keeps its source address"),
        }
    }

    fn fixed_clauses(&self) -> Vec<Clause> {
        match self.place {
            Place::Spoofing => self.spoofing(),
            Place::Forward => {
                let mut clauses = tracked();
                clauses.extend(self.strict(Axis::Input, &self.pods_in));
                clauses.extend(self.strict(Axis::Output, &self.pods_out));
                clauses
            }
            Place::Input => self.input(),
            Place::Masquerade => self.masquerade(),
            Place::Output => self.strict(Axis::Output, &self.pods_out).into(),
            Place::Services | Place::ServicesLocal => Vec::new(),
        }
    }

    fn spoofing(&self) -> Vec<Clause> {
        let pods = self.facts.pods.iter();
        let mut clauses: Vec<Clause> = pods
            .map(|pod| {
                let own = |name: &str| name == pod.interface;
                clause(
                    vec![
                        (Axis::Input, self.axes.interfaces(Axis::Input, own)),
                        (Axis::Source, self.addresses(Axis::Source, &pod.addresses)),
                    ],
                    Fate::Accept,
                    "a pod sends with its own address from its own interface",
                )
            })
            .collect();
        clauses.extend(self.neighbours());
        clauses.push(clause(
            vec![(Axis::Input, self.pods_in.clone())],
            Fate::Drop,
            "no pod sends with another address, and no unknown interface at all",
        ));
        clauses.extend(self.tunnel_between_nodes());
        clauses.push(clause(
            vec![(Axis::Source, self.local_sources.clone())],
            Fate::Drop,
            "the address of a pod of this node comes from its interface alone",
        ));
        clauses
    }

    /// Neighbour discovery on the link (rule NP-66).
    fn neighbours(&self) -> Option<Clause> {
        let from = [block("fe80::/10"), block("::/128")];
        let to = [block("fe80::/10"), block("ff02::/16")];
        let within = |blocks: &[Option<IpNet>], address: IpAddr| {
            let mut blocks = blocks.iter().flatten();
            blocks.any(|block| block.contains(&address))
        };
        (self.axes.family == Family::V6).then(|| {
            clause(
                vec![
                    (Axis::Input, self.pods_in.clone()),
                    (
                        Axis::Source,
                        self.axes.source.matching(|ip| within(&from, ip)),
                    ),
                    (
                        Axis::Destination,
                        self.axes.destination.matching(|ip| within(&to, ip)),
                    ),
                    (Axis::Protocol, protocols([58])),
                    (Axis::Icmpv6Type, icmpv6_types(133, 137)),
                ],
                Fate::Accept,
                "neighbour discovery is never filtered (rule NP-66)",
            )
        })
    }

    /// What opens no connection and belongs to none (rule DP-22).
    fn strict(&self, axis: Axis, pods: &Bits) -> [Clause; 2] {
        let mask = TcpFlags::FIN.0 | TcpFlags::SYN.0 | TcpFlags::RST.0 | TcpFlags::ACK.0;
        let opening = flags(mask, TcpFlags::SYN.0);
        [
            clause(
                vec![
                    (axis, pods.clone()),
                    (Axis::State, states([ConnectionState::Invalid])),
                ],
                Fate::Drop,
                "connection tracking could make nothing of it (rule DP-22)",
            ),
            clause(
                vec![
                    (axis, pods.clone()),
                    (Axis::State, states([ConnectionState::New])),
                    (Axis::Protocol, protocols([6])),
                    (Axis::Flags, Bits::full(256).without(&opening)),
                ],
                Fate::Drop,
                "only a SYN opens a TCP connection (rule DP-22)",
            ),
        ]
    }

    fn astray_clauses(&self) -> Vec<Clause> {
        let own = self.facts.local_addresses(self.axes.family);
        let clauses = own.filter_map(|(place, address)| {
            let pod = self.facts.pods.get(place)?;
            let others = |name: &str| name != pod.interface;
            Some(Clause {
                limits: vec![
                    (Axis::Source, self.addresses(Axis::Source, &[address])),
                    (
                        Axis::Destination,
                        self.addresses(Axis::Destination, &[address]),
                    ),
                    (Axis::Output, self.axes.interfaces(Axis::Output, others)),
                ],
                expect: Expect::Anything,
            })
        });
        clauses.collect()
    }

    fn astray_in(&self, region: &Region) -> Vec<Clause> {
        let concerns = |clause: &&Clause| {
            let mut limits = clause.limits.iter();
            limits.all(|(axis, atoms)| region.get(*axis).meets(atoms))
        };
        self.astray.iter().filter(concerns).cloned().collect()
    }

    /// Pods that are not programmed are not reached, nor through another's interface (rules NP-65, DP-26).
    fn unreached(&self, region: &Region) -> Vec<Clause> {
        let outputs = region.get(Axis::Output).and(&self.pods_out);
        let names = &self.axes.output;
        let names = outputs
            .iter()
            .filter_map(|atom| Some((atom, names.get(atom)?)));
        let clauses = names.map(|(atom, name)| {
            let owner = self.facts.pods.iter().find(|pod| pod.interface == *name);
            let own = owner.map_or(&[][..], |pod| &pod.addresses);
            let own = self.addresses(Axis::Destination, own);
            clause(
                vec![
                    (
                        Axis::Output,
                        Bits::single(names_len(&self.axes.output), atom),
                    ),
                    (
                        Axis::Destination,
                        Bits::full(self.axes.destination.len()).without(&own),
                    ),
                ],
                Fate::Drop,
                "behind an interface only its own pod is reached (rules NP-65, DP-26)",
            )
        });
        clauses.collect()
    }

    fn tunnel(&self) -> Option<Vec<(Axis, Bits)>> {
        let port = self.facts.wiring.tunnel_port?;
        Some(vec![
            (Axis::Protocol, protocols([17])),
            (Axis::Port, self.axes.ports.bits(port, port)),
        ])
    }

    fn tunnel_from_pods(&self) -> Option<Clause> {
        let mut limits = self.tunnel()?;
        let outside = |ip: IpAddr| !self.facts.in_pod_blocks(ip);
        limits.push((Axis::Input, self.pods_in.clone()));
        limits.push((Axis::Destination, self.axes.destination.matching(outside)));
        Some(clause(
            limits,
            Fate::Drop,
            "no pod feeds a tunnel between nodes",
        ))
    }

    /// A Service whose backend is a node's tunnel would lead anybody into it, under the source of this node.
    fn tunnel_through(&self) -> Option<Clause> {
        let mut limits = self.tunnel()?;
        let is_node = |ip: IpAddr| self.facts.nodes.contains(&ip);
        limits.push((Axis::Destination, self.axes.destination.matching(is_node)));
        let why = "no node forwards what feeds a tunnel of another one";
        Some(clause(limits, Fate::Drop, why))
    }

    /// Tunnels between nodes are not tracked; what is in them is.
    fn tunnel_between_nodes(&self) -> Option<Clause> {
        let mut limits = self.tunnel()?;
        let is_node = |ip: IpAddr| self.facts.nodes.contains(&ip);
        if self.place == Place::Spoofing {
            limits.push((Axis::Source, self.axes.source.matching(is_node)));
        }
        limits.push((Axis::Destination, self.axes.destination.matching(is_node)));
        let why = "tunnels between nodes are not tracked";
        Some(clause(limits, Fate::Untracked, why))
    }

    fn input(&self) -> Vec<Clause> {
        let mut clauses = Vec::new();
        if let Some(tunnel) = self.tunnel() {
            let mut from_pods = tunnel.clone();
            from_pods.push((Axis::Input, self.pods_in.clone()));
            clauses.push(clause(
                from_pods,
                Fate::Drop,
                "no pod feeds a tunnel between nodes",
            ));
            let mut from_strangers = tunnel;
            let stranger = |ip: IpAddr| !self.facts.nodes.contains(&ip);
            from_strangers.push((Axis::Source, self.axes.source.matching(stranger)));
            let why = "only nodes feed a tunnel between nodes";
            clauses.push(clause(from_strangers, Fate::Drop, why));
        }
        clauses.extend(self.closed_node());
        let others = Bits::full(names_len(&self.axes.input)).without(&self.pods_in);
        let why = "the node itself is no subject of policies";
        clauses.push(clause(vec![(Axis::Input, others)], Fate::Accept, why));
        clauses.extend(self.neighbours());
        let strangers = Bits::full(self.axes.source.len()).without(&self.local_sources);
        clauses.push(Clause {
            limits: vec![(Axis::Source, strangers)],
            expect: Expect::Anything,
        });
        clauses.push(Clause {
            limits: vec![(Axis::Destination, self.local_destinations.clone())],
            expect: Expect::Anything,
        });
        clauses.extend(tracked());
        clauses.extend(self.strict(Axis::Input, &self.pods_in));
        clauses
    }

    fn masquerade(&self) -> Vec<Clause> {
        let own = self.facts.local_addresses(self.axes.family);
        let mut clauses: Vec<Clause> = own
            .map(|(_, address)| {
                clause(
                    vec![
                        (Axis::Source, self.addresses(Axis::Source, &[address])),
                        (
                            Axis::Destination,
                            self.addresses(Axis::Destination, &[address]),
                        ),
                    ],
                    Fate::Masquerade,
                    "a pod that reaches itself must see another address",
                )
            })
            .collect();
        let inside = |ip: IpAddr| self.facts.in_pod_blocks(ip);
        let away = |ip: IpAddr| !self.facts.in_cluster(ip);
        clauses.push(clause(
            vec![
                (Axis::Source, self.axes.source.matching(inside)),
                (Axis::Destination, self.axes.destination.matching(away)),
            ],
            Fate::Masquerade,
            "pod addresses do not leave the cluster",
        ));
        let is_own = |ip: IpAddr| self.facts.own.contains(&ip);
        let strangers = self.axes.source.matching(|ip| !is_own(ip));
        let outputs = Bits::full(names_len(&self.axes.output)).without(&self.pods_out);
        let behind = self.facts.services.behind.iter();
        let behind = behind.filter(|port| Family::of(port.address) == self.axes.family);
        clauses.extend(behind.map(|port| {
            let mut limits = self.dialled(*port);
            limits.push(self.outside());
            limits.push((Axis::Output, outputs.clone()));
            limits.push((Axis::Source, strangers.clone()));
            let why = "answers of a backend elsewhere come back this way (rule OB-19)";
            clause(limits, Fate::Masquerade, why)
        }));
        clauses
    }

    fn addresses(&self, axis: Axis, addresses: &[IpAddr]) -> Bits {
        let of_axis = self.axes.addresses(axis);
        let own = addresses
            .iter()
            .filter(|ip| Family::of(**ip) == self.axes.family);
        let none = Bits::empty(of_axis.len());
        own.fold(none, |bits, ip| {
            let number = crate::axes::address::number(*ip);
            bits.or(&of_axis.bits(number, number))
        })
    }
}

/// Established connections, and errors that belong to one (rules NP-63, DP-21).
fn tracked() -> Vec<Clause> {
    let established = vec![(Axis::State, states([ConnectionState::Established]))];
    let related = vec![
        (Axis::State, states([ConnectionState::Related])),
        (Axis::Protocol, protocols([1, 58])),
    ];
    vec![
        clause(
            established,
            Fate::Accept,
            "it belongs to a connection (rule NP-63)",
        ),
        clause(
            related,
            Fate::Accept,
            "it is an error of a connection (rule DP-21)",
        ),
    ]
}

fn clause(limits: Vec<(Axis, Bits)>, fate: Fate, why: &'static str) -> Clause {
    Clause {
        limits,
        expect: Expect::Fate(fate, why),
    }
}

fn block(text: &str) -> Option<IpNet> {
    text.parse().ok()
}

fn names_len(names: &[String]) -> usize {
    names.len()
}
