#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeSet;

use ringfence_model::{
    Cluster, Endpoint, Input, LoadOptions, Object, ObjectName, Outcome, Query, SourceMap, assemble,
    load,
};
use ringfence_net::Protocol;
use ringfence_policy::Engine;
use ringfence_reach::suggest::{Options, Subject, Suggestion, suggest};
use ringfence_testkit::random::Random;

const SEEDS: u64 = 150;
const PORTS: [u16; 3] = [80, 8080, 9090];

/// A workload of a random cluster: two pods, a Service, and who it is told to reach at which of the Service's ports.
struct Member {
    namespace: &'static str,
    name: String,
    labels: String,
    /// The Service's ports lead to the pods' ports at the same place of [`PORTS`], by name or by number.
    by_name: bool,
    reaches: BTreeSet<(usize, usize)>,
}

fn members(random: &mut Random) -> Vec<Member> {
    let count = 3 + random.below(4);
    let mut members = Vec::new();
    for number in 0..count {
        let reached =
            (0..random.below(3)).map(|_| (random.below(count), random.below(PORTS.len())));
        let reaches = reached.collect();
        let app = if random.chance(80) { number } else { 0 };
        members.push(Member {
            namespace: if random.chance(50) { "left" } else { "right" },
            name: format!("w{number}"),
            labels: format!(
                "{{app: a{app}, tier: t{}, pod-template-hash: h{number}}}",
                random.below(2)
            ),
            by_name: random.chance(50),
            reaches,
        });
    }
    members
}

fn manifest(members: &[Member], random: &mut Random) -> String {
    let mut text = String::new();
    for member in members {
        let Member {
            namespace,
            name,
            labels,
            by_name,
            reaches,
        } = member;
        let env: Vec<String> = reaches
            .iter()
            .enumerate()
            .map(|(number, (other, port))| {
                variable(member, number, &members[*other], *port, random)
            })
            .collect();
        let declared: Vec<String> = PORTS
            .iter()
            .map(|port| format!("{{name: p{port}, containerPort: {port}}}"))
            .collect();
        let ports: Vec<String> = PORTS
            .iter()
            .enumerate()
            .map(|(place, port)| {
                let target = if *by_name {
                    format!("p{port}")
                } else {
                    port.to_string()
                };
                format!(
                    "{{name: s{place}, port: {}, targetPort: {target}}}",
                    1000 + place
                )
            })
            .collect();
        let (env, declared, ports) = (env.join(", "), declared.join(", "), ports.join(", "));
        text.push_str(&format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {labels}}}\n  template:\n    metadata: {{labels: {labels}}}\n    spec: {{containers: [{{name: c, image: i, ports: [{declared}], env: [{env}]}}]}}\n---\n"
        ));
        text.push_str(&format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{selector: {labels}, ports: [{ports}]}}\n---\n"
        ));
    }
    text
}

/// One of the ways of writing an address.
fn variable(
    own: &Member,
    number: usize,
    other: &Member,
    port: usize,
    random: &mut Random,
) -> String {
    let port = 1000 + port;
    let Member {
        namespace, name, ..
    } = other;
    let short = own.namespace == *namespace && random.chance(50);
    let host = match random.below(3) {
        _ if short => name.clone(),
        0 => format!("{name}.{namespace}"),
        1 => format!("{name}.{namespace}.svc"),
        _ => format!("{name}.{namespace}.svc.cluster.local"),
    };
    match random.below(3) {
        0 => format!("{{name: V{number}, value: \"http://{host}:{port}/x\"}}"),
        1 => format!("{{name: V{number}, value: \"{host}:{port}\"}}"),
        _ => format!(
            "{{name: V{number}_HOST, value: {host}}}, {{name: V{number}_PORT, value: \"{port}\"}}"
        ),
    }
}

struct Case {
    members: Vec<Member>,
    cluster: Cluster,
    suggestion: Suggestion,
}

fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let members = members(&mut random);
    let text = manifest(&members, &mut random);
    let name = "m.yaml".to_owned();
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let engine = Engine::new(assemble(&loaded.objects).0);
    let suggestion = suggestion(&engine, &loaded.objects, &loaded.sources);
    Case {
        cluster: applied(engine.cluster(), &suggestion),
        members,
        suggestion,
    }
}

fn suggestion(engine: &Engine, objects: &[Object], sources: &SourceMap) -> Suggestion {
    let subject = Subject {
        engine,
        objects,
        sources,
    };
    suggest(&subject, &Options::default())
}

