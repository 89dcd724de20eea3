//! Values as YAML, for edits of manifests and for new ones.

use ringfence_model::{IpBlock, LabelSelector, SelectorOperator, is_plain_text};

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Yaml {
    Text(String),
    Number(u16),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Yaml {
    /// A mapping in this order.
    pub(crate) fn map<const N: usize>(fields: [(&str, Self); N]) -> Self {
        let fields = fields.into_iter();
        Self::Map(fields.map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// A string, in quotes where it needs them.
    pub(crate) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// On one line: `{protocol: TCP, port: 80}`, or as JSON.
    pub(crate) fn flow(&self, json: bool) -> String {
        match self {
            Self::Text(text) if json => quoted(text),
            Self::Text(text) => plain_or_quoted(text),
            Self::Number(number) => number.to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.flow(json)).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(fields) => {
                let key = |key: &str| {
                    if json {
                        quoted(key)
                    } else {
                        plain_or_quoted(key)
                    }
                };
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("{}: {}", key(name), value.flow(json)))
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
        }
    }

    /// On lines of their own, each indented and ended with a line break.
    pub(crate) fn block(&self, indent: usize) -> String {
        let margin = " ".repeat(indent);
        match self {
            Self::Map(fields) if !fields.is_empty() => fields
                .iter()
                .map(|(key, value)| field(key, value, indent))
                .collect(),
            Self::List(items) if !items.is_empty() => items
                .iter()
                .map(|item| {
                    let below = item.block(indent + 2);
                    format!("{margin}- {}", below.trim_start_matches(' '))
                })
                .collect(),
            Self::Map(_) | Self::List(_) | Self::Text(_) | Self::Number(_) => {
                format!("{margin}{}\n", self.flow(false))
            }
        }
    }
}

/// A field of a mapping in block style, with its line breaks.
pub(crate) fn field(key: &str, value: &Yaml, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let key = plain_or_quoted(key);
    match value {
        Yaml::Map(fields) if !fields.is_empty() => {
            format!("{margin}{key}:\n{}", value.block(indent + 2))
        }
        Yaml::List(items) if !items.is_empty() => {
            format!("{margin}{key}:\n{}", value.block(indent))
        }
        Yaml::Map(_) | Yaml::List(_) | Yaml::Text(_) | Yaml::Number(_) => {
            format!("{margin}{key}: {}\n", value.flow(false))
        }
    }
}

/// `{matchLabels: {app: web}}`, with what is there alone.
pub(crate) fn selector(selector: &LabelSelector) -> Yaml {
    let mut fields = Vec::new();
    if !selector.match_labels.is_empty() {
        let labels = selector.match_labels.iter();
        let labels = labels
            .map(|(key, value)| (key.clone(), Yaml::text(value)))
            .collect();
        fields.push(("matchLabels".to_owned(), Yaml::Map(labels)));
    }
    if !selector.match_expressions.is_empty() {
        let items = selector.match_expressions.iter().map(|requirement| {
            let operator = match requirement.operator {
                SelectorOperator::In => "In",
                SelectorOperator::NotIn => "NotIn",
                SelectorOperator::Exists => "Exists",
                SelectorOperator::DoesNotExist => "DoesNotExist",
            };
            let mut fields = vec![
                ("key".to_owned(), Yaml::text(&requirement.key)),
                ("operator".to_owned(), Yaml::text(operator)),
            ];
            if !requirement.values.is_empty() {
                let values = requirement.values.iter().map(Yaml::text).collect();
                fields.push(("values".to_owned(), Yaml::List(values)));
            }
            Yaml::Map(fields)
        });
        fields.push(("matchExpressions".to_owned(), Yaml::List(items.collect())));
    }
    Yaml::Map(fields)
}

/// What stands below `ipBlock`.
pub(crate) fn ip_block(block: &IpBlock) -> Yaml {
    let mut fields = vec![("cidr".to_owned(), Yaml::text(block.cidr))];
    if !block.except.is_empty() {
        let except = block.except.iter().map(Yaml::text).collect();
        fields.push(("except".to_owned(), Yaml::List(except)));
    }
    Yaml::Map(fields)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Plain if no YAML reader could take it for anything but this string (rule OB-5).
fn plain_or_quoted(text: &str) -> String {
    if is_plain_text(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_would_take_for_something_else_is_quoted() {
        let plain = ["web", "3scale.net/x", "10.0.0.0/8", "a.b/c_d-e"];
        for text in plain {
            assert_eq!(plain_or_quoted(text), text);
        }
        let quoted = [
            "", "on", "Y", "Null", "1", "1e3", "0x1f", "10.0.0.1", "fd00::/8", "a: b", "a #b", "~",
            "-",
        ];
        for text in quoted {
            assert_eq!(plain_or_quoted(text), format!("\"{text}\""));
        }
        assert_eq!(plain_or_quoted("a\"\\"), r#""a\"\\""#);
    }
}
