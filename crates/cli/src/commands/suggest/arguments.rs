use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use ipnet::IpNet;
use ringfence_reach::suggest::{IngressFrom, Options};

use crate::inputs::manifests::ManifestArguments;
use crate::output::output_formats;

/// The examples under the help of `suggest`.
pub(crate) const EXAMPLES: &str =
    "Exit code: 0 complete, 1 something is left for a human to decide or not least, 2 bad input.

Examples:
  ringfence suggest -f manifests/ > policies.yaml
  ringfence suggest -f manifests/ --output-dir policies/
  ringfence suggest --context prod --only shop
  ringfence suggest -f manifests/ --keep --only shop
  ringfence suggest -f manifests/ --ingress-from ingress-nginx --api-server 10.0.0.1:6443
  helm template ./chart | ringfence suggest -f - -o text";

#[derive(Debug, Args)]
pub(crate) struct SuggestArguments {
    #[command(flatten)]
    pub(super) manifests: ManifestArguments,
    /// Leave the existing NetworkPolicies and suggest what is missing beside them, instead of a set that stands alone
    #[arg(long)]
    keep: bool,
    /// Suggest for this namespace alone; may be repeated. All but kube-system, kube-public and kube-node-lease without
    #[arg(long, value_name = "NAMESPACE")]
    only: Vec<String>,
    /// The pods that bring connections to Ingresses and routes, if the manifests do not tell; may be repeated
    #[arg(long, value_name = "NAMESPACE[/WORKLOAD]")]
    ingress_from: Vec<Bringer>,
    /// Where the API server is, if the manifests do not tell; port 6443 if none is given; may be repeated
    #[arg(long, value_name = "ADDRESS|CIDR[:PORT]")]
    api_server: Vec<ApiServer>,
    /// What the names of the cluster's Services end with
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    cluster_domain: String,
    /// Write a file for each namespace into this directory, and no policies to standard output
    #[arg(long, value_name = "DIR")]
    pub(super) output_dir: Option<PathBuf>,
    /// Overwrite files that say something else
    #[arg(long, requires = "output_dir")]
    pub(super) force: bool,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = SuggestFormat::Yaml)]
    pub(super) output: SuggestFormat,
}

output_formats!(SuggestFormat {
    Yaml,
    Text,
    Json,
    Markdown,
});

impl SuggestArguments {
    pub(super) fn options(&self) -> Options {
        Options {
            keep: self.keep,
            only: self.only.iter().cloned().collect(),
            default_namespace: self.manifests.options.namespace.clone(),
            cluster_domain: self.cluster_domain.trim_matches('.').to_owned(),
            api_server: self.api_server.iter().map(|found| found.0).collect(),
            ingress_from: self
                .ingress_from
                .iter()
                .map(|found| found.0.clone())
                .collect(),
        }
    }
}

/// `--ingress-from`
#[derive(Clone, Debug)]
struct Bringer(IngressFrom);

impl FromStr for Bringer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, workload) = match text.split_once('/') {
            None => (text, None),
            Some((namespace, workload)) => (namespace, Some(workload)),
        };
        let bad = |name: &str| name.is_empty() || name.contains(['/', ' ']);
        if bad(namespace) || workload.is_some_and(bad) {
            return Err("write a namespace, or a namespace and a workload, such as `ingress-nginx/controller`".to_owned());
        }
        Ok(Self(IngressFrom {
            namespace: namespace.to_owned(),
            workload: workload.map(str::to_owned),
        }))
    }
}

/// `--api-server`
#[derive(Clone, Copy, Debug)]
struct ApiServer((IpNet, u16));

/// The port of API servers if none is written.
const PORT: u16 = 6443;

impl FromStr for ApiServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write an address or block and a port, such as `10.0.0.1:6443`".to_owned();
        if let Some(block) = block(text) {
            return Ok(Self((block, PORT)));
        }
        let (address, port) = text.rsplit_once(':').ok_or_else(form)?;
        let address = address.trim_start_matches('[').replacen(']', "", 1);
        let port = port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(form)?;
        Ok(Self((block(&address).ok_or_else(form)?, port)))
    }
}

fn block(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse::<IpNet>())
        .ok()
        .map(|block| block.trunc())
}
