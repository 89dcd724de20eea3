use ringfence_ruleset::Table;

/// What the kernel holds under our table's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveTable {
    /// Nothing.
    Absent,
    /// A table of objects that ringfence knows.
    Present(Table),
    /// Something that ringfence never writes.
    Foreign {
        /// What is strange about it.
        reason: String,
    },
}
