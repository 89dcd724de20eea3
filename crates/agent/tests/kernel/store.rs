//! A store in memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use ringfence_agent::protocol::{AgentKey, AgentObject, AgentStatus, StoreEvent};
use ringfence_model::Cluster;

use crate::agent::eventually;

pub(crate) struct FakeStore {
    path: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<AgentKey, AgentObject>,
    revision: u64,
    agents: Vec<UnixStream>,
    statuses: Vec<AgentStatus>,
}

impl FakeStore {
    pub(crate) fn listen(path: &Path, objects: impl IntoIterator<Item = AgentObject>) -> Self {
        let objects = objects
            .into_iter()
            .map(|object| (object.key(), object))
            .collect();
        let inner = Inner {
            objects,
            revision: 1,
            ..Inner::default()
        };
        let store = Self {
            path: path.to_owned(),
            inner: Arc::new(Mutex::new(inner)),
        };
        store.start();
        store
    }

    /// Begins to listen; [`Self::listen`] does so too.
    pub(crate) fn start(&self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        let accepting = Arc::clone(&self.inner);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let reading = Arc::clone(&accepting);
                let reader = BufReader::new(stream.try_clone().unwrap());
                accepting.lock().unwrap().welcome(stream);
                thread::spawn(move || collect(reader, &reading));
            }
        });
    }

    /// Nobody can connect any more, and who has is hung up on.
    pub(crate) fn stop(&self) {
        std::fs::remove_file(&self.path).unwrap();
        self.hang_up();
    }

    pub(crate) fn hang_up(&self) {
        for agent in self.lock().agents.drain(..) {
            let _ = agent.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Counts from 1 again, as a store that was set up anew.
    pub(crate) fn begin_another_history(&self) {
        self.lock().revision = 1;
    }

    pub(crate) fn apply(&self, object: AgentObject) -> u64 {
        let mut inner = self.lock();
        inner.objects.insert(object.key(), object.clone());
        inner.tell(&StoreEvent::Apply(object))
    }

    pub(crate) fn delete(&self, key: AgentKey) -> u64 {
        let mut inner = self.lock();
        inner.objects.remove(&key);
        inner.tell(&StoreEvent::Delete(key))
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let mut cluster = Cluster::default();
        for object in self.lock().objects.values() {
            object.clone().apply_to(&mut cluster);
        }
        cluster
    }

    pub(crate) fn statuses(&self) -> Vec<AgentStatus> {
        self.lock().statuses.clone()
    }

    /// Waits until an agent has applied the newest revision.
    pub(crate) fn wait(&self) {
        eventually("the newest revision", || {
            let inner = self.lock();
            let newest = AgentStatus::Applied {
                revision: inner.revision,
            };
            (inner.statuses.last() == Some(&newest)).then_some(())
        });
    }

    /// Forgets statuses, so that [`Self::wait`] waits for new ones.
    pub(crate) fn forget_statuses(&self) {
        self.lock().statuses.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn welcome(&mut self, mut agent: UnixStream) {
        let objects = self.objects.values().cloned().map(StoreEvent::Apply);
        let synced = StoreEvent::Synced {
            revision: self.revision,
        };
        for event in [StoreEvent::Reset]
            .into_iter()
            .chain(objects)
            .chain([synced])
        {
            let _ = agent.write_all(&line(&event));
        }
        self.agents.push(agent);
    }

    fn tell(&mut self, change: &StoreEvent) -> u64 {
        self.revision += 1;
        let mut bytes = line(change);
        bytes.extend(line(&StoreEvent::Synced {
            revision: self.revision,
        }));
        self.agents
            .retain_mut(|agent| agent.write_all(&bytes).is_ok());
        self.revision
    }
}

fn collect(reader: impl BufRead, inner: &Mutex<Inner>) {
    for line in reader.lines().map_while(Result::ok) {
        // An agent that is killed may leave half a line.
        if let Ok(status) = serde_json::from_str(&line) {
            inner.lock().unwrap().statuses.push(status);
        }
    }
}

fn line(event: &StoreEvent) -> Vec<u8> {
    let mut line = serde_json::to_vec(event).unwrap();
    line.push(b'\n');
    line
}
