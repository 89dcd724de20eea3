//! A server that can stop and come back, and clients of it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use ringfence_apiserver::api::{AdmitAll, Api, ApiConfig};
use ringfence_apiserver::permission::Account;
use ringfence_apiserver::server::{Identity, Server};
use serde_json::{Value, json};

use super::containers::ThisMachine;

/// How long anything may take, on a machine that has much else to do.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    api: Arc<Api>,
    identity: Identity,
    address: SocketAddr,
    server: Option<Server>,
}

impl Bench {
    /// A server with the namespace `default`.
    pub(crate) fn start() -> Self {
        let identity = Identity::generate(&["127.0.0.1"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut bench = Self {
            api: api(1_000),
            identity,
            address,
            server: None,
        };
        bench.serve(listener);
        bench
    }

    /// Cuts all connections, and accepts none.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }

    /// Goes on with the objects that there are.
    pub(crate) fn resume(&mut self) {
        let end = Instant::now() + LIMIT;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                // The one before is still on its way out.
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.serve(listener);
    }

    /// Another server takes the place, with nothing but namespaces, and with later revisions.
    pub(crate) fn begin_anew(&mut self) {
        self.stop();
        self.api = api(1_000_000);
        self.resume();
    }

    fn serve(&mut self, listener: TcpListener) {
        let (api, identity) = (Arc::clone(&self.api), self.identity.clone());
        let containers = Arc::new(ThisMachine);
        self.server = Some(Server::with_containers(api, containers, listener, identity).unwrap());
    }

    pub(crate) async fn client(&self) -> Client {
        client(&self.identity.kubeconfig("lab", &self.address.to_string())).await
    }

    /// Serves on with a token for `account`, and gives a client that has it.
    pub(crate) fn account(&mut self, account: Account) -> impl Future<Output = Client> + use<> {
        let token = self.identity.admit(account).unwrap();
        self.stop();
        self.resume();
        let address = self.address.to_string();
        let text = self.identity.kubeconfig_of(&token, "lab", &address);
        async move { client(&text).await }
    }

    /// Writes an object past all clients.
    pub(crate) fn record(&self, object: &Value) {
        record(&self.api, object);
    }
}

fn api(first_revision: u64) -> Arc<Api> {
    let config = ApiConfig {
        first_revision,
        ends_pods: true,
    };
    let api = Arc::new(Api::new(config, Box::new(AdmitAll)));
    for name in ["default", "other"] {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "uid": name}, "status": {"phase": "Active"},
        });
        record(&api, &namespace);
    }
    api
}

fn record(api: &Api, object: &Value) {
    let text = |key: &str| object[key].as_str().unwrap();
    let kind = api.kinds().of_object(text("apiVersion"), text("kind"));
    api.record(kind.unwrap(), object);
}

/// A ConfigMap that holds `value`.
pub(crate) fn map_value(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}},
        "data": {"value": value},
    })
}

pub(crate) fn map(name: &str, value: &str) -> ConfigMap {
    let mut object = map_value(name, value);
    object["metadata"]["uid"].take();
    serde_json::from_value(object).unwrap()
}

pub(crate) fn pod(name: &str) -> Pod {
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}], "nodeName": "n"},
    });
    serde_json::from_value(object).unwrap()
}

/// What the server refused with.
pub(crate) fn refusal<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String, String) {
    let error = result.unwrap_err();
    let kube::Error::Api(status) = error else {
        panic!("{error:?} is not an answer of the server");
    };
    (status.code, status.reason, status.message)
}

async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.unwrap()).unwrap()
}
