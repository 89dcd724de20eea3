//! What a DNS server of the cluster and the agents of nodes say to each other about names, one JSON value per line.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::DomainName;

/// One line from an agent to a DNS server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LearnerLine {
    /// The names whose addresses the agent wants to know: all of them, in the place of those that it wanted before.
    Wanted(Vec<DomainName>),
    /// The agent has done with the lesson of this number what it can: the kernel holds what it needs of it.
    Done(u64),
}

/// One line from a DNS server to an agent: what is about to be answered to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lesson {
    /// Chosen by the server, and repeated in [`LearnerLine::Done`].
    pub number: u64,
    /// The name that was asked for, not those of aliases behind it; lower case, without the final dot (rule CN-37).
    pub name: String,
    /// The addresses that the answer has for it.
    pub addresses: Vec<IpAddr>,
    /// Seconds that the answer may be remembered: the shortest of its records.
    pub ttl: u32,
}

/// Names that somebody wants to know about, to be asked quickly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedNames(BTreeSet<DomainName>);

impl FromIterator<DomainName> for WantedNames {
    fn from_iter<T: IntoIterator<Item = DomainName>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

impl WantedNames {
    /// Whether one of them means `name`, which is lower case and has no final dot (rule CN-37).
    #[must_use]
    pub fn include(&self, name: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut parents = name.match_indices('.');
        let is_below = |(at, _): (usize, &str)| {
            let parent = name.get(at.saturating_add(1)..).unwrap_or_default();
            at > 0 && self.0.contains(&DomainName::Below(parent.to_owned()))
        };
        self.0.contains(&DomainName::Exact(name.to_owned())) || parents.any(is_below)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &DomainName> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_as_documented() {
        let wanted = LearnerLine::Wanted(vec![
            DomainName::Below("example.com".to_owned()),
            DomainName::Exact("example.org".to_owned()),
        ]);
        for (line, text) in [
            (
                wanted,
                r#"{"wanted":[{"Below":"example.com"},{"Exact":"example.org"}]}"#,
            ),
            (LearnerLine::Done(7), r#"{"done":7}"#),
        ] {
            assert_eq!(serde_json::to_string(&line).unwrap(), text);
            assert_eq!(serde_json::from_str::<LearnerLine>(text).unwrap(), line);
        }
        let text = r#"{"number":7,"name":"a.example.com","addresses":["192.0.2.1"],"ttl":5}"#;
        let lesson: Lesson = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&lesson).unwrap(), text);
        assert!(serde_json::from_str::<Lesson>(r#"{"number":7}"#).is_err());
    }

    /// What is looked up quickly is what rule CN-37 says.
    #[test]
    fn wanted_names_mean_what_each_of_them_means() {
        let names = [
            DomainName::Below("example.com".to_owned()),
            DomainName::Exact("example.org".to_owned()),
            DomainName::Below("a.b.c".to_owned()),
        ];
        let wanted: WantedNames = names.iter().cloned().collect();
        for name in [
            "example.com",
            "a.example.com",
            "a.b.example.com",
            ".example.com",
            "badexample.com",
            "example.org",
            "a.example.org",
            "a.b.c",
            "x.a.b.c",
            "b.c",
            "com",
            "",
            ".",
            "a.",
        ] {
            let meant = names.iter().any(|wanted| wanted.matches(name));
            // No name ends in a dot here, which `matches` would forgive.
            assert_eq!(wanted.include(name.trim_end_matches('.')), meant, "{name}");
        }
        assert!(!WantedNames::default().include("example.com"));
    }
}
