//! Selectors of labels as `kubectl get -l` takes them.

use std::str::FromStr;

use anyhow::ensure;
use ringfence_model::{LabelSelector, Labels, Requirement, SelectorOperator, check_label};

/// `app=web,tier!=test,canary,!debug`: all of it must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector(LabelSelector);

impl Selector {
    pub(crate) fn labels(&self) -> LabelSelector {
        self.0.clone()
    }
}

impl FromStr for Selector {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text.split(',').map(requirement);
        Ok(Self(LabelSelector {
            match_labels: Labels::new(),
            match_expressions: parts.collect::<anyhow::Result<_>>()?,
        }))
    }
}

fn requirement(text: &str) -> anyhow::Result<Requirement> {
    let text = text.trim();
    let (key, operator, value) = if let Some((key, value)) = text.split_once("!=") {
        (key, SelectorOperator::NotIn, Some(value))
    } else if let Some((key, value)) = text.split_once('=') {
        let value = value.strip_prefix('=').unwrap_or(value);
        (key, SelectorOperator::In, Some(value))
    } else if let Some(key) = text.strip_prefix('!') {
        (key, SelectorOperator::DoesNotExist, None)
    } else {
        (text, SelectorOperator::Exists, None)
    };
    let (key, value) = (key.trim(), value.map(str::trim));
    let is_sound = check_label(key, value.unwrap_or_default()).is_ok();
    ensure!(
        is_sound,
        "`{text}` selects nothing by labels; write it as `key=value`, `key!=value`, `key` or `!key`"
    );
    Ok(Requirement {
        key: key.to_owned(),
        operator,
        values: value.into_iter().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let selector: Selector = selector.parse().unwrap();
        selector.labels().matches(&labels.collect())
    }

    #[test]
    fn every_part_must_be_so() {
        let labels = [("app", "web"), ("tier", "front")];
        for selector in [
            "app=web",
            "app==web",
            "app = web, tier",
            "app,!canary",
            "app!=db",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in ["app=db", "app=web,canary", "!tier", "tier!=front"] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in ["", "app=web,", "=web", "app in (web)", "app=a b"] {
            assert!(text.parse::<Selector>().is_err(), "{text}");
        }
    }
}
