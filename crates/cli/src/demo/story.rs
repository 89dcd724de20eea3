//! The article's story, chapter by chapter.

mod nodes;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use anyhow::Context as _;
use ringfence_kube::Access;
use ringfence_lab::control::client::{Client, Origin};
use ringfence_lab::control::protocol::{Change, LabStatus, LabelTarget, Place, Request};
use ringfence_lab::plan::{METADATA, OUTSIDE_HOST, OUTSIDE_NAME};
use ringfence_model::{Input, ObjectName};
use ringfence_net::Protocol;

use super::kernel;
use super::manifests;
use super::measure::{Target, Trial, measure};
use super::print::Printer;
use super::report::{Check, Passage, Report, Step, milliseconds};
use super::stream::Line;

const DEMO: &str = "netpol-demo";
const WEB_PORT: u16 = 80;
const DB_PORT: u16 = 5432;
/// A port on which nobody listens and which no policy names.
const OTHER_PORT: u16 = 8080;
const DNS_PORT: u16 = 53;

/// Tells the story in a fresh lab and gives what happened.
pub(crate) fn tell(client: &Client, access: &Access, printer: &Printer) -> anyhow::Result<Report> {
    let mut teller = Teller {
        client,
        access,
        printer,
        report: Report::default(),
        step: Step::default(),
        started: Instant::now(),
    };
    teller.nodes()?;
    teller.application()?;
    let lines = teller.flat_network()?;
    let before = kernel::look(client)?;
    teller.default_deny(&lines)?;
    drop(lines);
    teller.in_the_kernel(&before)?;
    teller.allow_frontend()?;
    teller.database()?;
    teller.egress()?;
    teller.host_network()?;
    teller.rules_for_nodes()?;
    teller.everything()?;
    Ok(teller.report)
}

struct Teller<'a> {
    client: &'a Client,
    /// The lab's API.
    access: &'a Access,
    printer: &'a Printer,
    report: Report,
    step: Step,
    started: Instant,
}

fn client_pod() -> Origin {
    Origin::Pod(ObjectName::new("default", "client"))
}

fn web_service() -> ObjectName {
    ObjectName::new(DEMO, "web-app")
}

fn db_service() -> ObjectName {
    ObjectName::new(DEMO, "postgres")
}

const fn metadata() -> IpAddr {
    let [address, _] = METADATA;
    address
}

const fn outside() -> IpAddr {
    let [address, _] = OUTSIDE_HOST;
    address
}

fn trial(from: &Origin, label: &str, target: Target, expected: Passage) -> Trial {
    Trial {
        from: from.clone(),
        label: label.to_owned(),
        target,
        expected: Some(expected),
    }
}

fn curl(from: &Origin, expected: Passage) -> Trial {
    trial(
        from,
        "curl web-app.netpol-demo.svc.cluster.local",
        Target::Page(web_service()),
        expected,
    )
}

fn database(from: &Origin, expected: Passage) -> Trial {
    trial(
        from,
        "postgres.netpol-demo.svc.cluster.local:5432",
        Target::Service(db_service(), DB_PORT),
        expected,
    )
}

fn metadata_service(from: &Origin, expected: Passage) -> Trial {
    trial(
        from,
        "the instance metadata service, 169.254.169.254:80",
        Target::Address(metadata(), 80),
        expected,
    )
}

fn outside_world(from: &Origin, expected: Passage) -> Trial {
    let target = Target::Address(outside(), 80);
    trial(from, "the outside world, 203.0.113.10:80", target, expected)
}

fn resolve(from: &Origin, expected: Passage) -> Trial {
    let name = "web-app.netpol-demo.svc.cluster.local";
    trial(
        from,
        "resolve web-app.netpol-demo.svc.cluster.local",
        Target::Name(name.to_owned()),
        expected,
    )
}

use Passage::{Closed, Open};

