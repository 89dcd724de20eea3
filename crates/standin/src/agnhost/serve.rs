//! The commands that answer.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::{Netexec, ServeHostname};
use crate::http::{Page, text};
use crate::{http, listen};

/// The longest command over UDP.
const LONGEST_COMMAND: usize = 4096;

/// What a server listens on.
pub(super) struct Doors {
    addresses: Vec<IpAddr>,
    open: JoinSet<()>,
}

impl Doors {
    pub(super) fn on(addresses: &[IpAddr]) -> Self {
        Self {
            addresses: addresses.to_vec(),
            open: JoinSet::new(),
        }
    }

    pub(super) fn serve_hostname(&mut self, options: &ServeHostname) -> anyhow::Result<()> {
        if options.http && (options.tcp || options.udp) {
            bail!("Can't serve TCP/UDP mode and HTTP mode at the same time");
        }
        let (name, close) = (own_name()?, options.close);
        if options.tcp {
            for listener in self.tcp(options.port)? {
                self.open.spawn(say_once(listener, name.clone()));
            }
        }
        if options.udp {
            let name = name.clone();
            self.udp(options.port, move |_, _| Some(name.clone()))?;
        }
        if options.http {
            self.http(options.port, move |_, _| named(&name, close))?;
        }
        Ok(())
    }

    pub(super) fn netexec(&mut self, options: &Netexec) -> anyhow::Result<()> {
        let name = own_name()?;
        let page_name = name.clone();
        self.http(options.http_port, move |request, source| {
            command_page(request, source, &page_name)
        })?;
        if options.udp_port >= 0 {
            let port = u16::try_from(options.udp_port).context("reading --udp-port")?;
            self.udp(port, move |command, source| {
                command_answer(command, source, &name)
            })?;
        }
        if options.sctp_port >= 0 {
            tracing::warn!("a stand-in does not listen on SCTP");
        }
        Ok(())
    }

    /// `SERVE_PORT_80=text` answers with `text` on port 80; `SERVE_SCTP_PORT_N` is left out.
    pub(super) fn porter(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> anyhow::Result<()> {
        for (variable, body) in variables {
            if let Some(port) = variable.strip_prefix("SERVE_PORT_") {
                let port = port
                    .parse()
                    .with_context(|| format!("reading `{variable}`"))?;
                self.http(port, move |_, _| text(StatusCode::OK, body.clone()))?;
            } else if variable.starts_with("SERVE_SCTP_PORT_") {
                tracing::warn!(variable, "a stand-in does not listen on SCTP");
            }
        }
        Ok(())
    }

    /// Never returns. A server without ports waits, too: the container runs until it is told to stop.
    pub(super) async fn wait(mut self) -> anyhow::Result<()> {
        while self.open.join_next().await.is_some() {}
        std::future::pending().await
    }

    fn tcp(&self, port: u16) -> anyhow::Result<Vec<TcpListener>> {
        let bound = listen::tcp(&self.addresses, port);
        bound.with_context(|| format!("cannot listen on port {port}/TCP"))
    }

    fn http(
        &mut self,
        port: u16,
        answer: impl Fn(&Request<Incoming>, SocketAddr) -> Page + Clone + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        for listener in self.tcp(port)? {
            self.open.spawn(http::serve(listener, answer.clone()));
        }
        Ok(())
    }

    fn udp(
        &mut self,
        port: u16,
        answer: impl Fn(&str, SocketAddr) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        let bound = listen::udp(&self.addresses, port);
        for socket in bound.with_context(|| format!("cannot listen on port {port}/UDP"))? {
            self.open.spawn(answer_each(socket, answer.clone()));
        }
        Ok(())
    }
}

fn named(name: &str, close: bool) -> Page {
    let mut page = text(StatusCode::OK, name.to_owned());
    if close {
        let close = HeaderValue::from_static("close");
        page.headers_mut().insert(CONNECTION, close);
    }
    page
}

fn command_page(request: &Request<Incoming>, source: SocketAddr, name: &str) -> Page {
    let source = SocketAddr::new(source.ip().to_canonical(), source.port());
    let body = match request.uri().path() {
        "/" => {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            format!("NOW: {}", since.map_or(0, |since| since.as_secs()))
        }
        "/hostname" | "/hostName" => name.to_owned(),
        "/clientip" => source.to_string(),
        "/healthz" => String::new(),
        "/echo" => return echo(request.uri().query().unwrap_or_default()),
        _ => return text(StatusCode::NOT_FOUND, "this stand-in does not have that\n"),
    };
    text(StatusCode::OK, body)
}

fn echo(query: &str) -> Page {
    let value = |wanted: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(key, value)| (key == wanted).then(|| value.into_owned()))
    };
    let code = value("code").filter(|code| !code.is_empty());
    let status = match code.map(|code| code.parse::<u16>().map(StatusCode::from_u16)) {
        None => StatusCode::OK,
        Some(Ok(Ok(status))) => status,
        Some(Ok(Err(_)) | Err(_)) => {
            return text(
                StatusCode::OK,
                "argument 'code' must be an integer or empty\n",
            );
        }
    };
    text(status, value("msg").unwrap_or_default())
}

fn command_answer(command: &str, source: SocketAddr, name: &str) -> Option<String> {
    let command = command.trim();
    let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
    match verb.to_ascii_lowercase().as_str() {
        "hostname" => Some(name.to_owned()),
        "clientip" => Some(source.to_string()),
        "echo" => Some(rest.to_owned()),
        _ => None,
    }
}

async fn say_once(listener: TcpListener, name: String) {
    http::accept_each(listener, move |mut stream, source| {
        let name = name.clone();
        async move {
            if let Err(error) = stream.write_all(name.as_bytes()).await {
                tracing::debug!(%source, %error, "answer not sent");
            }
        }
    })
    .await;
}

async fn answer_each(
    socket: UdpSocket,
    answer: impl Fn(&str, SocketAddr) -> Option<String> + Send + Sync,
) {
    let mut buffer = [0; LONGEST_COMMAND];
    loop {
        let Ok((length, source)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let command = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        if let Some(answer) = answer(&command, source)
            && let Err(error) = socket.send_to(answer.as_bytes(), source).await
        {
            tracing::debug!(%source, %error, "answer not sent");
        }
    }
}

fn own_name() -> anyhow::Result<String> {
    let name = nix::unistd::gethostname().context("reading the host name")?;
    Ok(name.to_string_lossy().into_owned())
}
