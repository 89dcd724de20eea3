//! The demonstration with kubectl, written down: every kubectl of the machine does the same.

use std::path::{Path, PathBuf};

use super::{Cluster, kubectls};
use crate::support::eventually;

/// The oldest minor version that is tried.
const OLDEST: u32 = 27;
/// Set to `all`, every kubectl of the machine is tried, not the oldest and the newest alone.
const WHICH: &str = "RINGFENCE_KUBECTLS";

#[test]
fn the_demonstration_works_with_kubectl() {
    let mut cluster =
        Cluster::up_with(&["up", "--config", &Cluster::example("multi-node-kind.yaml")]);
    // The newest first, whose walk is written down: addresses depend on what was given out before.
    for (number, kubectl) in chosen().into_iter().enumerate() {
        cluster.kubectl = kubectl;
        let walk = Walk::new(&cluster).run();
        if number == 0 {
            check_page(&walk);
        }
    }
}

fn chosen() -> Vec<PathBuf> {
    let mut all = kubectls(OLDEST);
    all.reverse();
    if std::env::var(WHICH).is_ok_and(|value| value == "all") {
        return all;
    }
    let oldest = all.split_off(1).pop();
    all.into_iter().chain(oldest).collect()
}

/// Commands and what they printed.
struct Walk<'a> {
    cluster: &'a Cluster,
    text: String,
}

impl<'a> Walk<'a> {
    const fn new(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            text: String::new(),
        }
    }

    fn run(mut self) -> String {
        self.kubectl("get nodes");
        self.apply("demo-app.yaml");
        self.last_of("rollout status deploy/web-app -n netpol-demo --timeout=90s");
        self.last_of("rollout status deploy/database -n netpol-demo --timeout=90s");
        self.kubectl("wait --for=condition=Ready pod --all -n netpol-demo --timeout=90s");
        self.kubectl("get pods -n netpol-demo -o wide");
        self.kubectl("get deploy,svc,endpointslices -n netpol-demo");
        self.kubectl("run client --image=raesene/alpine-containertools");
        self.kubectl("wait --for=condition=Ready pod/client --timeout=90s");
        self.curl(true);
        self.apply("default-deny-ingress.yaml");
        self.curl(false);
        self.apply("web-allow-frontend.yaml");
        self.curl(false);
        self.kubectl("label ns default purpose=frontend");
        self.curl(true);
        self.kubectl("get netpol -n netpol-demo");
        self.kubectl("delete netpol web-allow-frontend -n netpol-demo");
        self.curl(false);
        self.kubectl("get rs -n netpol-demo");
        self.kubectl("set image deploy/web-app -n netpol-demo nginx=nginx:1.28");
        self.last_of("rollout status deploy/web-app -n netpol-demo --timeout=90s");
        self.kubectl("rollout history deploy/web-app -n netpol-demo");
        self.kubectl("rollout undo deploy/web-app -n netpol-demo");
        self.last_of("rollout status deploy/web-app -n netpol-demo --timeout=90s");
        self.kubectl("scale deploy web-app -n netpol-demo --replicas=1");
        self.until_lines("get pods -n netpol-demo", 3);
        self.kubectl("delete pod -n netpol-demo -l app=web");
        self.last_of("rollout status deploy/web-app -n netpol-demo --timeout=90s");
        self.kubectl("create job hello --image=busybox -- echo well done");
        self.kubectl("wait --for=condition=Complete job/hello --timeout=90s");
        self.kubectl("logs job/hello");
        self.kubectl("get jobs,pods");
        self.kubectl("get events --field-selector=involvedObject.kind=Job");
        self.kubectl("delete job hello");
        self.kubectl("get svc kubernetes");
        self.kubectl("delete pod client");
        self.kubectl("delete ns netpol-demo");
        self.kubectl("label ns default purpose-");
        let left = self.cluster.ok("get pods,svc,netpol -A -o name");
        let own = [
            "pod/ringfence-dns",
            "service/kubernetes",
            "service/kube-dns",
        ];
        assert_eq!(left.lines().collect::<Vec<_>>(), own, "{left}");
        self.text
    }

    fn apply(&mut self, example: &str) {
        self.note(
            &format!("kubectl apply -f {example}"),
            &self.cluster.apply(example),
        );
    }

    fn kubectl(&mut self, arguments: &str) {
        let printed = self.cluster.ok(arguments);
        self.note(&format!("kubectl {arguments}"), &without_chance(&printed));
    }

    /// What is printed in between depends on who is faster.
    fn last_of(&mut self, arguments: &str) {
        let printed = self.cluster.ok(arguments);
        let last = printed.lines().last().unwrap_or_default();
        self.note(&format!("kubectl {arguments}"), &format!("{last}\n"));
    }

    /// Asks until so many lines are printed.
    fn until_lines(&mut self, arguments: &str, count: usize) {
        let printed = eventually(arguments, || {
            let printed = self.cluster.ok(arguments);
            (printed.lines().count() == count).then_some(printed)
        });
        self.note(&format!("kubectl {arguments}"), &without_chance(&printed));
    }

    fn curl(&mut self, answered: bool) {
        let url = "http://web-app.netpol-demo";
        let command = ["lab", "exec", "client", "--", "curl", "-sS", "-m", "1", url];
        let finished = self.cluster.lab.exec("client", &command[4..]);
        assert_eq!(finished.status.success(), answered, "{}", finished.stderr);
        let first = if answered {
            "…\n".to_owned()
        } else {
            "curl: (28) Connection timed out …\n".to_owned()
        };
        self.note(&format!("ringfence {}", command.join(" ")), &first);
    }

    fn note(&mut self, command: &str, printed: &str) {
        for part in ["$ ", command, "\n", printed] {
            self.text.push_str(part);
        }
    }
}

