//! Which workloads hold something that others come for.

use ringfence_model::{Container, ContainerPort, Pod, PodSpec};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use super::Options;

/// A kind of store, by what is known of it.
struct Kind {
    /// Names of images, without registry, path and tag.
    images: &'static [&'static str],
    /// Names of ports.
    names: &'static [&'static str],
    /// The TCP ports that it listens on.
    ports: &'static [u16],
}

const KINDS: &[Kind] = &[
    Kind {
        images: &[
            "postgres",
            "postgresql",
            "postgis",
            "timescaledb",
            "pgbouncer",
            "pgvector",
            "cloudnative-pg",
            "spilo",
        ],
        names: &["postgres", "postgresql", "pg", "pgsql"],
        ports: &[5432],
    },
    Kind {
        images: &[
            "mysql",
            "mysql-server",
            "mariadb",
            "percona",
            "percona-server",
        ],
        names: &["mysql", "mariadb"],
        ports: &[3306],
    },
    Kind {
        images: &[
            "redis",
            "redis-stack",
            "redis-stack-server",
            "valkey",
            "keydb",
            "dragonfly",
        ],
        names: &["redis", "valkey"],
        ports: &[6379],
    },
    Kind {
        images: &[
            "mongo",
            "mongodb",
            "mongodb-community-server",
            "percona-server-mongodb",
        ],
        names: &["mongo", "mongodb"],
        ports: &[27017],
    },
    Kind {
        images: &["cassandra", "scylla"],
        names: &["cql", "cassandra"],
        ports: &[9042],
    },
    Kind {
        images: &["elasticsearch", "opensearch"],
        names: &["elasticsearch", "opensearch"],
        ports: &[9200, 9300],
    },
    Kind {
        images: &["etcd"],
        names: &["etcd", "etcd-client", "etcd-peer"],
        ports: &[2379, 2380],
    },
    Kind {
        images: &["memcached"],
        names: &["memcache", "memcached"],
        ports: &[11211],
    },
    Kind {
        images: &["mssql", "azure-sql-edge"],
        names: &["mssql"],
        ports: &[1433],
    },
    Kind {
        images: &["rabbitmq", "activemq"],
        names: &["amqp", "amqps"],
        ports: &[5671, 5672],
    },
    Kind {
        images: &["kafka", "cp-kafka", "redpanda"],
        names: &["kafka"],
        ports: &[9092],
    },
    Kind {
        images: &["zookeeper"],
        names: &["zookeeper"],
        ports: &[2181],
    },
    Kind {
        images: &["cockroach"],
        names: &["cockroach", "cockroachdb"],
        ports: &[26257],
    },
    Kind {
        images: &["neo4j"],
        names: &["bolt", "neo4j"],
        ports: &[7687],
    },
    Kind {
        images: &["vault", "openbao"],
        names: &["vault"],
        ports: &[8200],
    },
];

/// The ports of a workload as a sensitive store; `None` if it is none. A known image makes all that its container
/// declares sensitive, or what its kind listens on if it declares nothing; a port alone makes itself sensitive; and pods
/// that the user has named are sensitive as a whole.
pub(super) fn store_ports(
    pods: &[&Pod],
    specs: &[&PodSpec],
    options: &Options,
) -> Option<ConnectionSet> {
    let is_named = |pod: &&&Pod| {
        let mut selectors = options.sensitive.iter();
        selectors.any(|selector| selector.matches(&pod.labels))
    };
    if pods.iter().any(|pod| is_named(&pod)) {
        return Some(ConnectionSet::all());
    }
    let declared = pods.iter().flat_map(|pod| &pod.ports);
    let known = declared.filter(|port| is_known(port)).map(one);
    let containers = specs.iter().flat_map(|spec| &spec.containers);
    let of_images = containers.filter_map(of_image);
    let all = known
        .chain(of_images)
        .fold(ConnectionSet::none(), |all, more| all.union(&more));
    (!all.is_empty()).then_some(all)
}

fn is_known(port: &ContainerPort) -> bool {
    let name = port.name.as_deref().unwrap_or_default();
    let name = name.strip_prefix("tcp-").unwrap_or(name);
    port.protocol == Protocol::Tcp
        && KINDS
            .iter()
            .any(|kind| kind.ports.contains(&port.port) || kind.names.contains(&name))
}

fn of_image(container: &Container) -> Option<ConnectionSet> {
    let kind = KINDS.iter().find(|kind| {
        let mut parts = image_parts(&container.image);
        parts.any(|part| kind.images.contains(&part))
    })?;
    if container.ports.is_empty() {
        let ports = kind.ports.iter().map(|port| tcp(*port));
        return ports.reduce(|all, more| all.union(&more));
    }
    let declared = container.ports.iter().map(one);
    declared.reduce(|all, more| all.union(&more))
}

/// The last part of an image's path without tag and digest; of Microsoft's server the one before, which says more.
fn image_parts(image: &str) -> impl Iterator<Item = &str> {
    let image = image.split('@').next().unwrap_or(image);
    let mut parts = image.rsplit('/');
    let last = parts.next().unwrap_or(image);
    let last = last.split(':').next().unwrap_or(last);
    let before = parts.next().filter(|_| last == "server");
    std::iter::once(last).chain(before)
}

fn one(port: &ContainerPort) -> ConnectionSet {
    ConnectionSet::of(port.protocol, PortSet::single(port.port))
}

fn tcp(port: u16) -> ConnectionSet {
    ConnectionSet::of(Protocol::Tcp, PortSet::single(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_last_part() {
        let table = [
            ("postgres:13", &["postgres"][..]),
            ("docker.io/bitnami/postgresql@sha256:aa", &["postgresql"]),
            ("localhost:5000/redis", &["redis"]),
            (
                "mcr.microsoft.com/mssql/server:2022-latest",
                &["server", "mssql"],
            ),
            ("oliver006/redis_exporter:v1", &["redis_exporter"]),
        ];
        for (image, expected) in table {
            let parts: Vec<&str> = image_parts(image).collect();
            assert_eq!(parts, expected, "{image}");
        }
    }

    #[test]
    fn ports_are_known_by_number_or_name() {
        let port = |name: Option<&str>, port, protocol| ContainerPort {
            name: name.map(str::to_owned),
            protocol,
            port,
        };
        assert!(is_known(&port(None, 5432, Protocol::Tcp)));
        assert!(is_known(&port(Some("tcp-redis"), 7000, Protocol::Tcp)));
        assert!(!is_known(&port(Some("http"), 8080, Protocol::Tcp)));
        assert!(!is_known(&port(None, 5432, Protocol::Udp)));
    }
}
