//! What says, beside the containers of pods, who talks to whom: Ingresses, routes of the Gateway API, webhooks,
//! aggregated APIs, Services that are open to the outside, and accounts that are bound to roles.
//!
//! Read from the manifests as they were written, since policy itself depends on none of it. What is read is checked:
//! a backend without a name, or with a port that is none, is a [`Diagnostic`], and the others are read all the same.

mod backends;
mod bindings;
mod exposures;

use ipnet::IpNet;

use crate::documents::Described;
use crate::{Diagnostic, Documents, Location, ObjectName, Severity, Source};

/// Everything of this sort in the manifests, in order of file and line.
#[derive(Clone, Debug, Default)]
pub struct Wiring {
    /// Who beside pods leads to Services.
    pub backends: Vec<Backend>,
    /// Services that are open to the outside.
    pub exposures: Vec<Exposure>,
    /// Accounts with rights at the API server.
    pub bindings: Vec<AccountBinding>,
    /// Namespaces all of whose accounts have rights there.
    pub group_bindings: Vec<GroupBinding>,
    /// What is malformed in it.
    pub diagnostics: Vec<Diagnostic>,
}

/// A Service that an object leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Who opens the connections.
    pub user: BackendUser,
    /// The kind of the object, such as `HTTPRoute`.
    pub kind: String,
    /// The object; its namespace is empty if its kind has none.
    pub object: ObjectName,
    /// The Service.
    pub service: ObjectName,
    /// Which of its ports; `None` if the object does not say.
    pub port: Option<BackendPort>,
    /// Where the backend is written.
    pub source: Source,
}

/// Who opens the connections to a [`Backend`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendUser {
    /// The pods of an ingress controller: that of the class, if one is named.
    IngressController {
        /// `spec.ingressClassName`, or the annotation that came before it.
        class: Option<String>,
    },
    /// The pods of the Gateways that a route is attached to.
    Gateways(Vec<ObjectName>),
    /// The API server: for admission, conversion, and aggregated APIs.
    ApiServer,
}

/// A port of a Service as its users name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackendPort {
    /// The port that clients dial.
    Number(u16),
    /// Its name.
    Name(String),
}

/// A Service that is open to the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The Service.
    pub service: ObjectName,
    /// How: `LoadBalancer`, `NodePort` or `externalIPs`.
    pub way: &'static str,
    /// To whom: `spec.loadBalancerSourceRanges`; empty means everybody.
    pub ranges: Vec<IpNet>,
    /// Where that is written.
    pub source: Source,
}

/// An account that a role is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBinding {
    /// The ServiceAccount.
    pub account: ObjectName,
    /// The binding, as `RoleBinding shop/reader`.
    pub binding: String,
    /// Where the account is written.
    pub source: Source,
}

/// A role that is bound to all accounts of a namespace, or of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBinding {
    /// The namespace; `None` for the accounts of every one.
    pub namespace: Option<String>,
    /// The binding, as `RoleBinding shop/reader`.
    pub binding: String,
    /// Where the group is written.
    pub source: Source,
}

impl Wiring {
    /// The kinds that it is read from beside Services, which objects are not made of.
    pub const KINDS: [&'static str; 12] = [
        "APIService",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "GRPCRoute",
        "HTTPRoute",
        "Ingress",
        "MutatingWebhookConfiguration",
        "RoleBinding",
        "TCPRoute",
        "TLSRoute",
        "UDPRoute",
        "ValidatingWebhookConfiguration",
    ];

    /// Reads it from `documents`. Objects that name no namespace are in `default_namespace` (rule OB-2).
    #[must_use]
    pub fn of(documents: &Documents, default_namespace: &str) -> Self {
        let mut wiring = Self::default();
        let words: Vec<&str> = Self::KINDS.into_iter().chain(exposures::WAYS).collect();
        for field in documents.objects_saying(&words) {
            let Some(object) = Described::of(&field, default_namespace) else {
                continue;
            };
            backends::read(&object, &mut wiring);
            exposures::read(&object, &mut wiring);
            bindings::read(&object, &mut wiring);
        }
        wiring
    }

    fn malformed(&mut self, at: Location, message: String) {
        let mut found = Diagnostic::new(Severity::Warning, message).with_rule("OB-1");
        found.location = Some(at);
        self.diagnostics.push(found);
    }
}
