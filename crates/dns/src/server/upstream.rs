//! Questions for somebody else.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_server::proto::op::{Edns, Message, OpCode, Query};
use hickory_server::proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long one server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions under way at once; the others wait for their turn.
const AT_ONCE: usize = 256;
/// The answer we can take over UDP.
const LARGEST_DATAGRAM: u16 = 1232;

/// Servers that know the outside world, asked in order. None: outside names are refused.
#[derive(Debug)]
pub struct Upstream {
    servers: Vec<SocketAddr>,
    turns: Semaphore,
}

impl Upstream {
    /// The given servers, asked in order.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Nobody to ask.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// The first answer to a question; `None` if no server gives one in time.
    pub(super) async fn ask(&self, name: Name, kind: RecordType) -> Option<Message> {
        let _turn = self.turns.acquire().await.ok()?;
        for server in &self.servers {
            let question = question(name.clone(), kind);
            match timeout(PATIENCE, exchange(*server, &question)).await {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(error)) => tracing::debug!(%server, %name, %error, "upstream failed"),
                Err(_) => tracing::debug!(%server, %name, "upstream is silent"),
            }
        }
        None
    }
}

fn question(name: Name, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.op_code = OpCode::Query;
    message.add_query(Query::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(LARGEST_DATAGRAM);
    message.set_edns(edns);
    message
}

async fn exchange(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let answer = over_udp(server, question).await?;
    if answer.metadata.truncation {
        over_tcp(server, question).await
    } else {
        Ok(answer)
    }
}

/// The socket is connected, so only the server's own packets reach it; the kernel picks its port.
async fn over_udp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let local: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(server).await?;
    socket.send(&encode(question)?).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Some(answer) = buffer
            .get(..length)
            .and_then(|bytes| matching(bytes, question))
        {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let bytes = encode(question)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_u16(length).await?;
    stream.write_all(&bytes).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    matching(&answer, question).ok_or_else(|| io::Error::other("answer to another question"))
}

fn encode(message: &Message) -> io::Result<Vec<u8>> {
    message.to_vec().map_err(io::Error::other)
}

/// The answer in `bytes`, if it is one to `question`: same number, same name, same type.
fn matching(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let same = answer.metadata.id == question.metadata.id && answer.queries == question.queries;
    same.then_some(answer)
}
