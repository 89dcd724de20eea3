//! What a container has printed, and goes on to print.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ringfence_apiserver::containers::{Exit, LogOptions, Output};
use ringfence_apiserver::time::Timestamp;
use tokio::io::{AsyncRead, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::process::printed::{Printed, Times};

/// How often a log that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// How much is read at once, in bytes.
const CHUNK: usize = 32 << 10;
const CHUNK_LENGTH: u64 = 32 << 10;
const SECOND: u64 = 1_000_000_000;

/// Whether more can come.
pub(super) type GoesOn = Box<dyn Fn() -> bool + Send>;

/// Reads what `options` ask for of a run, and what it prints while it goes on.
pub(super) fn read(
    printed: &Printed,
    options: &LogOptions,
    goes_on: Option<impl FnOnce() -> GoesOn>,
) -> io::Result<Output> {
    let mut text = File::open(&printed.text)?;
    let times = Times::open(printed)?;
    // Asked when the files are open: a run that begins meanwhile is another one.
    let goes_on = goes_on.map(|goes_on| goes_on());
    let mut start = match options.tail_lines {
        Some(lines) => start_of_tail(&mut text, lines)?,
        None => 0,
    };
    if let Some(since) = options.since {
        start = start.max(start_since(&times, since, text.metadata()?.len())?);
    }
    text.seek(SeekFrom::Start(start))?;
    let stamps = match options.timestamps {
        true => Some(Stamps {
            next: times.first(|line| line.start >= start)?,
            times,
            begins_line: true,
        }),
        false => None,
    };
    let (writer, reader) = tokio::io::duplex(CHUNK);
    let (held, left) = oneshot::channel();
    tokio::spawn(copy(text, stamps, goes_on, writer, left));
    Ok(Box::new(Held {
        output: Box::new(reader),
        _held: held,
    }))
}

/// Where the first line begins that was printed at `since` or later.
fn start_since(times: &Times, since: Timestamp, length: u64) -> io::Result<u64> {
    let since = u64::try_from(since.0)
        .unwrap_or_default()
        .saturating_mul(SECOND);
    let first = times.first(|line| line.time >= since)?;
    Ok(times.line(first)?.map_or(length, |line| line.start))
}

/// Puts before each line when it began.
struct Stamps {
    times: Times,
    /// The number of the next line.
    next: u64,
    begins_line: bool,
}

impl Stamps {
    fn stamp(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut stamped = Vec::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.begins_line {
                let time = self.times.line(self.next)?.map_or(0, |line| line.time);
                stamped.extend_from_slice(stamp(time).as_bytes());
                self.next += 1;
            }
            stamped.extend_from_slice(line);
            self.begins_line = line.ends_with(b"\n");
        }
        Ok(stamped)
    }
}

/// `2026-01-01T00:00:00.000000001Z `
fn stamp(nanoseconds: u64) -> String {
    let seconds = Timestamp(i64::try_from(nanoseconds / SECOND).unwrap_or_default()).to_string();
    format!(
        "{}.{:09}Z ",
        seconds.trim_end_matches('Z'),
        nanoseconds % SECOND
    )
}

/// Until the log ends, or its reader has left.
async fn copy(
    mut log: File,
    mut stamps: Option<Stamps>,
    goes_on: Option<GoesOn>,
    mut writer: DuplexStream,
    mut left: oneshot::Receiver<()>,
) {
    let mut buffer = vec![0; CHUNK];
    let mut is_last = false;
    while let Ok(count) = log.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        let stamped = stamps.as_mut().map(|stamps| stamps.stamp(bytes));
        let bytes = match &stamped {
            Some(Ok(stamped)) => stamped,
            Some(Err(_)) => return,
            None => bytes,
        };
        if writer.write_all(bytes).await.is_err() {
            return;
        }
        if count > 0 {
            continue;
        }
        if is_last || left.try_recv() == Err(TryRecvError::Closed) {
            return;
        }
        // What it printed before its end may have come since.
        is_last = !goes_on.as_ref().is_some_and(|goes_on| goes_on());
        if !is_last {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Where the last `lines` lines begin. One without an end counts.
fn start_of_tail(log: &mut File, lines: u64) -> io::Result<u64> {
    let length = log.metadata()?.len();
    let mut end = length;
    let mut seen = 0;
    while end > 0 {
        let start = end.saturating_sub(CHUNK_LENGTH);
        let mut block = Vec::new();
        log.seek(SeekFrom::Start(start))?;
        log.by_ref().take(end - start).read_to_end(&mut block)?;
        for (offset, byte) in block.iter().enumerate().rev() {
            let at = start + u64::try_from(offset).unwrap_or_default();
            // The end of the last line begins no other.
            let begins_line = *byte == b'\n' && at + 1 < length;
            seen += u64::from(begins_line);
            if lines == 0 {
                return Ok(length);
            }
            if begins_line && seen == lines {
                return Ok(at + 1);
            }
        }
        end = start;
    }
    Ok(0)
}

/// The same output, and when it has ended.
pub(super) fn until_its_end(output: Output) -> (Output, Exit) {
    let (ended, end) = oneshot::channel();
    let held = Held {
        output,
        _held: ended,
    };
    let exit = async move {
        let _: Result<(), _> = end.await;
        Ok(0)
    };
    (Box::new(held), Box::pin(exit))
}

/// An output whose reader is seen to leave. It leaves at the end.
struct Held {
    output: Output,
    _held: oneshot::Sender<()>,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn times_are_written_as_kubelets_do() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000000000Z ");
        assert_eq!(stamp(1_500_000_007), "1970-01-01T00:00:01.500000007Z ");
    }

    #[test]
    fn the_last_lines_are_found_wherever_they_begin() {
        let long = "x".repeat(CHUNK + 10);
        for (text, lines, tail) in [
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc\n", 3, "a\nb\nc\n"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("a\nb\nc\n", 0, ""),
            ("a\nb", 1, "b"),
            ("\n\n", 1, "\n"),
            ("", 1, ""),
            (&format!("a\n{long}\n{long}"), 2, &format!("{long}\n{long}")),
        ] {
            let path = std::env::temp_dir().join(format!("ringfence-log-{}", std::process::id()));
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
                .unwrap();
            std::fs::remove_file(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let start = usize::try_from(start_of_tail(&mut file, lines).unwrap()).unwrap();
            let found = text.get(start..);
            assert!(found == Some(tail), "{lines} of {:?}", text.get(..20));
        }
    }
}
