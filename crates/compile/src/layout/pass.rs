use ringfence_model::Direction;
use ringfence_net::Family;

use super::set_name;
use crate::report::Reason;

/// Which of the two judgements of a packet: the one that counts, or the one as if no policy were in audit mode, which is
/// only reported (rule AU-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pass {
    Enforce,
    Audit,
}

impl Pass {
    /// What the names of its sets have after the direction.
    pub(crate) const fn infix(self) -> &'static str {
        match self {
            Self::Enforce => "",
            Self::Audit => "-audit",
        }
    }

    /// What becomes of that which it denies.
    pub(crate) const fn denial(self, direction: Direction) -> Reason {
        match self {
            Self::Enforce => Reason::denial(direction),
            Self::Audit => Reason::audit(direction),
        }
    }
}

/// Which rules of host firewalls: those that were confirmed, or those that are tried out in their place (rules HF-3, HF-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HostPass {
    Confirmed,
    Trial,
}

impl HostPass {
    /// In the order in which nobody is asked twice: a trial that runs decides.
    pub(crate) const ALL: [Self; 2] = [Self::Trial, Self::Confirmed];

    /// A set of it: `trial-ports4`.
    pub(crate) fn set(self, stem: &str, family: Family) -> String {
        set_name(&format!("{}{stem}", self.word()), family)
    }

    /// The chain that judges.
    pub(crate) fn chain(self, family: Family) -> String {
        set_name(&format!("{}-judge", self.word()), family)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "host",
            Self::Trial => "trial",
        }
    }
}

/// Whether a set of this name says that other rules are tried out for the node, so that the kernel must end its elements (rule HF-4).
#[must_use]
pub fn holds_trial(set: &str) -> bool {
    let mut families = Family::ALL.into_iter();
    families.any(|family| HostPass::Trial.set("", family) == set)
}
