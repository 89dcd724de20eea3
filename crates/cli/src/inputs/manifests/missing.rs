//! What is unknown for want of pods' addresses, and what would tell it (rules Q-13, AM-22).

use ringfence_model::{Cluster, Object};
use ringfence_reach::pod_blocks;

use crate::output::names::shortened;
use crate::output::plain::plain;
use crate::paint;

/// Who has no address that rules ask for where nobody says where pods get theirs from, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    names: Vec<String>,
    /// Which option says where pods get their addresses from, with what the manifests say of that.
    pub(crate) advice: String,
}

impl Missing {
    pub(crate) fn of(cluster: &Cluster, objects: &[Object]) -> Self {
        let is_said = !cluster.pod_blocks.is_empty();
        Self {
            names: if is_said {
                Vec::new()
            } else {
                pod_blocks::without_address(cluster)
            },
            advice: advice(cluster, objects),
        }
    }

    /// Whether an answer can depend on it.
    pub(crate) const fn is_somebody(&self) -> bool {
        !self.names.is_empty()
    }

    /// Says it on standard error, where an answer depends on it.
    pub(crate) fn tell_if(&self, is_unknown: bool) {
        let Some(names) = shortened(&self.names).filter(|_| is_unknown) else {
            return;
        };
        let verb = if self.names.len() == 1 { "has" } else { "have" };
        let note =
            format!("{names} {verb} no address, and what is unknown here depends on it (AM-22)");
        anstream::eprintln!(
            "{}: {}\n  = help: {}",
            paint::dim("note"),
            plain(&note),
            plain(&self.advice)
        );
    }
}

fn advice(cluster: &Cluster, objects: &[Object]) -> String {
    if !cluster.pod_blocks.is_empty() {
        return "of the addresses of --pod-cidr some match and some do not".to_owned();
    }
    let Some(said) = pod_blocks::said(cluster, objects) else {
        return "say where pods get their addresses from, as in `--pod-cidr 10.244.0.0/16`"
            .to_owned();
    };
    let options = said
        .blocks
        .iter()
        .map(|block| format!("--pod-cidr {block}"));
    let options: Vec<String> = options.collect();
    format!(
        "say where pods get their addresses from: by {} with `{}`",
        said.by,
        options.join(" ")
    )
}
