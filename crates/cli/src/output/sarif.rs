//! SARIF 2.1.0: findings for GitHub's and GitLab's code scanning, and for editors.

use ringfence_model::{OF_CLUSTER, Severity, Source};
use serde_json::{Value, json};

use super::finding::{Finding, Related, Rule};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log of one run, in which `findings` are against `rules` or against others that say nothing more of themselves.
/// A finding without a place is told at the beginning of `first`: code scanning refuses results that are nowhere.
pub(crate) fn log(rules: &[Rule], findings: &[Finding], first: &str) -> Value {
    let driver = json!({
        "name": "ringfence",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    let results: Vec<Value> = findings
        .iter()
        .map(|found| result(rules, found, first))
        .collect();
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

fn result(rules: &[Rule], finding: &Finding, first: &str) -> Value {
    let text = match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    };
    let beginning = || location(first, (1, 1));
    let place = finding.place.as_ref().map_or_else(beginning, at);
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.level),
        "message": {"text": text},
        "locations": [place],
    });
    if let Some(index) = rules.iter().position(|rule| rule.id == finding.rule) {
        insert(&mut result, "ruleIndex", index.into());
    }
    let related: Vec<Value> = finding.related.iter().map(related).collect();
    if !related.is_empty() {
        insert(&mut result, "relatedLocations", related.into());
    }
    if let Some(reason) = &finding.suppressed {
        let suppression = json!([{"kind": "inSource", "justification": reason}]);
        insert(&mut result, "suppressions", suppression);
    }
    result
}

fn related(related: &Related) -> Value {
    let mut place = at(&related.place);
    insert(&mut place, "message", json!({"text": related.message}));
    place
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

fn at(place: &Source) -> Value {
    location(&place.file, (place.line, place.column))
}

fn location(file: &str, (line, column): (u32, u32)) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": line, "startColumn": column},
        },
    })
}

/// What is in no file has the name of where it is: `stdin`, or `cluster/` with the kind and name of the object.
fn uri(file: &str) -> String {
    if let Some(object) = file.strip_prefix(OF_CLUSTER) {
        return format!("cluster/{}", escape(&object.replace(' ', "/")));
    }
    let file = file.trim_start_matches('<').trim_end_matches('>');
    let path = file.strip_prefix("./").unwrap_or(file);
    let escaped = escape(path);
    if path.starts_with('/') {
        format!("file://{escaped}")
    } else {
        escaped
    }
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
            ("deploy/db.yaml", "deploy/db.yaml"),
            ("./db.yaml", "db.yaml"),
            ("../db.yaml", "../db.yaml"),
            (
                "my policies/50% ü#1?.yaml",
                "my%20policies/50%25%20%C3%BC%231%3F.yaml",
            ),
            ("HEAD~1:deploy/db.yaml", "HEAD~1%3Adeploy/db.yaml"),
            ("/srv/db.yaml", "file:///srv/db.yaml"),
            ("<stdin>", "stdin"),
            (
                "cluster: NetworkPolicy shop/db",
                "cluster/NetworkPolicy/shop/db",
            ),
        ];
        for (file, expected) in table {
            assert_eq!(uri(file), expected, "{file}");
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
        let findings = [against_rule, Finding::from(&diagnostic)];
        let log = log(&rules, &findings, "deploy/a.yaml");
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
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "deploy/a.yaml"
                },
                "region": {
                  "startLine": 1,
                  "startColumn": 1
                }
              }
            }
          ]
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
        assert_eq!(log(&[], &[], "a.yaml")["runs"][0]["results"], json!([]));
    }
}
