//! Trust zones: who belongs to which, and what is intended between them.

use std::collections::BTreeSet;

use super::pod::owned;
use super::policy_test::ports;
use crate::report::Report;
use crate::schema::nearest;
use crate::validate::{address, quote, selector};
use crate::view::View;
use crate::{IntendedAccess, PodScope, TrustZone, TrustZones, UNZONED};

/// What diagnostics name as the rule: trust zones are ringfence's own.
const RULE: &str = "TrustZones";

pub(crate) fn trust_zones(report: &mut Report, root: &View<'_>) -> TrustZones {
    let zones_at = root.field("zones");
    if zones_at.items().len() == 0 {
        report.required(RULE, &zones_at, "there is at least one zone");
    }
    let mut names = BTreeSet::new();
    let zones = zones_at
        .items()
        .map(|item| zone(report, &item, &mut names))
        .collect();
    let intended = root.field("intended");
    TrustZones {
        zones,
        intended: intended
            .items()
            .map(|item| access(report, &item, &names))
            .collect(),
        source: report.source(root.span),
    }
}

fn zone<'a>(report: &mut Report, at: &View<'a>, names: &mut BTreeSet<&'a str>) -> TrustZone {
    let name = at.field("name");
    let text = name.text_or_empty();
    if text.is_empty() {
        report.required(RULE, &name, "a zone has a name");
    } else if text == UNZONED {
        let why = "whoever no zone claims is called so";
        report.invalid(RULE, &name, &quote(text), why);
    } else if !names.insert(text) {
        report.invalid(RULE, &name, &quote(text), "two zones have this name");
    }
    let (pods, nodes, cidrs) = (at.field("pods"), at.field("nodes"), at.field("cidrs"));
    if !pods.is_set() && !nodes.is_set() && !cidrs.is_set() {
        report.required(RULE, at, "a zone has `pods`, `nodes` or `cidrs`");
    }
    TrustZone {
        name: text.to_owned(),
        pods: pods
            .one_or_more()
            .iter()
            .map(|item| scope(report, item))
            .collect(),
        nodes: nodes.set().map(|at| selector::selector(report, &at)),
        cidrs: cidrs
            .one_or_more()
            .iter()
            .filter_map(|item| address::cidr(report, RULE, item))
            .collect(),
        closed: at.field("closed").boolean().unwrap_or(false),
        source: report.source(at.span),
    }
}

fn scope(report: &mut Report, at: &View<'_>) -> PodScope {
    let mut selector = |name| {
        let at = at.field(name).set();
        at.map(|at| selector::selector(report, &at))
    };
    PodScope {
        namespaces: selector("namespaceSelector"),
        pods: selector("podSelector"),
    }
}

fn access(report: &mut Report, at: &View<'_>, names: &BTreeSet<&str>) -> IntendedAccess {
    IntendedAccess {
        from: zones_named(report, &at.field("from"), names),
        to: zones_named(report, &at.field("to"), names),
        ports: ports(report, RULE, &at.field("ports")),
        optional: at.field("optional").boolean().unwrap_or(false),
        reason: owned(&at.field("reason")),
        source: report.source(at.span),
    }
}

/// The zones that a row names; each must exist.
fn zones_named(report: &mut Report, at: &View<'_>, names: &BTreeSet<&str>) -> Vec<String> {
    let items = at.one_or_more();
    if items.is_empty() {
        report.required(RULE, at, "the name of a zone");
    }
    for item in &items {
        let name = item.text_or_empty();
        if !names.contains(name) {
            let detail = match nearest(name, names.iter().copied()) {
                Some(meant) => format!("there is no such zone; did you mean `{meant}`?"),
                None => "there is no such zone".to_owned(),
            };
            report.invalid(RULE, item, &quote(name), &detail);
        }
    }
    let texts = items.iter().map(View::text_or_empty);
    texts.map(str::to_owned).collect()
}
