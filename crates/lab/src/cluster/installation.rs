//! What the chart installs, for the nodes of a lab: the objects that `deploy/lab.yaml` has, the settings and the command of the
//! agent. Only blocks and sizes are the lab's own, as an operator's values are a cluster's.

use anyhow::Context as _;
use ipnet::IpNet;
use ringfence_apiserver::object::{at, items, name, namespace, text};
use ringfence_apiserver::permission::Account;
use ringfence_compile::Record;
use ringfence_model::{Input, read_json};
use serde_json::{Value, json};

/// The chart with `deploy/values-lab.yaml`, by `deploy/render`.
const RENDERED: &str = include_str!("../../../../deploy/lab.yaml");
const NAME: &str = "deploy/lab.yaml";
const SETTINGS: &str = "agent.yaml";

/// What a cluster is given, and what a node of it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// Everything but the DaemonSet: the lab keeps agents running by itself.
    pub objects: Vec<Value>,
    /// The namespace of the agents.
    pub namespace: String,
    /// Whom the API knows them as.
    pub account: Account,
    /// The file of settings, in JSON.
    pub settings: String,
    /// The agent's arguments.
    arguments: Vec<String>,
    environment: Vec<(String, Variable)>,
    /// Where the container sees the file of settings.
    settings_path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Variable {
    Text(String),
    /// The name of the node that it runs on.
    Node,
}

/// What differs from one cluster to the next.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// Blocks of all pods.
    pub pod_cidrs: &'a [IpNet],
    /// Blocks of Services.
    pub service_cidrs: &'a [IpNet],
    /// Largest packet of a pod.
    pub mtu: u32,
    /// Which packets are recorded.
    pub record: Record,
}

impl Installation {
    /// That of a cluster with these values.
    ///
    /// # Errors
    /// If the rendered manifests are not what the chart gives.
    pub fn new(values: &Values<'_>) -> anyhow::Result<Self> {
        let input = Input {
            name: NAME.to_owned(),
            text: RENDERED.to_owned(),
        };
        let documents = read_json(&input).unwrap_or_default();
        Self::of(documents, values).context("deploy/lab.yaml cannot be used")
    }

    fn of(mut documents: Vec<Value>, values: &Values<'_>) -> anyhow::Result<Self> {
        let is_set = |document: &Value| text(document, &["kind"]) == "DaemonSet";
        let set = documents.iter().position(is_set);
        let set = documents.remove(set.context("it has no DaemonSet")?);
        let pod = at(&set, &["spec", "template", "spec"]).context("the DaemonSet has no pods")?;
        let container = items(pod, &["containers"]).first();
        let container = container.context("the DaemonSet has no container")?;
        let account = Account {
            namespace: namespace(&set).to_owned(),
            name: text(pod, &["serviceAccountName"]).to_owned(),
        };
        let settings = settle(&mut documents, values)?;
        let arguments = items(container, &["args"]).iter();
        let environment = items(container, &["env"]).iter().map(variable);
        Ok(Self {
            namespace: account.namespace.clone(),
            account,
            settings,
            arguments: arguments
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            environment: environment.collect::<anyhow::Result<_>>()?,
            settings_path: settings_path(container).context("the settings are mounted nowhere")?,
            objects: documents,
        })
    }

    /// The arguments of an agent whose file of settings is at `path`, and who then gets `more`.
    #[must_use]
    pub fn arguments(&self, path: &str, more: &[(&str, String)]) -> Vec<String> {
        let own = self.arguments.iter().map(|argument| {
            let here = *argument == self.settings_path;
            if here {
                path.to_owned()
            } else {
                argument.clone()
            }
        });
        let more = more.iter();
        own.chain(more.flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]))
            .collect()
    }

    /// The environment of an agent on `node`.
    #[must_use]
    pub fn environment(&self, node: &str) -> Vec<(String, String)> {
        let variables = self.environment.iter().map(|(name, variable)| {
            let value = match variable {
                Variable::Text(text) => text.clone(),
                Variable::Node => node.to_owned(),
            };
            (name.clone(), value)
        });
        variables.collect()
    }

    /// Where agents find the API: the address of the node itself, and the port.
    #[must_use]
    pub fn api(&self) -> Option<(String, u16)> {
        let value = |wanted: &str| {
            let found = self.environment.iter().find(|(name, _)| name == wanted);
            match found {
                Some((_, Variable::Text(text))) => Some(text.clone()),
                Some((_, Variable::Node)) | None => None,
            }
        };
        let port = value("KUBERNETES_SERVICE_PORT")?.parse().ok()?;
        Some((value("KUBERNETES_SERVICE_HOST")?, port))
    }
}

