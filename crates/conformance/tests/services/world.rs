//! Clusters for tests that are about more than one line of the page.

use ringfence_conformance::fit::fit;
use ringfence_conformance::plan::{NodeId, Slot};
use ringfence_model::{Cluster, Input, LoadOptions, assemble, load};

/// The cluster of these manifests, on the wires.
pub(crate) fn cluster(documents: &[String]) -> Cluster {
    let input = Input {
        name: "world.yaml".into(),
        text: documents.join("\n---\n"),
    };
    let loaded = load(&[input], &LoadOptions::default());
    let (cluster, diagnostics) = assemble(&loaded.objects);
    for found in loaded.diagnostics.iter().chain(&diagnostics) {
        assert!(!found.is_error(), "{found}");
    }
    fit(&cluster)
}

/// A pod with the label `app`, that ends if it has a time for that.
pub(crate) fn pod(name: &str, app: &str, slot: Slot, ends: bool) -> String {
    let [v4, v6] = slot.addresses();
    let deletion = if ends {
        ", deletionTimestamp: \"2026-01-01T00:00:00Z\""
    } else {
        ""
    };
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{ namespace: x, name: {name}, labels: {{ app: {app} }}{deletion} }}\nspec:\n  \
         nodeName: {}\n  containers: [{{ name: main, image: none }}]\nstatus: {{ podIPs: [{{ ip: {v4} }}, {{ ip: \"{v6}\" }}] }}\n",
        slot.node.name(),
    )
}

/// A node in a zone, or in none that is known.
pub(crate) fn node(node: NodeId, zone: Option<&str>) -> String {
    let label = zone.map(|zone| format!("topology.kubernetes.io/zone: {zone}"));
    format!(
        "apiVersion: v1\nkind: Node\nmetadata: {{ name: {}, labels: {{ {} }} }}\n",
        node.name(),
        label.unwrap_or_default(),
    )
}
