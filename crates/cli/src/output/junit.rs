//! JUnit XML, in the dialect that Jenkins, GitLab and GitHub's reporters read.

use super::case::{Case, Suite};
use super::xml::{attribute, text};

/// The whole document.
pub(crate) fn document(suites: &[Suite]) -> String {
    let tests: usize = suites.iter().map(|suite| suite.cases.len()).sum();
    let failures: usize = suites.iter().map(Suite::failures).sum();
    let seconds = suites.iter().map(Suite::seconds).sum::<f64>() + 0.0;
    let inside: String = suites.iter().map(element).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"ringfence\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"{seconds:.3}\">\n\
         {inside}</testsuites>\n"
    )
}

fn element(suite: &Suite) -> String {
    let cases: String = suite.cases.iter().map(case).collect();
    format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\">\n{cases}  </testsuite>\n",
        attribute(&suite.name),
        suite.cases.len(),
        suite.failures(),
        suite.skipped(),
        suite.seconds(),
    )
}

fn case(case: &Case) -> String {
    let start = format!(
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\"",
        attribute(&case.name),
        attribute(&case.class),
        case.seconds
    );
    match (&case.failure, &case.skipped) {
        (None, None) if case.remarks.is_empty() => format!("{start}/>\n"),
        (None, None) => format!(
            "{start}>\n      <system-out>{}</system-out>\n    </testcase>\n",
            text(&case.remarks.join("\n"))
        ),
        (None, Some(reason)) => format!(
            "{start}>\n      <skipped message=\"{}\"/>\n    </testcase>\n",
            attribute(reason)
        ),
        (Some(failure), _) => format!(
            "{start}>\n      <failure message=\"{}\" type=\"failure\">{}</failure>\n    </testcase>\n",
            attribute(&failure.message),
            text(&failure.details)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::case::examples;

    #[test]
    fn suites_are_counted_and_texts_escaped() {
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ringfence" tests="3" failures="1" errors="0" time="0.251">
  <testsuite name="web &amp; db.yaml" tests="3" failures="1" errors="0" skipped="1" time="0.251">
    <testcase name="web -&gt; db tcp/5432" classname="demo" time="0.250">
      <failure message="expected allow, &quot;deny&quot; found" type="failure">isolated by &lt;db&gt;:
  no rule
</failure>
    </testcase>
    <testcase name="web -&gt; dns # 1" classname="demo" time="0.001">
      <system-out>2 &lt; 3 rules
  never:</system-out>
    </testcase>
    <testcase name="web -&gt; 192.0.2.1" classname="demo" time="0.000">
      <skipped message="no &lt;host&gt;&#10;has &quot;it&quot;"/>
    </testcase>
  </testsuite>
  <testsuite name="empty.yaml" tests="0" failures="0" errors="0" skipped="0" time="0.000">
  </testsuite>
</testsuites>
"#;
        assert_eq!(document(&examples::suites()), expected);
        assert!(document(&[]).contains(
            "<testsuites name=\"ringfence\" tests=\"0\" failures=\"0\" errors=\"0\" time=\"0.000\">"
        ));
    }
}
