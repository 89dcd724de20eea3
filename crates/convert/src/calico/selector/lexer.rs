//! From text to words.

use std::iter::Peekable;
use std::str::CharIndices;

use super::SelectorError;

/// One word, and the byte that it begins at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) at: usize,
}

/// The words of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A label's key, or a word such as `in`.
    Name(String),
    /// Text in quotes, without them.
    Quoted(String),
    /// `==`, `!=`, `&&`, `||`, `!`, parentheses, braces and commas.
    Sign(&'static str),
}

const SIGNS: [(char, Option<char>, &str); 10] = [
    ('=', Some('='), "=="),
    ('!', Some('='), "!="),
    ('&', Some('&'), "&&"),
    ('|', Some('|'), "||"),
    ('!', None, "!"),
    ('(', None, "("),
    (')', None, ")"),
    ('{', None, "{"),
    ('}', None, "}"),
    (',', None, ","),
];

pub(super) fn words(text: &str) -> Result<Vec<Token>, SelectorError> {
    let mut letters = text.char_indices().peekable();
    let mut tokens = Vec::new();
    while let Some(&(at, letter)) = letters.peek() {
        if letter.is_whitespace() {
            letters.next();
            continue;
        }
        let word = word(&mut letters, at, letter)?;
        tokens.push(Token { word, at });
    }
    Ok(tokens)
}

fn word(
    letters: &mut Peekable<CharIndices<'_>>,
    at: usize,
    letter: char,
) -> Result<Word, SelectorError> {
    if letter == '\'' || letter == '"' {
        letters.next();
        return quoted(letters, at, letter).map(Word::Quoted);
    }
    if is_of_name(letter) {
        return Ok(Word::Name(name(letters)));
    }
    letters.next();
    let following = letters.peek().map(|&(_, next)| next);
    let fits = |&&(first, second, _): &&(char, Option<char>, &str)| {
        first == letter && (second.is_none() || second == following)
    };
    let Some(&(_, second, sign)) = SIGNS.iter().find(fits) else {
        let why = format!("`{letter}` at byte {at} is no part of a selector");
        return Err(SelectorError::new(why, SYNTAX));
    };
    if second.is_some() {
        letters.next();
    }
    Ok(Word::Sign(sign))
}

/// What a selector may be made of.
pub(super) const SYNTAX: &str = "a selector is made of `key == 'value'`, `!=`, `in {'a', 'b'}`, `not in`, `has(key)`, `all()`, \
     `&&`, `||`, `!` and parentheses";

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-./".contains(letter)
}

fn name(letters: &mut Peekable<CharIndices<'_>>) -> String {
    let mut name = String::new();
    while let Some((_, letter)) = letters.next_if(|&(_, letter)| is_of_name(letter)) {
        name.push(letter);
    }
    name
}

fn quoted(
    letters: &mut Peekable<CharIndices<'_>>,
    at: usize,
    quote: char,
) -> Result<String, SelectorError> {
    let mut text = String::new();
    for (_, letter) in letters.by_ref() {
        if letter == quote {
            return Ok(text);
        }
        text.push(letter);
    }
    let why = format!("the text that begins at byte {at} has no closing {quote}");
    Err(SelectorError::new(why, SYNTAX))
}
