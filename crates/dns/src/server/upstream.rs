//! Questions for somebody else.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::cache::{Found, Key};
use crate::metrics::{Exchange, Metrics};
use crate::reply::offered;

/// The port of every name server.
const PORT: u16 = 53;
/// How long one server may take.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How often each server is asked: packets get lost.
const ROUNDS: usize = 2;
/// How long all of them may take: a resolver in a pod gives up after five seconds.
const WHOLE: Duration = Duration::from_secs(4);

/// Longest answer over UDP that we take: more than we say, for servers that do not listen.
const LONGEST: usize = 4096;

/// Servers that know the outside world. None: outside names are refused.
#[derive(Debug)]
pub struct Upstream {
    servers: Vec<SocketAddr>,
    /// How long one server may take.
    pub(super) patience: Duration,
    /// The one that answered last is asked first.
    first: AtomicUsize,
}

impl Upstream {
    /// The given servers, asked in order.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            patience: PATIENCE,
            first: AtomicUsize::new(0),
        }
    }

    /// Nobody to ask.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new())
    }

    /// The servers that a `resolv.conf` names, on port 53.
    #[must_use]
    pub fn of_resolv_conf(text: &str) -> Self {
        let server = |line: &str| {
            let mut words = line.split_whitespace();
            let address = words
                .next()
                .filter(|word| *word == "nameserver")
                .and(words.next());
            address?.parse::<IpAddr>().ok()
        };
        let addresses = text.lines().filter_map(server);
        Self::new(
            addresses
                .map(|address| SocketAddr::new(address, PORT))
                .collect(),
        )
    }

    /// The servers in the order given.
    #[must_use]
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// The first answer to a question; a failure if no server gives one in time.
    pub(super) async fn ask(&self, key: &Key, metrics: &Metrics) -> Found {
        let asked = timeout(WHOLE, self.ask_each(key, metrics)).await;
        asked.ok().flatten().unwrap_or_else(Found::failure)
    }

    /// A server that does not want to answer is passed over; if none wants to, its refusal is the answer.
    async fn ask_each(&self, key: &Key, metrics: &Metrics) -> Option<Found> {
        let first = self.first.load(Ordering::Relaxed);
        let mut unwilling = None;
        for turn in 0..self.servers.len() * ROUNDS {
            let index = (first + turn) % self.servers.len();
            let server = self.servers.get(index)?;
            let (exchange, found) = self.ask_one(*server, key).await;
            metrics.exchanged(&server.to_string(), exchange);
            match exchange {
                Exchange::Answered => {
                    self.first.store(index, Ordering::Relaxed);
                    return found;
                }
                Exchange::Refused => unwilling = found,
                Exchange::Failed | Exchange::Silent => {}
            }
        }
        unwilling
    }

    async fn ask_one(&self, server: SocketAddr, key: &Key) -> (Exchange, Option<Found>) {
        match timeout(self.patience, exchange(server, &question(key))).await {
            Ok(Ok((message, length))) if is_answer(message.metadata.response_code) => {
                (Exchange::Answered, Some(Found::new(message, length)))
            }
            Ok(Ok((message, length))) => (Exchange::Refused, Some(Found::new(message, length))),
            Ok(Err(error)) => {
                tracing::debug!(%server, name = %key.name, %error, "upstream failed");
                (Exchange::Failed, None)
            }
            Err(_) => {
                tracing::debug!(%server, name = %key.name, "upstream is silent");
                (Exchange::Silent, None)
            }
        }
    }
}

/// Whether a server knows.
const fn is_answer(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// The number is random.
fn question(key: &Key) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(key.name.clone(), key.kind()));
    message.set_edns(offered());
    message
}

async fn exchange(server: SocketAddr, question: &Message) -> io::Result<(Message, usize)> {
    let answer = over_udp(server, question).await?;
    if answer.0.metadata.truncation {
        over_tcp(server, question).await
    } else {
        Ok(answer)
    }
}

/// The socket is connected, so only the server's own packets reach it; the kernel picks a random port.
async fn over_udp(server: SocketAddr, question: &Message) -> io::Result<(Message, usize)> {
    let local: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(server).await?;
    socket.send(&encode(question)?).await?;
    let mut buffer = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = buffer
            .get(..length)
            .and_then(|bytes| matching(bytes, question));
        if let Some(answer) = answer {
            return Ok((answer, length));
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message) -> io::Result<(Message, usize)> {
    let mut stream = TcpStream::connect(server).await?;
    let bytes = encode(question)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes(), bytes.as_slice()].concat())
        .await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    let length = answer.len();
    let answer = matching(&answer, question);
    Ok((
        answer.ok_or_else(|| io::Error::other("answer to another question"))?,
        length,
    ))
}

fn encode(message: &Message) -> io::Result<Vec<u8>> {
    message.to_vec().map_err(io::Error::other)
}

/// The answer in `bytes`, if it is one to `question`: same number, same name, same type.
fn matching(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let is_response = answer.metadata.message_type == hickory_proto::op::MessageType::Response;
    let same = answer.metadata.id == question.metadata.id && answer.queries == question.queries;
    (is_response && same).then_some(answer)
}
