//! The backends of Services that select no pods (rule OB-12).

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::{
    EndpointPod, EndpointsKind, EndpointsManifest, Object, ObjectName, Service, ServiceEndpoint,
};

/// Gives each of `services` that has no selector the endpoints that `objects` list for it, and returns what is worth
/// telling about lists that belong to nobody (rule OB-12).
pub fn add_endpoints<'a, 'b>(
    services: impl IntoIterator<Item = &'a mut Service>,
    objects: impl IntoIterator<Item = &'b Object>,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut listed: BTreeMap<ObjectName, Listed> = BTreeMap::new();
    for found in objects.into_iter().filter_map(manifest) {
        match &found.service {
            Some(service) => {
                let service = ObjectName::new(&found.name.namespace, service);
                listed.entry(service).or_default().add(found);
            }
            None => diagnostics.push(of_no_service(found)),
        }
    }
    for service in services {
        if service.selector.is_empty()
            && service.external_name.is_none()
            && let Some(listed) = listed.remove(&service.name)
        {
            service.endpoints = listed.endpoints();
        }
    }
    diagnostics
}

/// What is listed for one Service. EndpointSlices alone count where there are any: a cluster copies Endpoints to them.
#[derive(Default)]
struct Listed {
    slices: Option<Vec<ServiceEndpoint>>,
    endpoints: Vec<ServiceEndpoint>,
}

impl Listed {
    fn add(&mut self, found: &EndpointsManifest) {
        let list = match found.kind {
            EndpointsKind::EndpointSlice => self.slices.get_or_insert_default(),
            EndpointsKind::Endpoints => &mut self.endpoints,
        };
        list.extend(found.endpoints.iter().cloned());
    }

    fn endpoints(self) -> Vec<ServiceEndpoint> {
        let mut endpoints = self.slices.unwrap_or(self.endpoints);
        endpoints.sort();
        endpoints.dedup();
        endpoints
    }
}

pub(super) fn manifest(object: &Object) -> Option<&EndpointsManifest> {
    match object {
        Object::Endpoints(found) => Some(found),
        Object::Namespace(_)
        | Object::Node(_)
        | Object::Pod(_)
        | Object::Workload(_)
        | Object::Service(_)
        | Object::NetworkPolicy(_)
        | Object::ClusterPolicy(_)
        | Object::HostFirewall(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    }
}

/// A backend that is a pod of which nothing else is known.
pub(super) fn of_no_pod(list: &EndpointsManifest, named: &EndpointPod) -> Diagnostic {
    let EndpointPod { name, address } = named;
    let message = format!(
        "{} {} says that {address} is pod {name}, which is not given: what policies say of it is not known",
        list.kind, list.name
    );
    Diagnostic::new(Severity::Warning, message)
        .with_rule("OB-12")
        .with_source(list.source.clone())
        .with_help("add the pod, or what makes it: without it the address is judged as one outside of the cluster")
}

fn of_no_service(found: &EndpointsManifest) -> Diagnostic {
    let message = format!("{} {} belongs to no Service", found.kind, found.name);
    Diagnostic::new(Severity::Note, message)
        .with_rule("OB-12")
        .with_source(found.source.clone())
        .with_help("its label `kubernetes.io/service-name` names the Service")
}
