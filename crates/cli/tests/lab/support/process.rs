use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::POLL;

/// Longest run of a command; a demonstration takes a tenth of it.
const LONGEST: Duration = Duration::from_secs(120);

/// The program, not yet started.
pub(crate) fn ringfence(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.args(arguments).env_remove("RINGFENCE_LAB");
    command
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Finished {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output of a command that must have gone well.
    #[track_caller]
    pub(crate) fn expect_ok(self) -> String {
        assert!(self.status.success(), "{self:#?}");
        self.stdout
    }

    /// Standard error of a command that must have been refused.
    #[track_caller]
    pub(crate) fn expect_refused(self) -> String {
        assert_eq!(self.code(), Some(2), "{self:#?}");
        self.stderr
    }
}

/// Running commands to their end, in bounded time.
pub(crate) trait Run {
    fn finish_with_input(&mut self, input: &[u8]) -> Finished;

    fn finish(&mut self) -> Finished {
        self.finish_with_input(b"")
    }
}

impl Run for Command {
    fn finish_with_input(&mut self, input: &[u8]) -> Finished {
        let started = Instant::now();
        let mut child = self
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().unwrap();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // A command may end without reading all of its input.
                let _ = stdin.write_all(input);
            });
            let stdout = scope.spawn(|| text(stdout));
            let stderr = scope.spawn(|| text(stderr));
            let status = wait(&mut child, self);
            Finished {
                status,
                stdout: stdout.join().unwrap(),
                stderr: stderr.join().unwrap(),
                took: started.elapsed(),
            }
        })
    }
}

fn wait(child: &mut Child, command: &Command) -> ExitStatus {
    let deadline = Instant::now() + LONGEST;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end within {LONGEST:?}");
        }
        std::thread::sleep(POLL);
    }
}

fn text(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
