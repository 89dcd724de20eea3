//! `ringfence flows`: what became of packets, and why.

mod arguments;
mod filter;
mod read;
mod source;
mod text;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use ringfence_agent::flows::FlowRecord;
use serde::Serialize;

use crate::BAD_INPUT;
use crate::output::answer::write_line;
use crate::output::json;
use crate::paint;
use arguments::FlowsFormat;
pub(crate) use arguments::{EXAMPLES, FlowsArguments};
use filter::Filter;
pub(crate) use filter::behind;
pub(crate) use read::read;
use source::News;
pub(crate) use source::Source;
pub(crate) use text::end as end_name;

/// How often it is looked for new records.
const POLL: Duration = Duration::from_millis(300);

/// The records of a moment, as JSON.
#[derive(Serialize)]
struct Document<'a> {
    records: &'a [FlowRecord],
    /// What each node lost since its agent started.
    lost: &'a std::collections::BTreeMap<String, ringfence_agent::flows::Lost>,
}

pub(crate) fn run(arguments: &FlowsArguments) -> anyhow::Result<ExitCode> {
    let mut source = Source::new(arguments)?;
    let filter = Filter::new(arguments, &source)?;
    loop {
        let news = source.news()?;
        let records: Vec<FlowRecord> = news
            .records
            .iter()
            .filter(|record| filter.matches(record))
            .cloned()
            .collect();
        print(arguments, &records, &news)?;
        if !arguments.follow {
            if records.is_empty() && matches!(arguments.output, FlowsFormat::Text) {
                anstream::eprintln!("{}", paint::dim(&nothing(news.records.len())));
            }
            let code = if news.is_partial { BAD_INPUT } else { 0 };
            return Ok(ExitCode::from(code));
        }
        std::thread::sleep(POLL);
    }
}

/// What to say instead of records, of so many that do not match.
fn nothing(others: usize) -> String {
    match others {
        0 => "no records: a packet is recorded a second after it was dropped".to_owned(),
        _ => {
            format!("none of {others} records matches; a pod without namespace is one of `default`")
        }
    }
}

fn print(arguments: &FlowsArguments, records: &[FlowRecord], news: &News) -> anyhow::Result<()> {
    match (arguments.output, arguments.follow) {
        (FlowsFormat::Text, _) => records.iter().for_each(text::record),
        (FlowsFormat::Json, true) => {
            for record in records {
                let line = serde_json::to_string(record).context("a record that is no JSON")?;
                write_line!("{line}");
            }
        }
        (FlowsFormat::Json, false) => json::print(&Document {
            records,
            lost: &news.lost,
        })?,
    }
    for warning in &news.warnings {
        anstream::eprintln!("{}", paint::dim(warning));
    }
    Ok(())
}
