//! What a plain scalar means to the YAML reader of Kubernetes, which follows YAML 1.1 (rule OB-5).
//!
//! The words and number forms are those of `sigs.k8s.io/yaml`, `goyaml.v2/resolve.go`.

use super::Value;

const TRUE: [&str; 11] = [
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
];
const FALSE: [&str; 11] = [
    "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
];
const NULL: [&str; 5] = ["", "~", "null", "Null", "NULL"];
const NOT_A_NUMBER: [&str; 3] = [".nan", ".NaN", ".NAN"];
const INFINITE: [&str; 6] = [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"];
const NEGATIVE_INFINITE: [&str; 3] = ["-.inf", "-.Inf", "-.INF"];

/// The value of a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Value {
    if TRUE.contains(&text) {
        Value::Bool(true)
    } else if FALSE.contains(&text) {
        Value::Bool(false)
    } else if NULL.contains(&text) {
        Value::Null
    } else {
        number(text).unwrap_or_else(|| Value::Text(text.to_owned()))
    }
}

fn number(text: &str) -> Option<Value> {
    if NOT_A_NUMBER.contains(&text) {
        return Some(Value::Float(f64::NAN));
    }
    if INFINITE.contains(&text) {
        return Some(Value::Float(f64::INFINITY));
    }
    if NEGATIVE_INFINITE.contains(&text) {
        return Some(Value::Float(f64::NEG_INFINITY));
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain)
        .map(Value::Integer)
        .or_else(|| float(&plain))
}

/// Decimal, `0x`, `0o`, `0b`, or octal after a leading zero, as Go's `strconv.ParseInt` with base 0.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = radix(digits);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

fn radix(digits: &str) -> (u32, &str) {
    let prefixes = [
        ("0x", 16),
        ("0X", 16),
        ("0o", 8),
        ("0O", 8),
        ("0b", 2),
        ("0B", 2),
    ];
    for (prefix, radix) in prefixes {
        if let Some(rest) = digits.strip_prefix(prefix) {
            return (radix, rest);
        }
    }
    match digits.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    }
}

/// A float; one without a fraction reaches the API server as an integer.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mantissa = unsigned
        .split_once(['e', 'E'])
        .map_or(unsigned, |(mantissa, _)| mantissa);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    if !well_formed {
        return None;
    }
    text.parse().ok().map(whole)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the value has no fraction and lies far inside the range of i64"
)]
fn whole(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        Value::Integer(value as i64)
    } else {
        Value::Float(value)
    }
}

/// The value of a scalar under one of YAML's own tags, `None` where they do not fit.
pub(super) fn tagged(tag: &str, text: &str) -> Option<Value> {
    match (tag, resolve(text)) {
        ("str", _) => Some(Value::Text(text.to_owned())),
        ("bool", value @ Value::Bool(_))
        | ("int", value @ Value::Integer(_))
        | ("float", value @ (Value::Integer(_) | Value::Float(_)))
        | ("null", value @ Value::Null) => Some(value),
        ("timestamp", Value::Text(text)) => Some(Value::Text(text)),
        _ => None,
    }
}

/// Whether `text` may be written without quotation marks: no YAML reader, of version 1.1 or 1.2, could take it for anything
/// but this string (rule OB-5). Says no to some that could.
#[must_use]
pub fn is_plain_text(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic())
        || text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('/');
    let is_word = WORDS.contains(&text.to_lowercase().as_str());
    begins && text.chars().all(plain) && !is_word
}
