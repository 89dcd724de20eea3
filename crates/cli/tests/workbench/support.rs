use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The program.
pub(crate) const RINGFENCE: &str = env!("CARGO_BIN_EXE_ringfence");

/// The root of the repository, where every command of these tests runs.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_owned()
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program without input.
pub(crate) fn ringfence(arguments: &[&str]) -> Finished {
    ringfence_reading("", arguments)
}

/// Runs the program with `input` on its standard input.
pub(crate) fn ringfence_reading(input: &str, arguments: &[&str]) -> Finished {
    let mut child = without_surroundings(&mut Command::new(RINGFENCE))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().unwrap();
    // A command may end without reading all of its input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Finished {
        status: output.status,
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A command that sees nothing of the person who runs the tests.
pub(crate) fn without_surroundings(command: &mut Command) -> &mut Command {
    let personal = [
        "RINGFENCE_LAB",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "COLUMNS",
        "KUBECONFIG",
    ];
    for variable in personal {
        command.env_remove(variable);
    }
    command.current_dir(root())
}

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("commands print UTF-8")
}

impl Finished {
    /// Standard output of a command that must have ended with `code` and said nothing else, but whose addresses an answer
    /// depends on.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> String {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        assert_eq!(without_missing(&self.stderr), "", "{self:#?}");
        self.stdout
    }

    /// Standard error of a command whose input must have been refused.
    #[track_caller]
    pub(crate) fn expect_refused(self) -> String {
        assert_eq!(self.status.code(), Some(2), "{self:#?}");
        assert_eq!(self.stdout, "", "{self:#?}");
        self.stderr
    }
}

/// `text` without the note on addresses that are missing, which `pod_cidr` tries.
fn without_missing(text: &str) -> String {
    let mut lines = text.lines();
    let mut kept = String::new();
    while let Some(line) = lines.next() {
        if line.starts_with("note: ") && line.ends_with("depends on it (AM-22)") {
            let help = lines.next().unwrap_or_default();
            assert!(help.starts_with("  = help: say where pods get"), "{text}");
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
