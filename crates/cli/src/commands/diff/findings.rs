//! What a gate refuses, as the writers of formats know it.

use ringfence_model::{Severity, Source};
use ringfence_reach::diff::{Change, Difference, Kind};
use ringfence_reach::workload::Unit;
use serde_json::Value;

use super::gate::{Allowance, Judged, Mark};
use super::one::{One, of_kind};
use super::words::{UNBOUND, deciding_lines, doubts, names, ports, title, told, unbound};
use crate::commands::matrix::reason::Line;
use crate::commands::matrix::view::Names;
use crate::merged::Merged;
use crate::output::case::{Case, Failure, Suite};
use crate::output::finding::{Finding, Related, Rule};
use crate::output::{junit, sarif};

const REFUSED: &str = "no-new-access";
const UNUSED: &str = "unused-permission";

/// The log of a run: what is refused, at the rule that allows it now, or where an end of it is written.
pub(super) fn sarif(difference: &Difference, judged: &Judged) -> Value {
    let names = names(difference);
    let refused = judged_changes(difference, judged)
        .into_iter()
        .filter(|told| matches!(told.mark, Mark::Refused(_)))
        .map(|told| refused(&names, &told, judged));
    let unbound = judged_units(difference, judged)
        .filter(|(.., mark)| matches!(mark, Mark::Refused(_)))
        .map(|(unit, source, _)| Finding {
            message: unbound(&names, unit, judged),
            place: source.cloned(),
            ..refusal()
        });
    let unused = judged.unused().iter().map(unused);
    let doubts = judged_doubts(difference, judged)
        .filter(|(.., mark)| matches!(mark, Mark::Refused(_)))
        .map(|(message, source, _)| Finding {
            message,
            place: source.cloned(),
            ..refusal()
        });
    let unbound = doubts.chain(unbound);
    let findings: Vec<Finding> = unbound.chain(refused).chain(unused).collect();
    sarif::log(&rules(), &findings, judged.first())
}

/// A test for each change that is more access, and one that passes where there is none.
pub(super) fn junit(difference: &Difference, judged: &Judged) -> String {
    let names = names(difference);
    let told = judged_changes(difference, judged);
    let cases = told.iter().map(|told| case(&names, told, judged));
    let mut cases: Vec<Case> = cases.collect();
    cases.extend(
        judged_units(difference, judged).map(|(unit, _, mark)| Case {
            failure: matches!(mark, Mark::Refused(_)).then(|| Failure {
                message: unbound(&names, unit, judged),
                details: String::new(),
            }),
            ..passed(format!("{}: {UNBOUND}", names.of_unit(unit)))
        }),
    );
    cases.extend(judged_doubts(difference, judged).map(|(message, _, mark)| {
        let refused = matches!(mark, Mark::Refused(_));
        Case {
            failure: refused.then(|| Failure {
                message: message.clone(),
                details: String::new(),
            }),
            ..passed(message)
        }
    }));
    if cases.is_empty() {
        cases.push(passed("nothing is newly allowed".to_owned()));
    }
    let name = REFUSED.to_owned();
    junit::document(&[Suite { name, cases }])
}

/// A change that is more access, and what the gate says of it.
struct JudgedChange<'a> {
    one: One<'a>,
    mark: &'a Mark,
    /// How many more pairs change alike, for which the gate says the same, and which are shown by the same connection.
    more: usize,
}

/// Every change that is more access, those that were judged once for all as one.
fn judged_changes<'a>(difference: &'a Difference, judged: &'a Judged) -> Vec<JudgedChange<'a>> {
    let changes = Kind::ALL
        .into_iter()
        .flat_map(|kind| of_kind(difference, kind));
    let mut alike: Merged<(*const Change, *const Mark), JudgedChange<'_>> = Merged::default();
    for one in changes {
        let Some(mark) = judged.mark(one) else {
            continue;
        };
        let more = 0;
        let key = (&raw const *one.change, &raw const *mark);
        let mut is_first = false;
        let known = alike.of(key, || {
            is_first = true;
            JudgedChange { one, mark, more }
        });
        known.more += usize::from(!is_first);
    }
    alike.in_order().map(|(_, told)| told).collect()
}

/// Every workload that no policy holds any more, where it is written, and what the gate says of it.
fn judged_units<'a>(
    difference: &'a Difference,
    judged: &'a Judged,
) -> impl Iterator<Item = (&'a Unit, Option<&'a Source>, &'a Mark)> {
    let units = difference.unbound.iter();
    units.filter_map(|(unit, source)| Some((unit, source.as_ref(), judged.unbound(unit)?)))
}

