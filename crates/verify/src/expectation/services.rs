//! Where Services lead, and where they lead nobody.

use std::net::IpAddr;

use ringfence_net::{Family, Protocol};

use super::{Clause, Expectation, Place, clause, names_len};
use crate::axes::protocols;
use crate::bits::Bits;
use crate::facts::Port;
use crate::machine::Fate;
use crate::region::{Axis, Region};

impl Expectation<'_> {
    pub(super) fn unserved(&self, region: &Region) -> Vec<Clause> {
        let all = self.ports(region);
        let unserved = all.filter(|(_, targets)| targets.is_empty());
        let reject = |(port, _): (Port, &[_])| {
            clause(
                self.dialled(port),
                refused(port),
                "the Service has no backend",
            )
        };
        unserved.map(reject).collect()
    }

    pub(super) fn outside(&self) -> (Axis, Bits) {
        let all = Bits::full(names_len(&self.axes.input));
        (Axis::Input, all.without(&self.pods_in))
    }

    /// Whom a load balancer does not list (rule OB-20).
    pub(super) fn guarded(&self) -> Vec<Clause> {
        let of_family = self.facts.services.guarded.iter();
        let of_family = of_family.filter(|(port, _)| Family::of(port.address) == self.axes.family);
        let clauses = of_family.map(|(port, ranges)| {
            let is_listed = |ip: IpAddr| ranges.iter().any(|block| block.contains(&ip));
            let mut limits = self.dialled(*port);
            limits.push((Axis::Source, self.axes.source.matching(|ip| !is_listed(ip))));
            let why = "the load balancer does not list the source (rule OB-20)";
            clause(limits, Fate::Drop, why)
        });
        clauses.collect()
    }

    /// Those from outside, where the Service keeps to its node (rule OB-19).
    pub(super) fn entries(&self) -> Vec<Clause> {
        let of_family = self.facts.services.entries.iter();
        let of_family = of_family.filter(|(port, _)| Family::of(port.address) == self.axes.family);
        let clauses = of_family.map(|(port, targets)| {
            let mut limits = self.dialled(*port);
            limits.push(self.outside());
            let fate = if targets.is_empty() {
                Fate::Drop
            } else {
                Fate::Translate(targets.clone())
            };
            clause(
                limits,
                fate,
                "the Service has these backends on this node (rule OB-19)",
            )
        });
        clauses.collect()
    }

    /// Ports of nodes: of all for those inside, of this one for those from outside (rule OB-19).
    pub(super) fn node_ports(&self) -> Vec<Clause> {
        let of_family = self.facts.services.node_ports.iter();
        let of_family = of_family.filter(|(port, _)| Family::of(port.address) == self.axes.family);
        let clauses = of_family.map(|(port, targets)| {
            let mut limits = self.dialled(*port);
            if self.place == Place::Services && !self.facts.own.contains(&port.address) {
                limits.push((Axis::Input, self.pods_in.clone()));
            }
            let fate = if targets.is_empty() {
                refused(*port)
            } else {
                Fate::Translate(targets.clone())
            };
            clause(
                limits,
                fate,
                "the port of nodes leads to these backends (rule OB-19)",
            )
        });
        clauses.collect()
    }

    pub(super) fn served(&self, region: &Region) -> Vec<Clause> {
        let all = self.ports(region);
        let served = all.filter(|(_, targets)| !targets.is_empty());
        let translate = |(port, targets): (Port, &[(IpAddr, u16)])| {
            let fate = Fate::Translate(targets.to_vec());
            clause(self.dialled(port), fate, "the Service has these backends")
        };
        served.map(translate).collect()
    }

    /// The Service ports that `region` may dial, with their targets.
    fn ports(&self, region: &Region) -> impl Iterator<Item = (Port, &[(IpAddr, u16)])> {
        let atoms: Vec<usize> = region.get(Axis::Destination).iter().collect();
        let ports = atoms.into_iter().filter_map(|atom| self.services.get(atom));
        ports.flatten().filter_map(|port| {
            let targets = self.facts.services.all.get(port)?;
            Some((*port, targets.as_slice()))
        })
    }

    pub(super) fn dialled(&self, port: Port) -> Vec<(Axis, Bits)> {
        vec![
            (
                Axis::Destination,
                self.addresses(Axis::Destination, &[port.address]),
            ),
            (Axis::Protocol, protocols([port.protocol.number()])),
            (Axis::Port, self.axes.ports.bits(port.port, port.port)),
        ]
    }
}

/// How a client hears that nobody serves a port: each protocol in its own way (rule Q-8).
const fn refused(port: Port) -> Fate {
    match port.protocol {
        Protocol::Tcp => Fate::Reset,
        Protocol::Udp | Protocol::Sctp => Fate::Reject,
    }
}
