//! How long the engine takes for large clusters. Run it with `--release`; `huge` as argument adds the largest.

#![expect(clippy::disallowed_methods, reason = "an example that measures time")]
#![expect(
    clippy::print_stdout,
    reason = "an example that prints what it measured"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use ringfence_model::{Cluster, Endpoint, Query};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::{Change, Engine};
use ringfence_testkit::scale::{self, Size};

fn main() -> Result<(), Box<dyn Error>> {
    measure("large", Size::LARGE)?;
    if std::env::args().any(|argument| argument == "huge") {
        measure("huge", Size::HUGE)?;
    }
    Ok(())
}

fn measure(name: &str, size: Size) -> Result<(), Box<dyn Error>> {
    let cluster = scale::cluster(1, size);
    println!("{name}: {size:?}");
    let query = question(&cluster).ok_or("no pods")?;
    let engine = timed("new and one answer", || {
        let engine = Engine::new(cluster);
        black_box(engine.answer(&query)).map(|_| engine)
    })?;
    let classes = timed("classes", || engine.classes().count());
    println!("  {classes} classes");
    timed("full connectivity", || {
        for (class, _) in engine.classes() {
            black_box(engine.row(class));
        }
    });
    let policy = engine.cluster().network_policies.values().nth(900).cloned();
    let mut changed = engine.clone();
    let policy = policy.ok_or("no policies")?;
    timed("one policy changed, its rows", || {
        changed.apply(Change::RemoveNetworkPolicy(policy.name.clone()));
        let pods = changed.cluster().pods.values();
        let namespace = pods.filter(|pod| pod.name.namespace == policy.name.namespace);
        for pod in namespace.take(10) {
            if let Some(class) = changed.class_of_pod(&pod.name) {
                black_box(changed.row(class));
            }
        }
    });
    Ok(())
}

fn question(cluster: &Cluster) -> Option<Query> {
    let mut pods = cluster.pods.keys();
    Some(Query {
        source: Endpoint::Pod(pods.next()?.clone()),
        destination: Endpoint::Pod(pods.next_back()?.clone()),
        protocol: IpProtocol::from(Protocol::Tcp),
        port: Some(8080),
    })
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    println!("  {what}: {:?}", start.elapsed());
    done
}
