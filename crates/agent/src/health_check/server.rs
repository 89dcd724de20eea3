//! One listener for each port, which goes when its Service does.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};

use super::HealthCheck;
use crate::place::Place;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a request's head.
const LONGEST_HEAD: u64 = 8 * 1024;
/// More connections to a port at once are hung up on.
const MOST_CONNECTIONS: usize = 16;

/// What is said at present.
type Said = Arc<Mutex<HealthCheck>>;

/// The ports that are answered.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    pub(super) open: BTreeMap<u16, Server>,
    /// Ports that cannot be had, each told once.
    refused: BTreeMap<u16, String>,
}

#[derive(Debug)]
pub(super) struct Server {
    listener: Arc<TcpListener>,
    said: Said,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Wakes the thread that waits for a connection; it ends then.
        if let Err(error) = shutdown(self.listener.as_raw_fd(), Shutdown::Both) {
            tracing::debug!(%error, "a health check port does not close");
        }
    }
}

impl Servers {
    /// Answers these checks and no others, in the network namespace of the calling thread.
    pub(crate) fn answer(&mut self, checks: BTreeMap<u16, HealthCheck>) {
        self.open.retain(|port, _| checks.contains_key(port));
        self.refused.retain(|port, _| checks.contains_key(port));
        for (port, check) in checks {
            if let Some(server) = self.open.get(&port) {
                *server.said.lock().unwrap_or_else(PoisonError::into_inner) = check;
                continue;
            }
            match open(port, check) {
                Ok(server) => {
                    self.refused.remove(&port);
                    self.open.insert(port, server);
                }
                Err(error) => {
                    let told = error.to_string();
                    if self.refused.get(&port) != Some(&told) {
                        tracing::warn!(port, "cannot answer health checks of a Service: {told}");
                    }
                    self.refused.insert(port, told);
                }
            }
        }
    }
}

/// At all addresses of both families.
fn open(port: u16, check: HealthCheck) -> io::Result<Server> {
    let listener = Arc::new(TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))?);
    let said = Arc::new(Mutex::new(check));
    let (waiting, answers) = (Arc::clone(&listener), Arc::clone(&said));
    spawn(move || {
        let open = Arc::default();
        while let Ok((stream, _)) = waiting.accept() {
            // Who comes when there are too many is hung up on.
            if let Some(place) = Place::take(&open, MOST_CONNECTIONS) {
                start(stream, place, Arc::clone(&answers));
            }
        }
    })?;
    Ok(Server { listener, said })
}

fn start(stream: TcpStream, place: Place, said: Said) {
    let spawned = spawn(move || {
        if let Err(error) = converse(&stream, &said) {
            tracing::debug!(%error, "a client of a health check hung up");
        }
        drop(place);
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "cannot start a thread");
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = thread::Builder::new().name("health check".to_owned());
    builder.spawn(work).map(drop)
}

fn converse(mut stream: &TcpStream, said: &Said) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.take(LONGEST_HEAD));
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let check = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    stream.write_all(answer(&check).as_bytes())
}

/// As kube-proxy answers: 200 where there is a backend, otherwise 503.
pub(super) fn answer(check: &HealthCheck) -> String {
    let HealthCheck { service, endpoints } = check;
    let status = match endpoints {
        0 => "503 Service Unavailable",
        _ => "200 OK",
    };
    let body = serde_json::json!({
        "service": { "namespace": service.namespace, "name": service.name },
        "localEndpoints": endpoints,
        "serviceProxyHealthy": true,
    });
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n\
         X-Load-Balancing-Endpoint-Weight: {endpoints}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len(),
    )
}
