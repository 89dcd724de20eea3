//! A client and a command: input, output, the terminal's size, and how it ended. The same for every protocol.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};

use super::CHUNK;
use crate::containers::{Exit, Input, Output, Process, Resize, Size};

/// How much of what one says to the other may be under way, in messages.
pub(super) const UNDER_WAY: usize = 4;
/// A command that has ended may have left its output to others, who need not end: it is over when they are quiet for so
/// long.
const QUIET: Duration = Duration::from_millis(500);
/// And in any case after this.
const REST_LIMIT: Duration = Duration::from_secs(30);

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FromClient {
    Stdin(Bytes),
    StdinEnd,
    Resize(Size),
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
    /// How it ended, the last word.
    Error,
}

pub(super) type ToClient = (Stream, Bytes);

/// Goes on until the command has ended and the client was told, or until nobody takes what it says.
pub(super) async fn run(
    process: Process,
    from: mpsc::Receiver<FromClient>,
    to: mpsc::Sender<ToClient>,
) {
    let outputs = [
        (Stream::Stdout, process.stdout),
        (Stream::Stderr, process.stderr),
    ];
    let input = feed(process.stdin, process.resize, from);
    let result = tokio::select! {
        result = finish(process.exit, outputs, &to) => result,
        () = input => return,
        () = to.closed() => return,
    };
    let _ = to
        .send((Stream::Error, status(result).to_string().into()))
        .await;
}

/// Passes on what the client says. Does not end before it is dropped: a command may go on without input.
async fn feed(
    mut stdin: Option<Input>,
    mut resize: Option<Resize>,
    mut from: mpsc::Receiver<FromClient>,
) {
    while let Some(said) = from.recv().await {
        match said {
            FromClient::Stdin(bytes) => {
                if let Some(input) = &mut stdin
                    && write(input, &bytes).await.is_err()
                {
                    stdin = None;
                }
            }
            FromClient::StdinEnd => stdin = None,
            FromClient::Resize(size) => {
                if let Some(resize) = &mut resize {
                    resize(size);
                }
            }
        }
    }
    std::future::pending().await
}

async fn write(input: &mut Input, bytes: &[u8]) -> io::Result<()> {
    input.write_all(bytes).await?;
    input.flush().await
}

/// Waits for the end, and for what was printed before it.
async fn finish(
    exit: Exit,
    outputs: [(Stream, Option<Output>); 2],
    to: &mpsc::Sender<ToClient>,
) -> io::Result<i32> {
    let (ended, has_ended) = watch::channel(false);
    let [stdout, stderr] = outputs;
    let exit = async {
        let result = exit.await;
        ended.send_replace(true);
        result
    };
    let copies = async {
        tokio::join!(
            copy(stdout, to, has_ended.clone()),
            copy(stderr, to, has_ended.clone())
        );
    };
    let rest = async {
        tokio::select! {
            () = copies => {}
            () = passed(REST_LIMIT, has_ended.clone()) => {}
        }
    };
    tokio::join!(exit, rest).0
}

/// Passes on what is printed.
async fn copy(
    (stream, output): (Stream, Option<Output>),
    to: &mpsc::Sender<ToClient>,
    ended: watch::Receiver<bool>,
) {
    let Some(mut output) = output else {
        return;
    };
    loop {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        let count = tokio::select! {
            biased;
            count = output.read_buf(&mut buffer) => count,
            () = passed(QUIET, ended.clone()) => return,
        };
        // A terminal ends with an error.
        if !count.is_ok_and(|count| count > 0) || to.send((stream, buffer.freeze())).await.is_err()
        {
            return;
        }
    }
}

/// Ends so long after the command.
async fn passed(time: Duration, mut ended: watch::Receiver<bool>) {
    let _ = ended.wait_for(|ended| *ended).await;
    tokio::time::sleep(time).await;
}

/// How it ended, as clients read it.
fn status(result: io::Result<i32>) -> Value {
    match result {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(error) => json!({
            "metadata": {}, "status": "Failure", "reason": "InternalError",
            "message": format!("Internal error occurred: {error}"), "code": 500,
        }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn run_to_end(process: Process) -> Vec<(Stream, Vec<u8>)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let (_said, from) = mpsc::channel(UNDER_WAY);
            let (to, mut told) = mpsc::channel::<ToClient>(UNDER_WAY);
            let listen = async {
                let mut all: Vec<(Stream, Vec<u8>)> = Vec::new();
                while let Some((stream, content)) = told.recv().await {
                    all.push((stream, content.to_vec()));
                }
                all
            };
            tokio::join!(run(process, from, to), listen).1
        })
    }

    fn process(stdout: Output, exit: Exit) -> Process {
        Process {
            stdin: None,
            stdout: Some(stdout),
            stderr: None,
            resize: None,
            exit,
        }
    }

    fn last(told: &[(Stream, Vec<u8>)]) -> Value {
        let (stream, status) = told.last().unwrap();
        assert_eq!(*stream, Stream::Error);
        serde_json::from_slice(status).unwrap()
    }

    #[test]
    fn a_command_is_over_when_those_it_left_its_output_to_are_quiet() {
        let (mut writer, reader) = duplex(100);
        let exit = async move {
            writer.write_all(b"first").await?;
            // Somebody else holds the output, and says a word more.
            tokio::spawn(async move {
                let _ = writer.write_all(b", later").await;
                std::future::pending::<()>().await;
            });
            Ok(3)
        };
        let told = run_to_end(process(Box::new(reader), Box::pin(exit)));
        let printed: Vec<u8> = told
            .iter()
            .filter(|(stream, _)| *stream == Stream::Stdout)
            .flat_map(|(_, content)| content.clone())
            .collect();
        assert_eq!(printed, b"first, later");
        let status = last(&told);
        assert_eq!(status["reason"], "NonZeroExitCode");
        let cause = json!({"reason": "ExitCode", "message": "3"});
        assert_eq!(status["details"]["causes"], json!([cause]));
    }

    #[test]
    fn an_output_that_ends_first_does_not_end_the_command() {
        let exit = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(0)
        };
        let told = run_to_end(process(Box::new(tokio::io::empty()), Box::pin(exit)));
        assert_eq!(last(&told), json!({"metadata": {}, "status": "Success"}));
    }

    #[test]
    fn a_command_that_cannot_be_waited_for_is_a_failure() {
        let exit = async { Err(io::Error::other("it is gone")) };
        let told = run_to_end(process(Box::new(tokio::io::empty()), Box::pin(exit)));
        let status = last(&told);
        assert_eq!(status["reason"], "InternalError");
        assert_eq!(status["message"], "Internal error occurred: it is gone");
    }
}
