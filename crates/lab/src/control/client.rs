//! The commands' end of the control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use anyhow::Context as _;

use super::descriptors::send_with_standard_streams;
use super::protocol::{Reply, Request};
use super::socket::connect;

/// A running lab, by name.
#[derive(Clone, Debug)]
pub struct Client {
    name: String,
}

impl Client {
    /// The lab `name` of this user; connected to at each request.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Sends a request and waits for the answer; `progress` is called for what happens on the way.
    ///
    /// # Errors
    /// If the lab is not there, ends meanwhile, or refuses the request.
    pub fn request(
        &self,
        request: &Request,
        mut progress: impl FnMut(&str),
    ) -> anyhow::Result<Reply> {
        let mut stream = connect(&self.name)?;
        stream.write_all(&line(request)?).context("the lab closed the connection")?;
        answer(&stream, &mut progress)
    }

    /// Like [`Client::request`] for requests that run a command on this process's standard streams.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn request_with_streams(&self, request: &Request) -> anyhow::Result<Reply> {
        let stream = connect(&self.name)?;
        send_with_standard_streams(&stream, &line(request)?)
            .context("the lab closed the connection")?;
        answer(&stream, &mut |_| {})
    }

    /// Ends the lab and waits until it is gone.
    ///
    /// # Errors
    /// If no such lab runs.
    pub fn stop(&self) -> anyhow::Result<()> {
        let mut stream = connect(&self.name)?;
        stream.write_all(&line(&Request::Stop)?).context("the lab closed the connection")?;
        // The lab answers with its end: the socket closes when its last process is gone.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        for _ in 0..500 {
            if !super::socket::running()?.contains(&self.name) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        anyhow::bail!("lab `{}` did not end within 5 s", self.name)
    }
}

fn line(request: &Request) -> anyhow::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    Ok(line)
}

fn answer(stream: &UnixStream, progress: &mut dyn FnMut(&str)) -> anyhow::Result<Reply> {
    for line in BufReader::new(stream).lines() {
        let line = line.context("the lab closed the connection")?;
        match serde_json::from_str(&line).context("an answer this version does not understand")? {
            Reply::Progress(message) => progress(&message),
            Reply::Failed(message) => anyhow::bail!(message),
            reply => return Ok(reply),
        }
    }
    anyhow::bail!("the lab ended before it answered")
}
