//! What a kubelet does: runs the pods of the store that have a node, ends those that are to end, and says how they are.

mod ephemeral;
mod events;
mod record;
mod service_links;
mod status;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ringfence_apiserver::object::{at, is_terminating, text, uid};
use ringfence_controllers::Verb;
use ringfence_model::{Object, ObjectName};
use serde_json::Value;

use super::api::{pod_name, typed};
use super::{Lab, PodId, PodRecord, pods, programs};
use crate::cluster::desired::{DesiredPod, Program};
use crate::cluster::details::{Facts, PodDetails};
use crate::cluster::images::use_image;
use crate::cluster::system;
use crate::cluster::workloads::{Objects, desired_pod};

pub(super) use events::{Normal, Warning};
use service_links::service_variables;

/// Who writes the status of pods.
const MANAGER: &str = "kubelet";
/// How long nothing may change before pods are looked at again, for those that wait for something.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a pod whose containers cannot be made is left alone.
const POSTPONED: Duration = Duration::from_secs(2);
/// Why a container is not even made.
const CONFIG_ERROR: &str = "CreateContainerConfigError";

/// Looks after the pods of `lab`, for as long as it lives.
///
/// # Errors
/// If there is no thread for it.
pub(super) fn start(lab: &Arc<Lab>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot wait for changes")?;
    let lab = Arc::clone(lab);
    let mut revisions = lab.api.revisions();
    let look = move || {
        runtime.block_on(async {
            loop {
                revisions.borrow_and_update();
                lab.look_after_pods();
                let changed = async {
                    tokio::select! {
                        changed = revisions.changed() => drop(changed),
                        () = lab.look_again.notified() => {}
                    }
                };
                let _ = tokio::time::timeout(PAUSE, changed).await;
            }
        });
    };
    let thread = std::thread::Builder::new().name("kubelet".to_owned());
    thread.spawn(look).context("cannot start the kubelet")?;
    Ok(())
}

/// What is due for a pod.
enum Due {
    Start(PodId, Arc<Value>),
    End(PodId),
    /// Containers are to be added to it.
    Add(PodId, Arc<Value>),
    /// It never ran here, and goes.
    Forget(Arc<Value>),
}

impl Lab {
    fn look_after_pods(self: &Arc<Self>) {
        let stored = self.stored("pods");
        for due in self.due(&stored) {
            match due {
                Due::Start(pod, document) => self.begin(pod, &document),
                Due::End(pod) => {
                    let lab = Arc::clone(self);
                    std::thread::spawn(move || pods::end(&lab, &pod));
                }
                Due::Add(pod, document) => self.add_ephemeral(&pod, &document),
                Due::Forget(document) => self.remove_pod(&document),
            }
        }
        let dns = system::dns_pod_name();
        if !stored.iter().any(|pod| pod_name(pod) == dns) {
            self.make_dns_pod();
        }
    }

    /// Tells the API that a pod has ended.
    pub(super) fn remove_pod(&self, document: &Value) {
        if let Err(refusal) = self.remove(document.clone(), MANAGER)
            && refusal.code != 404
        {
            tracing::warn!("a pod that has ended stays: {refusal}");
        }
    }

    /// The pod of the cluster's DNS is no controller's: whoever deletes it gets another one.
    fn make_dns_pod(&self) {
        let pod = system::dns_pod(&self.config.cluster);
        if let Err(error) = self.write(Verb::Create, pod, MANAGER) {
            tracing::warn!("the DNS server's pod cannot be made: {error}");
        }
    }

    fn due(&self, stored: &[Arc<Value>]) -> Vec<Due> {
        let mut state = self.lock();
        state.postponed.retain(|_, until| *until > Instant::now());
        let mut due = Vec::new();
        for document in stored {
            let name = pod_name(document);
            let known = state.pods.get(&name).map(|record| record.uid.as_str());
            match known {
                Some(known) if known == uid(document) && !is_terminating(document) => {
                    let record = state.pods.get(&name);
                    if record.is_some_and(|record| ephemeral::lacks(record, document)) {
                        let uid = uid(document).to_owned();
                        due.push(Due::Add(PodId { name, uid }, Arc::clone(document)));
                    }
                }
                Some(_) => {
                    let record = state.pods.get_mut(&name);
                    due.extend(record.and_then(|record| ending(&name, record)));
                }
                None if is_terminating(document) => due.push(Due::Forget(Arc::clone(document))),
                None if state.postponed.contains_key(uid(document)) => {}
                None if is_to_run(document) => {
                    let uid = uid(document).to_owned();
                    due.push(Due::Start(PodId { name, uid }, Arc::clone(document)));
                }
                None => {}
            }
        }
        let is_stored = |name: &ObjectName| stored.iter().any(|pod| pod_name(pod) == *name);
        for (name, record) in &mut state.pods {
            if !is_stored(name) {
                due.extend(ending(name, record));
            }
        }
        drop(state);
        due
    }

