use super::judge::{Fate, Flow, Replay};
use crate::commands::flows::end_name;
use crate::output::answer::{say_line, write_line};
use crate::paint;

/// Changes first, then the rules without flows, then the sum.
pub(super) fn print(replay: &Replay) {
    for flow in &replay.flows {
        match flow.fate {
            Fate::Cut | Fate::Opened | Fate::Unknown => tell(flow),
            Fate::Passes | Fate::Denied => {}
        }
    }
    for ((policy, direction, index), source) in &replay.unobserved {
        let place = source.as_ref().map(|source| format!(" ({source})"));
        let place = place.unwrap_or_default();
        say_line!(
            "{}",
            paint::dim(&format!("unobserved {policy} {direction}[{index}]{place}"))
        );
    }
    write_line!("{}", sum(replay));
}

fn tell(flow: &Flow) {
    let word = flow.fate.word();
    let word = match flow.fate {
        Fate::Cut | Fate::Unknown => paint::bad(word),
        Fate::Opened | Fate::Passes | Fate::Denied => paint::good(word),
    };
    let port = match flow.port {
        Some(port) => format!("{}/{port}", flow.protocol),
        None => flow.protocol.clone(),
    };
    let (source, destination) = (end_name(&flow.source), end_name(&flow.destination));
    say_line!("{word} {source} -> {destination} {port} x{}", flow.count);
    for line in &flow.because {
        say_line!("{}", paint::dim(&format!("    {line}")));
    }
}

fn sum(replay: &Replay) -> String {
    let flows = replay.flows.len();
    let [cut, opened, unknown] =
        [Fate::Cut, Fate::Opened, Fate::Unknown].map(|fate| replay.count(fate));
    let same = flows - cut - opened - unknown;
    let rules = replay.unobserved.len();
    let mut sum = format!(
        "{flows} flows: {cut} cut, {opened} newly opened, {same} as recorded; {rules} rules unobserved"
    );
    if unknown > 0 {
        sum.push_str(&format!("; {unknown} cannot be judged"));
    }
    if replay.other > 0 {
        sum.push_str(&format!(
            "; {} records of packets that no policy dropped left out",
            replay.other
        ));
    }
    sum
}
