//! A stand-in for the agent.

use std::fs;
use std::io::BufReader;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ringfence_cni::protocol::{receive, send};
use ringfence_cni::{Request, Response};

use crate::node::Node;

/// How the stand-in behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Does everything.
    Serve,
    /// Says that it is not ready.
    NotReady,
    /// Does not answer `wired`.
    Silent,
    /// Refuses `wired`.
    Refuse { retry: bool },
    /// Takes this long for `wired`.
    Slow(Duration),
}

/// A stand-in for the agent: answers as told and remembers what it was asked.
pub(crate) struct FakeAgent {
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<Request>>>,
    path: PathBuf,
}

impl FakeAgent {
    pub(crate) fn start(node: &Node, manner: Manner) -> Self {
        let path = node.socket();
        let listener = UnixListener::bind(&path).unwrap();
        let agent = Self {
            manner: Arc::new(Mutex::new(manner)),
            requests: Arc::default(),
            path,
        };
        let (manner, requests) = (Arc::clone(&agent.manner), Arc::clone(&agent.requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (manner, requests) = (Arc::clone(&manner), Arc::clone(&requests));
                thread::spawn(move || answer(&stream.unwrap(), &manner, &requests));
            }
        });
        agent
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// What it was asked since the last time, other than for its status.
    pub(crate) fn requests(&self) -> Vec<Request> {
        let mut requests = std::mem::take(&mut *self.requests.lock().unwrap());
        requests.retain(|request| *request != Request::Status);
        requests
    }
}

impl Drop for FakeAgent {
    /// Nobody finds it any more; the thread ends with the process.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn answer(stream: &UnixStream, manner: &Mutex<Manner>, requests: &Mutex<Vec<Request>>) {
    // A killed plugin leaves half a conversation.
    let Ok(request) = receive::<Request>(BufReader::new(stream)) else {
        return;
    };
    requests.lock().unwrap().push(request.clone());
    let manner = *manner.lock().unwrap();
    let failed = |retry| Response::Failed {
        message: "so told".to_owned(),
        retry,
    };
    let response = match (&request, manner) {
        (Request::Status, Manner::NotReady) => failed(true),
        (Request::Status, _) => Response::Ready { endpoints: 0 },
        (Request::Wired(_), Manner::Silent) => {
            thread::sleep(Duration::from_secs(60));
            return;
        }
        (Request::Wired(_), Manner::Refuse { retry }) => failed(retry),
        (Request::Wired(_), Manner::Slow(time)) => {
            thread::sleep(time);
            Response::Done
        }
        (Request::Wired(_) | Request::Released(_) | Request::Check(_), _) => Response::Done,
    };
    let _ = send(stream, &response);
}
