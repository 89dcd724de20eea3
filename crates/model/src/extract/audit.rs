//! Audit mode (rules AU-1, AU-2).

use crate::report::{Problem, Report};
use crate::validate::quote;
use crate::view::View;
use crate::{AUDIT_ANNOTATION, AuditMode, Severity};

/// What the annotation of a policy says. One that says nothing usable is warned of, and the policy enforces: to leave the
/// policy out would open what it denies, where another API server has let it in.
pub(super) fn mode(report: &mut Report, root: &View<'_>) -> Option<AuditMode> {
    let at = annotation(root)?;
    let text = at.text_or_empty();
    match text.parse() {
        Ok(mode) => Some(mode),
        Err(error) => {
            let quoted = quote(text);
            let message =
                format!("Invalid value: {quoted}: {error}; until then the policy enforces");
            let problem = Problem::new("AU-2", &at.path, at.span, message);
            report.add(problem.with_severity(Severity::Warning));
            None
        }
    }
}

/// Refuses the annotation on a kind that has no audit mode.
pub(super) fn refuse(report: &mut Report, root: &View<'_>) {
    if let Some(at) = annotation(root) {
        let detail = "only a NetworkPolicy can be in audit mode; this policy would enforce";
        report.forbidden("AU-2", &at, detail);
    }
}

fn annotation<'a>(root: &View<'a>) -> Option<View<'a>> {
    let annotations = root.field("metadata").field("annotations");
    let mut entries = annotations.entries();
    let found = entries.find(|(key, _)| key.text == AUDIT_ANNOTATION);
    found.map(|(_, value)| value)
}
