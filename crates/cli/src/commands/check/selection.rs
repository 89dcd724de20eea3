//! `--select` and `--ignore`: which findings to show.

use anyhow::bail;
use ringfence_reach::lint::{Finding, Report, lint};

use super::pages::{has_rules, rule};

/// Findings by id, or by the letters that ids begin with.
#[derive(Debug)]
pub(super) struct Selection {
    select: Vec<Pattern>,
    ignore: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `RF003`, `V-11`
    Id(String),
    /// `RF`, `V`
    Prefix(String),
}

impl Selection {
    pub(super) fn parse(select: &[String], ignore: &[String]) -> anyhow::Result<Self> {
        let patterns = |texts: &[String]| -> anyhow::Result<Vec<Pattern>> {
            texts.iter().map(|text| Pattern::parse(text)).collect()
        };
        Ok(Self {
            select: patterns(select)?,
            ignore: patterns(ignore)?,
        })
    }

    /// Takes out of `report` what is not to be shown. Errors stay: what is refused is missing from all other findings.
    pub(super) fn apply(&self, report: &mut Report) {
        report.findings.retain(|finding| self.shows(finding));
        report.suppressed.retain(|one| self.shows(&one.finding));
    }

    fn shows(&self, finding: &Finding) -> bool {
        finding.diagnostic.is_error() || self.takes(finding.id().unwrap_or_default())
    }

    /// Whether findings of this id are looked for.
    pub(super) fn takes(&self, id: &str) -> bool {
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(id));
        let selected = self.select.is_empty() || matches(&self.select);
        selected && !matches(&self.ignore)
    }
}

/// What the ids of lints begin with.
const RF: &str = "RF";

impl Pattern {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        if let Some(lint) = lint(text) {
            return Ok(Self::Id(lint.id.to_owned()));
        }
        let upper = text.to_ascii_uppercase();
        let letters =
            upper.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
        let is_word = !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_prefix = is_word && letters == upper;
        match (is_prefix, is_word && letters != RF) {
            (true, _) if upper == RF || has_rules(&upper) => Ok(Self::Prefix(upper)),
            (false, true) if rule(&upper).is_some() => Ok(Self::Id(upper)),
            (true | false, _) => {
                bail!("there is no finding `{text}`; `ringfence check --list` names them all")
            }
        }
    }

    fn matches(&self, id: &str) -> bool {
        match self {
            Self::Id(own) => own == id,
            Self::Prefix(prefix) => id
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_uppercase())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, id: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(id)
    }

    #[test]
    fn ids_names_and_prefixes_are_patterns() {
        assert!(matches("rf003", "RF003") && matches("peer-and-or", "RF003"));
        assert!(matches("RF", "RF003") && matches("V", "V-11") && matches("v-11", "V-11"));
        assert!(!matches("V-1", "V-11") && !matches("OB", "RF003"));
    }

    #[test]
    fn what_is_no_finding_is_refused() {
        for text in [
            "RF999",
            "peer-or-and",
            "",
            "11",
            "nope",
            "R",
            "RF0O5",
            "V-999",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