/// Puts the values into the ConfigMap, and gives its text.
fn settle(documents: &mut [Value], values: &Values<'_>) -> anyhow::Result<String> {
    let is_map = |document: &&mut Value| text(document, &["kind"]) == "ConfigMap";
    let map = documents.iter_mut().find(is_map);
    let map = map.context("it has no ConfigMap")?;
    let input = Input {
        name: format!("{NAME}: {SETTINGS}"),
        text: text(map, &["data", SETTINGS]).to_owned(),
    };
    let read = read_json(&input).ok().and_then(|mut read| read.pop());
    let mut settings = read.with_context(|| format!("no settings in {}", name(map)))?;
    let fields = settings
        .as_object_mut()
        .context("the settings are no object")?;
    let record = match values.record {
        Record::Denied => "denied",
        Record::All => "all",
    };
    fields.insert("podCidrs".to_owned(), json!(values.pod_cidrs));
    fields.insert("serviceCidrs".to_owned(), json!(values.service_cidrs));
    fields.insert("mtu".to_owned(), json!(values.mtu));
    fields.insert("record".to_owned(), json!(record));
    let settings = serde_json::to_string_pretty(&settings)?;
    if let Some(data) = map.get_mut("data").and_then(|data| data.get_mut(SETTINGS)) {
        *data = settings.clone().into();
    }
    Ok(settings)
}

fn variable(variable: &Value) -> anyhow::Result<(String, Variable)> {
    let name = text(variable, &["name"]).to_owned();
    let value = match text(variable, &["valueFrom", "fieldRef", "fieldPath"]) {
        "" => Variable::Text(text(variable, &["value"]).to_owned()),
        "spec.nodeName" => Variable::Node,
        other => anyhow::bail!("the variable {name} is `{other}`, which a lab does not know"),
    };
    Ok((name, value))
}

fn settings_path(container: &Value) -> Option<String> {
    let mounts = items(container, &["volumeMounts"]).iter();
    let mut settings = mounts.filter(|mount| text(mount, &["name"]) == "settings");
    let folder = text(settings.next()?, &["mountPath"]);
    Some(format!("{folder}/{SETTINGS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_a_lab_run_what_the_chart_installs() {
        let values = Values {
            pod_cidrs: &["10.7.0.0/16".parse().unwrap()],
            service_cidrs: &["10.8.0.0/16".parse().unwrap()],
            mtu: 1400,
            record: Record::All,
        };
        let installed = Installation::new(&values).unwrap();
        let kinds: Vec<_> = installed
            .objects
            .iter()
            .map(|object| text(object, &["kind"]))
            .collect();
        assert_eq!(
            kinds,
            [
                "Namespace",
                "ServiceAccount",
                "ConfigMap",
                "ClusterRole",
                "ClusterRoleBinding"
            ]
        );
        let given = [("--state-dir", "/there".to_owned())];
        assert_eq!(
            installed.arguments("/here", &given),
            ["agent", "--config", "/here", "--state-dir", "/there"]
        );
        let environment = installed.environment("n1");
        assert!(environment.contains(&("NODE_NAME".to_owned(), "n1".to_owned())));
        assert_eq!(installed.api(), Some(("127.0.0.1".to_owned(), 6443)));
        assert_eq!(
            installed.account.to_string(),
            "system:serviceaccount:ringfence-system:ringfence-agent"
        );
        let settings: Value = serde_json::from_str(&installed.settings).unwrap();
        for (field, value) in [
            ("podCidrs", json!(["10.7.0.0/16"])),
            ("serviceCidrs", json!(["10.8.0.0/16"])),
            ("services", json!("nftables")),
            ("mtu", json!(1400)),
            ("record", json!("all")),
        ] {
            assert_eq!(settings[field], value, "{field}");
        }
        let map = &installed.objects[2];
        assert_eq!(text(map, &["data", SETTINGS]), installed.settings);
    }
}
