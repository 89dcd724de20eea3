//! The test programs that cargo builds, without running them.

use super::super::command::cargo;
use crate::layers::pure_crates;
use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Artifact, Message};
use std::io::BufReader;
use std::path::PathBuf;
use std::process::Stdio;

/// This crate's tests ask cargo about the workspace; an ordinary user may have no cargo.
const NOT_FOR_EVERYBODY: &[&str] = &["xtask"];

/// What `cargo test --no-run` built.
#[derive(Debug, Default)]
pub(super) struct Build {
    /// The programs to run.
    pub(super) programs: Vec<TestProgram>,
    /// Every program, those that the tests start included.
    pub(super) executables: Vec<PathBuf>,
}

/// One test program and where cargo would run it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TestProgram {
    /// For the reader: the package, then the target.
    pub(super) name: String,
    /// The package's directory: the working directory of its tests.
    pub(super) package: PathBuf,
    /// The program.
    pub(super) executable: PathBuf,
}

/// Builds every test of the workspace; after the step `test` this costs nothing.
pub(super) fn build() -> Result<Build> {
    let mut command = cargo([
        "test",
        "--workspace",
        "--locked",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut build = Build::default();
    for message in Message::parse_stream(BufReader::new(output)) {
        if let Message::CompilerArtifact(artifact) =
            message.context("cannot read cargo's answer")?
        {
            build.add(&artifact);
        }
    }
    if !child.wait().context("cannot wait for cargo")?.success() {
        bail!("the tests do not build");
    }
    if build.programs.is_empty() {
        bail!("cargo built no test program");
    }
    build.programs.sort();
    Ok(build)
}

impl Build {
    fn add(&mut self, artifact: &Artifact) {
        let (Some(executable), Some(package)) =
            (&artifact.executable, artifact.manifest_path.parent())
        else {
            return;
        };
        let package_name = package.file_name().unwrap_or_default();
        // They and their tests do no input or output, which `layers` sees to: whose process it is makes no difference.
        if pure_crates().any(|pure| pure == package_name) {
            return;
        }
        self.executables.push(executable.clone().into());
        if artifact.profile.test && !NOT_FOR_EVERYBODY.contains(&package_name) {
            self.programs.push(TestProgram {
                name: format!("{package_name}: {}", artifact.target.name),
                package: package.into(),
                executable: executable.clone().into(),
            });
        }
    }
}
