//! Applications, their labels, replicas and ports.

use ringfence_model::{Owner, Pod, Service};

use super::{PODS_PER_NODE, Scope, skewed};
use crate::builder::{pod, service, tcp};
use crate::random::Random;

/// An application and where it stands in its namespace.
pub(super) struct Application {
    pub(super) name: &'static str,
    pub(super) tier: &'static str,
    pub(super) port_name: &'static str,
    pub(super) port: u16,
}

const fn application(
    name: &'static str,
    tier: &'static str,
    port_name: &'static str,
    port: u16,
) -> Application {
    Application {
        name,
        tier,
        port_name,
        port,
    }
}

/// The applications of every namespace, the ones with most replicas first.
pub(super) const APPLICATIONS: [Application; 12] = [
    application("web", "frontend", "http", 8080),
    application("api", "backend", "http", 8080),
    application("worker", "backend", "jobs", 9090),
    application("gateway", "frontend", "https", 8443),
    application("auth", "backend", "grpc", 9000),
    application("search", "backend", "http", 9200),
    application("cache", "data", "redis", 6379),
    application("queue", "data", "amqp", 5672),
    application("db", "data", "postgres", 5432),
    application("mail", "backend", "smtp", 2525),
    application("reports", "backend", "http", 8081),
    application("migrate", "data", "admin", 7000),
];

/// `total` pods, spread over the namespaces and their applications.
pub(super) fn pods(random: &mut Random, namespaces: &[Scope], total: usize) -> Vec<Pod> {
    let mut made = Vec::with_capacity(total);
    for (scope, share) in namespaces.iter().zip(skewed(total, namespaces.len())) {
        let replicas = skewed(share, APPLICATIONS.len());
        for (application, replicas) in APPLICATIONS.iter().zip(replicas) {
            for replica in 0..replicas {
                let canary = random.chance(10);
                made.push(one(scope, application, replica, canary, made.len()));
            }
        }
    }
    made
}

/// A Service for each application of these namespaces, in front of the port that it is named after.
pub(super) fn services<'a>(
    namespaces: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = Service> {
    let every =
        namespaces.flat_map(|namespace| APPLICATIONS.iter().map(move |one| (namespace, one)));
    every.enumerate().map(|(index, (namespace, application))| {
        let address = format!("10.112.{}.{}", index >> 8 & 255, index & 255);
        service(&format!("{namespace}/{}", application.name))
            .select("app", application.name)
            .address(&address)
            .port_to_name(tcp(application.port), application.port_name)
            .build()
    })
}

fn one(
    scope: &Scope,
    application: &Application,
    replica: usize,
    canary: bool,
    index: usize,
) -> Pod {
    let version = if canary { "v2" } else { "v1" };
    let address = format!(
        "10.{}.{}.{}",
        index >> 16 & 63,
        index >> 8 & 255,
        index & 255
    );
    let mut pod = pod(&format!("{}/{}-{replica}", scope.name, application.name))
        .label("app", application.name)
        .label("tier", application.tier)
        .label("version", version)
        .label("app.kubernetes.io/part-of", &scope.team)
        .port(application.port_name, tcp(application.port))
        .port("metrics", tcp(9091))
        .address(&address)
        .on_node(&format!("node-{}", index / PODS_PER_NODE))
        .build();
    pod.workload = Some(Owner {
        kind: "Deployment".to_owned(),
        name: application.name.to_owned(),
    });
    pod
}
