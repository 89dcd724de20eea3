//! Pods that connections are tried from and to: made in a cluster, waited for, given commands, and removed.

mod error;
mod pod;
mod signals;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{AttachedProcess, DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use tokio::runtime::Runtime;

pub use error::ProbeError;

use crate::exec::{self, Ended, message};
use crate::snapshot::runtime;
use crate::{Access, ReadError};
use pod::Stage;

/// The label of every pod that is made here; its value tells runs apart.
pub const PROBE_LABEL: &str = "ringfence.dev/probe";
/// How long pods may take until they run, an image that is to be fetched included.
const START: Duration = Duration::from_secs(120);
/// Between two looks at pods that do not run yet.
const LOOK: Duration = Duration::from_millis(200);
/// Commands that run at the same time.
const AT_ONCE: usize = 16;
const NOT_FOUND: u16 = 404;

/// A pod that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbePod {
    /// Where; the namespace must be there.
    pub namespace: String,
    /// What policies are to see.
    pub labels: BTreeMap<String, String>,
    /// The ports that its container declares: name, number, and protocol as Kubernetes writes it.
    pub ports: Vec<(Option<String>, u16, String)>,
}

/// A pod that was made, and runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// All that it has, its own and what was added on the way.
    pub labels: BTreeMap<String, String>,
    /// Its addresses, one of each family that the cluster has.
    pub addresses: Vec<IpAddr>,
    /// Where it runs.
    pub node: Option<String>,
}

/// Pods of one run. Whoever makes them removes them; before the process ends by a signal that it may hear they are removed as well.
pub struct ProbePods {
    runtime: Runtime,
    client: Client,
    /// For commands, which may be silent for long.
    streams: Client,
    context: String,
    image: String,
    run: String,
    /// Namespaces by name, with their `metadata.uid`.
    namespaces: BTreeMap<String, String>,
    made: Made,
    /// What serves in pods until they go.
    servers: Vec<AttachedProcess>,
}

