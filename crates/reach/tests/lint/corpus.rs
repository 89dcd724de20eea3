//! Every lint has cases, and finds in them what their tables say.

use std::collections::BTreeSet;

use ringfence_reach::lint::{LINTS, lint};

use super::case::{Case, cases};

#[test]
fn every_table_holds() {
    let mut wrong = Vec::new();
    for case in cases() {
        for section in &case.sections {
            let (found, mut expected) = (section.found(case.id()), section.expected.clone());
            expected.sort();
            let mut sorted = found.clone();
            sorted.sort();
            if sorted != expected {
                let (name, heading) = (&case.name, &section.heading);
                wrong.push(format!(
                    "{name}, {heading}: found {found:#?}, not {expected:#?}\n{}",
                    section.said()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_lint_has_a_case_in_which_it_speaks_and_one_in_which_it_is_silent() {
    let cases = cases();
    let of = |id: &str| cases.iter().find(|case| case.id() == id);
    for lint in LINTS {
        let case = of(lint.id).unwrap_or_else(|| panic!("{lint:?} has no case"));
        assert_eq!(case.name, format!("{}-{}", lint.id, lint.name));
        let speaks: BTreeSet<bool> = case
            .sections
            .iter()
            .map(|section| !section.expected.is_empty())
            .collect();
        assert_eq!(speaks.len(), 2, "{}: a case of each", case.name);
    }
}

#[test]
fn every_case_is_of_a_lint_and_speaks_of_it_alone() {
    for case in cases() {
        assert!(
            lint(case.id()).is_some(),
            "{}: there is no such lint",
            case.name
        );
        let rows = case.sections.iter().flat_map(|section| &section.expected);
        let other = rows.clone().find(|row| row.rule != case.id());
        assert!(other.is_none(), "{}: {other:?}", case.name);
    }
}

#[test]
fn a_wrong_table_is_noticed() {
    let manifest = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec: { egress: [] }";
    let text = |row: &str| {
        format!(
            "# x\n## s\n```yaml\n{manifest}\n```\n| rule | object | line |\n| --- | --- | --- |\n{row}\n"
        )
    };
    let holds = |row: &str| {
        let case = Case::parse("RF012-x", &text(row));
        let section = &case.sections[0];
        section.found("RF012") == section.expected
    };
    assert!(holds("| RF012 | NetworkPolicy default/p | 7 |"));
    assert!(!holds("| RF012 | NetworkPolicy default/p | 6 |"));
    assert!(!holds("| RF012 | NetworkPolicy default/q | 7 |"));
    assert!(!holds(""));
}