    /// Takes note of a pod and starts it in a thread of its own. One whose variables refer to what is not there waits.
    fn begin(self: &Arc<Self>, pod: PodId, document: &Value) {
        match self.desired(document, &[]) {
            Ok(desired) => {
                let record = PodRecord::new(pod.uid.clone(), desired);
                self.lock().pods.insert(pod.name.clone(), record);
                let lab = Arc::clone(self);
                std::thread::spawn(move || pods::run(&lab, &pod));
            }
            Err(error) => {
                let message = format!("{error:#}");
                self.tell_waiting(document, CONFIG_ERROR, &message);
                self.event(&pod, Warning("Failed"), &format!("Error: {message}"));
                let until = Instant::now() + POSTPONED;
                self.lock().postponed.insert(pod.uid, until);
            }
        }
    }

    /// What runs for a pod of the store that has these addresses.
    pub(super) fn desired(
        &self,
        document: &Value,
        addresses: &[IpAddr],
    ) -> anyhow::Result<DesiredPod> {
        let Some(Object::Pod(mut manifest)) = typed(document) else {
            anyhow::bail!("the pod cannot be read");
        };
        if let Some(node) = &manifest.pod.node {
            manifest.pod.host_addresses = self.node_addresses(node);
        }
        manifest.pod.addresses.clear();
        let name = &manifest.pod.name;
        let facts = self.facts(name, addresses);
        let mut pod = desired_pod(&self.referable(&name.namespace), &manifest, &facts)?;
        pod.details = PodDetails::of(document);
        let is_dns = pod.pod.name == system::dns_pod_name();
        for container in pod.init.iter_mut().chain(&mut pod.containers) {
            let own = std::mem::replace(&mut container.program, Program::Dns);
            // Who debugs the pod is no server, and must get no questions.
            let is_server = system::DNS_SERVERS.contains(&container.name.as_str());
            if !(is_dns && is_server) {
                container.program = programs::resolve(own);
            }
            container.details = pod.details.container(&container.name);
            if let Some(image) = self.images.find(&container.image).filter(|_| !is_server) {
                use_image(container, image);
            }
        }
        Ok(pod)
    }

    /// What is known of a pod with these addresses.
    pub(super) fn facts(&self, name: &ObjectName, addresses: &[IpAddr]) -> Facts {
        let Some(stored) = self.stored_pod(name) else {
            return Facts::default();
        };
        let texts = |list: &[IpAddr]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let hosts = self.node_addresses(text(&stored, &["spec", "nodeName"]));
        let mut facts = Facts::of(&stored, &texts(addresses), &texts(&hosts));
        if at(&stored, &["spec", "enableServiceLinks"]) != Some(&Value::Bool(false)) {
            facts.services = service_variables(&self.stored("services"), &name.namespace);
        }
        facts
    }

    /// What variables of pods in a namespace may refer to.
    pub(super) fn referable(&self, namespace: &str) -> Objects {
        let stored = ["secrets", "configmaps"].map(|resource| self.stored(resource));
        let inside = stored
            .iter()
            .flatten()
            .filter(|object| text(object, &["metadata", "namespace"]) == namespace);
        let objects = inside.filter_map(|object| typed(object));
        objects.map(|object| (object.key(), object)).collect()
    }
}

/// Once.
fn ending(name: &ObjectName, record: &mut PodRecord) -> Option<Due> {
    let pod = PodId {
        name: name.clone(),
        uid: record.uid.clone(),
    };
    (!std::mem::replace(&mut record.ending, true)).then_some(Due::End(pod))
}

/// One that has ended before it was seen is not run again.
fn is_to_run(pod: &Value) -> bool {
    let ended = matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed");
    !text(pod, &["spec", "nodeName"]).is_empty() && !ended
}
