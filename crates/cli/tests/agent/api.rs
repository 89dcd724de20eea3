//! A Kubernetes API that can be cut off, and be another one afterwards.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use ringfence_apiserver::api::{AdmitAll, Api, ApiConfig};
use ringfence_apiserver::server::{Identity, Server};
use ringfence_apiserver::store::Name;
use serde_json::{Value, json};

/// Behind a line whose other end may change.
pub(crate) struct Bench {
    identity: Identity,
    running: (Arc<Api>, Server),
    line: Arc<Mutex<Line>>,
    address: String,
}

#[derive(Default)]
struct Line {
    /// Where it leads; nowhere while it is cut.
    server: Option<String>,
    open: Vec<TcpStream>,
}

impl Bench {
    pub(crate) fn start(objects: &[Value]) -> Self {
        let identity = Identity::generate(&["127.0.0.1"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let line = Arc::<Mutex<Line>>::default();
        carry_all(listener, Arc::clone(&line));
        let (api, server, at) = serve(&identity, objects, 1_000);
        line.lock().unwrap().server = Some(at);
        Self {
            identity,
            running: (api, server),
            line,
            address,
        }
    }

    pub(crate) fn write_kubeconfig(&self, path: &Path) {
        let text = self.identity.kubeconfig("bench", &self.address);
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn record(&self, object: &Value) {
        record(&self.running.0, object);
    }

    pub(crate) fn forget(&self, object: &Value) {
        let api = &self.running.0;
        let (version, kind) = kind(object);
        let kind = api.kinds().of_object(version, kind).unwrap();
        api.forget(kind, &Name::of(object));
    }

    /// Ends all connections and takes no new ones; returns where they led.
    pub(crate) fn cut(&self) -> Option<String> {
        let mut line = self.line.lock().unwrap();
        for stream in line.open.drain(..) {
            // The other end may have gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        line.server.take()
    }

    pub(crate) fn mend(&self, server: Option<String>) {
        self.line.lock().unwrap().server = server;
    }

    /// A server that begins anew with these objects, and knows nothing of its predecessor's revisions.
    pub(crate) fn restart(&mut self, objects: &[Value]) {
        self.cut();
        let (api, server, at) = serve(&self.identity, objects, 900_000);
        self.running = (api, server);
        self.mend(Some(at));
    }
}

fn serve(
    identity: &Identity,
    objects: &[Value],
    first_revision: u64,
) -> (Arc<Api>, Server, String) {
    let config = ApiConfig {
        first_revision,
        ends_pods: false,
    };
    let api = Arc::new(Api::new(config, Box::new(AdmitAll)));
    for object in objects {
        record(&api, object);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::start(Arc::clone(&api), listener, identity.clone()).unwrap();
    (api, server, address)
}

fn record(api: &Api, object: &Value) {
    let (version, kind) = kind(object);
    api.record(api.kinds().of_object(version, kind).unwrap(), object);
}

fn kind(object: &Value) -> (&str, &str) {
    let text = |key: &str| object[key].as_str().unwrap();
    (text("apiVersion"), text("kind"))
}

fn carry_all(listener: TcpListener, line: Arc<Mutex<Line>>) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let mut line = line.lock().unwrap();
            let Some(server) = line.server.as_ref() else {
                continue;
            };
            let Ok(server) = TcpStream::connect(server) else {
                continue;
            };
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || carry(&from, &to));
            }
            line.open.extend([client, server]);
        }
    });
}

fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    let mut bytes = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

pub(crate) fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "shop"}})
}

pub(crate) fn node() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "one", "uid": "one"},
        "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    })
}

pub(crate) fn pod(name: &str, address: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": name}},
        "spec": {"nodeName": "one", "containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    })
}

/// Lets nobody open a connection to the pods `app`.
pub(crate) fn deny(app: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop", "uid": "deny"},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"]},
    })
}
