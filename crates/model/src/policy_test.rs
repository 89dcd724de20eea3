use crate::{Location, Source};

/// A file of policy tests (`kind: PolicyTest` of `ringfence.dev/v1alpha1`): what must be allowed, and what denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTest {
    /// `metadata.name`.
    pub name: Option<String>,
    /// The tests in order; their names differ.
    pub cases: Vec<PolicyTestCase>,
    /// Where the document was written.
    pub source: Option<Source>,
}

/// One item of `tests`: assertions under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTestCase {
    /// What the test is called.
    pub name: String,
    /// Why it must be so.
    pub reason: Option<String>,
    /// `allow` and `deny` in order of appearance; at least one.
    pub assertions: Vec<Assertion>,
    /// Where the test was written.
    pub source: Option<Source>,
}

/// One item of `allow` or `deny`: what must become of every connection from any of these to any of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Under which of the two it stands.
    pub expected: Expected,
    /// `from`: endpoints as written; at least one.
    pub from: Vec<Written>,
    /// `to`: endpoints as written; at least one.
    pub to: Vec<Written>,
    /// `ports` as written; empty where nothing is said, which means every port.
    pub ports: Vec<Written>,
    /// Where the assertion was written.
    pub source: Option<Source>,
}

/// What an assertion says must become of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expected {
    /// All of them pass.
    Allow,
    /// None of them passes.
    Deny,
}

/// A text of the user and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The text, without quotes.
    pub text: String,
    /// Where it was written.
    pub location: Option<Location>,
}

impl Expected {
    /// The key that it stands under.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}
