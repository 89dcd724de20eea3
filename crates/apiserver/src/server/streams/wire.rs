//! Frames of SPDY on a connection: as they are, or in the messages of a WebSocket, cut anywhere.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt as _;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::spdy::{Decoder, Encoder, Frame, Headers, Id};
use super::websocket::{self, Sink, Source};
use super::{CHUNK, SIGN_OF_LIFE, SILENCE_LIMIT};

/// How many frames may wait to be written.
const UNDER_WAY: usize = 8;
/// The number of our own questions, which clients send back. Servers have even ones, clients odd ones.
const OUR_PING: u32 = 2;
/// The status of a stream that was refused.
const REFUSED: u32 = 3;

/// What a client says, without what belongs to the connection itself.
#[derive(Debug)]
pub(super) enum Said {
    Open(Id, Headers),
    Data { id: Id, content: Bytes, fin: bool },
    Reset(Id),
}

/// The side that reads.
pub(super) struct Listener {
    reader: Reader,
    decoder: Decoder,
    speaker: Speaker,
    newest: Id,
}

/// Says things to the client. Whoever speaks waits until others have been heard.
#[derive(Clone, Debug)]
pub(super) struct Speaker(mpsc::Sender<Frame>);

/// The side that writes.
pub(super) struct Writing {
    writer: Writer,
    frames: mpsc::Receiver<Frame>,
}

enum Reader {
    Plain(ReadHalf<TokioIo<Upgraded>>),
    Socket(Source),
}

enum Writer {
    Plain(WriteHalf<TokioIo<Upgraded>>),
    Socket(Sink),
}

/// The connection as it is.
pub(super) fn plain(upgraded: Upgraded) -> (Listener, Speaker, Writing) {
    let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    both(Reader::Plain(reader), Writer::Plain(writer))
}

/// The connection as a WebSocket.
pub(super) async fn tunnel(upgraded: Upgraded) -> (Listener, Speaker, Writing) {
    let (sink, source) = websocket::open(upgraded).await;
    both(Reader::Socket(source), Writer::Socket(sink))
}

fn both(reader: Reader, writer: Writer) -> (Listener, Speaker, Writing) {
    let (sender, frames) = mpsc::channel(UNDER_WAY);
    let speaker = Speaker(sender);
    let listener = Listener {
        reader,
        decoder: Decoder::new(),
        speaker: speaker.clone(),
        newest: 0,
    };
    (listener, speaker, Writing { writer, frames })
}

impl Listener {
    /// What the client says next, `None` when it has hung up, says nonsense, or nothing for too long.
    pub(super) async fn next(&mut self) -> Option<Said> {
        loop {
            match self.decoder.next() {
                Ok(Some(frame)) => match self.sort(frame).await? {
                    Some(said) => return Some(said),
                    None => continue,
                },
                Ok(None) => self.decoder.push(&self.reader.read().await?),
                Err(error) => {
                    tracing::debug!(%error, "a client does not speak SPDY");
                    return None;
                }
            }
        }
    }

    /// Does what belongs to the connection and gives what does not; `None` ends it.
    async fn sort(&mut self, frame: Frame) -> Option<Option<Said>> {
        Some(match frame {
            Frame::Open { id, headers, .. } => {
                // Numbers grow, and are odd where clients give them.
                if id <= self.newest || id % 2 == 0 {
                    return None;
                }
                self.newest = id;
                Some(Said::Open(id, headers))
            }
            Frame::Data { id, content, fin } => Some(Said::Data { id, content, fin }),
            Frame::Reset { id, .. } => Some(Said::Reset(id)),
            Frame::Ping(OUR_PING) => None,
            Frame::Ping(number) => self
                .speaker
                .say(Frame::Ping(number))
                .await
                .then_some(None)?,
            Frame::GoAway => return None,
            Frame::Accept { .. } => None,
        })
    }
}

impl Speaker {
    /// Whether it may still be heard.
    async fn say(&self, frame: Frame) -> bool {
        self.0.send(frame).await.is_ok()
    }

    /// Welcomes a stream.
    pub(super) async fn accept(&self, id: Id) -> bool {
        let headers = Headers::new();
        self.say(Frame::Accept { id, headers }).await
    }

    /// Turns a stream away.
    pub(super) async fn refuse(&self, id: Id) -> bool {
        let status = REFUSED;
        self.say(Frame::Reset { id, status }).await
    }

    /// Sends a stream's bytes.
    pub(super) async fn send(&self, id: Id, content: Bytes) -> bool {
        let fin = false;
        self.say(Frame::Data { id, content, fin }).await
    }

    /// Sends the last bytes of a stream.
    pub(super) async fn end(&self, id: Id, content: Bytes) -> bool {
        let fin = true;
        self.say(Frame::Data { id, content, fin }).await
    }
}

impl Writing {
    /// Writes what is said until the client does not take it any more. Does not end otherwise.
    pub(super) async fn run(&mut self) {
        let mut encoder = Encoder::new();
        let mut alive = interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let frame = tokio::select! {
                frame = self.frames.recv() => match frame {
                    Some(frame) => frame,
                    None => break,
                },
                _ = alive.tick() => Frame::Ping(OUR_PING),
            };
            let Ok(bytes) = encoder.encode(&frame) else {
                break;
            };
            if self.writer.write(bytes).await.is_err() {
                break;
            }
        }
        self.frames.close();
    }
}

impl Reader {
    async fn read(&mut self) -> Option<Bytes> {
        match self {
            Self::Plain(half) => {
                let mut buffer = BytesMut::with_capacity(CHUNK);
                let read = timeout(SILENCE_LIMIT, half.read_buf(&mut buffer)).await;
                let count = read.ok()?.ok()?;
                (count > 0).then(|| buffer.freeze())
            }
            Self::Socket(source) => websocket::next(source).await,
        }
    }
}

impl Writer {
    async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        match self {
            Self::Plain(half) => {
                half.write_all(&bytes).await?;
                half.flush().await
            }
            Self::Socket(sink) => {
                let sent = sink.send(Message::Binary(bytes.into())).await;
                sent.map_err(io::Error::other)
            }
        }
    }
}
