//! A Unix socket that answers one JSON line with one JSON line, each connection in its own thread.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, BufReader};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::place::Place;
use crate::run::{Input, spawn};

/// How long a peer may take to send its line, or to take the answer.
const PEER_PATIENCE: Duration = Duration::from_secs(5);
/// More connections at once are hung up on; the plugin is started anew by its runtime.
const MOST_CONNECTIONS: usize = 512;

/// Listens at `path`. A socket file that a dead process left is replaced; a live one is an error.
pub(crate) fn listen(path: &Path) -> Result<UnixListener> {
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    remove_stale(path)?;
    // Bound under another name first, so that nobody can connect before the mode is right.
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let listen = || {
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        fs::rename(&new, path)?;
        Ok::<_, io::Error>(listener)
    };
    listen().with_context(|| format!("cannot listen on `{}`", path.display()))
}

/// Answers every request with what `answer` returns, which may take its time.
pub(crate) fn serve<Q, A>(
    name: &'static str,
    inputs: &Sender<Input>,
    listener: UnixListener,
    answer: impl Fn(Q) -> A + Send + Sync + 'static,
) -> Result<()>
where
    Q: DeserializeOwned,
    A: Serialize,
{
    let answer = Arc::new(answer);
    let open = Arc::new(AtomicUsize::new(0));
    let accept = move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => start(stream, &answer, &open),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
    };
    spawn(name, inputs, accept)
}

fn start<Q, A, F>(stream: UnixStream, answer: &Arc<F>, open: &Arc<AtomicUsize>)
where
    Q: DeserializeOwned,
    A: Serialize,
    F: Fn(Q) -> A + Send + Sync + 'static,
{
    let Some(place) = Place::take(open, MOST_CONNECTIONS) else {
        tracing::warn!("too many connections");
        return;
    };
    let answer = Arc::clone(answer);
    let work = move || {
        if let Err(error) = converse(&stream, &*answer) {
            tracing::debug!("{error:#}");
        }
        drop(place);
    };
    if let Err(error) = thread::Builder::new()
        .name("request".to_owned())
        .spawn(work)
    {
        tracing::warn!(%error, "cannot start a thread");
    }
}

fn converse<Q, A>(stream: &UnixStream, answer: &impl Fn(Q) -> A) -> Result<()>
where
    Q: DeserializeOwned,
    A: Serialize,
{
    check_peer(stream)?;
    stream.set_read_timeout(Some(PEER_PATIENCE))?;
    stream.set_write_timeout(Some(PEER_PATIENCE))?;
    let request = ringfence_cni::protocol::receive(BufReader::new(stream))
        .context("cannot read a request")?;
    let response = answer(request);
    ringfence_cni::protocol::send(stream, &response).context("cannot send a response")
}

/// The socket's mode keeps others out already; its folder may not.
pub(crate) fn check_peer(stream: &UnixStream) -> Result<()> {
    let peer = getsockopt(stream, sockopt::PeerCredentials).context("cannot identify the peer")?;
    if peer.uid() != 0 && peer.uid() != geteuid().as_raw() {
        bail!("user {} may not ask", peer.uid());
    }
    Ok(())
}

fn remove_stale(path: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        bail!("`{}` is in the way and is no socket", path.display());
    }
    if UnixStream::connect(path).is_ok() {
        bail!("another agent listens on `{}`", path.display());
    }
    fs::remove_file(path).with_context(|| format!("cannot remove `{}`", path.display()))
}