/// Namespace and name of pods that may be there; whoever holds it is the only one who makes or removes them.
#[derive(Clone, Debug, Default)]
struct Made(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Made {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a pod was not made, and whether it may be there all the same.
enum NotMade {
    Surely(ProbeError),
    Perhaps(ProbeError),
}

impl NotMade {
    fn into_error(self) -> ProbeError {
        match self {
            Self::Surely(error) | Self::Perhaps(error) => error,
        }
    }
}

impl std::fmt::Debug for ProbePods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProbePods")
            .field("context", &self.context)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl ProbePods {
    /// Reaches the cluster that `access` names; pods are made of `image`, which holds `/agnhost`. Nothing is made yet. From
    /// now on a signal that ends the process removes what was made before; `tell` hears of what could not be removed then.
    ///
    /// # Errors
    /// No cluster is meant, it cannot be asked, or its namespaces may not be listed.
    pub fn reach(access: &Access, image: &str, tell: fn(&ProbeError)) -> Result<Self, ProbeError> {
        let runtime = runtime()?;
        let target = runtime.block_on(access.target()).map_err(ReadError::from)?;
        let mut patient = target.config.clone();
        patient.read_timeout = None;
        let entered = runtime.enter();
        let client = Client::try_from(target.config.clone()).map_err(ProbeError::client)?;
        let streams = Client::try_from(patient).map_err(ProbeError::client)?;
        drop(entered);
        let made = Made::default();
        signals::remove_at_the_end(&made, target.config, tell)?;
        let namespaces = runtime.block_on(namespaces(&client))?;
        let random = RandomState::new().hash_one(std::process::id());
        Ok(Self {
            runtime,
            client,
            streams,
            context: target.context,
            image: image.to_owned(),
            run: format!("{:08x}", random >> 32),
            namespaces,
            made,
            servers: Vec::new(),
        })
    }

    /// Whether the cluster had the namespace at the start, and did not end it.
    #[must_use]
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains_key(name)
    }

    /// Makes the pods of `wanted` and waits until they run; they come in the same order.
    ///
    /// # Errors
    /// The cluster takes one of them not, or it does not start.
    pub fn make(&mut self, wanted: &[ProbePod]) -> Result<Vec<RunningPod>, ProbeError> {
        let mut made = self.made.lock();
        let first = made.len();
        let numbered = wanted.iter().zip(first..);
        let named =
            numbered.map(|(pod, number)| (pod, format!("ringfence-probe-{}-{number}", self.run)));
        let named: Vec<(&ProbePod, String)> = named.collect();
        // Before they are asked for: a request whose answer is lost may have been carried out.
        made.extend(
            named
                .iter()
                .map(|(pod, name)| (pod.namespace.clone(), name.clone())),
        );
        let created = self.runtime.block_on(join_all(
            named.iter().map(|(pod, name)| self.create(pod, name)),
        ));
        for ((pod, name), created) in named.iter().zip(&created) {
            if matches!(created, Err(NotMade::Surely(_))) {
                made.remove(&(pod.namespace.clone(), name.clone()));
            }
        }
        drop(made);
        let created = created.into_iter().collect::<Result<Vec<()>, NotMade>>();
        created.map_err(NotMade::into_error)?;
        self.runtime.block_on(self.started(&named))
    }

    async fn create(&self, wanted: &ProbePod, name: &str) -> Result<(), NotMade> {
        let refused = |message| ProbeError::Refused {
            namespace: wanted.namespace.clone(),
            message,
        };
        let never = |message| NotMade::Surely(refused(message));
        let absent = || never("there is no such namespace".to_owned());
        let owner = self.namespaces.get(&wanted.namespace).ok_or_else(absent)?;
        let pod = pod::manifest(wanted, name, &self.run, &self.image, owner);
        let pod = serde_json::from_value(pod).map_err(|error| never(error.to_string()))?;
        let created = self
            .api(&wanted.namespace)
            .create(&PostParams::default(), &pod)
            .await;
        created.map(drop).map_err(|error| {
            let is_no = matches!(&error, kube::Error::Api(status) if is_refusal(status.code));
            let refused = refused(message(error));
            if is_no {
                NotMade::Surely(refused)
            } else {
                NotMade::Perhaps(refused)
            }
        })
    }

    async fn started(&self, named: &[(&ProbePod, String)]) -> Result<Vec<RunningPod>, ProbeError> {
        let until = Instant::now() + START;
        let namespaces: BTreeSet<&str> = named
            .iter()
            .map(|(pod, _)| pod.namespace.as_str())
            .collect();
        loop {
            let mut stages: BTreeMap<(String, String), Stage> = BTreeMap::new();
            for namespace in &namespaces {
                stages.extend(self.stages(namespace).await?);
            }
            let mut running = Vec::new();
            let mut late = None;
            for (pod, name) in named {
                match stages.remove(&(pod.namespace.clone(), name.clone())) {
                    Some(Stage::Running(pod)) => running.push(pod),
                    Some(Stage::Starting(reason)) if Instant::now() < until => late = Some(reason),
                    Some(Stage::Starting(reason) | Stage::Stuck(reason)) => {
                        return Err(ProbeError::not_started(&pod.namespace, name, reason));
                    }
                    None => {
                        let reason = "somebody removed it".to_owned();
                        return Err(ProbeError::not_started(&pod.namespace, name, reason));
                    }
                }
            }
            if late.is_none() {
                return Ok(running);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How far the pods of this run are.
    async fn stages(&self, namespace: &str) -> Result<Vec<((String, String), Stage)>, ProbeError> {
        let own = ListParams::default().labels(&format!("{PROBE_LABEL}={}", self.run));
        let listed = self.api(namespace).list(&own).await;
        let listed = listed.map_err(|error| ProbeError::Unseen {
            namespace: namespace.to_owned(),
            message: message(error),
        })?;
        let stages = listed.items.into_iter().map(|pod| {
            let name = pod.metadata.name.clone().unwrap_or_default();
            ((namespace.to_owned(), name), pod::stage(pod))
        });
        Ok(stages.collect())
    }

    /// Runs each command in its pod, some at the same time; what came of them is in the same order. A command that did not
    /// end within `limit`, or was not started, is an error of its own.
    #[must_use]
    pub fn run(
        &self,
        commands: &[(&RunningPod, Vec<String>)],
        limit: Duration,
    ) -> Vec<Result<Ended, String>> {
        let work = commands.iter().map(|(pod, command)| {
            let api = self.commands(&pod.namespace);
            async move {
                let ended = tokio::time::timeout(
                    limit,
                    exec::run(&api, (&pod.name, pod::CONTAINER), command),
                )
                .await;
                ended.unwrap_or_else(|_| {
                    Err(format!(
                        "pod {}/{} gave no answer in time",
                        pod.namespace, pod.name
                    ))
                })
            }
        });
        let work: Vec<_> = work.collect();
        self.runtime
            .block_on(stream::iter(work).buffered(AT_ONCE).collect())
    }

    /// Starts a command in `pod` that goes on until the pod is removed.
    ///
    /// # Errors
    /// It was not started, with the reason.
    pub fn serve(&mut self, pod: &RunningPod, command: &[String]) -> Result<(), String> {
        let api = self.commands(&pod.namespace);
        let serving =
            self.runtime
                .block_on(exec::start(&api, (&pod.name, pod::CONTAINER), command))?;
        self.servers.push(serving);
        Ok(())
    }

    fn api(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn commands(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.streams.clone(), namespace)
    }

    /// Removes every pod of this run.
    ///
    /// # Errors
    /// Names those that may still be there.
    pub fn remove(&mut self) -> Result<(), ProbeError> {
        self.servers.clear();
        let mut made = self.made.lock();
        self.runtime.block_on(remove(&self.client, &mut made))
    }
}

/// Whether a server that answers so has made nothing: of a name that is taken (409) or of a time that is over (408) it is not said.
const fn is_refusal(code: u16) -> bool {
    matches!(code, 400..500) && !matches!(code, 408 | 409)
}

/// Removes the pods of `made`, and forgets those that are gone.
async fn remove(client: &Client, made: &mut BTreeSet<(String, String)>) -> Result<(), ProbeError> {
    let at_once = DeleteParams::default().grace_period(0);
    let removed = join_all(made.iter().map(|(namespace, name)| {
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let at_once = &at_once;
        async move {
            match api.delete(name, at_once).await {
                Ok(_) => None,
                Err(kube::Error::Api(status)) if status.code == NOT_FOUND => None,
                Err(error) => Some(((namespace.clone(), name.clone()), message(error))),
            }
        }
    }));
    let left: Vec<((String, String), String)> = removed.await.into_iter().flatten().collect();
    made.clear();
    let message = left.first().map(|(_, message)| message.clone());
    made.extend(left.into_iter().map(|(name, _)| name));
    message.map_or(Ok(()), |message| Err(ProbeError::left(made, message)))
}

async fn namespaces(client: &Client) -> Result<BTreeMap<String, String>, ProbeError> {
    let all: Api<Namespace> = Api::all(client.clone());
    let listed = all.list_metadata(&ListParams::default()).await;
    let listed = listed.map_err(|error| ProbeError::Namespaces(message(error)))?;
    let lasting = listed.items.into_iter().map(|found| found.metadata);
    let lasting = lasting.filter(|found| found.deletion_timestamp.is_none());
    Ok(lasting
        .filter_map(|found| Some((found.name?, found.uid?)))
        .collect())
}
