use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ringfence_model::Cluster;
use ringfence_testkit::render::manifests;

/// Writes `cluster` as manifests below `directory`: a directory for each namespace, with its pods and Services in a file each
/// as `kubectl get -o yaml` would save them, and a file for each policy.
///
/// # Errors
/// If a file cannot be written.
pub fn write(cluster: Cluster, directory: &Path) -> anyhow::Result<()> {
    for (path, part) in parts(cluster) {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, manifests(&part))?;
    }
    Ok(())
}

/// The files, with what is in each.
fn parts(cluster: Cluster) -> BTreeMap<String, Cluster> {
    let mut parts = Parts::default();
    for (name, node) in cluster.nodes {
        parts.at("nodes").nodes.insert(name, node);
    }
    for (name, policy) in cluster.cluster_policies {
        parts
            .at(&name.name)
            .cluster_policies
            .insert(name.clone(), policy);
    }
    for (name, found) in cluster.namespaces {
        let path = format!("{name}/namespace");
        parts.at(&path).namespaces.insert(name, found);
    }
    for (name, pod) in cluster.pods {
        let path = format!("{}/pods", name.namespace);
        parts.at(&path).pods.insert(name, pod);
    }
    for (name, service) in cluster.services {
        let path = format!("{}/services", name.namespace);
        parts.at(&path).services.insert(name, service);
    }
    for (name, policy) in cluster.network_policies {
        let path = format!("{}/{}", name.namespace, name.name);
        parts.at(&path).network_policies.insert(name, policy);
    }
    parts.0
}

#[derive(Default)]
struct Parts(BTreeMap<String, Cluster>);

impl Parts {
    fn at(&mut self, path: &str) -> &mut Cluster {
        self.0.entry(format!("{path}.yaml")).or_default()
    }
}
