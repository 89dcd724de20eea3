use std::process::ExitCode;

use clap_complete::{Generator as _, Shell};

use crate::arguments::visible;
use crate::output::answer::write_out;

pub(crate) fn run(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut command = visible();
    command.set_bin_name("ringfence");
    command.build();
    let mut script = Vec::new();
    shell.try_generate(&command, &mut script)?;
    write_out!("{}", String::from_utf8(script)?);
    Ok(ExitCode::SUCCESS)
}
