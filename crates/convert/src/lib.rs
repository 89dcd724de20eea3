//! Policies of Calico and Cilium as `NetworkPolicy` and `ClusterNetworkPolicy`: the same verdicts, or a refusal.
//!
//! A dialect's objects are read into one language of its own (`ladder`): policies of ordered rules. The plan decides which
//! rule stands in which tier of Kubernetes, and refuses what no tier can say. Nothing is ever left out in silence: what has no
//! equivalent is refused with its line, the reason and what to do instead.
//! Judges no traffic. Start with [`convert`].

mod block;
mod calico;
mod cilium;
mod conversion;
mod input;
mod kept;
mod ladder;
mod plan;
mod term;
mod write;
mod written;

use ipnet::IpNet;
use ringfence_model::{Diagnostic, Input};

pub use conversion::{Conversion, Converted, KubernetesPolicy, Origin, Refusal};

/// What is known of the cluster beside its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The namespace of objects that name none (rule OB-2); `default` if empty.
    pub default_namespace: String,
    /// Blocks that hold the addresses of all pods. Cilium's blocks of addresses never match a pod, and `world` is whoever is
    /// neither pod nor node: without these blocks and those of nodes such rules are refused.
    pub pod_blocks: Vec<IpNet>,
    /// Blocks that hold the addresses of all nodes.
    pub node_blocks: Vec<IpNet>,
}

/// Converts every policy of a known dialect in `inputs`. Namespaces and policies of Kubernetes among them are taken into
/// account and not repeated.
///
/// # Errors
/// The diagnostics, if the inputs are no manifests: such input has no meaning that could be kept.
pub fn convert(inputs: &[Input], options: &Options) -> Result<Conversion, Vec<Diagnostic>> {
    let given = input::read(inputs, options)?;
    let mut conversion = Conversion::default();
    calico::convert(&given, &mut conversion);
    cilium::convert(&given, &mut conversion);
    conversion.finish(&given);
    Ok(conversion)
}
