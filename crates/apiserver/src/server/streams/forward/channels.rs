//! Port-forward over the channels of a WebSocket: the ports are named beforehand, each has one connection.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt as _;
use hyper::upgrade::Upgraded;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::pipe::{self, Ends};
use super::{Dialler, UNDER_WAY};
use crate::server::streams::CLOSE_LIMIT;
use crate::server::streams::websocket::{self, Sink, Source};

/// Serves a client that has asked for `ports`, no more than there are channels.
pub(in super::super) async fn channels(upgraded: Upgraded, ports: &[u16], dialler: &Arc<Dialler>) {
    let (mut sink, mut source) = websocket::open(upgraded).await;
    let (messages, mut told) = mpsc::channel(UNDER_WAY);
    let mut inputs = Vec::new();
    let mut tasks = JoinSet::new();
    for (data, port) in (0..=u8::MAX).step_by(2).zip(ports) {
        let (input, output) = mpsc::channel(UNDER_WAY);
        inputs.push(input);
        let dialler = Arc::clone(dialler);
        let (messages, port) = (messages.clone(), *port);
        tasks.spawn(async move {
            for channel in [data, data.saturating_add(1)] {
                let [low, high] = port.to_le_bytes();
                let _ = messages.send(Bytes::from(vec![channel, low, high])).await;
            }
            let ends = Ends::Channels { messages, data };
            pipe::run(&dialler, port, output, &ends, std::future::pending()).await;
        });
    }
    drop(messages);
    tokio::select! {
        () = read(&mut source, &mut inputs) => return websocket::hang_up(&mut sink).await,
        () = write(&mut sink, &mut told) => {}
    }
    let last = async {
        let _ = sink.send(Message::Close(None)).await;
        while websocket::next(&mut source).await.is_some() {}
    };
    let _ = timeout(CLOSE_LIMIT, last).await;
}

async fn read(source: &mut Source, inputs: &mut [mpsc::Sender<Bytes>]) {
    while let Some(mut message) = websocket::next(source).await {
        let content = message.split_off(message.len().min(1));
        let Some(channel) = message.first().filter(|channel| *channel % 2 == 0) else {
            continue;
        };
        if let Some(input) = inputs.get(usize::from(channel / 2)) {
            let _ = input.send(content).await;
        }
    }
}

/// Until nothing can be said any more, or nobody listens.
async fn write(sink: &mut Sink, told: &mut mpsc::Receiver<Bytes>) {
    while let Some(message) = told.recv().await {
        if sink.send(Message::Binary(message)).await.is_err() {
            return;
        }
    }
}
