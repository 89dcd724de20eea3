//! Which workloads hold something that others come for.

use ringfence_model::{Container, ContainerPort, Pod, PodSpec};
use ringfence_net::{ConnectionSet, PortSet, Protocol};

use super::Options;
use crate::workload::Unit;

/// A kind of store, by what is known of it.
struct Kind {
    /// Names of images, without registry, path and tag.
    images: &'static [&'static str],
    /// Names of ports.
    names: &'static [&'static str],
    /// The TCP ports that it listens on.
    ports: &'static [u16],
    /// Whether one of these ports alone tells of it.
    is_told_by_port: bool,
}

impl Kind {
    fn is_told_by(&self, port: u16) -> bool {
        self.is_told_by_port && self.ports.contains(&port)
    }

    /// Whether an image is called like this, with the version of what it holds or without.
    fn has_image(&self, name: &str) -> bool {
        let unversioned =
            name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let unversioned = unversioned.strip_suffix('-').unwrap_or(name);
        [name, unversioned]
            .iter()
            .any(|name| self.images.contains(name))
    }
}

/// Kinds of workloads whose pods end when their work is done.
const ENDING: [&str; 2] = ["job", "cronjob"];

const KINDS: &[Kind] = &[
    Kind {
        images: &[
            "postgres",
            "postgresql",
            "postgis",
            "timescaledb",
            "pgbouncer",
            "pgvector",
            "spilo",
            "stolon",
        ],
        names: &["postgres", "postgresql", "pg", "pgsql"],
        ports: &[5432],
        is_told_by_port: true,
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
        is_told_by_port: true,
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
        is_told_by_port: true,
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
        is_told_by_port: true,
    },
    Kind {
        images: &["cassandra", "scylla"],
        names: &["cql", "cassandra"],
        ports: &[9042],
        is_told_by_port: true,
    },
    Kind {
        images: &["elasticsearch", "opensearch"],
        names: &["elasticsearch", "opensearch"],
        ports: &[9200, 9300],
        is_told_by_port: true,
    },
    Kind {
        images: &["etcd"],
        names: &["etcd", "etcd-client", "etcd-peer"],
        ports: &[2379, 2380],
        is_told_by_port: true,
    },
    Kind {
        images: &["memcached"],
        names: &["memcache", "memcached"],
        ports: &[11211],
        is_told_by_port: true,
    },
    Kind {
        images: &["mssql", "azure-sql-edge"],
        names: &["mssql"],
        ports: &[1433],
        is_told_by_port: true,
    },
    Kind {
        images: &["rabbitmq", "activemq"],
        names: &["amqp", "amqps"],
        ports: &[5671, 5672],
        is_told_by_port: true,
    },
    Kind {
        images: &["kafka", "cp-kafka", "redpanda"],
        names: &["kafka"],
        ports: &[9092],
        is_told_by_port: true,
    },
    Kind {
        images: &["zookeeper"],
        names: &["zookeeper"],
        ports: &[2181],
        is_told_by_port: true,
    },
    Kind {
        images: &["cockroach"],
        names: &["cockroach", "cockroachdb"],
        ports: &[26257],
        is_told_by_port: true,
    },
    Kind {
        images: &["neo4j"],
        names: &["bolt", "neo4j"],
        ports: &[7687],
        is_told_by_port: true,
    },
    Kind {
        images: &["vault", "openbao"],
        names: &["vault"],
        ports: &[8200],
        is_told_by_port: true,
    },
    Kind {
        images: &["clickhouse", "clickhouse-server"],
        names: &["clickhouse"],
        ports: &[8123, 9000],
        is_told_by_port: false,
    },
    Kind {
        images: &["influxdb"],
        names: &["influxdb"],
        ports: &[8086],
        is_told_by_port: false,
    },
    Kind {
        images: &["couchdb"],
        names: &["couchdb"],
        ports: &[5984],
        is_told_by_port: true,
    },
    Kind {
        images: &["arangodb"],
        names: &["arangodb"],
        ports: &[8529],
        is_told_by_port: true,
    },
    Kind {
        images: &["rethinkdb"],
        names: &["rethinkdb"],
        ports: &[28015],
        is_told_by_port: true,
    },
    Kind {
        images: &["minio"],
        names: &["minio"],
        ports: &[9000],
        is_told_by_port: false,
    },
    Kind {
        images: &["nats"],
        names: &["nats"],
        ports: &[4222],
        is_told_by_port: true,
    },
    Kind {
        images: &["qdrant"],
        names: &["qdrant"],
        ports: &[6333, 6334],
        is_told_by_port: true,
    },
    Kind {
        images: &["solr"],
        names: &["solr"],
        ports: &[8983],
        is_told_by_port: true,
    },
];

/// The ports of a workload as a sensitive store; `None` if it is none. A known image makes all that its container
/// declares sensitive, or what its kind listens on if it declares nothing and does not end by itself; a port alone makes
/// itself sensitive; and pods that the user has named are sensitive as a whole.
pub(super) fn store_ports(
    unit: &Unit,
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
    let ends = matches!(unit, Unit::Workload { kind, .. } if ENDING.contains(&kind.as_str()));
    // Dumps and migrations run in the image of the store that they are clients of.
    let serving = containers.filter(|container| !ends || !container.ports.is_empty());
    let of_images = serving.filter_map(of_image);
    let all = known
        .chain(of_images)
        .fold(ConnectionSet::none(), |all, more| all.union(&more));
    (!all.is_empty()).then_some(all)
}

/// Whether this runs etcd.
pub(super) fn is_etcd(spec: &PodSpec) -> bool {
    let mut images = spec.containers.iter().map(|one| one.image.as_str());
    images.any(|image| image_parts(image).any(|part| part == "etcd"))
}

fn is_known(port: &ContainerPort) -> bool {
    let name = port.name.as_deref().unwrap_or_default();
    let name = name.strip_prefix("tcp-").unwrap_or(name);
    port.protocol == Protocol::Tcp
        && KINDS
            .iter()
            .any(|kind| kind.is_told_by(port.port) || kind.names.contains(&name))
}

fn of_image(container: &Container) -> Option<ConnectionSet> {
    let kind = KINDS.iter().find(|kind| {
        let mut parts = image_parts(&container.image);
        parts.any(|part| kind.has_image(part))
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
        assert!(!is_known(&port(None, 9000, Protocol::Tcp)));
    }

    #[test]
    fn operators_and_exporters_are_no_stores() {
        let is_store = |image: &str| {
            let mut parts = image_parts(image);
            parts.any(|part| KINDS.iter().any(|kind| kind.has_image(part)))
        };
        for image in [
            "ghcr.io/zalando/spilo-16:3.3",
            "clickhouse/clickhouse-server:24",
            "minio/minio",
        ] {
            assert!(is_store(image), "{image}");
        }
        for image in [
            "ghcr.io/cloudnative-pg/cloudnative-pg:1.24",
            "registry.example.com/acid/postgres-operator:v1.13",
            "quay.io/minio/operator",
            "spilo-x",
        ] {
            assert!(!is_store(image), "{image}");
        }
    }
}