impl Teller<'_> {
    fn begin(&mut self, title: &str) {
        self.step = Step {
            number: self.report.steps.len() + 1,
            title: title.to_owned(),
            ..Step::default()
        };
        self.printer.title(&self.step);
    }

    fn end(&mut self) {
        self.report.steps.push(std::mem::take(&mut self.step));
        self.printer.wait();
    }

    fn command(&mut self, command: &str) {
        self.printer.command(command);
        self.step.commands.push(command.to_owned());
    }

    fn output(&mut self, text: String) {
        self.printer.output(&text);
        self.step.output.push(text);
    }

    fn remark(&mut self, text: &str) {
        self.printer.remark(text);
        self.step.remarks.push(text.to_owned());
    }

    fn check(&mut self, trials: &[Trial]) -> anyhow::Result<()> {
        let checks = measure(self.client, trials)?;
        self.show(checks);
        Ok(())
    }

    fn show(&mut self, checks: Vec<Check>) {
        for check in checks {
            self.printer.check(&check);
            self.step.checks.push(check);
        }
    }

    fn changed(&mut self, request: &Request) -> anyhow::Result<()> {
        let started = Instant::now();
        let changes = self.client.change(request, |_| {})?;
        let took = milliseconds(started.elapsed());
        for (object, change) in changes {
            self.output(format!("{object} {}", Change::word(change)));
        }
        self.output(format!("enforced on every node after {took} ms"));
        Ok(())
    }

    fn apply(&mut self, file: &str, input: Input) -> anyhow::Result<()> {
        self.command(&format!("kubectl apply -f {file}"));
        self.changed(&Request::Apply {
            inputs: vec![input],
            namespace: "default".to_owned(),
        })
    }

    fn status(&self) -> anyhow::Result<LabStatus> {
        self.client.status()
    }

    /// Pods of the demonstration's namespace by their workload, in order.
    fn pods_of(&self, workload: &str) -> anyhow::Result<Vec<ObjectName>> {
        let pods = self.status()?.pods.into_iter().map(|pod| pod.name);
        let prefix = format!("{workload}-");
        Ok(pods
            .filter(|name| name.namespace == DEMO && name.name.starts_with(&prefix))
            .collect())
    }

    fn nodes(&mut self) -> anyhow::Result<()> {
        self.begin("A cluster of three nodes, with a CNI plugin and without any policy");
        self.command("kind create cluster --name=multi-node --config=multi-node-kind.yaml");
        let status = self.status()?;
        self.report.nodes_ready_ms = status.ready_after_ms;
        for node in &status.nodes {
            let addresses: Vec<String> = node.addresses.iter().map(ToString::to_string).collect();
            let blocks: Vec<String> = node.pod_cidrs.iter().map(ToString::to_string).collect();
            self.output(format!(
                "{:24} {:14} pods {}",
                node.name,
                addresses.join(","),
                blocks.join(",")
            ));
        }
        self.output(
            "CNI plugin ringfence-cni in place, an agent on each node, the cluster's names served"
                .to_owned(),
        );
        self.end();
        Ok(())
    }

    fn application(&mut self) -> anyhow::Result<()> {
        self.begin("The application: two web servers and a database, each behind a Service");
        let started = Instant::now();
        self.apply("demo-app.yaml", manifests::application())?;
        self.report.lab_ready_ms = self.report.nodes_ready_ms + milliseconds(started.elapsed());
        for pod in self
            .status()?
            .pods
            .into_iter()
            .filter(|pod| pod.name.namespace == DEMO)
        {
            let address = pod
                .addresses
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            self.output(format!(
                "{:40} {:14} {}",
                pod.name.to_string(),
                address,
                pod.node.unwrap_or_default()
            ));
        }
        self.end();
        Ok(())
    }

    /// Leaves two connections open, to see what becomes of them.
    fn flat_network(&mut self) -> anyhow::Result<Vec<Line>> {
        self.begin("A flat network: a client in another namespace reaches everything");
        self.command(
            "kubectl run -n default -it client --image=raesene/alpine-containertools -- /bin/bash",
        );
        let request = Request::Apply {
            inputs: vec![manifests::client()],
            namespace: "default".to_owned(),
        };
        self.changed(&request)?;
        self.command("curl web-app.netpol-demo.svc.cluster.local");
        let from = client_pod();
        self.check(&[
            resolve(&from, Open),
            curl(&from, Open),
            database(&from, Open),
            metadata_service(&from, Open),
            trial(
                &from,
                "curl outside.example",
                Target::OutsideName(OUTSIDE_NAME.to_owned(), outside(), 80),
                Open,
            ),
        ])?;
        let web = Line::open(self.client, &from, &web_service(), WEB_PORT)?;
        let db = Line::open(self.client, &from, &db_service(), DB_PORT)?;
        self.remark("two connections stay open: client to web-app, client to postgres");
        self.end();
        Ok(vec![web, db])
    }

    fn default_deny(&mut self, lines: &[Line]) -> anyhow::Result<()> {
        self.begin("Default deny for ingress: the same curl times out");
        self.apply(
            "default-deny-ingress.yaml",
            manifests::default_deny_ingress(),
        )?;
        let from = client_pod();
        let worker = self.node_of_web()?;
        self.check(&[
            curl(&from, Closed),
            database(&from, Closed),
            resolve(&from, Open),
            outside_world(&from, Open),
        ])?;
        let web = self.pods_of("web-app")?;
        let web = web.first().context("no web pod")?.clone();
        let kubelet = Origin::Place(Place::Node(worker));
        let label = format!("{web}:80, as its kubelet probes it (NP-50)");
        self.check(&[trial(
            &kubelet,
            &label,
            Target::Pod(web, Protocol::Tcp, WEB_PORT),
            Open,
        )])?;
        for line in lines {
            let check = line.check(self.client, Closed)?;
            self.printer.check(&check);
            self.step.checks.push(check);
        }
        self.remark("a new deny also ends the connections that were open before");
        self.end();
        Ok(())
    }

    fn node_of_web(&self) -> anyhow::Result<String> {
        let web = self.pods_of("web-app")?;
        self.node_of(web.first().context("no web pod")?)
    }

    fn in_the_kernel(&mut self, before: &kernel::Look) -> anyhow::Result<()> {
        self.begin("How was that traffic stopped? What the policy put into each kernel");
        self.command("ringfence rules --lab ringfence-demo");
        self.step.kernel = kernel::difference(before, &kernel::look(self.client)?);
        self.printer.kernel(&self.step);
        let objects: usize = self.step.kernel.values().map(Vec::len).sum();
        anyhow::ensure!(
            objects > 0 || !self.status()?.enforcement,
            "the policy is enforced, yet no object in any kernel refers to it"
        );
        self.remark("every object names the policy and the source line behind it");
        self.end();
        Ok(())
    }

    fn allow_frontend(&mut self) -> anyhow::Result<()> {
        self.begin("Allow what is needed: namespaces labelled purpose=frontend may reach the web tier on port 80");
        self.apply("web-allow-frontend.yaml", manifests::web_allow_frontend())?;
        let from = client_pod();
        self.check(&[curl(&from, Closed)])?;
        self.command("kubectl label namespace default purpose=frontend");
        let labels = BTreeMap::from([("purpose".to_owned(), Some("frontend".to_owned()))]);
        self.changed(&Request::Label {
            target: LabelTarget::Namespace("default".to_owned()),
            labels,
        })?;
        let web = self
            .pods_of("web-app")?
            .into_iter()
            .next()
            .context("no web pod")?;
        self.check(&[
            curl(&from, Open),
            trial(
                &from,
                &format!("{web}:{OTHER_PORT}, another port"),
                Target::Pod(web, Protocol::Tcp, OTHER_PORT),
                Closed,
            ),
            database(&from, Closed),
        ])?;
        self.end();
        Ok(())
    }

    fn database(&mut self) -> anyhow::Result<()> {
        self.begin("Inside a namespace too: the web tier needs a policy to reach its database");
        let web = self
            .pods_of("web-app")?
            .into_iter()
            .next()
            .context("no web pod")?;
        let web = Origin::Pod(web);
        self.check(&[database(&web, Closed)])?;
        self.apply("db-policy.yaml", manifests::db_policy())?;
        self.check(&[database(&web, Open), database(&client_pod(), Closed)])?;
        self.end();
        Ok(())
    }

    fn egress(&mut self) -> anyhow::Result<()> {
        self.begin("Egress: first nothing leaves, then DNS and the web tier only");
        let from = client_pod();
        self.apply("default-deny-egress.yaml", manifests::default_deny_egress())?;
        self.check(&[
            resolve(&from, Closed),
            metadata_service(&from, Closed),
            outside_world(&from, Closed),
        ])?;
        self.apply("allow-dns-and-web.yaml", manifests::allow_dns_and_web())?;
        self.check(&[
            resolve(&from, Open),
            curl(&from, Open),
            metadata_service(&from, Closed),
            outside_world(&from, Closed),
        ])?;
        self.remark("a compromised pod can no longer fetch its node's cloud credentials");
        self.end();
        Ok(())
    }

    fn host_network(&mut self) -> anyhow::Result<()> {
        self.begin("Host networking goes past all of it");
        let db = self
            .pods_of("database")?
            .into_iter()
            .next()
            .context("no database pod")?;
        let node = self.node_of(&db)?;
        self.apply("host-network.yaml", manifests::host_network(&node))?;
        let from = Origin::Pod(ObjectName::new("default", "intruder"));
        let label = format!("{db}:{DB_PORT}, past default-deny-ingress");
        self.check(&[
            trial(&from, &label, Target::Pod(db, Protocol::Tcp, DB_PORT), Open),
            metadata_service(&from, Open),
            outside_world(&from, Open),
        ])?;
        self.remark("the same namespace, no policy: NetworkPolicy selects no pod with hostNetwork: true (NP-53)");
        self.remark("restrict who may create such pods, and put rules on the hosts themselves");
        self.end();
        Ok(())
    }

    fn everything(&mut self) -> anyhow::Result<()> {
        self.begin("Everybody to everybody: predicted against measured");
        let trials = self.all_pairs()?;
        self.report.table = measure(self.client, &trials)?;
        self.printer.table(&self.report.table);
        for check in self.report.table.iter().filter(|check| !check.agreed) {
            self.printer.check(check);
        }
        self.end();
        self.report.total_ms = milliseconds(self.started.elapsed());
        Ok(())
    }

    fn all_pairs(&self) -> anyhow::Result<Vec<Trial>> {
        let status = self.status()?;
        let served = |pod: &ObjectName| match (pod.namespace.as_str(), pod.name.as_str()) {
            (DEMO, name) if name.starts_with("web-app-") => Some((Protocol::Tcp, WEB_PORT)),
            (DEMO, _) => Some((Protocol::Tcp, DB_PORT)),
            ("kube-system", _) => Some((Protocol::Udp, DNS_PORT)),
            _ => None,
        };
        let pods: Vec<ObjectName> = status.pods.iter().map(|pod| pod.name.clone()).collect();
        let mut targets: Vec<(String, Target)> = pods
            .iter()
            .filter_map(|pod| {
                let (protocol, port) = served(pod)?;
                Some((
                    format!("{pod} {protocol} {port}"),
                    Target::Pod(pod.clone(), protocol, port),
                ))
            })
            .collect();
        targets.push((
            "metadata service TCP 80".to_owned(),
            Target::Address(metadata(), 80),
        ));
        targets.push((
            "outside world TCP 80".to_owned(),
            Target::Address(outside(), 80),
        ));
        let mut origins: Vec<Origin> = pods.into_iter().map(Origin::Pod).collect();
        origins.extend(
            status
                .nodes
                .into_iter()
                .map(|node| Origin::Place(Place::Node(node.name))),
        );
        let mut trials = Vec::new();
        for from in &origins {
            for (label, target) in &targets {
                let itself =
                    matches!((from, target), (Origin::Pod(a), Target::Pod(b, ..)) if a == b);
                if !itself {
                    trials.push(Trial {
                        from: from.clone(),
                        label: label.clone(),
                        target: target.clone(),
                        expected: None,
                    });
                }
            }
        }
        Ok(trials)
    }
}
