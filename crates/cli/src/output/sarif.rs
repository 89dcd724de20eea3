//! SARIF 2.1.0: findings for GitHub's and GitLab's code scanning, and for editors.

use ringfence_model::{OF_CLUSTER, Severity, Source};
use serde_json::{Value, json};

use super::finding::{Finding, Related, Rule};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log of one run, in which `findings` are against `rules` or against others that say nothing more of themselves.
pub(crate) fn log(rules: &[Rule], findings: &[Finding]) -> Value {
    let driver = json!({
        "name": "ringfence",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    let results: Vec<Value> = findings.iter().map(|found| result(rules, found)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    let mut told = json!({
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "defaultConfiguration": {"level": level(rule.level)},
    });
    if let Some(name) = &rule.name {
        insert(&mut told, "name", name.clone().into());
    }
    if let Some(page) = &rule.page {
        insert(&mut told, "help", json!({"text": page, "markdown": page}));
    }
    told
}

fn result(rules: &[Rule], finding: &Finding) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    };
    let place = finding.place.as_ref().and_then(location);
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.level),
        "message": {"text": text},
        "locations": place.into_iter().collect::<Vec<_>>(),
    });
    if let Some(index) = rules.iter().position(|rule| rule.id == finding.rule) {
        insert(&mut result, "ruleIndex", index.into());
    }
    let related: Vec<Value> = finding.related.iter().filter_map(related).collect();
    if !related.is_empty() {
        insert(&mut result, "relatedLocations", related.into());
    }
    if let Some(reason) = &finding.suppressed {
        let suppression = json!([{"kind": "inSource", "justification": reason}]);
        insert(&mut result, "suppressions", suppression);
    }
    result
}

fn related(related: &Related) -> Option<Value> {
    let mut place = location(&related.place)?;
    insert(&mut place, "message", json!({"text": related.message}));
    Some(place)
}

fn insert(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// `None` for what is in no file.
fn location(place: &Source) -> Option<Value> {
    Some(json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&place.file)?},
            "region": {"startLine": place.line, "startColumn": place.column},
        },
    }))
}

fn uri(file: &str) -> Option<String> {
    if file.starts_with('<') || file.starts_with(OF_CLUSTER) {
        return None;
    }
    let path = file.strip_prefix("./").unwrap_or(file);
    let escaped = escape(path);
    Some(if path.starts_with('/') {
        format!("file://{escaped}")
    } else {
        escaped
    })
}

/// `path` as part of a URI. A colon in its first part would end a scheme.
fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use ringfence_model::Diagnostic;
    use snapbox::IntoData as _;

    use super::*;

    fn source(file: &str) -> Source {
        Source {
            file: file.into(),
            line: 7,
            column: 5,
        }
    }

    #[test]
    fn files_are_named_by_uris() {
        let table = [
            ("deploy/db.yaml", Some("deploy/db.yaml")),
            ("./db.yaml", Some("db.yaml")),
            ("../db.yaml", Some("../db.yaml")),
            (
                "my policies/50% ü#1?.yaml",
                Some("my%20policies/50%25%20%C3%BC%231%3F.yaml"),
            ),
            ("HEAD~1:deploy/db.yaml", Some("HEAD~1%3Adeploy/db.yaml")),
            ("/srv/db.yaml", Some("file:///srv/db.yaml")),
            ("<stdin>", None),
        ];
        for (file, expected) in table {
            assert_eq!(uri(file).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn findings_refer_to_rules_and_places() {
        let rules = [Rule {
            id: "RF-2".to_owned(),
            name: Some("selects-nothing".to_owned()),
            summary: "A policy selects no pod.".to_owned(),
            page: Some("# Nothing".to_owned()),
            level: Severity::Note,
        }];
        let against_rule = Finding {
            rule: "RF-2".to_owned(),
            level: Severity::Warning,
            message: "`demo/db` selects no pod".to_owned(),
            place: Some(source("deploy/db.yaml")),
            help: Some("did you mean app=db?".to_owned()),
            related: vec![Related {
                message: "the pods".to_owned(),
                place: source("deploy/pods.yaml"),
            }],
            suppressed: Some("they come later".to_owned()),
        };
        let diagnostic = Diagnostic::new(Severity::Error, "not UTF-8");
        let log = log(&rules, &[against_rule, Finding::from(&diagnostic)]);
        let text = serde_json::to_string_pretty(&log).unwrap();
        snapbox::assert_data_eq!(
            text.replace(env!("CARGO_PKG_VERSION"), "VERSION"),
            snapbox::str![[r##"
{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {
      "tool": {
        "driver": {
          "name": "ringfence",
          "semanticVersion": "VERSION",
          "rules": [
            {
              "id": "RF-2",
              "shortDescription": {
                "text": "A policy selects no pod."
              },
              "defaultConfiguration": {
                "level": "note"
              },
              "name": "selects-nothing",
              "help": {
                "text": "# Nothing",
                "markdown": "# Nothing"
              }
            }
          ]
        }
      },
      "columnKind": "unicodeCodePoints",
      "results": [
        {
          "ruleId": "RF-2",
          "level": "warning",
          "message": {
            "text": "`demo/db` selects no pod\ndid you mean app=db?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "deploy/db.yaml"
                },
                "region": {
                  "startLine": 7,
                  "startColumn": 5
                }
              }
            }
          ],
          "ruleIndex": 0,
          "relatedLocations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "deploy/pods.yaml"
                },
                "region": {
                  "startLine": 7,
                  "startColumn": 5
                }
              },
              "message": {
                "text": "the pods"
              }
            }
          ],
          "suppressions": [
            {
              "kind": "inSource",
              "justification": "they come later"
            }
          ]
        },
        {
          "ruleId": "manifest",
          "level": "error",
          "message": {
            "text": "not UTF-8"
          },
          "locations": []
        }
      ]
    }
  ]
}
"##]]
            .raw()
        );
    }

    #[test]
    fn a_run_without_findings_says_so() {
        assert_eq!(log(&[], &[])["runs"][0]["results"], json!([]));
    }
}
