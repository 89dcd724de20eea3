use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::arguments::Arguments;

pub(crate) fn run(shell: Shell) -> anyhow::Result<ExitCode> {
    generate(
        shell,
        &mut Arguments::command(),
        "ringfence",
        &mut std::io::stdout(),
    );
    Ok(ExitCode::SUCCESS)
}
