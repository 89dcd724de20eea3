use std::time::{Duration, Instant};

use crate::growth::Growing;
use crate::times::{Times, shown};

/// Takes the time of one run, without what has to be there before it.
pub type Stopwatch<'a, T> = &'a dyn Fn(&T) -> Duration;

/// One line of a table.
#[expect(missing_debug_implementations, reason = "closures have none")]
pub struct Case<'a, T> {
    /// What is measured.
    pub what: &'static str,
    /// How long it may take.
    pub goal: Option<Duration>,
    /// Measures it.
    pub ours: Stopwatch<'a, T>,
    /// The plain way to the same end.
    pub baseline: &'static str,
    /// Measures the plain way.
    pub plain: Stopwatch<'a, T>,
}

/// A baseline that takes longer is run once.
const LONG: Duration = Duration::from_secs(1);

/// Measures every case on every size, `runs` times each, the baseline in turns with it, and prints the table.
pub fn measure<T>(subject: &Growing<T>, runs: usize, cases: &[Case<'_, T>]) {
    let rows = cases.iter().map(|case| row(subject, runs, case));
    print(&subject.name, &header(subject), rows);
}

/// Prints a table with its title, as Markdown, each row as soon as it is there.
pub fn print(title: &str, header: &[String], rows: impl IntoIterator<Item = Vec<String>>) {
    println!("\n{title}\n\n| {} |", header.join(" | "));
    println!("|{}", "---|".repeat(header.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// A table as Markdown.
pub fn table(header: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(header.len()));
    let rows = rows.into_iter().map(|row| line(&row));
    [line(header), rule].into_iter().chain(rows).collect()
}

fn header<T>(subject: &Growing<T>) -> Vec<String> {
    let fixed = ["measured", "goal", "time", "baseline", "its time", "ratio"];
    let grown = subject.doubled.iter().map(|(what, _)| format!("{what} x2"));
    fixed.map(str::to_owned).into_iter().chain(grown).collect()
}

fn row<T>(subject: &Growing<T>, runs: usize, case: &Case<'_, T>) -> Vec<String> {
    let (ours, plain) = in_turns(runs, &subject.base, case);
    let goal = case.goal.map(shown);
    let mut cells = vec![
        case.what.to_owned(),
        goal.unwrap_or_default(),
        ours.to_string(),
        case.baseline.to_owned(),
        plain.to_string(),
        compared(ours.ratio(&plain)),
    ];
    for (_, larger) in &subject.doubled {
        let grown = Times::of((0..runs).map(|_| (case.ours)(larger)).collect());
        cells.push(format!("x{:.2}", grown.ratio(&ours)));
    }
    cells
}

/// `x3.1`, `1/4.8`, `1/235`
fn compared(ratio: f64) -> String {
    match 1.0 / ratio {
        slower if slower <= 1.0 => format!("x{ratio:.1}"),
        little if little < 10.0 => format!("1/{little:.1}"),
        times => format!("1/{times:.0}"),
    }
}

fn in_turns<T>(runs: usize, subject: &T, case: &Case<'_, T>) -> (Times, Times) {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let mut is_long = false;
    for _ in 0..runs {
        ours.push((case.ours)(subject));
        if !is_long {
            let start = Instant::now();
            plain.push((case.plain)(subject));
            is_long = start.elapsed() > LONG;
        }
    }
    (Times::of(ours), Times::of(plain))
}
