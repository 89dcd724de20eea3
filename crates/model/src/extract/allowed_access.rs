//! Allowed access: what a change may add, and why.

use super::policy_test::{ports, written};
use crate::report::Report;
use crate::view::View;
use crate::{AllowedAccess, Permission, Written};

/// What diagnostics name as the rule: allowed access is ringfence's own.
const RULE: &str = "AllowedAccess";

pub(crate) fn allowed_access(report: &mut Report, root: &View<'_>) -> AllowedAccess {
    let allowed = root.field("allowed");
    AllowedAccess {
        allowed: allowed
            .items()
            .map(|item| permission(report, &item))
            .collect(),
        source: report.source(root.span),
    }
}

fn permission(report: &mut Report, at: &View<'_>) -> Permission {
    Permission {
        from: ends(report, &at.field("from")),
        to: ends(report, &at.field("to")),
        ports: ports(report, RULE, &at.field("ports")),
        reason: reason(report, &at.field("reason")),
        source: report.source(at.span),
    }
}

fn ends(report: &mut Report, at: &View<'_>) -> Vec<Written> {
    if at.one_or_more().is_empty() {
        report.required(
            RULE,
            at,
            "a workload, such as `shop/web`, or a place, such as `internet`",
        );
    }
    written(report, RULE, at)
}

fn reason(report: &mut Report, at: &View<'_>) -> String {
    let text = at.text_or_empty().trim();
    if text.is_empty() {
        report.required(RULE, at, "why it may be added, for those who read it later");
    }
    text.to_owned()
}
