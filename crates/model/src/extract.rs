//! From checked documents to typed objects, with the API server's validation on the way.

mod allowed_access;
mod audit;
mod cluster_policy;
mod config;
mod containers;
mod endpoints;
mod host_firewall;
mod host_pod;
mod kind;
mod meta;
mod network_policy;
mod node;
mod pod;
mod policy_test;
mod service;
mod trust_zones;
mod workload;

use crate::diagnostic::Severity;
use crate::report::{Problem, Report};
use crate::schema::Handling;
use crate::view::View;
use crate::{EndpointsKind, METADATA_NAME_LABEL, Namespace, Object};

pub(crate) use allowed_access::allowed_access;
pub(crate) use kind::kind_cluster;
pub(crate) use pod::{host_ports, policy_ports};
pub(crate) use policy_test::policy_test;
pub(crate) use trust_zones::trust_zones;
pub(crate) use workload::custom_workload;

/// What extraction needs besides the document.
pub(crate) struct Context<'r> {
    pub(crate) report: &'r mut Report,
    /// The namespace of objects that name none (rule OB-2).
    pub(crate) default_namespace: &'r str,
}

/// The object that `root` describes. It is only valid if nothing was reported meanwhile.
pub(crate) fn extract(
    context: &mut Context<'_>,
    handling: Handling,
    root: &View<'_>,
) -> Option<Object> {
    Some(match handling {
        Handling::Namespace => Object::Namespace(namespace(context, root)),
        Handling::Node => Object::Node(node::node(context, root)),
        Handling::Pod => Object::Pod(Box::new(pod::pod(context, root)?)),
        Handling::Workload(kind) => {
            Object::Workload(Box::new(workload::workload(context, kind, root)?))
        }
        Handling::Service => Object::Service(service::service(context, root)),
        Handling::Secret => Object::Secret(config::secret(context, root)),
        Handling::ConfigMap => Object::ConfigMap(config::config_map(context, root)),
        Handling::ServiceAccount => Object::ServiceAccount(config::service_account(context, root)),
        Handling::NetworkPolicy => {
            Object::NetworkPolicy(network_policy::network_policy(context, root))
        }
        Handling::ClusterPolicy(kind) => {
            Object::ClusterPolicy(cluster_policy::cluster_policy(context, kind, root)?)
        }
        Handling::HostFirewall => {
            Object::HostFirewall(host_firewall::host_firewall(context, root)?)
        }
        Handling::KindCluster => Object::KindCluster(kind_cluster(context.report, root)?),
        Handling::Endpoints(EndpointsKind::EndpointSlice) => {
            Object::Endpoints(endpoints::endpoint_slice(context, root))
        }
        Handling::Endpoints(EndpointsKind::Endpoints) => {
            Object::Endpoints(endpoints::endpoints(context, root))
        }
        Handling::PolicyTest | Handling::Skipped => return None,
    })
}

/// Rules NP-18, OB-15.
fn namespace(context: &mut Context<'_>, root: &View<'_>) -> Namespace {
    let meta = meta::cluster_scoped(context, root, crate::validate::names::dns_label);
    let labels = root.field("metadata").field("labels");
    let said = labels.field(METADATA_NAME_LABEL);
    if said.text().is_some_and(|said| said != meta.name) {
        let (name, text) = (&meta.name, said.text_or_empty());
        let message = format!(
            "`{METADATA_NAME_LABEL}` is always the namespace's own name: `{text}` becomes `{name}`"
        );
        let problem = Problem::bare("NP-18", &said.path, said.span, message);
        let help = "remove the label, and choose another key for what selectors are to find";
        let problem = problem.with_severity(Severity::Warning).with_help(help);
        context.report.add(problem);
    }
    Namespace {
        source: context.report.source(root.span),
        ..Namespace::new(meta.name, meta.labels)
    }
}
