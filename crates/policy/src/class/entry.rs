use std::net::IpAddr;

use ringfence_model::{ContainerPort, Labels, Pod};

use super::place::Place;
use super::{Class, ClassKind};
use crate::atoms::Atom;

/// One class and what is known of it beside.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) class: Class,
    pub(crate) place: Place,
    /// Whether it has members that can be an end of a connection.
    pub(crate) listed: bool,
    /// False for addresses that no packet between two ends has.
    pub(crate) travels: bool,
}

/// What the members of a class of pods of one namespace have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Traits<'a> {
    pub(super) labels: &'a Labels,
    pub(super) ports: &'a [ContainerPort],
    pub(super) place: Place,
}

impl Entry {
    pub(super) fn listed(kind: ClassKind, place: Place) -> Self {
        Self {
            class: Class { kind },
            place,
            listed: true,
            travels: true,
        }
    }

    /// What the pods of a class declare; nothing for other classes.
    pub(crate) fn ports(&self) -> &[ContainerPort] {
        match &self.class.kind {
            ClassKind::Pods { ports, .. } => ports,
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => &[],
        }
    }

    /// Whether this address is shown for all of the class.
    pub(crate) fn is_example(&self, address: IpAddr) -> bool {
        match self.class.kind {
            ClassKind::Addresses { example, .. } => example == address,
            ClassKind::Pods { .. } | ClassKind::Node { .. } => false,
        }
    }

    pub(crate) fn namespace(&self) -> Option<&str> {
        match &self.class.kind {
            ClassKind::Pods { namespace, .. } => Some(namespace),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        }
    }

    /// The node, of a class that stands for one.
    pub(crate) fn node(&self) -> Option<&str> {
        match &self.class.kind {
            ClassKind::Node { name, .. } => Some(name),
            ClassKind::Pods { .. } | ClassKind::Addresses { .. } => None,
        }
    }

    /// What the members of a class of pods have in common.
    pub(super) fn traits(&self) -> Option<Traits<'_>> {
        match &self.class.kind {
            ClassKind::Pods { labels, ports, .. } => Some(Traits {
                labels,
                ports,
                place: self.place,
            }),
            ClassKind::Node { .. } | ClassKind::Addresses { .. } => None,
        }
    }
}

impl<'a> Traits<'a> {
    pub(super) fn of(pod: &'a Pod, place: Place) -> Self {
        Self {
            labels: &pod.labels,
            ports: &pod.ports,
            place,
        }
    }
}

/// The kind of a class of addresses.
pub(super) fn addresses(
    atom: Atom,
    ranges: Vec<(IpAddr, IpAddr)>,
    example: Option<IpAddr>,
) -> ClassKind {
    ClassKind::Addresses {
        family: atom.family(),
        ranges,
        example: example.unwrap_or_else(|| atom.first_address()),
    }
}
