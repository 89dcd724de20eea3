//! Which cluster is meant, and with whose credentials: what a kubeconfig says, or a pod's own account.

mod error;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use kube::Config;
use kube::config::{AuthInfo, Context, KubeConfigOptions, Kubeconfig, KubeconfigError};

pub use error::AccessError;

use crate::snapshot::{ReadError, runtime};

/// A server that does not answer the connection for so long is given up.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// Set in every pod.
const SERVICE_HOST: &str = "KUBERNETES_SERVICE_HOST";
const IN_CLUSTER: &str = "in-cluster";

/// Where a cluster is named, as with `kubectl --kubeconfig FILE --context NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The file; without it those of `$KUBECONFIG`, else `~/.kube/config`, else the account of the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; without it the current one.
    pub context: Option<String>,
}

/// What is needed to connect.
#[derive(Debug)]
pub(crate) struct Target {
    /// The context's name; of a pod's own cluster `in-cluster`.
    pub(crate) context: String,
    pub(crate) config: Config,
}

impl Access {
    /// Finds out what is meant, and says so: the context and the address of the server. Nothing is sent.
    ///
    /// # Errors
    /// As [`read`](crate::read()), before the server is asked.
    pub fn describe(&self) -> Result<String, ReadError> {
        let Target { context, config } = runtime()?.block_on(self.target())?;
        Ok(format!("context `{context}` at {}", config.cluster_url))
    }

    /// Finds out what is meant.
    pub(crate) async fn target(&self) -> Result<Target, AccessError> {
        let Some(kubeconfig) = self.kubeconfig()? else {
            return in_cluster();
        };
        let name = self.chosen(&kubeconfig)?;
        check(&kubeconfig, &name)?;
        let options = KubeConfigOptions {
            context: Some(name.clone()),
            ..KubeConfigOptions::default()
        };
        match Config::from_custom_kubeconfig(kubeconfig, &options).await {
            Ok(config) => Ok(Target::new(name, config)),
            Err(error) => Err(AccessError::unusable(name, error)),
        }
    }

    /// `None` in a pod without a kubeconfig.
    fn kubeconfig(&self) -> Result<Option<Kubeconfig>, AccessError> {
        let read = match &self.kubeconfig {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        match read {
            Ok(found) => Ok(Some(found)),
            Err(error) if self.kubeconfig.is_none() && is_absent(&error) => {
                let is_pod = std::env::var_os(SERVICE_HOST).is_some();
                let may_be_meant = is_pod && self.context.is_none();
                may_be_meant
                    .then_some(None)
                    .ok_or(AccessError::NoKubeconfig)
            }
            Err(error) => Err(AccessError::unread(self.kubeconfig.clone(), error)),
        }
    }

    /// The context that is meant, if it is there.
    fn chosen(&self, kubeconfig: &Kubeconfig) -> Result<String, AccessError> {
        let current = kubeconfig.current_context.as_ref();
        let named = self.context.as_ref().or(current);
        let known = || {
            let names = kubeconfig.contexts.iter().map(|found| found.name.clone());
            names.collect::<Vec<_>>()
        };
        let Some(name) = named.filter(|name| !name.is_empty()) else {
            return Err(AccessError::NoContext { known: known() });
        };
        if known().contains(name) {
            return Ok(name.clone());
        }
        Err(AccessError::UnknownContext {
            context: name.clone(),
            known: known(),
        })
    }
}

impl Target {
    /// Of proxies only the kubeconfig's own is asked about before: those of the environment are for other programs.
    fn new(context: String, mut config: Config) -> Self {
        config.proxy_url = None;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
        Self { context, config }
    }
}

fn is_absent(error: &KubeconfigError) -> bool {
    if let KubeconfigError::ReadConfig(error, _) = error {
        return error.kind() == ErrorKind::NotFound;
    }
    matches!(error, KubeconfigError::FindPath)
}

fn in_cluster() -> Result<Target, AccessError> {
    let config = Config::incluster().map_err(AccessError::InCluster)?;
    Ok(Target::new(IN_CLUSTER.to_owned(), config))
}

/// Refuses what would start a program, and what is not there.
fn check(kubeconfig: &Kubeconfig, name: &str) -> Result<(), AccessError> {
    let context = kubeconfig.contexts.iter().find(|found| found.name == name);
    let context = context.and_then(|found| found.context.as_ref());
    let incomplete = |missing| AccessError::Incomplete {
        context: name.to_owned(),
        missing,
    };
    let context = context.ok_or_else(|| incomplete("content".to_owned()))?;
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = clusters.find(|found| found.name == context.cluster);
    let cluster = cluster.and_then(|found| found.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| incomplete(format!("cluster `{}`", context.cluster)))?;
    if cluster
        .proxy_url
        .as_ref()
        .is_some_and(|url| !url.is_empty())
    {
        return Err(AccessError::Proxy {
            context: name.to_owned(),
        });
    }
    user(kubeconfig, context).map_or(Ok(()), |user| no_program(name, user))
}

fn user<'a>(kubeconfig: &'a Kubeconfig, context: &Context) -> Option<&'a AuthInfo> {
    let name = context.user.as_ref()?;
    let mut users = kubeconfig.auth_infos.iter();
    users.find(|found| found.name == *name)?.auth_info.as_ref()
}

fn no_program(context: &str, user: &AuthInfo) -> Result<(), AccessError> {
    let provider = user.auth_provider.as_ref();
    let program = match (&user.exec, provider) {
        (Some(exec), _) => format!("program `{}`", exec.command.as_deref().unwrap_or_default()),
        (None, Some(provider)) => format!("provider `{}`", provider.name),
        (None, None) => return Ok(()),
    };
    Err(AccessError::Program {
        context: context.to_owned(),
        program,
    })
}
