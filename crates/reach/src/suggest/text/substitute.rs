//! Variables inside of texts.

/// Which ways of naming a variable count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::suggest) enum Style {
    /// `$(NAME)` alone, as the kubelet does in `env`, `command` and `args`.
    Kubelet,
    /// Also `$NAME`, `${NAME}`, and `${NAME:-default}` or `${NAME:default}`, as shells and configuration files do.
    Shell,
}

/// `text` with the values of variables that `value` knows. One that it does not know becomes its default, else it stays.
pub(in crate::suggest) fn substitute(
    text: &str,
    style: Style,
    mut value: impl FnMut(&str) -> Option<String>,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        match variable(behind, style) {
            Some(found) => {
                let known = value(found.name).or_else(|| found.default.map(str::to_owned));
                match known {
                    Some(known) => out.push_str(&known),
                    None => {
                        out.push('$');
                        let written = behind.len() - found.rest.len();
                        out.push_str(behind.get(..written).unwrap_or_default());
                    }
                }
                rest = found.rest;
            }
            None => {
                out.push('$');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What `script` of a shell sets the variable `name` to, as in `H=db; nc -z $H 5432`. A value that depends on others is
/// none.
pub(in crate::suggest) fn assigned(script: &str, name: &str) -> Option<String> {
    let words = script.split(|letter: char| letter.is_whitespace() || ";|&(".contains(letter));
    let mut values = words.filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let value = values.next()?.trim_matches(['"', '\'']);
    (!value.is_empty() && !value.contains('$')).then(|| value.to_owned())
}

struct Variable<'a> {
    name: &'a str,
    default: Option<&'a str>,
    rest: &'a str,
}

fn variable(text: &str, style: Style) -> Option<Variable<'_>> {
    if let Some(inside) = text.strip_prefix('(') {
        let (name, rest) = inside.split_once(')')?;
        let default = None;
        return is_name(name).then_some(Variable {
            name,
            default,
            rest,
        });
    }
    if style == Style::Kubelet {
        return None;
    }
    if let Some(inside) = text.strip_prefix('{') {
        let (inside, rest) = inside.split_once('}')?;
        let (name, default) = match inside.split_once(':') {
            Some((name, default)) => (name, Some(default.strip_prefix('-').unwrap_or(default))),
            None => (inside, None),
        };
        return is_name(name).then_some(Variable {
            name,
            default,
            rest,
        });
    }
    let end = text
        .find(|letter: char| !is_of_name(letter))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let default = None;
    is_name(name).then_some(Variable {
        name,
        default,
        rest,
    })
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn is_name(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|first| !first.is_ascii_digit())
        && name
            .chars()
            .all(|letter| is_of_name(letter) || matches!(letter, '.' | '-'))
}
