//! Rules as text, read by Debian's `nft`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Loads `text` into the network namespace of the calling thread.
///
/// # Errors
/// There is no `nft`, or it refuses the text.
pub fn nft(text: &str) -> Result<()> {
    let mut program = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start `nft` (Debian's package nftables)")?;
    let mut input = program.stdin.take().context("no way to write to it")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let status = program.wait()?;
    if !status.success() {
        bail!("`nft` ended with {status}");
    }
    Ok(())
}