/// What is different each time is left out: ages, the ends of names, and which pod has which node and address.
fn without_chance(printed: &str) -> String {
    let mut lines: Vec<String> = printed.lines().map(plain).collect();
    let tables: Vec<&mut [String]> = lines.split_mut(String::is_empty).collect();
    for table in tables {
        let is_table = table
            .first()
            .is_some_and(|line| line.starts_with("NAME") || line.starts_with("LAST"));
        if let Some((_, rows)) = table.split_first_mut()
            && is_table
        {
            rows.sort();
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn plain(line: &str) -> String {
    let cells = line.split("  ").map(str::trim);
    let cells = cells.filter(|cell| !cell.is_empty()).map(plain_cell);
    cells.collect::<Vec<_>>().join("   ")
}

fn plain_cell(cell: &str) -> String {
    let is_age = cell.ends_with('s')
        && cell.starts_with(|c: char| c.is_ascii_digit())
        && cell
            .chars()
            .all(|c| c.is_ascii_digit() || c == 's' || c == 'm');
    if is_age {
        return "0s".to_owned();
    }
    let address = |part: &str| match part.rsplit_once('.') {
        Some((block, _)) if part.starts_with("10.244.") => format!("{block}.x"),
        Some(_) | None => part.to_owned(),
    };
    let mut addresses: Vec<String> = cell.split(',').map(address).collect();
    if cell.starts_with("10.244.") {
        addresses.sort();
    }
    let words = addresses.join(",");
    words.split(' ').map(unnamed).collect::<Vec<_>>().join(" ")
}

/// A name with the end that Kubernetes makes up.
fn unnamed(word: &str) -> String {
    let quotes = word.len() - word.trim_start_matches('"').len();
    let (quote, bare) = word.split_at(quotes);
    let end = bare.find(['"', ',']).unwrap_or(bare.len());
    let (name, rest) = bare.split_at(end);
    let made_up = |end: &str| {
        end.len() == 5
            && end
                .chars()
                .all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c))
    };
    match name.rsplit_once('-') {
        Some((beginning, end)) if made_up(end) => format!("{quote}{beginning}-xxxxx{rest}"),
        Some(_) | None => word.to_owned(),
    }
}

/// Compares with the page, or writes it with `SNAPSHOTS=overwrite`.
fn check_page(walk: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/kubectl-lab.md");
    let text = format!(
        "# kubectl against a lab\n\n\
         A test runs these commands with kubectl 1.{OLDEST} and the newest kubectl of the machine (with {WHICH}=all, with each between them, too) against a\n\
         lab of three nodes, and writes this page. Each\n\
         policy is enforced when the command that wrote it returns. Ages, the last numbers of pods' addresses and made-up ends of names are left out, and columns are\n\
         narrower than kubectl prints them.\n\n\
         ```text\n$ ringfence lab up --config multi-node-kind.yaml\n{walk}```\n"
    );
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        return std::fs::write(path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, text,
        "docs/kubectl-lab.md is not what ran: SNAPSHOTS=overwrite writes it"
    );
}
