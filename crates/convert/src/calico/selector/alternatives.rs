//! A selector as alternatives: each a list of requirements that hold together.

use ringfence_model::{Requirement, SelectorOperator};

use super::{NAMESPACE, Selector, SelectorError, requirement};
use crate::term::is_possible;

/// How many alternatives one selector may have.
const MOST: usize = 64;

/// Requirements that hold together.
type Term = Vec<Requirement>;

/// The alternatives of `selector`; without any it matches nothing. Impossible ones are left out.
pub(in crate::calico) fn alternatives(selector: &Selector) -> Result<Vec<Term>, SelectorError> {
    let mut terms = of(selector, false)?;
    terms.iter_mut().for_each(tidy);
    terms.retain(|term| is_possible(term));
    let mut found: Vec<Term> = Vec::new();
    for term in terms {
        if !found.contains(&term) {
            found.push(term);
        }
    }
    Ok(found)
}

fn of(selector: &Selector, negated: bool) -> Result<Vec<Term>, SelectorError> {
    match selector {
        Selector::All if negated => Ok(Vec::new()),
        Selector::All => Ok(vec![Vec::new()]),
        Selector::Global if negated => Ok(vec![vec![in_a_namespace(SelectorOperator::Exists)]]),
        Selector::Global => Ok(vec![vec![in_a_namespace(SelectorOperator::DoesNotExist)]]),
        Selector::Label(label) if negated => Ok(vec![vec![opposite(label)]]),
        Selector::Label(label) => Ok(vec![vec![label.clone()]]),
        Selector::Not(inner) => of(inner, !negated),
        Selector::And(parts) if negated => any(parts, negated),
        Selector::And(parts) => every(parts, negated),
        Selector::Or(parts) if negated => every(parts, negated),
        Selector::Or(parts) => any(parts, negated),
    }
}

fn in_a_namespace(operator: SelectorOperator) -> Requirement {
    requirement(NAMESPACE, operator, Vec::new())
}

fn opposite(label: &Requirement) -> Requirement {
    let operator = match label.operator {
        SelectorOperator::In => SelectorOperator::NotIn,
        SelectorOperator::NotIn => SelectorOperator::In,
        SelectorOperator::Exists => SelectorOperator::DoesNotExist,
        SelectorOperator::DoesNotExist => SelectorOperator::Exists,
    };
    requirement(&label.key, operator, label.values.clone())
}

fn any(parts: &[Selector], negated: bool) -> Result<Vec<Term>, SelectorError> {
    let mut terms = Vec::new();
    for part in parts {
        terms.extend(of(part, negated)?);
        check(&terms)?;
    }
    Ok(terms)
}

fn every(parts: &[Selector], negated: bool) -> Result<Vec<Term>, SelectorError> {
    let mut terms = vec![Vec::new()];
    for part in parts {
        let more = of(part, negated)?;
        let joined = terms.iter().flat_map(|term: &Term| {
            let with = |other: &Term| [term.as_slice(), other.as_slice()].concat();
            more.iter().map(with).collect::<Vec<Term>>()
        });
        terms = joined.filter(|term| is_possible(term)).collect();
        check(&terms)?;
    }
    Ok(terms)
}

fn check(terms: &[Term]) -> Result<(), SelectorError> {
    if terms.len() <= MOST {
        return Ok(());
    }
    Err(SelectorError::new(
        format!(
            "has more than {MOST} alternatives, each of which would be a policy or peer of its own"
        ),
        "give the pods a label that says what the selector says, and select by it",
    ))
}

/// Without requirements that others imply or that say nothing.
fn tidy(term: &mut Term) {
    term.retain(|one| one.operator != SelectorOperator::NotIn || !one.values.is_empty());
    let listed: Vec<String> = keys(term, SelectorOperator::In);
    term.retain(|one| one.operator != SelectorOperator::Exists || !listed.contains(&one.key));
    let absent: Vec<String> = keys(term, SelectorOperator::DoesNotExist);
    term.retain(|one| one.operator != SelectorOperator::NotIn || !absent.contains(&one.key));
    for requirement in term.iter_mut() {
        requirement.values.sort();
        requirement.values.dedup();
    }
    term.sort();
    term.dedup();
}

fn keys(term: &Term, operator: SelectorOperator) -> Vec<String> {
    let with = term.iter().filter(|one| one.operator == operator);
    with.map(|one| one.key.clone()).collect()
}
