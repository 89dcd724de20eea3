//! Port-forward: connections of a client to a pod's ports.

mod channels;
mod pipe;

pub(super) use channels::channels;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ringfence_model::ObjectName;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::START_LIMIT;
use super::spdy::{Headers, Id, header};
use super::wire::{Listener, Said, Speaker, Writing};
use crate::containers::{Connection, Containers};
use pipe::Ends;

/// How many connections one port-forward may have.
const MOST_CONNECTIONS: usize = 256;
/// How much for one connection may wait to be written to the pod, in messages. When it is full the client waits, with all
/// its connections: they come through one.
const UNDER_WAY: usize = 16;
/// The longest number that a client gives a connection.
const REQUEST_LENGTH: usize = 64;

/// Reaches a pod's ports.
pub(super) struct Dialler {
    pub(super) containers: Arc<dyn Containers>,
    pub(super) pod: ObjectName,
}

impl Dialler {
    /// Connects, or says why not.
    async fn dial(&self, port: u16) -> Result<Box<dyn Connection>, String> {
        let (containers, pod) = (Arc::clone(&self.containers), self.pod.clone());
        let dialled = tokio::task::spawn_blocking(move || containers.dial(&pod, port));
        let result = match tokio::time::timeout(START_LIMIT, dialled).await {
            Ok(Ok(result)) => result.map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it does not answer".to_owned()),
        };
        let pod = &self.pod.name;
        result.map_err(|error| format!("error forwarding port {port} to pod {pod}: {error}"))
    }
}

/// Two streams that become a connection.
#[derive(Debug, Default)]
struct Pair {
    error: Option<Id>,
    data: Option<(Id, mpsc::Receiver<Bytes>)>,
}

impl Pair {
    fn complete(&mut self) -> Option<(Id, mpsc::Receiver<Bytes>, Id)> {
        let error = self.error?;
        let (data, input) = self.data.take()?;
        Some((data, input, error))
    }
}

/// The connections of one client.
struct Forward<'a> {
    dialler: &'a Arc<Dialler>,
    speaker: Speaker,
    /// By the number that the client gives each connection.
    pairs: BTreeMap<String, Pair>,
    inputs: BTreeMap<Id, mpsc::Sender<Bytes>>,
    /// By their streams of data. What is dropped ends.
    running: BTreeMap<Id, oneshot::Sender<()>>,
    tasks: JoinSet<Id>,
}

/// Serves a client that speaks SPDY.
pub(super) async fn serve(
    (mut listener, speaker, mut writing): (Listener, Speaker, Writing),
    dialler: &Arc<Dialler>,
) {
    let mut forward = Forward {
        dialler,
        speaker,
        pairs: BTreeMap::new(),
        inputs: BTreeMap::new(),
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
    };
    let listen = async {
        while let Some(said) = listener.next().await {
            forward.forget_those_that_ended();
            if !forward.take(said).await {
                return;
            }
        }
    };
    tokio::select! {
        () = listen => {}
        () = writing.run() => {}
    }
}

impl Forward<'_> {
    fn forget_those_that_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Ok(id) = ended {
                self.inputs.remove(&id);
                self.running.remove(&id);
            }
        }
    }

    /// Whether the client can still be heard and told.
    async fn take(&mut self, said: Said) -> bool {
        match said {
            Said::Open(id, headers) => return self.open(id, &headers).await,
            Said::Data { id, content, fin } => {
                if let Some(input) = self.inputs.get(&id).filter(|_| !content.is_empty()) {
                    // A pod that has hung up takes no more.
                    let _ = input.send(content).await;
                }
                if fin {
                    self.inputs.remove(&id);
                }
            }
            Said::Reset(id) => {
                self.inputs.remove(&id);
                self.running.remove(&id);
            }
        }
        true
    }

    async fn open(&mut self, id: Id, headers: &Headers) -> bool {
        let Some((request, port)) = request(headers) else {
            return self.speaker.refuse(id).await;
        };
        if self.tasks.len() + self.pairs.len() >= MOST_CONNECTIONS
            && !self.pairs.contains_key(&request)
        {
            return self.speaker.refuse(id).await;
        }
        let pair = self.pairs.entry(request.clone()).or_default();
        match header(headers, "streamtype") {
            Some("error") if pair.error.is_none() => pair.error = Some(id),
            Some("data") if pair.data.is_none() => {
                let (input, output) = mpsc::channel(UNDER_WAY);
                self.inputs.insert(id, input);
                pair.data = Some((id, output));
            }
            Some(_) | None => return self.speaker.refuse(id).await,
        }
        let heard = self.speaker.accept(id).await;
        self.connect(&request, port);
        heard
    }

    /// Begins a connection when both of its streams are there.
    fn connect(&mut self, request: &str, port: u16) {
        let Some((data, input, error)) = self.pairs.get_mut(request).and_then(Pair::complete)
        else {
            return;
        };
        self.pairs.remove(request);
        let speaker = self.speaker.clone();
        let ends = Ends::Streams {
            speaker,
            data,
            error,
        };
        let dialler = Arc::clone(self.dialler);
        let (running, dropped) = oneshot::channel();
        self.tasks.spawn(async move {
            let reset = async { drop(dropped.await) };
            pipe::run(&dialler, port, input, &ends, reset).await;
            data
        });
        self.running.insert(data, running);
    }
}

/// Which connection a stream belongs to, and the port that it is for.
fn request(headers: &Headers) -> Option<(String, u16)> {
    let port = header(headers, "port")?.parse().ok()?;
    let request = header(headers, "requestid")?;
    (request.len() <= REQUEST_LENGTH).then(|| (request.to_owned(), port))
}
