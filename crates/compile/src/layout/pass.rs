use ringfence_model::Direction;

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
