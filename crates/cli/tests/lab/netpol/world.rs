//! Nine pods in three namespaces, each behind a Service, as upstream's suite makes them, through the client of kube-rs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{AttachParams, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::scenarios::Step;
use super::table::{PODS, Table, pairs};

/// Connections that are tried at a time, as many as upstream's suite tries three at a time with processes of its own.
const AT_A_TIME: usize = 40;

/// What is called `x`, `y` and `z` in scenarios.
pub(super) struct Names {
    lane: usize,
    addresses: BTreeMap<&'static str, IpAddr>,
}

impl Names {
    pub(super) fn real(&self, namespace: &str) -> String {
        format!("{namespace}-{}", self.lane)
    }

    /// A selector for a namespace by its name.
    pub(super) fn is(&self, namespace: &str) -> Value {
        json!({"matchLabels": {"kubernetes.io/metadata.name": self.real(namespace)}})
    }

    /// The peers that are all pods of a namespace.
    pub(super) fn from(&self, namespace: &str) -> Value {
        json!([{"namespaceSelector": self.is(namespace)}])
    }

    /// The address of `namespace/pod` as a block.
    pub(super) fn block(&self, pod: &str) -> String {
        format!("{}/32", self.addresses[pod])
    }

    /// What the lab gives addresses from.
    pub(super) const fn all_pods() -> &'static str {
        "10.244.0.0/16"
    }

    /// The namespace and the name of `namespace/pod`.
    fn of<'a>(&self, pod: &'a str) -> (String, &'a str) {
        let (namespace, name) = pod.split_once('/').unwrap();
        (self.real(namespace), name)
    }
}

/// Nine pods of one scenario at a time.
pub(super) struct World {
    client: Client,
    pub(super) names: Names,
    /// The address of each pod's Service.
    services: BTreeMap<&'static str, String>,
}

impl World {
    /// The namespaces, pods and Services of `lane`, when every server answers.
    pub(super) async fn new(client: Client, lane: usize) -> Self {
        let names = Names {
            lane,
            addresses: BTreeMap::new(),
        };
        let mut world = Self {
            client,
            names,
            services: BTreeMap::new(),
        };
        for namespace in ["x", "y", "z"] {
            let metadata = json!({"name": world.names.real(namespace)});
            let all: Api<Namespace> = Api::all(world.client.clone());
            create(&all, json!({"metadata": metadata})).await;
        }
        for pod in PODS {
            world.make(pod).await;
        }
        for pod in PODS {
            let address = world.address(pod).await;
            world.names.addresses.insert(pod, address);
            let (namespace, name) = world.names.of(pod);
            let services = world.api::<Service>(&namespace);
            let service = services.get(&format!("s-{name}")).await.unwrap();
            let address = service.spec.unwrap().cluster_ip.unwrap();
            world.services.insert(pod, address);
        }
        world
    }

    async fn make(&self, pod: &str) {
        let (namespace, name) = self.names.of(pod);
        create(&self.api::<Pod>(&namespace), manifest(name)).await;
        create(&self.api::<Service>(&namespace), service(name)).await;
    }

