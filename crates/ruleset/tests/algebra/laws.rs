use std::collections::BTreeSet;

use ringfence_ruleset::{Operation, Table, apply, diff, fingerprint, validate};

use crate::generate::{Random, table};

const PAIRS: u64 = 5000;

fn pair(seed: u64) -> (Table, Table) {
    let mut random = Random(seed);
    (table(&mut random), table(&mut random))
}

/// Whether the table is created anew.
fn is_replacement(operations: &[Operation]) -> bool {
    operations.contains(&Operation::DeleteTable)
}

#[test]
fn random_tables_are_valid() {
    for seed in 0..PAIRS {
        let (first, _) = pair(seed);
        assert_eq!(validate(&first), Ok(()), "seed {seed}\n{first}");
    }
}

#[test]
fn a_transaction_from_one_to_the_other_gives_the_other() {
    let mut updates = 0;
    for seed in 0..PAIRS {
        let (old, new) = pair(seed);
        let mut state = None;
        assert_eq!(apply(&mut state, &diff(None, &old)), Ok(()), "seed {seed}");
        assert_eq!(state.as_ref(), Some(&old), "seed {seed}");
        let operations = diff(Some(&old), &new);
        let applied = apply(&mut state, &operations);
        assert_eq!(
            applied,
            Ok(()),
            "seed {seed}\n{old}\n{new}\n{operations:#?}"
        );
        assert_eq!(state, Some(new), "seed {seed}");
        updates += u32::from(!is_replacement(&operations));
    }
    assert!(updates > 1000, "{updates}");
}

#[test]
fn nothing_to_do_is_nothing_done() {
    for seed in 0..PAIRS {
        let (only, _) = pair(seed);
        assert_eq!(diff(Some(&only), &only), []);
    }
}

/// Leaving out any operation of a transaction gives another table, or one that the kernel refuses.
#[test]
fn every_operation_is_needed() {
    for seed in 0..1000 {
        let (old, new) = pair(seed);
        let operations = diff(Some(&old), &new);
        for left_out in 0..operations.len() {
            let mut fewer = operations.clone();
            fewer.remove(left_out);
            let mut state = Some(old.clone());
            let applied = apply(&mut state, &fewer);
            let same = applied.is_ok() && state.as_ref() == Some(&new);
            assert!(!same, "seed {seed}, {:?}", operations[left_out]);
        }
    }
}

#[test]
fn a_refused_transaction_changes_nothing() {
    let mut refused = 0;
    for seed in 0..1000 {
        let (old, new) = pair(seed);
        let mut operations = diff(None, &new);
        operations.reverse();
        let mut state = Some(old.clone());
        if apply(&mut state, &operations).is_err() {
            refused += 1;
            assert_eq!(state, Some(old));
        }
    }
    assert!(refused > 900, "{refused}");
}

#[test]
fn an_update_touches_only_what_differs() {
    for seed in 0..PAIRS {
        let (old, new) = pair(seed);
        let operations = diff(Some(&old), &new);
        if is_replacement(&operations) {
            continue;
        }
        for operation in &operations {
            let (Operation::AddElements { set, .. } | Operation::DeleteElements { set, .. }) =
                operation
            else {
                continue;
            };
            assert_ne!(old.sets.get(set), new.sets.get(set), "seed {seed}");
        }
        let mut chains = BTreeSet::new();
        for operation in &operations {
            if let Operation::AddRule { chain, .. } = operation {
                chains.insert(chain);
            }
        }
        for chain in chains {
            assert_ne!(old.chains.get(chain), new.chains.get(chain), "seed {seed}");
        }
    }
}

#[test]
fn a_fingerprint_tells_layouts_apart_and_ignores_elements() {
    for seed in 0..1000 {
        let (first, second) = pair(seed);
        let mut emptied = first.clone();
        emptied.comment = None;
        emptied
            .sets
            .values_mut()
            .for_each(|set| set.elements.clear());
        assert_eq!(fingerprint(&first), fingerprint(&emptied));
        let same_sets = first.sets.len() == second.sets.len()
            && (first.sets.iter().zip(&second.sets))
                .all(|((name, set), (other, peer))| name == other && set.same_definition(peer));
        let same_layout = same_sets && first.chains == second.chains;
        assert_eq!(
            fingerprint(&first) == fingerprint(&second),
            same_layout,
            "seed {seed}"
        );
    }
}
