use std::fmt::Write as _;

use super::*;

/// The alternatives of `text`, one on each line.
fn read(text: &str) -> String {
    let selector = match parse(text) {
        Ok(selector) => selector,
        Err(error) => return error.why,
    };
    let mut lines = String::new();
    for term in alternatives(&selector).unwrap() {
        let parts: Vec<String> = term
            .iter()
            .map(|one| format!("{} {:?} {}", one.key, one.operator, one.values.join(",")))
            .collect();
        writeln!(lines, "{}", parts.join(" & ")).unwrap();
    }
    lines
}

#[test]
fn comparisons_become_requirements() {
    assert_eq!(read("a == 'x'"), "a In x\n");
    assert_eq!(read("a != \"x\""), "a NotIn x\n");
    assert_eq!(
        read("a in {'y', 'x'} && has(b.c/d)"),
        "a In x,y & b.c/d Exists \n"
    );
    assert_eq!(
        read("a not in { 'x' }&&!has(b)"),
        "a NotIn x & b DoesNotExist \n"
    );
    assert_eq!(read("all()"), "\n");
    assert_eq!(read("  "), "\n");
    assert_eq!(read("!all()"), "");
}

#[test]
fn and_binds_stronger_than_or_and_not_strongest() {
    assert_eq!(
        read("a == '1' || b == '1' && c == '1'"),
        "a In 1\nb In 1 & c In 1\n"
    );
    assert_eq!(
        read("(a == '1' || b == '1') && c == '1'"),
        "a In 1 & c In 1\nb In 1 & c In 1\n"
    );
    assert_eq!(read("!a == '1' && b == '1'"), "a NotIn 1 & b In 1\n");
    assert_eq!(read("!!a == '1'"), "a In 1\n");
}

#[test]
fn a_negation_goes_down_to_the_labels() {
    assert_eq!(
        read("!(a == '1' && has(b))"),
        "a NotIn 1\nb DoesNotExist \n"
    );
    assert_eq!(read("!(a == '1' || !has(b))"), "a NotIn 1 & b Exists \n");
}

#[test]
fn impossible_alternatives_are_left_out() {
    assert_eq!(read("a == '1' && a == '2'"), "");
    assert_eq!(read("a == '1' && a != '1' || b == '1'"), "b In 1\n");
    assert_eq!(read("a in {}"), "");
    assert_eq!(read("a not in {}"), "\n");
}

#[test]
fn errors_say_where_and_what_is_expected() {
    let cases = [
        ("a = 'x'", "`=` at byte 2 is no part of a selector"),
        (
            "a == x",
            "a value in quotes is expected at byte 5 of the selector, not `x`",
        ),
        ("a == 'x", "the text that begins at byte 5 has no closing '"),
        ("(a == 'x'", "the selector ends where `)` is expected"),
        (
            "a == 'x' b",
            "`&&`, `||` or the end is expected at byte 9 of the selector, not `b`",
        ),
        ("any()", "there is no function `any()`"),
        ("a not of {'x'}", "`in` is expected after `not`, not `of`"),
        (
            "a &&",
            "`==`, `!=`, `in` or `not in` is expected at byte 2 of the selector, not `&&`",
        ),
        ("ä == 'x'", "`ä` at byte 0 is no part of a selector"),
    ];
    for (text, why) in cases {
        assert_eq!(read(text), why, "{text}");
    }
}

#[test]
fn what_would_explode_is_refused() {
    let deep = "(".repeat(100_000);
    assert!(read(&deep).contains("more than 50 deep"));
    let pairs: Vec<String> = (0..8)
        .map(|n| format!("(a{n} == '1' || b{n} == '1')"))
        .collect();
    let wide = parse(&pairs.join(" && ")).unwrap();
    assert!(
        alternatives(&wide)
            .unwrap_err()
            .why
            .contains("more than 64")
    );
}