/// Everything that cannot be judged, where it is written, and what the gate says of it.
fn judged_doubts<'a>(
    difference: &'a Difference,
    judged: &'a Judged,
) -> impl Iterator<Item = (String, Option<&'a Source>, &'a Mark)> {
    let sentences = doubts(difference, &names(difference), Some(judged));
    let doubts = difference.doubts.iter().zip(sentences).enumerate();
    doubts.filter_map(|(place, (doubt, sentence))| {
        Some((sentence, doubt.source.as_ref(), judged.doubt(place)?))
    })
}

fn rules() -> [Rule; 2] {
    let rule = |id: &str, summary: &str, level| Rule {
        id: id.to_owned(),
        name: None,
        summary: summary.to_owned(),
        page: None,
        level,
    };
    [
        rule(
            REFUSED,
            "Nothing is newly allowed but what a reviewed file permits.",
            Severity::Error,
        ),
        rule(
            UNUSED,
            "Every row of allowed access is needed by a change.",
            Severity::Note,
        ),
    ]
}

fn refused(names: &Names, of: &JudgedChange<'_>, judged: &Judged) -> Finding {
    let lines = deciding_lines(of.one.change);
    let mut places = lines.into_iter().filter_map(placed);
    let home = || judged.home(of.one).cloned();
    let place = places.next().map(|found| found.place).or_else(home);
    Finding {
        message: message(names, of, judged),
        place,
        related: places.collect(),
        ..refusal()
    }
}

fn refusal() -> Finding {
    Finding {
        rule: REFUSED.to_owned(),
        level: Severity::Error,
        message: String::new(),
        place: None,
        help: Some(
            "take the access back, or permit it with a reason in the file after --allow".to_owned(),
        ),
        related: Vec::new(),
        suppressed: None,
    }
}

fn placed(line: Line) -> Option<Related> {
    let (message, place) = (line.text, line.source?);
    Some(Related { message, place })
}

fn unused(allowance: &Allowance) -> Finding {
    Finding {
        rule: UNUSED.to_owned(),
        level: Severity::Note,
        message: format!("nothing needs {allowance}"),
        place: allowance.source.clone(),
        help: Some("take the row out".to_owned()),
        related: Vec::new(),
        suppressed: None,
    }
}

/// `newly allowed: shop/web -> shop/db: tcp/5432 (not permitted), such as shop/web-0 -> shop/db-0 tcp/5432`.
fn message(names: &Names, of: &JudgedChange<'_>, judged: &Judged) -> String {
    let told = told(names, of.one, Some(judged));
    let example = told.example.map(|example| format!(", such as {example}"));
    let mark = told.what.mark.map(|mark| format!(" ({mark})"));
    format!(
        "{}: {}{}{}",
        title(told.what.kind).to_lowercase(),
        name(names, of),
        mark.unwrap_or_default(),
        example.unwrap_or_default()
    )
}

fn name(names: &Names, of: &JudgedChange<'_>) -> String {
    let (source, destination) = of.one.pair.units();
    let more = match of.more {
        0 => String::new(),
        1 => ", and 1 more pair alike".to_owned(),
        more => format!(", and {more} more pairs alike"),
    };
    format!(
        "{} -> {}: {}{more}",
        names.of_unit(source),
        names.of_unit(destination),
        ports(of.one.change)
    )
}

fn passed(name: String) -> Case {
    Case {
        skipped: None,
        remarks: Vec::new(),
        name,
        class: REFUSED.to_owned(),
        failure: None,
        seconds: 0.0,
    }
}

fn case(names: &Names, of: &JudgedChange<'_>, judged: &Judged) -> Case {
    let failure = match of.mark {
        Mark::Refused(_) => Some(Failure {
            message: message(names, of, judged),
            details: details(names, of),
        }),
        Mark::Permitted(_) => None,
    };
    Case {
        failure,
        ..passed(name(names, of))
    }
}

/// What decided before and decides now, a line each.
fn details(names: &Names, of: &JudgedChange<'_>) -> String {
    let told = told(names, of.one, None);
    let before = told
        .what
        .before
        .iter()
        .map(|line| format!("before: {line}\n"));
    let now = told.what.after.iter().map(|line| format!("now: {line}\n"));
    before.chain(now).collect()
}
