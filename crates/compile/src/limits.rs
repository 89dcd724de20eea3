/// What policies may cost. The product of many peers and many ports is what makes a small manifest a large table; it
/// is known before anything of that size is built. A rule above a limit is left out alone and named in
/// [`Compiled::refused`](crate::Compiled::refused); the pods stay isolated (rule AM-21).
///
/// Rules that overlap are cut where they meet, into fewer than twice as many elements as are counted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements that one rule takes for one pod address, by what is written in it: different peers times different
    /// ports. Also the pairs of a block and a range of addresses in it, as many holes in many blocks make.
    pub elements_per_rule: u64,
    /// Elements that all rules take for the pods of the node together. Where they are more, the costliest go first.
    pub elements_per_node: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            elements_per_rule: 8_192,
            elements_per_node: 262_144,
        }
    }
}
