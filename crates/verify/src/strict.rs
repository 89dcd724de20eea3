//! A table as if it dropped what it reports of policies in audit mode (rule AU-4).

use ringfence_ruleset::{Rule, Statement, Table, Verdict};

use crate::report::Difference;

/// How the prefixes of such reports begin.
const AUDIT: &str = "ringfence audit-";

/// The same table, with a drop for each rule that makes such a report. How often it may report does not matter: the limit
/// goes with the report.
pub(crate) fn dropping(table: &Table) -> Table {
    let mut table = table.clone();
    let chains = table.chains.values_mut();
    for rule in chains.flat_map(|chain| &mut chain.rules) {
        if reports(rule) {
            rule.statements
                .retain(|statement| !matches!(statement, Statement::Limit(_) | Statement::Log(_)));
            rule.statements.push(Statement::Verdict(Verdict::Drop));
        }
    }
    table
}

fn reports(rule: &Rule) -> bool {
    let mut statements = rule.statements.iter();
    statements
        .any(|statement| matches!(statement, Statement::Log(log) if log.prefix.starts_with(AUDIT)))
}

/// A difference of such a table, in words about this one.
pub(crate) fn told(difference: Difference) -> Difference {
    let words = |fate: &str| match fate {
        "drop" => "reported as what policies in audit mode would deny".to_owned(),
        "accept" => "not reported".to_owned(),
        other => other.to_owned(),
    };
    Difference {
        kernel: words(&difference.kernel),
        expected: words(&difference.expected),
        ..difference
    }
}
