use super::*;
use crate::sample::{address, jump, rule, table};
use crate::{ChainKind, DataType, Hook, SetKind, diff};

fn kernel() -> Option<Table> {
    let mut state = None;
    apply(&mut state, &diff(None, &table())).unwrap();
    state
}

fn refused(operation: Operation) -> FakeError {
    let before = kernel();
    let mut state = before.clone();
    let error = apply(&mut state, &[operation]).unwrap_err();
    assert_eq!(state, before);
    error
}

fn elements(set: &str, elements: &[(&str, &str)]) -> Operation {
    let element = |(first, last): &(&str, &str)| {
        let key = Key::range(vec![address(first)], vec![address(last)]);
        let element = Element {
            value: Value::Member,
            comment: None,
        };
        (key, element)
    };
    Operation::AddElements {
        set: set.to_owned(),
        definition: table().sets["blocks"].definition(),
        elements: elements.iter().map(element).collect(),
        lifetime: None,
    }
}

#[test]
fn what_is_used_cannot_be_deleted() {
    let chain = |name: &str| Operation::DeleteChain {
        name: name.to_owned(),
    };
    let set = |name: &str| Operation::DeleteSet {
        name: name.to_owned(),
    };
    assert_eq!(refused(chain("judge")).to_string(), "in use: chain `judge`");
    assert_eq!(
        refused(chain("nobody")).to_string(),
        "no such object: chain `nobody`"
    );
    assert_eq!(refused(set("blocks")).to_string(), "in use: set `blocks`");
    assert_eq!(
        refused(set("nobody")).to_string(),
        "no such object: set `nobody`"
    );
    let flush = Operation::FlushChain {
        name: "judge".to_owned(),
    };
    let mut state = kernel();
    let error = apply(&mut state, &[flush, chain("judge")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "in use: chain `judge`",
        "an element still jumps to it"
    );
}

#[test]
fn elements_are_added_once_and_deleted_once() {
    assert_eq!(
        refused(elements("blocks", &[("10.0.0.0", "10.0.0.7")])).to_string(),
        "there is already element `10.0.0.0/29` of `blocks`"
    );
    assert_eq!(
        refused(elements("blocks", &[("10.0.0.7", "10.0.0.9")])).to_string(),
        "there is already element `10.0.0.7-10.0.0.9` of `blocks`"
    );
    let missing = Operation::DeleteElements {
        set: "blocks".to_owned(),
        definition: table().sets["blocks"].definition(),
        keys: vec![Key::point(vec![address("10.0.0.0")])],
    };
    assert_eq!(
        refused(missing).to_string(),
        "no such object: element `10.0.0.0` of `blocks`"
    );
}

#[test]
fn sets_are_bounded_and_keep_their_definition() {
    let many: Vec<String> = (0..8).map(|n| format!("11.0.{n}.0")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|ip| (ip.as_str(), ip.as_str())).collect();
    assert_eq!(
        refused(elements("blocks", &many)),
        FakeError::Full("blocks".to_owned())
    );
    assert_eq!(
        refused(elements("classes", &[("1.1.1.1", "1.1.1.1")])),
        FakeError::Definition("classes".to_owned())
    );
}

#[test]
fn references_must_be_there_first() {
    let add_rule = Operation::AddRule {
        chain: "judge".to_owned(),
        rule: rule([jump("later")]),
    };
    assert_eq!(
        refused(add_rule.clone()).to_string(),
        "no such object: chain `later`"
    );
    let add_chain = Operation::AddChain {
        name: "later".to_owned(),
        base: None,
    };
    let mut state = kernel();
    assert_eq!(apply(&mut state, &[add_chain.clone(), add_rule]), Ok(()));
    assert_eq!(
        refused(Operation::AddChain {
            name: "judge".to_owned(),
            base: None,
        }),
        FakeError::Exists("chain `judge`".to_owned())
    );
    let loops = Operation::AddRule {
        chain: "later".to_owned(),
        rule: rule([jump("judge")]),
    };
    assert!(matches!(
        apply(&mut state, &[loops]),
        Err(FakeError::Invalid(_))
    ));
}

#[test]
fn a_missing_table_refuses_everything_but_its_creation() {
    let mut state = None;
    assert_eq!(
        apply(&mut state, &[Operation::DeleteTable]),
        Err(FakeError::NoTable)
    );
    assert_eq!(
        apply(&mut state, &[Operation::AddTable { comment: None }]),
        Ok(())
    );
    let map = Operation::AddSet {
        name: "marks".to_owned(),
        set: Set {
            kind: SetKind::Map(vec![DataType::Mark]),
            ..table().sets["blocks"].clone()
        },
    };
    let base = BaseChain {
        kind: ChainKind::Filter,
        hook: Hook::Input,
        priority: 0,
    };
    let chain = Operation::AddChain {
        name: "input".to_owned(),
        base: Some(base),
    };
    assert_eq!(apply(&mut state, &[map, chain]), Ok(()));
    let table = state.unwrap();
    assert!(
        table.sets["marks"].elements.is_empty(),
        "sets are created empty"
    );
    assert_eq!(table.chains["input"].base, Some(base));
}
