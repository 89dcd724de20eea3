//! The moment in which a new table is not whole yet.
//!
//! The kernel takes the elements of sets with ranges into service after everything else of a transaction: milliseconds later, where
//! the table is large. Until then nobody belongs to a block of addresses, and what policies deny to it would pass as what anybody does.

use ringfence_ruleset::{Operation, Rule, Statement, Verdict};

/// The chain that each packet of a pod passes which opens a connection, and none of those that are open.
const OPENING: &str = "strict";

/// Makes of a transaction that replaces the table one after which no connection can be opened, and returns the one that lifts this; of
/// others nothing, which change each set with ranges as a whole.
pub(super) fn gate(operations: &mut Vec<Operation>) -> Option<Vec<Operation>> {
    if operations.first() != Some(&Operation::DeleteTable) {
        return None;
    }
    let of_chain =
        |one: &Operation| matches!(one, Operation::AddRule { chain, .. } if chain == OPENING);
    let first = operations.iter().position(of_chain)?;
    let rules = operations.iter().filter(|one| of_chain(one)).cloned();
    let name = OPENING.to_owned();
    let lifting = [Operation::FlushChain { name }].into_iter().chain(rules);
    let lifting = lifting.collect();
    let closed = Rule {
        statements: vec![Statement::Verdict(Verdict::Drop)],
        comment: None,
    };
    let chain = OPENING.to_owned();
    let closed = Operation::AddRule {
        chain,
        rule: closed,
    };
    operations.insert(first, closed);
    Some(lifting)
}
