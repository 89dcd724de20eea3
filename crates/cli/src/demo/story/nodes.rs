//! What policies cannot say: who may connect to a node, and to pods in its network (rules HF-*).

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use ringfence_lab::control::client::Origin;
use ringfence_lab::control::protocol::Place;
use ringfence_model::{ObjectName, Timestamp};
use ringfence_standin::probe::{ProbeProtocol, ProbeRequest};

use super::{Closed, Open, Passage, Target, Teller, trial};
use crate::clock::now;
use crate::commands::host_firewall;
use crate::demo::manifests;
use crate::demo::measure::{Trial, passage};

const METRICS: u16 = 9100;
/// A port that stays open by itself (rule HF-7). Nobody listens there: a refusal comes from the node.
const KUBELET: u16 = 10_250;
/// The first trial lasts so long; each further one twice as long as the one before, if the machine is slow.
const SHORTEST_TRIAL: u16 = 2;
const LONGEST_TRIAL: u16 = 64;
/// For a trial that is to be confirmed.
const ENOUGH: u16 = 60;
/// Whatever a trial does is seen within this time after it should be.
const PATIENCE: Duration = Duration::from_secs(20);

impl Teller<'_> {
    pub(super) fn rules_for_nodes(&mut self) -> anyhow::Result<()> {
        self.begin("Rules for the nodes: tried out first, and taken back by the kernel if nobody confirms them");
        let db = self.pods_of("database")?;
        let db = db.first().context("no database pod")?;
        let node = self.node_of(db)?;
        let address = self.address_of(&node)?;
        self.apply("exporter.yaml", manifests::exporter(&node))?;
        self.check(&self.visits(&node, address, Open)?)?;
        self.remark(
            "metrics of the node, for everybody who reaches it: no policy selects them either",
        );
        self.lapse(&node, address)?;
        self.check(&self.visits(&node, address, Open)?)?;
        self.remark(
            "nobody confirmed: the kernel of each node took the rules back, which needs no agent",
        );
        self.try_out(ENOUGH)?;
        self.command("ringfence host-firewall confirm nodes");
        host_firewall::keep(self.access, "nodes")?;
        self.wait_for(address, Closed, None)?;
        self.check(&self.visits(&node, address, Closed)?)?;
        self.remark("pods in a node's network count as their node: what they open to pods of their own node is not judged (NP-50)");
        self.end();
        Ok(())
    }

    /// A trial that nobody confirms, until it is over.
    fn lapse(&mut self, node: &str, address: IpAddr) -> anyhow::Result<()> {
        let mut seconds = SHORTEST_TRIAL;
        loop {
            let until = self.try_out(seconds)?;
            self.wait_for(address, Closed, Some(until))?;
            let checks = self.visits(node, address, Closed)?;
            if self.check_before(until, &checks)? {
                return self.wait_for(address, Open, None);
            }
            seconds = seconds.saturating_mul(2);
            ensure!(
                seconds <= LONGEST_TRIAL,
                "no trial is long enough to look at it"
            );
            self.wait_for(address, Open, None)?;
        }
    }

    fn try_out(&mut self, seconds: u16) -> anyhow::Result<Timestamp> {
        let input = manifests::host_firewall();
        self.command(&format!(
            "ringfence host-firewall apply -f {} --confirm-within {seconds}s",
            input.name
        ));
        let began = host_firewall::try_out(self.access, &[input], i64::from(seconds) * 1_000)?;
        let (_, until) = began.first().context("no HostFirewall")?;
        Ok(*until)
    }

    /// Tries what holds during a trial, and tells of it if it still ran at the end; `false` if it did not.
    fn check_before(&mut self, until: Timestamp, trials: &[Trial]) -> anyhow::Result<bool> {
        let checks = crate::demo::measure::measure(self.client, trials)?;
        if now() >= until {
            return Ok(false);
        }
        self.show(checks);
        Ok(true)
    }

    /// Waits until the metrics of the node are closed for those outside, or open to them; no longer than a trial lasts.
    fn wait_for(
        &self,
        address: IpAddr,
        wanted: Passage,
        until: Option<Timestamp>,
    ) -> anyhow::Result<()> {
        let request = ProbeRequest {
            target: address.to_string(),
            port: METRICS,
            protocol: ProbeProtocol::Tcp,
            timeout_ms: 200,
        };
        let outside = Origin::Place(Place::Outside);
        let end = Instant::now() + PATIENCE + Duration::from_secs(LONGEST_TRIAL.into());
        loop {
            let reports = self
                .client
                .probe(&outside, std::slice::from_ref(&request))?;
            let found = reports.first().and_then(|it| passage(&it.outcome));
            let is_over = until.is_some_and(|until| until <= now());
            if found == Some(wanted) || is_over || !self.status()?.enforcement {
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "the metrics of the node are not {}",
                wanted.word()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Who gets in to the metrics of a node, and to its kubelet.
    fn visits(&self, node: &str, address: IpAddr, metrics: Passage) -> anyhow::Result<Vec<Trial>> {
        let outside = Origin::Place(Place::Outside);
        let mut names = self.status()?.nodes.into_iter().map(|node| node.name);
        let neighbour = names.rfind(|name| name != node);
        let neighbour = Origin::Place(Place::Node(neighbour.context("no other node")?));
        let web = self.pods_of("web-app")?;
        let web = Origin::Pod(web.first().context("no web pod")?.clone());
        let visit = |from: &Origin, port, expected| {
            let label = match port {
                METRICS => format!("{node}:{METRICS}, metrics"),
                _ => format!("{node}:{KUBELET}, kubelet"),
            };
            trial(from, &label, Target::Address(address, port), expected)
        };
        Ok(vec![
            visit(&outside, METRICS, metrics),
            visit(&neighbour, METRICS, metrics),
            visit(&web, METRICS, Open),
            visit(&outside, KUBELET, Open),
        ])
    }

    fn address_of(&self, node: &str) -> anyhow::Result<IpAddr> {
        let nodes = self.status()?.nodes;
        let found = nodes.into_iter().find(|found| found.name == node);
        let addresses = found.map(|found| found.addresses).unwrap_or_default();
        let first = addresses.first().copied();
        first.context("the node has no address")
    }

    pub(super) fn node_of(&self, pod: &ObjectName) -> anyhow::Result<String> {
        let status = self.status()?;
        let found = status.pods.into_iter().find(|found| found.name == *pod);
        found
            .and_then(|found| found.node)
            .with_context(|| format!("{pod} has no node"))
    }
}
