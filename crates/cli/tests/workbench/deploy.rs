//! What is applied to a cluster is what the program takes, asks for, and nothing more.

use std::collections::BTreeSet;
use std::process::Command;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, Namespace, PodSpec, ServiceAccount, Volume,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule};
use ringfence_kube::{Scope, followed};
use ringfence_model::{Input, read_json};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{ringfence, root, text};

const INSTALL: &str = "deploy/ringfence.yaml";
const UNINSTALL: &str = "deploy/uninstall.yaml";
/// What the nodes of a lab are started from.
const LAB: &str = "deploy/lab.yaml";

#[test]
fn manifests_say_only_what_kubernetes_knows() {
    for file in [INSTALL, UNINSTALL, LAB] {
        let documents = documents(file);
        assert_eq!(documents.len(), 6, "{file}");
        for document in documents {
            known(&document);
        }
    }
}

/// A chart that was changed has to be rendered again.
#[test]
fn manifests_are_those_of_the_chart() {
    for (file, values) in [
        (INSTALL, "values-plain.yaml"),
        (UNINSTALL, "values-plain.yaml"),
        (LAB, "values-lab.yaml"),
    ] {
        let inputs = Command::new(root().join("deploy/render"))
            .args(["--inputs", values])
            .output()
            .unwrap();
        let expected = format!("# inputs: {}", text(inputs.stdout).trim());
        let manifest = std::fs::read_to_string(root().join(file)).unwrap();
        let found = manifest.lines().nth(1).unwrap();
        assert_eq!(found, expected, "run deploy/render, which needs helm");
    }
}

#[test]
fn the_role_allows_what_the_agent_asks_for_and_nothing_else() {
    let role: ClusterRole = object(INSTALL, "ClusterRole");
    assert_eq!(allowed(&role), asked(Scope::WithoutServices));
    for file in ["docs/examples/agent-role.yaml", LAB] {
        let role: ClusterRole = object(file, "ClusterRole");
        assert_eq!(allowed(&role), asked(Scope::Everything), "{file}");
    }
    let binding: ClusterRoleBinding = object(INSTALL, "ClusterRoleBinding");
    let account: ServiceAccount = object(INSTALL, "ServiceAccount");
    assert_eq!(Some(binding.role_ref.name), role.metadata.name);
    let subject = &binding.subjects.unwrap()[0];
    assert_eq!(Some(&subject.name), account.metadata.name.as_ref());
    assert_eq!(subject.namespace, account.metadata.namespace);
    assert_eq!(pod(INSTALL).service_account_name, account.metadata.name);
}

#[test]
fn the_agent_takes_its_settings_and_finds_its_folders() {
    let pod = pod(INSTALL);
    let agent = &pod.containers[0];
    let plan = plan(agent);
    let field = |key: &str| plan[key].as_str().unwrap().to_owned();
    // The network configuration names these two to the runtime, which sees the node's folders.
    for path in [field("stateDir"), field("cniSocket")] {
        assert_eq!(on_the_node(&pod, agent, &path), path);
    }
    assert_eq!(
        on_the_node(&pod, agent, &field("cniBinDir")),
        "/opt/cni/bin"
    );
    assert_eq!(
        on_the_node(&pod, agent, &field("cniConfDir")),
        "/etc/cni/net.d"
    );
    let probes = [
        (&agent.liveness_probe, "/healthz"),
        (&agent.readiness_probe, "/readyz"),
    ];
    for (probe, path) in probes {
        let asked = probe.as_ref().unwrap().http_get.as_ref().unwrap();
        assert_eq!(asked.path.as_deref(), Some(path));
        let port: Value = serde_json::to_value(&asked.port).unwrap();
        assert_eq!(
            format!("{}:{port}", asked.host.as_ref().unwrap()),
            field("listen")
        );
    }
}

#[test]
fn agents_have_one_capability_and_a_root_that_nobody_writes() {
    for file in [INSTALL, UNINSTALL] {
        let pod = pod(file);
        assert_eq!(
            pod.host_network,
            Some(true),
            "tables are those of the node's network"
        );
        assert_eq!((pod.host_pid, pod.host_ipc), (None, None));
        for container in pod
            .containers
            .iter()
            .chain(pod.init_containers.iter().flatten())
        {
            let security = container.security_context.as_ref().unwrap();
            assert_eq!(security.privileged, Some(false));
            assert_eq!(security.allow_privilege_escalation, Some(false));
            assert_eq!(security.read_only_root_filesystem, Some(true));
            let capabilities = security.capabilities.as_ref().unwrap();
            assert_eq!(capabilities.drop, Some(vec!["ALL".to_owned()]));
            assert_eq!(capabilities.add, Some(vec!["NET_ADMIN".to_owned()]));
        }
    }
}

