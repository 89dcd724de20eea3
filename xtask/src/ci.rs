//! The steps of `cargo xtask ci`: each by name, timed, and the first failure ends the run.

pub(crate) mod command;
mod demo;
pub(crate) mod ordinary;

use crate::{layers, sources, workspace_root};
use anyhow::{Context as _, Result, bail};
use command::{cargo, run_visibly};
use std::time::{Duration, Instant};

/// One check that a change has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Fmt,
    Layers,
    Sources,
    Clippy,
    Test,
    TestOrdinary,
    Doc,
    Demo,
}

impl Step {
    /// In the order in which they run when none is named: the cheap ones first.
    const ALL: [Self; 8] = [
        Self::Fmt,
        Self::Layers,
        Self::Sources,
        Self::Clippy,
        Self::Test,
        Self::TestOrdinary,
        Self::Doc,
        Self::Demo,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Layers => "layers",
            Self::Sources => "sources",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::TestOrdinary => "test-ordinary",
            Self::Doc => "doc",
            Self::Demo => "demo",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Fmt => "the code is formatted",
            Self::Layers => "crates depend only on the crates below them",
            Self::Sources => "rules about the source text hold",
            Self::Clippy => "no warning, in any target",
            Self::Test => "every test, as the user who started this",
            Self::TestOrdinary => {
                "when that is root, every test but those of pure crates and some long ones again as an ordinary user"
            }
            Self::Doc => "the documentation builds without warning",
            Self::Demo => {
                "`ringfence demo` passes, as root and as an ordinary user, with an empty PATH"
            }
        }
    }

    fn named(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|step| step.name() == name)
            .with_context(|| format!("no step is called `{name}`; see `cargo xtask ci --list`"))
    }

    fn run(self) -> Result<()> {
        match self {
            Self::Fmt => run_visibly(cargo(["fmt", "--all", "--check"])),
            Self::Layers => layers::check(&workspace_root()),
            Self::Sources => sources::check(&workspace_root()),
            Self::Clippy => run_visibly(cargo([
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])),
            Self::Test => test(),
            Self::TestOrdinary => ordinary::test(),
            Self::Doc => document(),
            Self::Demo => demo::run(),
        }
    }
}

/// Prints the steps, one a line.
pub(crate) fn list() {
    for step in Step::ALL {
        println!("{:14} {}", step.name(), step.about());
    }
}

/// Runs the steps named, or all of them.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let mut steps = names
        .iter()
        .map(|name| Step::named(name))
        .collect::<Result<Vec<_>>>()?;
    if steps.is_empty() {
        steps = Step::ALL.to_vec();
    }
    let mut done = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name(), step.about());
        let start = Instant::now();
        let result = step.run();
        let took = start.elapsed();
        if let Err(error) = result {
            println!("== {} FAILED after {}", step.name(), seconds(took));
            summarise(&done);
            return Err(error.context(format!(
                "step `{0}` failed; run it alone with `cargo xtask ci {0}`",
                step.name()
            )));
        }
        println!("== {} passed in {}", step.name(), seconds(took));
        done.push((step, took));
    }
    summarise(&done);
    println!("ci passed: {} steps", done.len());
    Ok(())
}

fn summarise(done: &[(Step, Duration)]) {
    println!();
    for (step, took) in done {
        println!("{:14} passed {:>10}", step.name(), seconds(*took));
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn test() -> Result<()> {
    let mut command = cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
    // Tests of the kernel that root starts run once more without its privileges, which is what `test-ordinary` is for.
    command.env("SANDBOX_ONCE", "1");
    run_visibly(command)
}

fn document() -> Result<()> {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run_visibly(command)
}

/// Whether this process may change users.
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Fails with every item of `failures` in the message, or passes when there is none.
fn none_of(failures: &[String], what: &str) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{what}:\n  {}", failures.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_name() {
        for step in Step::ALL {
            assert_eq!(Step::named(step.name()).unwrap(), step);
        }
        let error = Step::named("tset").unwrap_err().to_string();
        assert!(error.contains("`tset`"), "{error}");
    }

    #[test]
    fn an_unknown_step_fails_before_any_step_runs() {
        assert!(run(&["no-such-step"]).is_err());
    }

    #[test]
    fn failures_are_listed_in_full() {
        assert!(none_of(&[], "failed").is_ok());
        let error = none_of(&["a".into(), "b".into()], "failed")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "failed:\n  a\n  b");
    }
}
