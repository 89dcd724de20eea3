//! How long the engine takes for large clusters. Run it with `--release`; the argument `huge` adds the largest.

#![expect(clippy::disallowed_methods, reason = "an example that measures time")]
#![expect(
    clippy::print_stdout,
    reason = "an example that prints what it measured"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use ringfence_model::{Cluster, Endpoint, NetworkPolicy, Query};
use ringfence_net::{IpProtocol, Protocol};
use ringfence_policy::{Change, ClassId, ClassSet, Engine};
use ringfence_testkit::scale::{self, Size};

fn main() -> Result<(), Box<dyn Error>> {
    measure("large", scale::cluster(1, Size::LARGE))?;
    measure(
        "large, no two pods alike",
        distinct(scale::cluster(1, Size::LARGE)),
    )?;
    measure(
        "large, half of it open",
        open(scale::cluster(1, Size::LARGE)),
    )?;
    measure(
        "large, half of it open, no two pods alike",
        distinct(open(scale::cluster(1, Size::LARGE))),
    )?;
    let crowded = Size {
        namespaces: 1,
        ..Size::LARGE
    };
    measure(
        "large in one namespace, no two pods alike",
        distinct(scale::cluster(1, crowded)),
    )?;
    if std::env::args().any(|argument| argument == "huge") {
        measure("huge", scale::cluster(1, Size::HUGE))?;
    }
    Ok(())
}

/// The same cluster where every pod has a label of its own, as those of a StatefulSet have: as many classes as pods.
fn distinct(mut cluster: Cluster) -> Cluster {
    for (name, pod) in &mut cluster.pods {
        let key = "statefulset.kubernetes.io/pod-name".to_owned();
        pod.labels.insert(key, name.name.clone());
    }
    cluster
}

/// The same cluster without the policies for all pods in every other namespace, so that many pods reach many pods.
fn open(mut cluster: Cluster) -> Cluster {
    let is_open = |name: &str| name.ends_with(['0', '2', '4', '6', '8']);
    let is_for_all = |policy: &NetworkPolicy| policy.pod_selector.is_empty();
    let policies = &mut cluster.network_policies;
    policies.retain(|name, policy| !(is_for_all(policy) && is_open(&name.namespace)));
    cluster
}

fn measure(name: &str, cluster: Cluster) -> Result<(), Box<dyn Error>> {
    println!(
        "{name}: {} pods, {} policies",
        cluster.pods.len(),
        cluster.network_policies.len()
    );
    let query = question(&cluster).ok_or("no pods")?;
    let engine = timed("new and one answer", || {
        let engine = Engine::new(cluster);
        black_box(engine.answer(&query)).map(|_| engine)
    })?;
    timed("1,000 more answers", || {
        for _ in 0..1_000 {
            drop(black_box(engine.answer(&query)));
        }
    });
    let classes = timed("classes", || engine.classes().count());
    let mut allowed = 0_usize;
    let mut rows = 0_usize;
    timed("full connectivity, all of it judged first", || {
        engine.for_each_row(|sources, row| {
            rows += 1;
            let destinations: usize = row.cells.iter().map(|(_, classes)| classes.len()).sum();
            allowed += sources.len() * destinations;
        });
    });
    println!("    {classes} classes, {rows} distinct rows, {allowed} pairs of classes connected");
    timed("full connectivity, once more", || {
        engine.for_each_row(|_, row| {
            black_box(row.cells.len());
        });
    });
    let some: Vec<ClassId> = engine
        .classes()
        .map(|(class, _)| class)
        .take(1_000)
        .collect();
    timed("a million pairs one by one", || {
        for from in &some {
            for to in &some {
                black_box(engine.between(*from, *to));
            }
        }
    });
    let policies = engine.cluster().network_policies.values();
    let mut changed = engine.clone();
    let policies = policies.step_by(policies_step(&engine));
    let mut times: Vec<f64> = policies
        .map(|policy| rejudge(&mut changed, policy))
        .collect();
    times.sort_by(f64::total_cmp);
    let (median, slowest) = (times.get(times.len() / 2), times.last());
    println!(
        "  one policy changed, its rows and columns judged: median {median:.2?} ms, at most {slowest:.2?} ms"
    );
    pod_comes_and_goes(&mut changed)?;
    Ok(())
}

fn policies_step(engine: &Engine) -> usize {
    (engine.cluster().network_policies.len() / 40).max(1)
}

/// Takes the first rule out of a policy and puts it back; how many milliseconds the slower of the two takes.
fn rejudge(engine: &mut Engine, policy: &NetworkPolicy) -> f64 {
    let mut poorer = policy.clone();
    poorer.ingress.pop();
    poorer.egress.pop();
    let mut slowest = 0.0_f64;
    for policy in [&poorer, policy] {
        let start = Instant::now();
        engine.apply(Change::SetNetworkPolicy(policy.clone()));
        let selected = selected(engine, policy);
        engine.for_each_row_of(&selected, |_, row| {
            black_box(row.cells.len());
        });
        engine.for_each_column_of(&selected, |_, column| {
            black_box(column.cells.len());
        });
        slowest = slowest.max(start.elapsed().as_secs_f64() * 1_000.0);
    }
    slowest
}

/// The classes of pods that a policy selects.
fn selected(engine: &Engine, policy: &NetworkPolicy) -> ClassSet {
    let pods = engine.cluster().pods.values();
    let selected = pods.filter(|pod| {
        pod.name.namespace == policy.name.namespace && policy.pod_selector.matches(&pod.labels)
    });
    selected
        .filter_map(|pod| engine.class_of_pod(&pod.name))
        .collect()
}

fn pod_comes_and_goes(engine: &mut Engine) -> Result<(), Box<dyn Error>> {
    let pod = engine.cluster().pods.values().nth(500).cloned();
    let mut pod = pod.ok_or("too few pods")?;
    pod.name.name.push_str("-new");
    pod.addresses = vec!["10.77.0.1".parse()?];
    pod.labels
        .insert("version".to_owned(), "never seen".to_owned());
    timed("a pod of a new class comes, its row and column", || {
        engine.apply(Change::SetPod(pod.clone()));
        if let Some(class) = engine.class_of_pod(&pod.name) {
            black_box((engine.row(class), engine.column(class)));
        }
    });
    timed("and goes, full connectivity", || {
        engine.apply(Change::RemovePod(pod.name.clone()));
        engine.for_each_row(|_, row| {
            black_box(row.cells.len());
        });
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
