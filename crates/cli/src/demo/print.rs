//! Shows the story while it happens.

use std::io::IsTerminal as _;

use super::report::{Check, KernelChange, Passage, Report, Step};
use crate::arguments::DemoArguments;
use crate::commands::lab::seconds;
use crate::output::answer::say_line;
use crate::paint;

/// How many changes of a node's table are shown.
const SHOWN_CHANGES: usize = 12;

pub(crate) struct Printer {
    text: bool,
    pause: bool,
}

impl Printer {
    pub(crate) const fn new(text: bool, pause: bool) -> Self {
        Self { text, pause }
    }

    fn line(&self, text: &str) {
        if self.text {
            say_line!("{text}");
        }
    }

    pub(crate) fn opening(&self) {
        self.line("Network policies on a three-node cluster made of network namespaces: every line below was");
        self.line(
            "tried with a real connection, and predicted by the specification before it was tried.",
        );
    }

    pub(crate) fn title(&self, step: &Step) {
        self.line(&format!(
            "\n{}",
            paint::heading(&format!("{:>2}. {}", step.number, step.title))
        ));
    }

    pub(crate) fn command(&self, command: &str) {
        self.line(&format!("    {}", paint::dim(&format!("$ {command}"))));
    }

    pub(crate) fn output(&self, text: &str) {
        self.line(&format!("    {text}"));
    }

    pub(crate) fn check(&self, check: &Check) {
        self.line(&format!("    {}", check_line(check)));
        if !check.agreed {
            for reason in &check.because {
                self.line(&format!("         the specification says: {reason}"));
            }
        }
    }

    pub(crate) fn kernel(&self, step: &Step) {
        for (node, changes) in &step.kernel {
            self.line(&format!("    {node}: {}", counted(changes.len())));
            for change in changes.iter().take(SHOWN_CHANGES) {
                self.line(&format!("      {}", element_line(change)));
                for cause in &change.because {
                    self.line(&format!("        {}", paint::dim(&format!("# {cause}"))));
                }
            }
            if changes.len() > SHOWN_CHANGES {
                self.line(&format!(
                    "      ... and {} more",
                    changes.len() - SHOWN_CHANGES
                ));
            }
        }
    }

    pub(crate) fn remark(&self, text: &str) {
        self.line(&format!("    {}", paint::dim(text)));
    }

    /// Waits for Enter with `--pause`, where there is somebody to press it.
    pub(crate) fn wait(&self) {
        if self.pause && std::io::stdin().is_terminal() {
            anstream::eprint!("    {}", paint::dim("-- Enter goes on --"));
            let _ = std::io::stdin().read_line(&mut String::new());
        }
    }

    /// Sources by rows, destinations by columns.
    pub(crate) fn table(&self, checks: &[Check]) {
        let mut sources: Vec<&str> = Vec::new();
        let mut columns: Vec<&str> = Vec::new();
        for check in checks {
            push_new(&mut sources, &check.from);
            push_new(&mut columns, &check.to);
        }
        let width = sources
            .iter()
            .map(|name| name.len())
            .max()
            .unwrap_or_default();
        for (index, column) in columns.iter().enumerate() {
            self.line(&format!(
                "    {:width$}  {}┌ {column}",
                "",
                "│ ".repeat(index)
            ));
        }
        for source in sources {
            let cells: String = columns
                .iter()
                .map(|column| {
                    let found = checks
                        .iter()
                        .find(|check| check.from == source && check.to == *column);
                    cell(found)
                })
                .collect();
            self.line(&format!("    {source:width$}  {cells}"));
        }
        self.line(&format!(
            "    {}",
            paint::dim("● open, · closed: measured and predicted agree; ! they differ; blank: a pod and itself")
        ));
    }

    pub(crate) fn closing(&self, report: &Report, arguments: &DemoArguments) {
        let (all, wrong) = report.counts();
        let verdict = if report.agreed {
            paint::good(&format!(
                "{all} attempts: story, specification and packets agree on every one"
            ))
        } else {
            paint::bad(&format!("{wrong} of {all} attempts disagree"))
        };
        self.line(&format!("\n{verdict}"));
        self.line(&format!(
            "lab ready after {:.2} s (nodes and DNS after {:.2} s), everything within {:.2} s, {}",
            seconds(report.lab_ready_ms),
            seconds(report.nodes_ready_ms),
            seconds(report.total_ms),
            if arguments.keep {
                "left running"
            } else {
                "cleaned up"
            },
        ));
        if arguments.keep {
            let name = &arguments.name;
            self.line(&format!("look around: ringfence lab status --name {name}"));
            self.line(&format!("end it:      ringfence lab down --name {name}"));
        }
    }
}

fn push_new<'a>(names: &mut Vec<&'a str>, name: &'a str) {
    if !names.contains(&name) {
        names.push(name);
    }
}

fn cell(check: Option<&Check>) -> String {
    match check {
        None => "  ".to_owned(),
        Some(check) if !check.agreed => paint::bad("! "),
        Some(check) => match check.predicted {
            Passage::Open => paint::good("● "),
            Passage::Closed => paint::dim("· "),
        },
    }
}

fn check_line(check: &Check) -> String {
    let measured = check.measured.map_or("unclear", Passage::word);
    let predicted = check.predicted.word();
    let (mark, comparison) = if check.measured == Some(check.predicted) {
        (paint::good("✓"), format!("{measured}, as predicted"))
    } else {
        (
            paint::bad("✗"),
            paint::bad(&format!("{measured}, but predicted {predicted}")),
        )
    };
    let outcome = paint::dim(&format!("({}, {} ms)", check.outcome, check.duration_ms));
    match check.expected {
        Some(expected) if expected != check.predicted => {
            let story = paint::bad(&format!("the story says {}", expected.word()));
            format!(
                "{} {} → {}: {comparison}, {story} {outcome}",
                paint::bad("✗"),
                check.from,
                check.to
            )
        }
        _ => format!(
            "{mark} {} → {}: {comparison} {outcome}",
            check.from, check.to
        ),
    }
}

fn element_line(change: &KernelChange) -> String {
    if change.added {
        paint::good(&format!("+ {}", change.element))
    } else {
        paint::bad(&format!("- {}", change.element))
    }
}

fn counted(changes: usize) -> String {
    match changes {
        0 => "nothing changed".to_owned(),
        1 => "1 element".to_owned(),
        changes => format!("{changes} elements"),
    }
}