/// The cluster with the policies as they are printed.
fn applied(cluster: &Cluster, suggestion: &Suggestion) -> Cluster {
    let inputs: Vec<Input> = suggestion
        .namespaces
        .iter()
        .map(|found| Input {
            name: found.namespace.clone(),
            text: found.text.clone(),
        })
        .collect();
    let loaded = load(&inputs, &LoadOptions::default());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let mut cluster = cluster.clone();
    for object in loaded.objects {
        let Object::NetworkPolicy(policy) = object else {
            panic!("only policies are suggested");
        };
        cluster.network_policies.insert(policy.name.clone(), policy);
    }
    cluster
}

fn pod(member: &Member, ordinal: usize) -> Endpoint {
    Endpoint::Pod(ObjectName::new(
        member.namespace,
        format!("{}-{ordinal}", member.name),
    ))
}

/// Whether the Service of `other` leads to the pods of `member`, which may have the same labels.
fn serves(other: &Member, member: &Member) -> bool {
    other.namespace == member.namespace && other.labels == member.labels
}

impl Case {
    fn needs(&self, from: &Member, to: &Member, port: u16) -> bool {
        from.reaches
            .iter()
            .any(|(other, place)| serves(&self.members[*other], to) && PORTS[*place] == port)
    }

    fn reports(&self, from: &Member, to: &Member) -> bool {
        let name = |member: &Member| format!("{}/deployment/{}", member.namespace, member.name);
        let mut deviations = self.suggestion.deviations.iter();
        deviations.any(|found| found.from == name(from) && found.to == name(to))
    }
}

/// Calls `check` with each pair of workloads and each port, whether it is needed, and whether the reference allows it.
fn for_every_pair(case: &Case, mut check: impl FnMut(&Member, &Member, u16, bool, bool)) {
    for from in &case.members {
        for to in &case.members {
            for port in PORTS.into_iter().chain([1000, 53]) {
                let query = Query {
                    source: pod(from, 0),
                    destination: pod(to, 1),
                    protocol: Protocol::Tcp.into(),
                    port: Some(port),
                };
                let answer = ringfence_reference::answer(&case.cluster, &query).unwrap();
                let allowed = answer.outcome == Outcome::Allow;
                check(from, to, port, case.needs(from, to, port), allowed);
            }
        }
    }
}

#[test]
fn the_reference_allows_what_is_needed_and_what_is_reported() {
    let (mut exact, mut inexact) = (0, 0);
    for seed in 0..SEEDS {
        let case = case(seed);
        for_every_pair(&case, |from, to, port, needed, allowed| {
            assert!(
                allowed || !needed,
                "{seed}: {} -> {} {port} is needed",
                from.name,
                to.name
            );
            if allowed && !needed {
                assert!(
                    case.reports(from, to),
                    "{seed}: {} -> {} {port} is not needed",
                    from.name,
                    to.name
                );
            }
        });
        match case.suggestion.deviations.is_empty() {
            true => exact += 1,
            false => inexact += 1,
        }
        assert!(
            case.suggestion.diagnostics.is_empty(),
            "{seed}: {:?}",
            case.suggestion.diagnostics
        );
    }
    assert!(
        exact > SEEDS / 2 && inexact > 0,
        "{exact} exact, {inexact} not"
    );
}

#[test]
fn every_rule_is_needed() {
    for seed in 0..SEEDS / 3 {
        let case = case(seed);
        if !case.suggestion.unresolved.is_empty() {
            continue;
        }
        for name in case.cluster.network_policies.keys() {
            let mut cluster = case.cluster.clone();
            let policy = cluster.network_policies.get_mut(name).unwrap();
            let rules = policy.ingress.len() + policy.egress.len();
            for rule in 0..rules {
                let mut less = cluster.clone();
                let policy = less.network_policies.get_mut(name).unwrap();
                match rule.checked_sub(policy.ingress.len()) {
                    None => drop(policy.ingress.remove(rule)),
                    Some(egress) => {
                        let removed = policy.egress.remove(egress);
                        // Rules to the name server reach nobody here.
                        if removed.ports.len() == 2 && format!("{removed:?}").contains("kube-dns") {
                            continue;
                        }
                    }
                }
                let less = Case {
                    cluster: less,
                    members: members(&mut Random::new(seed)),
                    suggestion: case.suggestion.clone(),
                };
                let mut broken = false;
                for_every_pair(&less, |_, _, _, needed, allowed| {
                    broken |= needed && !allowed
                });
                assert!(broken, "{seed}: rule {rule} of {name} is not needed");
            }
        }
    }
}

