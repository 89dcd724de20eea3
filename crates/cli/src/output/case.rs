//! Tests that passed or failed, as the programs know them that collect such results.

/// Tests that belong together, such as those of one file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What it is a test of; programs group by it.
    pub(crate) class: String,
    pub(crate) failure: Option<Failure>,
    /// Why it could not be tried, if it could not.
    pub(crate) skipped: Option<String>,
    /// What else there is to say, in lines.
    pub(crate) remarks: Vec<String>,
    /// How long it took.
    pub(crate) seconds: f64,
}

/// Why a test failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// In one line.
    pub(crate) message: String,
    /// In as many lines as it takes; may be empty.
    pub(crate) details: String,
}

impl Suite {
    pub(crate) fn failures(&self) -> usize {
        let failed = self.cases.iter().filter(|case| case.failure.is_some());
        failed.count()
    }

    pub(crate) fn skipped(&self) -> usize {
        let skipped = self.cases.iter().filter(|case| case.skipped.is_some());
        skipped.count()
    }

    pub(crate) fn seconds(&self) -> f64 {
        // The sum of no numbers is -0.0, which prints with its sign.
        self.cases.iter().map(|case| case.seconds).sum::<f64>() + 0.0
    }
}

#[cfg(test)]
pub(super) mod examples {
    use super::*;

    pub(in crate::output) fn suites() -> Vec<Suite> {
        let case = |name: &str, failure: Option<(&str, &str)>, seconds| Case {
            name: name.to_owned(),
            class: "demo".to_owned(),
            failure: failure.map(|(message, details)| Failure {
                message: message.to_owned(),
                details: details.to_owned(),
            }),
            skipped: None,
            remarks: Vec::new(),
            seconds,
        };
        let skipped = Case {
            skipped: Some("no <host>\nhas \"it\"".to_owned()),
            ..case("web -> 192.0.2.1", None, 0.0)
        };
        let denied = Some((
            "expected allow, \"deny\" found",
            "isolated by <db>:\n  no rule\n",
        ));
        vec![
            Suite {
                name: "web & db.yaml".to_owned(),
                cases: vec![
                    case("web -> db tcp/5432", denied, 0.25),
                    Case {
                        remarks: vec!["2 < 3 rules".to_owned(), "  never:".to_owned()],
                        ..case("web -> dns # 1", None, 0.001)
                    },
                    skipped,
                ],
            },
            Suite {
                name: "empty.yaml".to_owned(),
                cases: Vec::new(),
            },
        ]
    }
}
