//! Containers that are this machine: commands run here, ports are those of loopback.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use ringfence_apiserver::containers::{
    Connection, Container, Containers, Exec, LogOptions, ObjectName, Output, Process, Size, Streams,
};
use ringfence_apiserver::status::ApiError;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::process::{Child, Command};

/// What a container does that is attached to.
const OWN: &str = "while read line; do echo got $line; done; echo bye >&2";
/// What it has printed.
const PRINTED: [&str; 3] = ["one", "two", "three"];
/// What it prints later.
const LATER: &str = "four";

#[derive(Debug)]
pub(crate) struct ThisMachine;

impl Containers for ThisMachine {
    fn exec(&self, container: &Container, exec: &Exec) -> Result<Process, ApiError> {
        if container.name == "broken" {
            return Err(ApiError::new(
                500,
                "InternalError",
                "the container is broken",
            ));
        }
        run(&exec.command, exec.streams).map_err(|error| ApiError::internal(error.to_string()))
    }

    fn attach(&self, _: &Container, streams: Streams) -> Result<Process, ApiError> {
        let command = ["sh", "-c", OWN].map(str::to_owned);
        run(&command, streams).map_err(|error| ApiError::internal(error.to_string()))
    }

    fn logs(&self, _: &Container, options: &LogOptions) -> Result<Output, ApiError> {
        let tail = options
            .tail_lines
            .map_or(PRINTED.len(), |lines| lines.try_into().unwrap());
        let line = |(second, text): (usize, &str)| match options.timestamps {
            true => format!("2026-01-01T00:00:0{second}Z {text}\n"),
            false => format!("{text}\n"),
        };
        let all = PRINTED
            .into_iter()
            .enumerate()
            .skip(PRINTED.len().saturating_sub(tail));
        let now: String = all.map(line).collect();
        let later = line((PRINTED.len(), LATER));
        let follow = options.follow;
        let (mut writer, reader) = tokio::io::duplex(1_000);
        tokio::spawn(async move {
            writer.write_all(now.as_bytes()).await.unwrap();
            if follow {
                tokio::time::sleep(Duration::from_millis(200)).await;
                writer.write_all(later.as_bytes()).await.unwrap();
            }
        });
        Ok(Box::new(reader))
    }

    fn forwards(&self, _: &ObjectName) -> Result<(), ApiError> {
        Ok(())
    }

    fn dial(&self, _: &ObjectName, port: u16) -> io::Result<Box<dyn Connection>> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nonblocking(true)?;
        Ok(Box::new(tokio::net::TcpStream::from_std(stream)?))
    }
}

fn run(command: &[String], streams: Streams) -> io::Result<Process> {
    if streams.tty {
        return with_terminal(command);
    }
    let pipe = |wanted: bool| {
        if wanted {
            Stdio::piped()
        } else {
            Stdio::null()
        }
    };
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(pipe(streams.stdin))
        .stdout(pipe(streams.stdout))
        .stderr(pipe(streams.stderr))
        .kill_on_drop(true)
        .spawn()?;
    Ok(Process {
        stdin: child.stdin.take().map(|stdin| Box::new(stdin) as _),
        stdout: child.stdout.take().map(|stdout| Box::new(stdout) as _),
        stderr: child.stderr.take().map(|stderr| Box::new(stderr) as _),
        resize: None,
        exit: Box::pin(wait(child)),
    })
}

fn with_terminal(command: &[String]) -> io::Result<Process> {
    let pair = openpty(None, None)?;
    let end = || Ok::<_, io::Error>(Stdio::from(pair.slave.try_clone()?));
    let child = Command::new("setsid")
        .args(["--ctty", "--wait"])
        .args(command)
        .stdin(end()?)
        .stdout(end()?)
        .stderr(end()?)
        .kill_on_drop(true)
        .spawn()?;
    let master = pair.master;
    fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let sizes = master.try_clone()?;
    Ok(Process {
        stdin: Some(Box::new(Sender::from_owned_fd_unchecked(
            master.try_clone()?,
        )?)),
        stdout: Some(Box::new(Receiver::from_owned_fd_unchecked(master)?)),
        stderr: None,
        resize: Some(Box::new(move |size| resize(&sizes, size))),
        exit: Box::pin(wait(child)),
    })
}

pub(crate) fn resize(terminal: &OwnedFd, size: Size) {
    let size = rustix::termios::Winsize {
        ws_col: size.width,
        ws_row: size.height,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(terminal, size).unwrap();
}

async fn wait(mut child: Child) -> io::Result<i32> {
    Ok(child.wait().await?.code().unwrap_or(137))
}
