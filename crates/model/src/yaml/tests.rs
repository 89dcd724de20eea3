use proptest::prelude::*;

use super::{Node, Value, parse};

fn json(text: &str) -> String {
    let (documents, errors) = parse(text);
    assert!(errors.is_empty(), "{text}: {errors:?}");
    let values: Vec<String> = documents
        .iter()
        .map(|document| document.root.to_json().to_string())
        .collect();
    values.join(" ")
}

fn errors(text: &str) -> Vec<String> {
    parse(text)
        .1
        .into_iter()
        .map(|error| {
            format!(
                "{}:{}: {}",
                error.span.line, error.span.column, error.message
            )
        })
        .collect()
}

/// Expected values from `sigs.k8s.io/yaml`, which hands JSON to the API server.
#[test]
fn scalars_mean_what_they_mean_to_kubernetes() {
    let cases = [
        ("yes", "true"),
        ("Off", "false"),
        ("y", "true"),
        ("N", "false"),
        ("oN", r#""oN""#),
        ("~", "null"),
        ("Null", "null"),
        ("nULL", r#""nULL""#),
        ("'yes'", r#""yes""#),
        ("\"1\"", r#""1""#),
        ("!!str 1", r#""1""#),
        ("!!int '7'", "7"),
        ("0x1F", "31"),
        ("0o17", "15"),
        ("017", "15"),
        ("0b101", "5"),
        ("-0b101", "-5"),
        ("08", "8"),
        ("1_000", "1000"),
        ("+12", "12"),
        ("80.0", "80"),
        ("80.5", "80.5"),
        ("1e3", "1000"),
        (".5", "0.5"),
        (".", r#"".""#),
        ("1.2.3", r#""1.2.3""#),
        ("10.0.0.0/8", r#""10.0.0.0/8""#),
        ("2001-12-14", r#""2001-12-14""#),
        ("1:30", r#""1:30""#),
        ("-", "[null]"),
        ("--1", r#""--1""#),
        ("0x", r#""0x""#),
    ];
    for (text, expected) in cases {
        let text = format!("[{text}]").replace("[-]", "- ");
        let expected = if expected == "[null]" {
            expected.to_owned()
        } else {
            format!("[{expected}]")
        };
        assert_eq!(json(&text), expected, "{text}");
    }
}

#[test]
fn documents_are_separate_and_empty_ones_are_skipped() {
    assert_eq!(
        json("---\n# nothing\n---\na: 1\n---\n...\n---\nb: 2\n"),
        r#"{"a":1} {"b":2}"#
    );
    assert_eq!(json(""), "");
    assert_eq!(
        json("\u{feff}a: 1\r\nb: [x,\r\n  z]\r\n"),
        r#"{"a":1,"b":["x","z"]}"#
    );
}

#[test]
fn json_with_tabs_and_escapes() {
    assert_eq!(
        json("{\n\t\"a\": \"x\\/\\ud83d\\ude00\",\n\t\"b\":{\"c\":[1,true,null]}\n}\n"),
        r#"{"a":"x/😀","b":{"c":[1,true,null]}}"#
    );
}

#[test]
fn aliases_and_merge_keys() {
    assert_eq!(
        json("a: &x {k: 1}\nb: *x\n"),
        r#"{"a":{"k":1},"b":{"k":1}}"#
    );
    assert_eq!(
        json("base: &b {k: 1, l: 2}\nuse:\n  l: 3\n  <<: *b\n"),
        r#"{"base":{"k":1,"l":2},"use":{"l":3,"k":1}}"#
    );
    assert_eq!(
        json("<<: [{a: 1}, {a: 2, b: 3}]\n\"<<\": text\n"),
        r#"{"<<":"text","a":1,"b":3}"#
    );
}

#[test]
fn what_cannot_be_read_says_where() {
    let cases = [
        ("a: [1\n", "1:4: broken YAML: unclosed bracket '['"),
        ("a: 1\nb: 2\na: 3\n", "3:1: duplicate key `a`"),
        ("? [x]\n: 1\n", "1:3: a mapping key must be a string"),
        (
            "a: &x [*x]\n",
            "1:8: this alias names a value that contains it",
        ),
        ("<<: 3\n", "1:5: `<<` takes a mapping or a list of mappings"),
        (
            "a: !secret x\n",
            "1:12: cannot read this value as `!secret`",
        ),
        ("a: !!int x\n", "1:10: cannot read this value as `!!int`"),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), [expected], "{text}");
    }
    let unknown = errors("a: *x\n");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let (documents, errors) = parse("a: [1\n---\nb: 1\n---\nc: }\n---\nd: 2\n");
    let read: Vec<String> = documents
        .iter()
        .map(|document| document.root.to_json().to_string())
        .collect();
    assert_eq!(read, [r#"{"b":1}"#, r#"{"d":2}"#]);
    assert_eq!(errors.len(), 2);
}

#[test]
fn an_unsound_document_is_kept_for_its_other_faults() {
    let (documents, errors) = parse("a: 1\na: 2\nb: {c: 1, c: 2}\n---\nd: 1\n");
    assert_eq!(errors.len(), 2);
    let sound: Vec<bool> = documents.iter().map(|document| document.sound).collect();
    assert_eq!(sound, [false, true]);
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert_eq!(errors(&deep), ["1:97: nested deeper than 96 levels"]);
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        laughs.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let found = errors(&laughs);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("aliases expand to too large a document"),
        "{found:?}"
    );
    let mut nested = String::from("a0: &a0 []\n");
    for level in 1..120 {
        nested.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(errors(&nested)[0].ends_with("nested deeper than 96 levels"));
}

#[test]
fn every_value_knows_its_place() {
    let text = "a:\n  - bé: {c: \"x\"}\n    d: &e 12\n";
    let (documents, _) = parse(text);
    let root = &documents[0].root;
    let item = &root.get("a").unwrap().items()[0];
    let key = &item.entry("bé").unwrap().key;
    assert_eq!((key.span.line, key.span.column), (2, 5));
    let inner = item.get("bé").unwrap();
    assert_eq!(text.get(inner.span.bytes()).unwrap(), "{c: \"x\"}");
    assert_eq!(
        text.get(inner.get("c").unwrap().span.bytes()).unwrap(),
        "\"x\""
    );
    assert_eq!(text.get(item.get("d").unwrap().span.bytes()).unwrap(), "12");
    assert_eq!((item.span.line, item.span.column), (2, 5));
}

fn spans_lie_inside(node: &Node, text: &str) {
    assert!(text.get(node.span.bytes()).is_some(), "{:?}", node.span);
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| spans_lie_inside(item, text)),
        Value::Mapping(entries) => {
            for entry in entries {
                assert!(text.get(entry.key.span.bytes()).is_some());
                spans_lie_inside(&entry.value, text);
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[ -~\\n\\r\\té-ÿ\u{2028}😀]{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map("[ -;=-~é-ÿ\\n😀]{0,8}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        for document in parse(&text).0 {
            spans_lie_inside(&document.root, &text);
        }
    }

    #[test]
    fn text_of_yaml_characters_is_read_or_refused(text in "[-a-c0 :,{}\\[\\]&*!|>'\"#%?<\\n\\t.]{0,60}") {
        for document in parse(&text).0 {
            spans_lie_inside(&document.root, &text);
        }
    }

    #[test]
    fn json_is_read_as_json(value in json_value(), pretty in any::<bool>()) {
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let (documents, errors) = parse(&text);
        prop_assert!(errors.is_empty(), "{}: {:?}", text, errors);
        match documents.as_slice() {
            [] => prop_assert!(value.is_null()),
            [document] => prop_assert_eq!(document.root.to_json(), value),
            _ => prop_assert!(false, "several documents"),
        }
    }
}
