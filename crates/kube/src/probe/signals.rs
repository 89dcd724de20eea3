//! A process that is told to end, such as with Ctrl-C, removes its pods first.

use futures_util::future::select_all;
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};

use super::{Made, ProbeError, remove};
use crate::snapshot::runtime;

/// What shells add to the number of the signal that has ended a program.
const BY_SIGNAL: i32 = 128;
/// Whatever ends a program that does not expect it, and that it may hear of: a closed terminal, Ctrl-C, a reader that has gone,
/// and whoever tells it to end.
const SIGNALS: [i32; 4] = [1, 2, 13, 15];

/// Watches for signals from now on, until the process ends; `tell` hears of pods that could not be removed.
pub(super) fn remove_at_the_end(
    made: &Made,
    config: Config,
    tell: fn(&ProbeError),
) -> Result<(), ProbeError> {
    let runtime = runtime()?;
    let entered = runtime.enter();
    let mut heard = Vec::new();
    for number in SIGNALS {
        let signal = signal(SignalKind::from_raw(number)).map_err(ProbeError::Signals)?;
        heard.push((number, signal));
    }
    // A connection of its own: that of the run belongs to another thread.
    let client = Client::try_from(config).map_err(ProbeError::client)?;
    drop(entered);
    let made = made.clone();
    std::thread::spawn(move || {
        let waits = heard.iter_mut().map(|(number, signal)| {
            Box::pin(async move {
                signal.recv().await;
                *number
            })
        });
        let (number, _, _) = runtime.block_on(select_all(waits));
        // Held until the end of the process: nothing is made any more, and nobody ends it before.
        let mut made = made.lock();
        if let Err(error) = runtime.block_on(remove(&client, &mut made)) {
            tell(&error);
        }
        exit(BY_SIGNAL + number);
    });
    Ok(())
}

#[expect(
    clippy::exit,
    reason = "what told the process to end is heard on a thread of its own"
)]
fn exit(code: i32) -> ! {
    std::process::exit(code)
}
