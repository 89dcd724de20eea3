//! Mistakes about the endpoints that Services list (rule OB-12).

use ringfence_model::{Cluster, Service, ServiceEndpoint, ServicePort, TargetPort, TrafficPolicy};

use super::Named;

pub(super) const MISTAKES: &[Named] = &[
    ("endpoints are not read", |cluster, _| {
        each_service(cluster, |service| service.endpoints.clear())
    }),
    ("endpoints that are not ready are backends", |cluster, _| {
        each_endpoint(cluster, |endpoint| endpoint.ready = true);
    }),
    ("endpoints that end are backends", |cluster, _| {
        each_endpoint(cluster, |endpoint| endpoint.ready |= endpoint.serving);
    }),
    ("endpoints that end stand in for nobody", |cluster, _| {
        each_endpoint(cluster, |endpoint| endpoint.serving = false);
    }),
    ("what serves need not end to stand in", |cluster, _| {
        each_endpoint(cluster, |endpoint| endpoint.terminating |= endpoint.serving);
    }),
    ("what ends serves", |cluster, _| {
        each_endpoint(cluster, |endpoint| endpoint.serving = true);
    }),
    ("endpoints are on no node", |cluster, _| {
        each_endpoint(cluster, |endpoint| endpoint.node = None);
    }),
    ("ports at nodes are forgotten", |cluster, _| {
        each_port(cluster, |port| port.node_port = None);
    }),
    ("ports at nodes are the Service's own", |cluster, _| {
        each_port(cluster, |port| port.node_port = Some(port.port));
    }),
    ("everybody from outside gets any backend", |cluster, _| {
        each_service(cluster, |service| {
            service.traffic.external = TrafficPolicy::Cluster;
        });
    }),
    ("all Services keep to their nodes", |cluster, _| {
        each_service(cluster, |service| {
            service.traffic.external = TrafficPolicy::Local;
        });
    }),
    ("endpoints are pods alone", |cluster, _| {
        let of_pods: Vec<_> = cluster
            .pods
            .values()
            .flat_map(|pod| pod.addresses.clone())
            .collect();
        for service in cluster.services.values_mut() {
            service
                .endpoints
                .retain(|endpoint| of_pods.contains(&endpoint.address));
        }
    }),
    ("pods are not endpoints", |cluster, _| {
        let of_pods: Vec<_> = cluster
            .pods
            .values()
            .flat_map(|pod| pod.addresses.clone())
            .collect();
        for service in cluster.services.values_mut() {
            service
                .endpoints
                .retain(|endpoint| !of_pods.contains(&endpoint.address));
        }
    }),
    ("the target port is the endpoint's", |cluster, _| {
        each_service(cluster, |service| {
            let served = service.ports.clone();
            for port in service
                .endpoints
                .iter_mut()
                .flat_map(|endpoint| &mut endpoint.ports)
            {
                let mut named = served.iter().filter(|own| own.name == port.name);
                if let Some(TargetPort::Number(target)) = named.next().map(|own| own.target.clone())
                {
                    port.port = target;
                }
            }
        });
    }),
    ("an endpoint's ports serve every port", |cluster, _| {
        each_service(cluster, |service| {
            let names: Vec<_> = service.ports.iter().map(|port| port.name.clone()).collect();
            for endpoint in &mut service.endpoints {
                let ports = std::mem::take(&mut endpoint.ports);
                for port in ports {
                    let renamed = names.iter().map(|name| {
                        let mut port = port.clone();
                        port.name.clone_from(name);
                        port
                    });
                    endpoint.ports.extend(renamed);
                }
            }
        });
    }),
    ("the first endpoint is the only one", |cluster, _| {
        each_service(cluster, |service| service.endpoints.truncate(1));
    }),
    ("the first family is the only one", |cluster, _| {
        each_service(cluster, |service| {
            service
                .endpoints
                .retain(|endpoint| endpoint.address.is_ipv4())
        });
    }),
];

fn each_service(cluster: &mut Cluster, change: fn(&mut Service)) {
    cluster.services.values_mut().for_each(change);
}

fn each_port(cluster: &mut Cluster, change: fn(&mut ServicePort)) {
    for service in cluster.services.values_mut() {
        service.ports.iter_mut().for_each(change);
    }
}

fn each_endpoint(cluster: &mut Cluster, change: fn(&mut ServiceEndpoint)) {
    for service in cluster.services.values_mut() {
        service.endpoints.iter_mut().for_each(change);
    }
}
