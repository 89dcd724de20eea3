//! From words to a selector.

use ringfence_model::SelectorOperator;

use super::lexer::{SYNTAX, Token, Word, words};
use super::{Selector, SelectorError, requirement};

/// How deep parentheses may stand in each other.
const DEEPEST: usize = 50;

/// Reads a selector; an empty one is `all()`.
pub(in crate::calico) fn parse(text: &str) -> Result<Selector, SelectorError> {
    let tokens = words(text)?;
    if tokens.is_empty() {
        return Ok(Selector::All);
    }
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        depth: 0,
    };
    let selector = parser.either()?;
    match parser.tokens.next() {
        None => Ok(selector),
        Some(token) => Err(unexpected(Some(&token), "`&&`, `||` or the end")),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn either(&mut self) -> Result<Selector, SelectorError> {
        let mut parts = vec![self.both()?];
        while self.take("||") {
            parts.push(self.both()?);
        }
        Ok(only_or(parts, Selector::Or))
    }

    fn both(&mut self) -> Result<Selector, SelectorError> {
        let mut parts = vec![self.negated()?];
        while self.take("&&") {
            parts.push(self.negated()?);
        }
        Ok(only_or(parts, Selector::And))
    }

    fn negated(&mut self) -> Result<Selector, SelectorError> {
        let mut negations = 0_usize;
        while self.take("!") {
            negations += 1;
        }
        let inner = self.primary()?;
        Ok(if negations.is_multiple_of(2) {
            inner
        } else {
            Selector::Not(Box::new(inner))
        })
    }

    fn primary(&mut self) -> Result<Selector, SelectorError> {
        if self.take("(") {
            return self.parenthesized();
        }
        let token = self.tokens.next();
        match token {
            Some(Token {
                word: Word::Name(name),
                ..
            }) => self.of_name(&name),
            other => Err(unexpected(
                other.as_ref(),
                "a label's key, `has(` or `all()`",
            )),
        }
    }

    fn parenthesized(&mut self) -> Result<Selector, SelectorError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let why = format!("parentheses stand more than {DEEPEST} deep in each other");
            return Err(SelectorError::new(
                why,
                "write the selector with fewer of them",
            ));
        }
        let inner = self.either()?;
        self.depth -= 1;
        self.expect(")")?;
        Ok(inner)
    }

    fn of_name(&mut self, name: &str) -> Result<Selector, SelectorError> {
        if self.take("(") {
            return self.call(name);
        }
        let (operator, values) = self.comparison()?;
        Ok(Selector::Label(requirement(name, operator, values)))
    }

    fn call(&mut self, function: &str) -> Result<Selector, SelectorError> {
        let selector = match function {
            "all" => Selector::All,
            "global" => Selector::Global,
            "has" => {
                let key = self.name("the key of a label")?;
                Selector::Label(requirement(&key, SelectorOperator::Exists, Vec::new()))
            }
            _ => {
                let why = format!("there is no function `{function}()`");
                return Err(SelectorError::new(why, SYNTAX));
            }
        };
        self.expect(")")?;
        Ok(selector)
    }

    fn comparison(&mut self) -> Result<(SelectorOperator, Vec<String>), SelectorError> {
        if self.take("==") {
            return Ok((SelectorOperator::In, vec![self.quoted()?]));
        }
        if self.take("!=") {
            return Ok((SelectorOperator::NotIn, vec![self.quoted()?]));
        }
        let word = self.name("`==`, `!=`, `in` or `not in`")?;
        match word.as_str() {
            "in" => Ok((SelectorOperator::In, self.set()?)),
            "not" => {
                let word = self.name("`in`")?;
                if word != "in" {
                    return Err(SelectorError::new(
                        format!("`in` is expected after `not`, not `{word}`"),
                        SYNTAX,
                    ));
                }
                Ok((SelectorOperator::NotIn, self.set()?))
            }
            "contains" | "starts" | "ends" => Err(SelectorError::new(
                format!(
                    "compares a part of a label's value (`{word}`), which Kubernetes selectors cannot"
                ),
                "list the values with `in {...}`, or give the pods a label that says what the part says",
            )),
            _ => Err(SelectorError::new(
                format!("`{word}` is no comparison"),
                SYNTAX,
            )),
        }
    }

    fn set(&mut self) -> Result<Vec<String>, SelectorError> {
        self.expect("{")?;
        let mut values = Vec::new();
        if self.take("}") {
            return Ok(values);
        }
        loop {
            values.push(self.quoted()?);
            if !self.take(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok(values)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_it = |token: &Token| matches!(&token.word, Word::Sign(found) if *found == sign);
        self.tokens.next_if(is_it).is_some()
    }

    fn expect(&mut self, sign: &str) -> Result<(), SelectorError> {
        if self.take(sign) {
            return Ok(());
        }
        let token = self.tokens.next();
        Err(unexpected(token.as_ref(), &format!("`{sign}`")))
    }

    fn name(&mut self, what: &str) -> Result<String, SelectorError> {
        match self.tokens.next() {
            Some(Token {
                word: Word::Name(name),
                ..
            }) => Ok(name),
            other => Err(unexpected(other.as_ref(), what)),
        }
    }

    fn quoted(&mut self) -> Result<String, SelectorError> {
        match self.tokens.next() {
            Some(Token {
                word: Word::Quoted(text),
                ..
            }) => Ok(text),
            other => Err(unexpected(other.as_ref(), "a value in quotes")),
        }
    }
}

fn only_or(mut parts: Vec<Selector>, many: fn(Vec<Selector>) -> Selector) -> Selector {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => Selector::All,
    }
}

fn unexpected(found: Option<&Token>, expected: &str) -> SelectorError {
    let why = match found {
        None => format!("the selector ends where {expected} is expected"),
        Some(Token { word, at }) => {
            let word = match word {
                Word::Name(name) => format!("`{name}`"),
                Word::Quoted(text) => format!("the text `{text}`"),
                Word::Sign(sign) => format!("`{sign}`"),
            };
            format!("{expected} is expected at byte {at} of the selector, not {word}")
        }
    };
    SelectorError::new(why, SYNTAX)
}
