//! The commands of Kubernetes' test image `agnhost` that test suites run: `connect`,
//! `serve-hostname`, `netexec`, `porter`, `pause`, with their exit codes and words.

use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Parser};

use crate::listen;
use crate::responder::until_told;
use crate::usage::usage;

mod connect;
mod serve;

use serve::Doors;

/// Ringfence's stand-in for agnhost.
#[derive(Debug, Parser)]
#[command(name = "agnhost", no_binary_name = true, disable_version_flag = true)]
enum Applet {
    /// Try a connection; say on standard error why there is none.
    Connect(Connect),
    /// Answer with the host name.
    ServeHostname(ServeHostname),
    /// Answer simple commands over HTTP and UDP.
    Netexec(Netexec),
    /// Answer on each port N with the value of the variable `SERVE_PORT_N`.
    Porter,
    /// Do nothing until told to stop.
    Pause,
}

#[derive(Debug, Args)]
struct Connect {
    /// `host:port`.
    target: String,
    /// How long to try, such as `1s`; 0 for as long as the system does.
    #[arg(long, default_value = "0", value_parser = go_duration)]
    timeout: Duration,
    /// `tcp` or `udp`.
    #[arg(long, default_value = "tcp")]
    protocol: String,
    /// What to send over UDP.
    #[arg(long, default_value = "hostname")]
    udp_data: String,
    /// Accepted for the sake of scripts; there is no SCTP.
    #[arg(long, default_value = "hostname")]
    sctp_data: String,
}

/// `--flag`, `--flag=true` and `--flag=false`, as Go writes switches.
#[derive(Debug, Args)]
struct ServeHostname {
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    tcp: bool,
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    udp: bool,
    #[arg(long, default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    http: bool,
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    close: bool,
    #[arg(long, default_value_t = 9376)]
    port: u16,
}

#[derive(Debug, Args)]
struct Netexec {
    #[arg(long, default_value_t = 8080)]
    http_port: u16,
    /// -1 for none.
    #[arg(long, default_value_t = 8081, allow_negative_numbers = true)]
    udp_port: i32,
    /// Accepted for the sake of manifests; there is no SCTP.
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    sctp_port: i32,
}

/// Runs `agnhost` with `arguments` (without its own name); its exit code. Servers end with SIGTERM.
#[must_use]
pub fn run(arguments: &[String], stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
    run_on(&listen::everywhere(), arguments, stdout, stderr)
}

fn run_on(
    addresses: &[IpAddr],
    arguments: &[String],
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let applet = match Applet::try_parse_from(arguments) {
        Ok(applet) => applet,
        Err(error) => return usage(&error, 1, stdout, stderr),
    };
    let mut doors = Doors::on(addresses);
    let ended = match applet {
        Applet::Connect(connect) => connect::connect(&connect),
        Applet::ServeHostname(options) => until_ended(async {
            doors.serve_hostname(&options)?;
            doors.wait().await
        }),
        Applet::Netexec(options) => until_ended(async {
            doors.netexec(&options)?;
            doors.wait().await
        }),
        Applet::Porter => until_ended(async {
            doors.porter(std::env::vars())?;
            doors.wait().await
        }),
        Applet::Pause => until_ended(std::future::pending()),
    };
    match ended {
        Ok(()) => 0,
        Err(complaint) => {
            // There is nowhere else to complain to.
            let _ = writeln!(stderr, "{complaint}");
            1
        }
    }
}

fn until_ended(work: impl Future<Output = anyhow::Result<()>>) -> Result<(), String> {
    until_told(work).map_err(|error| format!("{error:#}"))
}

/// A duration as Go writes it: `1s`, `500ms`, `1m30s`, `1.5h`, `0`.
fn go_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration such as `1s` or `500ms`");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, tail) = rest.split_at(digits.ok_or_else(wrong)?);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, tail) = tail.split_at(unit.unwrap_or(tail.len()));
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = tail;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
