use std::process::ExitCode;

use clap_complete::{Shell, generate};

use crate::arguments::visible;

pub(crate) fn run(shell: Shell) -> anyhow::Result<ExitCode> {
    generate(shell, &mut visible(), "ringfence", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
