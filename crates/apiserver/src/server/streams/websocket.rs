//! A session over a WebSocket.

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::channel::{self, Channels};
use super::session::{self, FromClient, ToClient, UNDER_WAY};
use super::{CLOSE_LIMIT, SIGN_OF_LIFE, SILENCE_LIMIT};
use crate::containers::Process;

/// The longest message of a client, in bytes. kubectl sends 32 KiB.
const MESSAGE_SIZE: usize = 1 << 20;
const BUFFER_SIZE: usize = 32 << 10;
type Socket = WebSocketStream<TokioIo<Upgraded>>;
pub(super) type Sink = SplitSink<Socket, Message>;
pub(super) type Source = SplitStream<Socket>;

/// The two directions of a connection whose heads are done.
pub(super) async fn open(upgraded: Upgraded) -> (Sink, Source) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_SIZE))
        .max_frame_size(Some(MESSAGE_SIZE))
        .read_buffer_size(BUFFER_SIZE)
        .write_buffer_size(BUFFER_SIZE);
    let stream = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    socket.split()
}

pub(super) async fn serve(upgraded: Upgraded, channels: Channels, process: Process) {
    let (mut sink, mut source) = open(upgraded).await;
    let (said, from) = mpsc::channel(UNDER_WAY);
    let (to, mut told) = mpsc::channel(UNDER_WAY);
    let speak = async {
        tokio::join!(session::run(process, from, to), write(&mut sink, &mut told));
    };
    tokio::select! {
        () = speak => {}
        () = read(&mut source, channels, &said) => return hang_up(&mut sink).await,
    }
    let close = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    let last = async {
        let _ = sink.send(Message::Close(Some(close))).await;
        read(&mut source, channels, &said).await;
    };
    let _ = timeout(CLOSE_LIMIT, last).await;
}

/// Passes on what a client says, until it hangs up. Questions whether the server is there are answered on the way.
async fn read(source: &mut Source, channels: Channels, said: &mpsc::Sender<FromClient>) {
    while let Some(message) = next(source).await {
        if let Some(from) = channel::decode(channels, message) {
            // When the command has ended nobody listens any more.
            let _ = said.send(from).await;
        }
    }
}

/// Agrees to the end of a client that has hung up, so that it does not take it for a broken connection.
pub(super) async fn hang_up(sink: &mut Sink) {
    let _ = timeout(CLOSE_LIMIT, sink.close()).await;
}

/// The next message with content.
pub(super) async fn next(source: &mut Source) -> Option<Bytes> {
    loop {
        match timeout(SILENCE_LIMIT, source.next()).await {
            Ok(Some(Ok(Message::Binary(bytes)))) => return Some(bytes),
            Ok(Some(Ok(Message::Text(text)))) => return Some(text.into()),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return None,
        }
    }
}

/// Tells the client what there is to tell, until that ends.
async fn write(sink: &mut Sink, told: &mut mpsc::Receiver<ToClient>) {
    let mut alive = interval(SIGN_OF_LIFE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            next = told.recv() => match next {
                Some((stream, content)) => Message::Binary(channel::encode(stream, &content)),
                None => return,
            },
            _ = alive.tick() => Message::Pong(Bytes::new()),
        };
        if sink.send(message).await.is_err() {
            // Whoever still has something to say must hear that nobody listens.
            return told.close();
        }
    }
}