    /// The pod's address, when it is ready.
    async fn address(&self, pod: &str) -> IpAddr {
        let (namespace, name) = self.names.of(pod);
        let pods = self.api::<Pod>(&namespace);
        for _ in 0..300 {
            let status = pods.get(name).await.unwrap().status.unwrap_or_default();
            let mut conditions = status.conditions.iter().flatten();
            if conditions.any(|one| one.type_ == "Ready" && one.status == "True") {
                return status.pod_ip.unwrap().parse().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{namespace}/{name} does not become ready");
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Carries `step` out. What was found if that is not as expected.
    pub(super) async fn take(&self, step: Step) -> Result<(), String> {
        match step {
            Step::Policy(namespace, name, spec) => self.write(namespace, name, spec).await,
            Step::Remove(namespace, name) => {
                let policies: Api<NetworkPolicy> = self.api(&self.names.real(namespace));
                policies
                    .delete(name, &DeleteParams::default())
                    .await
                    .unwrap();
            }
            Step::Label(object, key, value) => self.label(object, key, json!(value)).await,
            Step::Expect(port, expected) => return self.expect(port, &expected).await,
        }
        Ok(())
    }

    async fn write(&self, namespace: &str, name: &str, spec: Value) {
        let policies: Api<NetworkPolicy> = self.api(&self.names.real(namespace));
        let mut policy: NetworkPolicy = read(json!({"metadata": {"name": name}, "spec": spec}));
        let written = match policies.get_opt(name).await.unwrap() {
            None => policies.create(&PostParams::default(), &policy).await,
            Some(known) => {
                policy.metadata.resource_version = known.metadata.resource_version;
                policies
                    .replace(name, &PostParams::default(), &policy)
                    .await
            }
        };
        written.unwrap();
    }

    async fn label(&self, object: &str, key: &str, value: Value) {
        let patch = Patch::Merge(json!({"metadata": {"labels": {key: value}}}));
        let parameters = PatchParams::default();
        if object.contains('/') {
            let (namespace, name) = self.names.of(object);
            let pods = self.api::<Pod>(&namespace);
            pods.patch(name, &parameters, &patch).await.map(drop)
        } else {
            let all: Api<Namespace> = Api::all(self.client.clone());
            let name = self.names.real(object);
            all.patch(&name, &parameters, &patch).await.map(drop)
        }
        .unwrap();
    }

    /// Takes back what `steps` have done.
    pub(super) async fn clear(&self, labels: &[(&'static str, &'static str)]) {
        for namespace in ["x", "y", "z"] {
            let policies: Api<NetworkPolicy> = self.api(&self.names.real(namespace));
            let (how, which) = (DeleteParams::default(), ListParams::default());
            policies.delete_collection(&how, &which).await.unwrap();
        }
        for (object, key) in labels {
            self.label(object, key, Value::Null).await;
        }
    }

    /// Tries every pair by the destination's Service. As in upstream's suite what is not as expected is tried once more.
    async fn expect(&self, port: &str, expected: &Table) -> Result<(), String> {
        let first = self.tried(port, pairs()).await;
        let differs =
            |(pair, opens): &((&'static str, &'static str), bool)| expected.opens(*pair) != *opens;
        let again: Vec<_> = first
            .iter()
            .filter(|one| differs(one))
            .map(|(pair, _)| *pair)
            .collect();
        let again = self.tried(port, again.into_iter()).await;
        let found = Table::of(first.into_iter().chain(again));
        if found == *expected {
            return Ok(());
        }
        Err(format!("{port}: expected\n{expected}found\n{found}"))
    }

    async fn tried(
        &self,
        port: &str,
        pairs: impl Iterator<Item = (&'static str, &'static str)>,
    ) -> Vec<((&'static str, &'static str), bool)> {
        stream::iter(pairs)
            .map(|pair| async move { Ok::<_, String>((pair, self.connects(pair, port).await?)) })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
            .unwrap()
    }

    /// Whether `connect` in the source's first container says so. Policies drop: whoever is denied hears nothing.
    async fn connects(&self, (from, to): (&str, &str), port: &str) -> Result<bool, String> {
        let (namespace, name) = self.names.of(from);
        let (protocol, number) = port.split_once('/').unwrap();
        let target = format!("{}:{number}", self.services[to]);
        let protocol = format!("--protocol={protocol}");
        let command = ["/agnhost", "connect", &target, "--timeout=1s", &protocol];
        let parameters = AttachParams::default()
            .container("serve-80-tcp")
            .stdout(false);
        let pods = self.api::<Pod>(&namespace);
        let process = pods.exec(name, command, &parameters).await;
        let mut process = process.map_err(|error| format!("{from} to {to}: {error}"))?;
        let ended = process.take_status().unwrap();
        let mut said = String::new();
        process
            .stderr()
            .unwrap()
            .read_to_string(&mut said)
            .await
            .unwrap();
        let status = ended.await.ok_or("no status")?;
        match (status.status.as_deref(), said.trim()) {
            (Some("Success"), "") => Ok(true),
            (Some("Failure"), "TIMEOUT") => Ok(false),
            (status, said) => Err(format!("{from} to {to} {port}: {status:?}, {said}")),
        }
    }
}

/// A server for each port and protocol, and a name for each port.
fn manifest(name: &str) -> Value {
    let containers: Vec<Value> = servers().map(|(protocol, port)| {
        let ports = json!([{"containerPort": port, "name": format!("serve-{port}-{protocol}"), "protocol": protocol.to_uppercase()}]);
        json!({
            "name": format!("serve-{port}-{protocol}"),
            "image": "registry.k8s.io/e2e-test-images/agnhost:2.47",
            "command": ["/agnhost"],
            "args": ["serve-hostname", format!("--{protocol}"), "--http=false", "--port", port.to_string()],
            "ports": ports,
        })
    }).collect();
    json!({
        "metadata": {"name": name, "labels": {"pod": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": containers},
    })
}

fn service(pod: &str) -> Value {
    let ports = servers().map(|(protocol, port)| json!({"name": format!("{protocol}-{port}"), "port": port, "protocol": protocol.to_uppercase()}));
    json!({
        "metadata": {"name": format!("s-{pod}")},
        "spec": {"selector": {"pod": pod}, "ports": ports.collect::<Vec<_>>()},
    })
}

fn servers() -> impl Iterator<Item = (&'static str, u16)> {
    [("tcp", 80), ("udp", 80), ("tcp", 81), ("udp", 81)].into_iter()
}

async fn create<K>(api: &Api<K>, object: Value) -> K
where
    K: Clone + std::fmt::Debug + DeserializeOwned + serde::Serialize,
{
    api.create(&PostParams::default(), &read(object))
        .await
        .unwrap()
}

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}
