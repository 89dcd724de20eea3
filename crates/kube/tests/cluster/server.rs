//! The embedded API server, with objects in it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence_apiserver::api::{Admission, AdmitAll, Api, ApiConfig};
use ringfence_apiserver::server::{Identity, Server};
use ringfence_kube::Access;
use serde_json::{Value, json};

pub(crate) struct Bench {
    pub(crate) api: Arc<Api>,
    _server: Server,
    directory: tempfile::TempDir,
    address: String,
    kubeconfig: String,
}

impl Bench {
    pub(crate) fn start() -> Self {
        Self::start_with(Box::new(AdmitAll))
    }

    pub(crate) fn start_with(admission: Box<dyn Admission>) -> Self {
        let config = ApiConfig {
            first_revision: 1_000,
            ends_pods: false,
        };
        let api = Arc::new(Api::new(config, admission));
        let identity = Identity::generate(&["127.0.0.1"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let directory = tempfile::tempdir().unwrap();
        let kubeconfig = identity.kubeconfig("lab", &address);
        std::fs::write(directory.path().join("kubeconfig"), &kubeconfig).unwrap();
        let server = Server::start(Arc::clone(&api), listener, identity).unwrap();
        Self {
            api,
            _server: server,
            directory,
            address,
            kubeconfig,
        }
    }

    /// As [`Self::access`], at another address.
    pub(crate) fn access_through(&self, address: &str) -> Access {
        let text = self.kubeconfig.replace(&self.address, address);
        access(&self.file("through", &text))
    }

    /// Puts an object in, as it is.
    pub(crate) fn record(&self, object: &Value) {
        let text = |key: &str| object[key].as_str().unwrap();
        let kind = self.api.kinds().of_object(text("apiVersion"), text("kind"));
        self.api.record(kind.unwrap(), object);
    }

    /// What the server holds of the resource.
    pub(crate) fn stored(&self, resource: &str) -> Vec<Value> {
        let store = self.api.store();
        let objects = store.objects(resource);
        objects.map(|(_, object)| Value::clone(object)).collect()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn access(&self) -> Access {
        access(&self.directory.path().join("kubeconfig"))
    }
}

pub(crate) fn access(kubeconfig: &Path) -> Access {
    Access {
        kubeconfig: Some(kubeconfig.to_owned()),
        context: None,
    }
}

pub(crate) fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": "Running"},
    })
}
