//! The command: the options that scripts and articles use, with curl's messages and exit codes.

use std::fs;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use clap::Parser;

use super::{FetchError, FetchRequest, FetchResponse, fetch_request};
use crate::usage::usage;

/// As good as no limit: the kernel gives up a connection long before.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Ringfence's stand-in for curl: http only, no redirects, no proxy.
#[derive(Debug, Parser)]
#[command(name = "curl", no_binary_name = true, disable_version_flag = true)]
struct Options {
    /// Print neither progress nor errors.
    #[arg(short, long)]
    silent: bool,
    /// Print errors even when silent.
    #[arg(short = 'S', long)]
    show_error: bool,
    /// Fail on statuses from 400, without printing the body.
    #[arg(short, long)]
    fail: bool,
    /// Print the head of the answer before its body.
    #[arg(short, long, visible_alias = "show-headers")]
    include: bool,
    /// Ask for the head only.
    #[arg(short = 'I', long)]
    head: bool,
    /// Write the body to a file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Print this afterwards: `%{http_code}`, `%{time_total}`, `\n`.
    #[arg(short, long, value_name = "FORMAT")]
    write_out: Option<String>,
    /// Give up after so many seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    max_time: Option<Duration>,
    /// Give up connecting after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    connect_timeout: Option<Duration>,
    /// The method.
    #[arg(short = 'X', long, value_name = "METHOD")]
    request: Option<String>,
    /// A header, `Name: value`.
    #[arg(short = 'H', long, value_name = "HEADER")]
    header: Vec<String>,
    /// A body, sent by POST unless a method is given.
    #[arg(short, long)]
    data: Option<String>,
    /// The page.
    url: String,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Runs the command with `arguments` (without its own name); its exit code.
#[must_use]
pub fn run(arguments: &[String], stdout: &mut dyn Write, stderr: &mut dyn Write) -> u8 {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => return usage(&error, 2, stdout, stderr),
    };
    match transfer(&options, stdout) {
        Ok(()) => 0,
        Err(failure) => {
            if !options.silent || options.show_error {
                // There is nowhere else to complain to.
                let _ = writeln!(stderr, "curl: ({}) {}", failure.code, failure.text);
            }
            failure.code
        }
    }
}

/// A message and an exit code as curl has them.
struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    fn new(code: u8, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, text }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(23, format!("Failed writing output: {error}"))
    }
}

fn transfer(options: &Options, stdout: &mut dyn Write) -> Result<(), Failure> {
    let start = Instant::now();
    let fetched = fetch_request(&request(options), options.max_time.unwrap_or(FOREVER));
    let result = match &fetched {
        Ok(answer) => show(options, answer, stdout),
        Err(error) => Err(failure(error, start.elapsed())),
    };
    if let Some(format) = &options.write_out {
        let status = fetched.as_ref().map_or(0, |answer| answer.status);
        stdout.write_all(written_out(format, status, start.elapsed()).as_bytes())?;
    }
    stdout.flush()?;
    result
}

fn request(options: &Options) -> FetchRequest {
    let method = if options.head {
        "HEAD"
    } else if options.data.is_some() {
        "POST"
    } else {
        "GET"
    };
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let mut headers: Vec<(String, String)> = options.header.iter().filter_map(header).collect();
    let has_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if options.data.is_some() && !has_type {
        let form = "application/x-www-form-urlencoded";
        headers.push(("content-type".to_owned(), form.to_owned()));
    }
    let limit = options.connect_timeout.map(|limit| limit.as_millis());
    FetchRequest {
        url: options.url.clone(),
        method: options.request.clone().unwrap_or_else(|| method.to_owned()),
        headers,
        body: options.data.clone().unwrap_or_default().into_bytes(),
        connect_timeout_ms: limit.map(|limit| u64::try_from(limit).unwrap_or(u64::MAX)),
    }
}

fn show(options: &Options, answer: &FetchResponse, stdout: &mut dyn Write) -> Result<(), Failure> {
    if options.fail && answer.status >= 400 {
        let text = format!("The requested URL returned error: {}", answer.status);
        return Err(Failure::new(22, text));
    }
    let mut shown = Vec::new();
    if options.include || options.head {
        write!(shown, "HTTP/1.1 {}\r\n", answer.status)?;
        for (name, value) in &answer.headers {
            write!(shown, "{name}: {value}\r\n")?;
        }
        shown.extend_from_slice(b"\r\n");
    }
    shown.extend_from_slice(&answer.body);
    match &options.output {
        Some(path) => fs::write(path, shown)?,
        None => stdout.write_all(&shown)?,
    }
    Ok(())
}

fn failure(error: &FetchError, elapsed: Duration) -> Failure {
    let elapsed = elapsed.as_millis();
    match error {
        FetchError::Url { reason, .. } => Failure::new(3, format!("URL rejected: {reason}")),
        FetchError::Scheme { scheme } => {
            Failure::new(1, format!("Protocol \"{scheme}\" not supported"))
        }
        FetchError::Name { host, .. } => Failure::new(6, format!("Could not resolve host: {host}")),
        FetchError::Refused { host, port } => {
            let text = format!("Failed to connect to {host} port {port} after {elapsed} ms: ");
            Failure::new(7, text + "Connection refused")
        }
        FetchError::TimedOut => Failure::new(
            28,
            format!("Connection timed out after {elapsed} milliseconds"),
        ),
        FetchError::Transfer { reason } => Failure::new(56, reason.clone()),
    }
}

fn written_out(format: &str, status: u16, elapsed: Duration) -> String {
    format
        .replace("%{http_code}", &format!("{status:03}"))
        .replace("%{response_code}", &format!("{status:03}"))
        .replace("%{time_total}", &format!("{:.6}", elapsed.as_secs_f64()))
        .replace("\\n", "\n")
        .replace("\\t", "\t")
}