/// Whoever leaves looks where the agent has put things: both have the same file of settings.
#[test]
fn leaving_reads_the_settings_of_the_agent() {
    let (installed, leaving) = (pod(INSTALL), pod(UNINSTALL));
    assert_eq!(installed.volumes, leaving.volumes);
    assert_eq!(leaving.automount_service_account_token, Some(false));
    let before = &leaving.init_containers.as_ref().unwrap()[0];
    for container in [before, &leaving.containers[0]] {
        assert_eq!(
            container.volume_mounts,
            installed.containers[0].volume_mounts
        );
        let mut arguments = container.args.clone().unwrap();
        assert_eq!(arguments[..2], ["uninstall", "--config"]);
        arguments.push("--help".to_owned());
        ringfence(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    }
}

#[test]
fn ringfence_finds_nothing_wrong_with_its_own_manifests() {
    for file in [INSTALL, UNINSTALL] {
        let found = ringfence(&["check", "-f", file, "-o", "json"]);
        let found: Value = serde_json::from_str(&found.expect(0)).unwrap();
        let findings = found["findings"].as_array().unwrap();
        let wrong = findings
            .iter()
            .filter(|finding| finding["severity"] != "note");
        assert_eq!(wrong.count(), 0, "{findings:?}");
    }
}

/// An object of a kind that is known, and that says nothing but what its kind has: it reads back as it was.
fn known(document: &Value) {
    match kind_of(document) {
        "Namespace" => drop(typed::<Namespace>(document)),
        "ServiceAccount" => drop(typed::<ServiceAccount>(document)),
        "ConfigMap" => drop(typed::<ConfigMap>(document)),
        "ClusterRole" => drop(typed::<ClusterRole>(document)),
        "ClusterRoleBinding" => drop(typed::<ClusterRoleBinding>(document)),
        "DaemonSet" => drop(typed::<DaemonSet>(document)),
        other => assert_eq!(other, "a kind that is known"),
    }
}

#[track_caller]
fn typed<T: Serialize + DeserializeOwned>(document: &Value) -> T {
    let object: T = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&object).unwrap(), *document);
    object
}

fn object<T: Serialize + DeserializeOwned>(file: &str, kind: &str) -> T {
    let found = documents(file)
        .into_iter()
        .find(|document| kind_of(document) == kind);
    typed(&found.unwrap())
}

fn kind_of(document: &Value) -> &str {
    document.get("kind").and_then(Value::as_str).unwrap()
}

fn documents(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let name = file.to_owned();
    read_json(&Input { name, text }).unwrap()
}

fn pod(file: &str) -> PodSpec {
    let set: DaemonSet = object(file, "DaemonSet");
    set.spec.template.spec.unwrap()
}

/// What the agent makes of its file and its options.
fn plan(agent: &Container) -> Value {
    let settings: ConfigMap = object(INSTALL, "ConfigMap");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.yaml");
    std::fs::write(&file, settings.data.unwrap().remove("agent.yaml").unwrap()).unwrap();
    let given = agent.args.clone().unwrap();
    assert_eq!(given, ["agent", "--config", "/etc/ringfence/agent.yaml"]);
    let file = file.to_str().unwrap();
    let printed = ringfence(&[
        "agent",
        "--config",
        file,
        "--node",
        "worker",
        "--print-config",
    ]);
    serde_json::from_str(&printed.expect(0)).unwrap()
}

/// The node's path of what the container sees at `path`.
fn on_the_node(pod: &PodSpec, container: &Container, path: &str) -> String {
    let mounts = container.volume_mounts.iter().flatten();
    let mount = mounts.filter(|mount| path.starts_with(&mount.mount_path));
    let mount = mount
        .max_by_key(|mount| mount.mount_path.len())
        .expect(path);
    let is_named = |volume: &&Volume| volume.name == mount.name;
    let volume = pod.volumes.iter().flatten().find(is_named).unwrap();
    let folder = &volume.host_path.as_ref().unwrap().path;
    path.replacen(&mount.mount_path, folder, 1)
}

type Permission = (String, String);

fn asked(scope: Scope) -> BTreeSet<Permission> {
    let asked = followed(scope).into_iter();
    asked
        .map(|(group, plural)| (group.to_owned(), plural.to_owned()))
        .collect()
}

fn allowed(role: &ClusterRole) -> BTreeSet<Permission> {
    let rules = role.rules.iter().flatten();
    rules.flat_map(permissions).collect()
}

fn permissions(rule: &PolicyRule) -> Vec<Permission> {
    assert_eq!(rule.verbs, ["list", "watch"]);
    let resources = || rule.resources.iter().flatten().cloned();
    let groups = rule.api_groups.iter().flatten();
    groups
        .flat_map(|group| resources().map(|resource| (group.clone(), resource)))
        .collect()
}
