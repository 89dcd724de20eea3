//! One client: find out what it speaks, and answer in that.

use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::{Door, page};
use crate::http;

/// The longest line that comes back in one piece.
const LONGEST_LINE: usize = 8 * 1024;

const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"TRACE ",
    b"CONNECT ",
];

/// What a client speaks, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speech {
    Http,
    Tls,
    Postgres(Postgres),
    Lines,
}

/// The first message of a PostgreSQL client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Postgres {
    /// It would like to encrypt first (SSLRequest, GSSENCRequest).
    Encryption,
    /// It starts (StartupMessage of protocol 3).
    Startup,
}

/// What `start` tells; `None` if more bytes are needed to know.
fn recognise(start: &[u8]) -> Option<Speech> {
    if METHODS.iter().any(|method| start.starts_with(method)) {
        return Some(Speech::Http);
    }
    if METHODS.iter().any(|method| method.starts_with(start)) {
        return None;
    }
    match *start {
        [0x16] => None,
        [0x16, 0x03, ..] => Some(Speech::Tls),
        [0, _, _, _, a, b, c, d, ..] => Some(match [a, b, c, d] {
            [0x04, 0xd2, 0x16, 0x2f | 0x30] => Speech::Postgres(Postgres::Encryption),
            [0x00, 0x03, 0x00, _] => Speech::Postgres(Postgres::Startup),
            _ => Speech::Lines,
        }),
        [0, ..] => None,
        _ => Some(Speech::Lines),
    }
}

/// Talks with one TCP client until it goes.
pub(super) async fn hold(door: Arc<Door>, stream: TcpStream, source: SocketAddr) {
    if let Err(error) = talk(&door, stream, source).await {
        tracing::debug!(%source, %error, "connection ended");
    }
}

async fn talk(door: &Door, mut stream: TcpStream, source: SocketAddr) -> io::Result<()> {
    let mut start = Vec::new();
    match listen(&mut stream, &mut start).await? {
        Speech::Http => {
            let (read, write) = stream.into_split();
            let whole = tokio::io::join(Cursor::new(start).chain(read), write);
            http::serve_connection(whole, |request| page::answer(door, request, source)).await;
            Ok(())
        }
        // A fatal alert, handshake_failure (RFC 8446 section 6.2).
        Speech::Tls => stream.write_all(&[0x15, 3, 1, 0, 2, 2, 40]).await,
        Speech::Postgres(first) => refuse_postgres(door, stream, source, first).await,
        Speech::Lines => echo_lines(door, stream, source, start).await,
    }
}

async fn listen(stream: &mut TcpStream, start: &mut Vec<u8>) -> io::Result<Speech> {
    loop {
        if stream.read_buf(start).await? == 0 {
            return Ok(Speech::Lines);
        }
        if let Some(speech) = recognise(start) {
            return Ok(speech);
        }
    }
}

async fn echo_lines(
    door: &Door,
    mut stream: TcpStream,
    source: SocketAddr,
    mut held: Vec<u8>,
) -> io::Result<()> {
    let peer = door.peer(source);
    tracing::info!("{} speaks lines", peer.source);
    loop {
        while let Some(line) = next_line(&mut held) {
            let mut answer = format!("{peer}: ").into_bytes();
            answer.extend_from_slice(line.trim_ascii_end());
            answer.push(b'\n');
            stream.write_all(&answer).await?;
        }
        if stream.read_buf(&mut held).await? == 0 {
            if held.is_empty() {
                return Ok(());
            }
            held.push(b'\n');
        }
    }
}

/// Takes a line, or as much as one line may hold, out of `held`.
fn next_line(held: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = held.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let end = end.filter(|end| *end <= LONGEST_LINE);
    let end = end.or_else(|| (held.len() >= LONGEST_LINE).then_some(LONGEST_LINE))?;
    Some(held.drain(..end).collect())
}

async fn refuse_postgres(
    door: &Door,
    mut stream: TcpStream,
    source: SocketAddr,
    first: Postgres,
) -> io::Result<()> {
    match first {
        Postgres::Encryption => {
            // No encryption here: the client may go on in the clear.
            stream.write_all(b"N").await?;
            let mut startup = [0; 1024];
            if stream.read(&mut startup).await? == 0 {
                return Ok(());
            }
        }
        Postgres::Startup => {}
    }
    let peer = door.peer(source);
    let image = &door.config.image;
    let text = format!("ringfence stand-in for image {image}: no database runs here ({peer})");
    stream.write_all(&postgres_error(&text)).await
}

/// An ErrorResponse: severity, code "feature not supported", message.
fn postgres_error(text: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C0A000\0M{text}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
    [b"E", length.to_be_bytes().as_slice(), fields.as_bytes()].concat()
}

/// Sends every datagram back behind the identity; returns if the socket is gone.
pub(super) async fn echo_datagrams(door: &Door, socket: &UdpSocket) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let (length, source) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::warn!(%error, "datagram not received");
                continue;
            }
        };
        let mut answer = format!("{}: ", door.peer(source)).into_bytes();
        answer.extend_from_slice(buffer.get(..length).unwrap_or_default());
        tracing::info!("{source} sent {length} bytes");
        if let Err(error) = socket.send_to(&answer, source).await {
            tracing::debug!(%source, %error, "answer not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_recognised_by_its_first_bytes() {
        let ssl = b"\0\0\0\x08\x04\xd2\x16\x2f";
        let gss = b"\0\0\0\x08\x04\xd2\x16\x30";
        for (start, expected) in [
            (&b"G"[..], None),
            (b"GET", None),
            (b"GET ", Some(Speech::Http)),
            (b"OPTIONS * HTTP/1.1", Some(Speech::Http)),
            (b"GOT ", Some(Speech::Lines)),
            (b"G\n", Some(Speech::Lines)),
            (b"hello", Some(Speech::Lines)),
            (b"\n", Some(Speech::Lines)),
            (b"\x16", None),
            (b"\x16\x03\x01", Some(Speech::Tls)),
            (b"\x16x", Some(Speech::Lines)),
            (b"\0\0\0", None),
            (&ssl[..7], None),
            (ssl, Some(Speech::Postgres(Postgres::Encryption))),
            (gss, Some(Speech::Postgres(Postgres::Encryption))),
            (
                b"\0\0\0\x54\0\x03\0\0user",
                Some(Speech::Postgres(Postgres::Startup)),
            ),
            (b"\0\0\0\0\0\0\0\0", Some(Speech::Lines)),
        ] {
            assert_eq!(recognise(start), expected, "{start:?}");
        }
    }

    #[test]
    fn lines_are_taken_whole_or_in_pieces_of_the_longest() {
        let mut held = b"one\ntwo\nthr".to_vec();
        assert_eq!(next_line(&mut held), Some(b"one\n".to_vec()));
        assert_eq!(next_line(&mut held), Some(b"two\n".to_vec()));
        assert_eq!(next_line(&mut held), None);
        assert_eq!(held, b"thr");
        let mut held = vec![b'x'; LONGEST_LINE + 3];
        held.push(b'\n');
        assert_eq!(next_line(&mut held).unwrap().len(), LONGEST_LINE);
        assert_eq!(next_line(&mut held).unwrap(), b"xxx\n");
    }
}
