//! A session over SPDY: a stream for each of input, output, errors, sizes and the end.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::CLOSE_LIMIT;
use super::channel;
use super::session::{self, FromClient, Stream, ToClient, UNDER_WAY};
use super::spdy::{Headers, Id, header};
use super::wire::{Listener, Said, Speaker, Writing};
use crate::containers::{Process, Streams};

/// How long a client may take to open what it wants to hear.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// The longest size of a terminal in writing.
const SIZE_LENGTH: usize = 1 << 10;

/// The streams that a client has opened.
#[derive(Clone, Copy, Debug, Default)]
struct Opened {
    stdin: Option<Id>,
    stdout: Option<Id>,
    stderr: Option<Id>,
    resize: Option<Id>,
    error: Option<Id>,
}

impl Opened {
    /// Notes a stream; `false` if it is none of these, or there twice.
    fn note(&mut self, id: Id, headers: &Headers) -> bool {
        let place = match header(headers, "streamtype") {
            Some("stdin") => &mut self.stdin,
            Some("stdout") => &mut self.stdout,
            Some("stderr") => &mut self.stderr,
            Some("resize") => &mut self.resize,
            Some("error") => &mut self.error,
            Some(_) | None => return false,
        };
        place.is_none() && place.replace(id).is_none()
    }

    /// Whether all that will be said can be heard.
    const fn can_hear(&self, wanted: Streams) -> bool {
        let stdout = self.stdout.is_some() || !wanted.stdout;
        let stderr = self.stderr.is_some() || !wanted.stderr;
        self.error.is_some() && stdout && stderr
    }

    const fn of(&self, stream: Stream) -> Option<Id> {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
            Stream::Error => self.error,
        }
    }
}

pub(super) async fn serve(
    (mut listener, speaker, mut writing): (Listener, Speaker, Writing),
    wanted: Streams,
    process: Process,
) {
    let (said, from) = mpsc::channel(UNDER_WAY);
    let (to, told) = mpsc::channel(UNDER_WAY);
    let opened = watch::Sender::new(Opened::default());
    let speak = async {
        let tell = tell(&speaker, opened.subscribe(), wanted, told);
        tokio::join!(session::run(process, from, to), tell);
    };
    let listen = async {
        tokio::select! {
            () = listen(&mut listener, &speaker, &opened, &said) => {}
            () = writing.run() => {}
        }
    };
    let mut listen = std::pin::pin!(listen);
    tokio::select! {
        () = &mut listen => return,
        () = speak => {}
    }
    let _ = timeout(CLOSE_LIMIT, listen).await;
}

/// Passes on what a client says, until it hangs up.
async fn listen(
    listener: &mut Listener,
    speaker: &Speaker,
    opened: &watch::Sender<Opened>,
    said: &mpsc::Sender<FromClient>,
) {
    let mut sizes = Vec::new();
    while let Some(next) = listener.next().await {
        match next {
            Said::Open(id, headers) => {
                let is_known = opened.send_if_modified(|opened| opened.note(id, &headers));
                let heard = match is_known {
                    true => speaker.accept(id).await,
                    false => speaker.refuse(id).await,
                };
                if !heard {
                    return;
                }
            }
            Said::Data { id, content, fin } => {
                let streams = *opened.borrow();
                if streams.resize == Some(id) {
                    resize(&mut sizes, &content, said).await;
                } else if streams.stdin == Some(id) {
                    input(content, fin, said).await;
                }
            }
            Said::Reset(id) if opened.borrow().stdin == Some(id) => {
                let _ = said.send(FromClient::StdinEnd).await;
            }
            Said::Reset(_) => {}
        }
    }
}

/// When the command has ended nobody listens any more.
async fn input(content: Bytes, fin: bool, said: &mpsc::Sender<FromClient>) {
    if !content.is_empty() {
        let _ = said.send(FromClient::Stdin(content)).await;
    }
    if fin {
        let _ = said.send(FromClient::StdinEnd).await;
    }
}

/// Sizes come one a line, lines in any portions.
async fn resize(line: &mut Vec<u8>, content: &[u8], said: &mpsc::Sender<FromClient>) {
    for byte in content {
        if *byte != b'\n' {
            line.push(*byte);
        } else if let Some(size) = channel::size(&std::mem::take(line)) {
            let _ = said.send(FromClient::Resize(size)).await;
        }
        if line.len() > SIZE_LENGTH {
            line.clear();
        }
    }
}

/// Tells the client what there is to tell, when it can hear it.
async fn tell(
    speaker: &Speaker,
    mut opened: watch::Receiver<Opened>,
    wanted: Streams,
    mut told: mpsc::Receiver<ToClient>,
) {
    let can_hear = opened.wait_for(|opened| opened.can_hear(wanted));
    if !timeout(OPEN_LIMIT, can_hear)
        .await
        .is_ok_and(|open| open.is_ok())
    {
        return;
    }
    while let Some((stream, content)) = told.recv().await {
        let now = *opened.borrow();
        let heard = match (stream, now.of(stream)) {
            (Stream::Error, _) => last_words(speaker, now, content).await,
            (Stream::Stdout | Stream::Stderr, Some(id)) => speaker.send(id, content).await,
            (Stream::Stdout | Stream::Stderr, None) => true,
        };
        if !heard {
            return;
        }
    }
}

async fn last_words(speaker: &Speaker, opened: Opened, status: Bytes) -> bool {
    for id in [opened.stdout, opened.stderr].into_iter().flatten() {
        if !speaker.end(id, Bytes::new()).await {
            return false;
        }
    }
    match opened.error {
        Some(id) => speaker.end(id, status).await,
        None => false,
    }
}
