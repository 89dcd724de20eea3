//! Many probes at once.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{ProbeOutcome, ProbeReport, ProbeRequest, probe};

/// A line to work on, and where its report goes.
type Job = (String, Sender<ProbeReport>);

/// Reads a [`ProbeRequest`] per line until `input` ends, asks up to `workers` at once, and writes a
/// [`ProbeReport`] per line in the order of the requests, each as soon as it and all before it are
/// known. A line that is no request gets a report that says so.
///
/// # Errors
/// If reading or writing fails.
pub fn batch(input: impl BufRead, mut output: impl Write + Send, workers: usize) -> io::Result<()> {
    let workers = workers.max(1);
    let (jobs, waiting) = sync_channel::<Job>(workers);
    // As many reports may wait for a slow one before them; then reading pauses.
    let (order, reports) = sync_channel::<Receiver<ProbeReport>>(workers * 16);
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&waiting));
        }
        let writer = scope.spawn(move || write_in_order(&reports, &mut output));
        let read = hand_out(input, &jobs, &order);
        drop((jobs, order));
        let written = writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("writer failed")));
        read.and(written)
    })
}

fn hand_out(
    input: impl BufRead,
    jobs: &SyncSender<Job>,
    order: &SyncSender<Receiver<ProbeReport>>,
) -> io::Result<()> {
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let (report, receiver) = channel();
        if order.send(receiver).is_err() || jobs.send((line, report)).is_err() {
            // The writer has failed, and says why.
            break;
        }
    }
    Ok(())
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok((line, report)) = next else {
            return;
        };
        // Nobody listens after the writer has failed.
        let _ = report.send(answer(&line));
    }
}

fn answer(line: &str) -> ProbeReport {
    match serde_json::from_str::<ProbeRequest>(line) {
        Ok(request) => probe(&request),
        Err(error) => ProbeReport {
            outcome: ProbeOutcome::Other {
                reason: format!("not a probe request: {error}"),
            },
            duration_ms: 0,
        },
    }
}

fn write_in_order(
    reports: &Receiver<Receiver<ProbeReport>>,
    output: &mut impl Write,
) -> io::Result<()> {
    for report in reports {
        let report = report.recv().map_err(io::Error::other)?;
        let mut line = serde_json::to_vec(&report)?;
        line.push(b'\n');
        output.write_all(&line)?;
        output.flush()?;
    }
    Ok(())
}
