//! One connection: bytes both ways until the pod has said that nothing more comes, and a moment longer.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Dialler;
use crate::containers::Connection;
use crate::server::streams::CHUNK;
use crate::server::streams::spdy::Id;
use crate::server::streams::wire::Speaker;

/// How long a client may go on to send when the pod has ended its side.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where a connection comes out at the client.
#[derive(Debug)]
pub(super) enum Ends {
    /// Two streams of SPDY.
    Streams {
        speaker: Speaker,
        data: Id,
        error: Id,
    },
    /// Two channels of a WebSocket: this one, and the next for errors. They have no end of their own.
    Channels {
        messages: mpsc::Sender<Bytes>,
        data: u8,
    },
}

impl Ends {
    async fn send(&self, content: Bytes) -> bool {
        match self {
            Self::Streams { speaker, data, .. } => speaker.send(*data, content).await,
            Self::Channels { messages, data } => {
                let message = [&[*data], content.as_ref()].concat();
                messages.send(message.into()).await.is_ok()
            }
        }
    }

    async fn end(&self) {
        match self {
            Self::Streams { speaker, data, .. } => {
                speaker.end(*data, Bytes::new()).await;
            }
            Self::Channels { .. } => {}
        }
    }

    /// The last word about the connection, empty if all went well.
    async fn conclude(&self, error: String) {
        match self {
            Self::Streams {
                speaker, error: id, ..
            } => {
                speaker.end(*id, error.into()).await;
            }
            Self::Channels { messages, data } => {
                if !error.is_empty() {
                    let message = [&[data.saturating_add(1)], error.as_bytes()].concat();
                    let _ = messages.send(message.into()).await;
                }
            }
        }
    }
}

/// Connects, and passes on what comes from either side, until that ends or the client wants no more of it. It hears the last
/// word in any case: kubectl waits for it.
pub(super) async fn run(
    dialler: &Dialler,
    port: u16,
    input: mpsc::Receiver<Bytes>,
    ends: &Ends,
    reset: impl Future<Output = ()>,
) {
    let error = tokio::select! {
        error = carry(dialler, port, input, ends) => error,
        () = reset => String::new(),
    };
    ends.conclude(error).await;
}

/// What went wrong, or nothing.
async fn carry(dialler: &Dialler, port: u16, input: mpsc::Receiver<Bytes>, ends: &Ends) -> String {
    match dialler.dial(port).await {
        Ok(connection) => {
            let (reader, writer) = tokio::io::split(connection);
            let (mut up, mut down) = (pin!(up(input, writer)), pin!(down(reader, ends)));
            tokio::select! {
                () = &mut up => down.await,
                () = &mut down => drop(timeout(LAST_WORDS, up).await),
            }
            String::new()
        }
        Err(error) => {
            drop(input);
            ends.end().await;
            error
        }
    }
}

/// From the client to the pod.
async fn up(mut input: mpsc::Receiver<Bytes>, mut writer: WriteHalf<Box<dyn Connection>>) {
    while let Some(bytes) = input.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            // The client's other connections must not wait for what nobody takes.
            return input.close();
        }
    }
    let _ = writer.shutdown().await;
}

/// From the pod to the client.
async fn down(mut reader: ReadHalf<Box<dyn Connection>>, ends: &Ends) {
    loop {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        let some = matches!(reader.read_buf(&mut buffer).await, Ok(count) if count > 0);
        if !some {
            return ends.end().await;
        }
        if !ends.send(buffer.freeze()).await {
            return;
        }
    }
}
