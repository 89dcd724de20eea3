/// Why nothing can be said of a table. Never to be taken for "equal".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverifiable {
    /// A rule or chain that this crate cannot judge.
    #[error("chain `{chain}`: {what}")]
    Construct {
        /// The chain.
        chain: String,
        /// What stands there.
        what: String,
    },
    /// A rule looks up in a set, or calls a chain, that is not there.
    #[error("`{0}` does not exist in the table")]
    Missing(String),
    /// The table tells so many packets apart that the comparison would not end.
    #[error("the table tells more than {0} groups of packets apart")]
    TooLarge(usize),
    /// The two ways of judging one packet disagree, which is a defect of ringfence.
    #[error("two ways of judging one packet disagree: {0}")]
    Disagreement(String),
}

impl Unverifiable {
    pub(crate) fn construct(chain: &str, what: impl Into<String>) -> Self {
        Self::Construct {
            chain: chain.to_owned(),
            what: what.into(),
        }
    }
}