#[test]
fn equal_manifests_give_equal_suggestions() {
    for seed in 0..10 {
        let texts = |case: &Case| -> Vec<String> {
            let namespaces = case.suggestion.namespaces.iter();
            namespaces.map(|found| found.text.clone()).collect()
        };
        assert_eq!(texts(&case(seed)), texts(&case(seed)));
    }
}

const SETTLED: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: ns}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers: [{name: c, image: i, ports: [{containerPort: 80}], ENV}]
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: ns}
spec: {TYPE selector: {app: a}, ports: [{port: 80}]}
---
";

/// What is suggested for `SETTLED` with this in its container and its Service, and with `more` behind it.
fn settled(container: &str, service: &str, more: &str) -> Suggestion {
    let text = SETTLED.replace("ENV", container).replace("TYPE", service) + more;
    let name = "m.yaml".to_owned();
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let engine = Engine::new(assemble(&loaded.objects).0);
    suggestion(&engine, &loaded.objects, &loaded.sources)
}

#[test]
fn suggest_warns_of_pods_that_a_rule_for_the_outside_lets_in() {
    let pod = "apiVersion: v1
kind: Pod
metadata: {name: other, namespace: kube-system, labels: {app: other}}
spec: {containers: [{name: c, image: i}]}
status: {podIPs: [{ip: 10.244.0.9}]}
";
    let found = settled("env: []", "type: LoadBalancer,", pod);
    let shown: Vec<&str> = found
        .deviations
        .iter()
        .map(|one| one.from.as_str())
        .collect();
    assert_eq!(shown, ["kube-system/pod/other"]);
    assert!(!found.is_complete());
    let ranges = "type: LoadBalancer, loadBalancerSourceRanges: [10.244.0.0/16],";
    let found = settled("env: []", ranges, pod);
    assert!(found.is_complete(), "{:?}", found.deviations);
}

#[test]
fn suggest_leaves_to_a_human_what_is_not_read() {
    let list = "apiVersion: networking.k8s.io/v1
kind: IngressList
items: [{metadata: {name: i, namespace: ns}, spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}}]
";
    let binding = "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: r}
subjects: [{kind: Group, name: \"system:serviceaccounts:ns\"}]
";
    let rollout = "apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r, namespace: ns}
spec: {template: {spec: {containers: [{name: c, image: i}]}}}
";
    let monitor = "apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: x, namespace: ns}
spec: {selector: {matchLabels: {app: a}}}
";
    for (container, more, problem) in [
        (
            "env: [{name: X, value: \"ghcr.io:443\"}]",
            "",
            "ghcr.io:443 is outside",
        ),
        (
            "args: [--smtp, \"smtp.example.com:587\"]",
            "",
            "smtp.example.com:587 is outside",
        ),
        (
            "command: [sh, -c, \"psql -h db.example.com\"]",
            "",
            "db.example.com is outside",
        ),
        (
            "env: [{name: X, value: \"jdbc:oracle:thin:@//o.example.com:1521/x\"}]",
            "",
            "o.example.com:1521 is",
        ),
        ("env: []", list, "the pods that bring its connections"),
        ("env: []", binding, "every account of `ns` has rights"),
        ("env: []", rollout, "may make pods"),
        ("env: []", monitor, "says what is scraped"),
    ] {
        let found = settled(container, "", more);
        let said = found
            .unresolved
            .iter()
            .any(|one| one.problem.contains(problem));
        assert!(
            said && !found.is_complete(),
            "{problem}: {:?}",
            found.unresolved
        );
    }
    for container in [
        "env: [{name: X, value: \"nginx:1.27\"}]",
        "env: [{name: X, value: \"registry.example.com:5000/team/app:1\"}]",
        "env: [{name: CLASSPATH, value: \"/opt/a.jar:/opt/b.jar\"}]",
        "args: [\"main.rs:10\", \"key:80\"]",
    ] {
        let found = settled(container, "", "");
        assert!(found.is_complete(), "{container}: {:?}", found.unresolved);
    }
    let found = settled("env: [{name: X, value: \"[2001:db8::5]:443\"}]", "", "");
    assert_eq!(found.needs[0].to.to_string(), "2001:db8::5/128");
}
