//! Connections that are opened in a cluster, and what can be said of them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ringfence_kube::{Ended, ProbePods, RunningPod};
use ringfence_model::{Answer, Cluster, Outcome, Query};
use ringfence_net::{IpProtocol, Protocol};

use super::super::Verdict;
use super::super::targets::targets;

/// How long an answer is waited for where none is expected.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where one is expected.
const LONG_PATIENCE: Duration = Duration::from_secs(5);
/// What the API and a node may take for a command beside.
const SLACK: Duration = Duration::from_secs(60);
/// How often what is not as it is meant is tried again, and how long is waited before: a cluster needs time to tell its
/// nodes of new pods.
const ROUNDS: usize = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// How long a server may take until it answers in its own pod.
const LISTENS: Duration = Duration::from_secs(30);

/// One connection to open.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    from: RunningPod,
    address: IpAddr,
    port: u16,
    protocol: Protocol,
    /// Whether it should pass; `None` where that depends on whom it reaches.
    passes: Option<bool>,
    /// Who answers, if that is somebody of ours.
    server: Option<RunningPod>,
}

/// A port of a pod at which somebody of ours listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Server {
    namespace: String,
    pod: String,
    port: u16,
    /// `None` for the server itself, else a protocol over which it was seen to answer.
    answers: Option<Protocol>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Open,
    Closed,
    /// It may be either; why.
    Unclear(String),
    /// The attempt itself failed.
    Failed(String),
}

/// What is known of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Verdict(Verdict),
    /// What was seen can mean either; why.
    Open(String),
}

impl Found {
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Verdict(verdict) => verdict,
            Self::Open(reason) => Verdict::Skipped(reason),
        }
    }
}

/// The connections of `query` from the pod `from`; `to` is who answers if somebody of ours does.
pub(super) fn attempts(
    cluster: &Cluster,
    query: &Query,
    answer: &Answer,
    from: &RunningPod,
    to: Option<&RunningPod>,
) -> Result<Vec<Attempt>, String> {
    let protocol = protocol(query.protocol)?;
    let port = query.port.ok_or_else(|| no_probe(query.protocol))?;
    let passes = match answer.outcome {
        Outcome::Allow => Some(true),
        Outcome::Deny => Some(false),
        Outcome::Partial | Outcome::NoEndpoints | Outcome::Unknown { .. } => None,
    };
    let targets = targets(cluster, query, port, answer)?.into_iter();
    let attempts = targets.map(|target| Attempt {
        from: from.clone(),
        address: target.address,
        port: target.port,
        protocol,
        passes,
        server: to.cloned(),
    });
    Ok(attempts.collect())
}

fn protocol(protocol: IpProtocol) -> Result<Protocol, String> {
    match protocol.as_policy() {
        Some(found @ (Protocol::Tcp | Protocol::Udp)) => Ok(found),
        Some(Protocol::Sctp) | None => Err(no_probe(protocol)),
    }
}

fn no_probe(protocol: IpProtocol) -> String {
    match protocol.as_policy() {
        Some(protocol) => {
            format!("pods in a cluster are tried over TCP and UDP, not over {protocol}")
        }
        None => "pods in a cluster are tried over TCP and UDP only".to_owned(),
    }
}

/// What the passages of one question say together: to a Service as such, and to each pod behind it.
pub(super) fn found(passages: &[Passage]) -> Found {
    let mut unclear = None;
    let mut open = 0;
    for passage in passages {
        match passage {
            Passage::Failed(reason) => return Found::Verdict(Verdict::Skipped(reason.clone())),
            Passage::Unclear(reason) => unclear = Some(reason.clone()),
            Passage::Open => open += 1,
            Passage::Closed => {}
        }
    }
    if let Some(reason) = unclear {
        return Found::Open(reason);
    }
    Found::Verdict(Verdict::Found(match open {
        0 => Outcome::Deny,
        all if all == passages.len() => Outcome::Allow,
        _ => Outcome::Partial,
    }))
}

/// Attempts, and the servers that they need.
pub(super) struct Trial<'a> {
    pods: &'a mut ProbePods,
    servers: &'a mut BTreeSet<Server>,
}

impl<'a> Trial<'a> {
    pub(super) const fn new(pods: &'a mut ProbePods, servers: &'a mut BTreeSet<Server>) -> Self {
        Self { pods, servers }
    }

    /// Opens all of them; the passages are in the order of `attempts`.
    pub(super) fn all(&mut self, attempts: &[Attempt]) -> Vec<Passage> {
        let served = attempts.iter().map(|attempt| self.served(attempt));
        let served: Vec<Result<(), String>> = served.collect();
        let mut passages: Vec<Passage> = served
            .into_iter()
            .map(|served| served.map_or_else(Passage::Failed, |()| Passage::Closed))
            .collect();
        self.again(attempts, &mut passages, |_, passage| {
            *passage == Passage::Closed
        });
        for _ in 0..ROUNDS {
            if !passages
                .iter()
                .zip(attempts)
                .any(|(passage, attempt)| attempt.is_surprised(passage))
            {
                break;
            }
            std::thread::sleep(PAUSE);
            self.again(attempts, &mut passages, Attempt::is_surprised);
        }
        // A pod that nobody knows yet is cut off from everything, which looks like a denial: that has to last.
        self.again(attempts, &mut passages, |_, passage| {
            *passage == Passage::Closed
        });
        passages
    }

    /// Opens those that `chosen` names once more.
    fn again(
        &self,
        attempts: &[Attempt],
        passages: &mut [Passage],
        chosen: impl Fn(&Attempt, &Passage) -> bool,
    ) {
        let chosen = attempts
            .iter()
            .zip(passages)
            .filter(|(attempt, passage)| chosen(attempt, passage));
        let (attempts, places): (Vec<&Attempt>, Vec<&mut Passage>) = chosen.unzip();
        let commands = attempts.iter().map(|attempt| {
            let address = (attempt.address, attempt.port);
            (
                &attempt.from,
                connect(address, attempt.protocol, attempt.patience()),
            )
        });
        let commands: Vec<(&RunningPod, Vec<String>)> = commands.collect();
        let ended = self.pods.run(&commands, LONG_PATIENCE + SLACK);
        for ((attempt, place), ended) in attempts.into_iter().zip(places).zip(ended) {
            *place = attempt.passage(ended);
        }
    }

    /// Sees to it that somebody listens where `attempt` leads, if that is a pod of ours.
    fn served(&mut self, attempt: &Attempt) -> Result<(), String> {
        let Some(pod) = &attempt.server else {
            return Ok(());
        };
        let server = |answers| Server {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            port: attempt.port,
            answers,
        };
        if self.servers.contains(&server(Some(attempt.protocol))) {
            return Ok(());
        }
        if self.servers.insert(server(None)) {
            self.pods.serve(pod, &serve(attempt.port))?;
        }
        let own = (IpAddr::from([127, 0, 0, 1]), attempt.port);
        let command = connect(own, attempt.protocol, PATIENCE);
        let until = Instant::now() + LISTENS;
        loop {
            let ended = self.pods.run(&[(pod, command.clone())], PATIENCE + SLACK);
            let complaint = match ended.into_iter().next() {
                Some(Ok(Ended { code: 0, .. })) => break,
                Some(Ok(ended)) => ended.complaint,
                Some(Err(reason)) => reason,
                None => String::new(),
            };
            if Instant::now() > until {
                let Attempt { port, protocol, .. } = attempt;
                return Err(format!(
                    "nobody listens on {protocol}/{port} in the pod that was made for it: {complaint}"
                ));
            }
        }
        self.servers.insert(server(Some(attempt.protocol)));
        Ok(())
    }
}

impl Attempt {
    /// Whether the passage is another one than the policies mean. What cannot be told now cannot be told later.
    fn is_surprised(&self, passage: &Passage) -> bool {
        match passage {
            Passage::Open => self.passes == Some(false),
            Passage::Closed => self.passes == Some(true),
            Passage::Unclear(_) | Passage::Failed(_) => false,
        }
    }

    fn patience(&self) -> Duration {
        if self.passes == Some(true) {
            LONG_PATIENCE
        } else {
            PATIENCE
        }
    }

    /// Silence and a refusal tell of the network only where it is known that somebody listens.
    fn passage(&self, ended: Result<Ended, String>) -> Passage {
        let ended = match ended {
            Ok(ended) => ended,
            Err(reason) => return Passage::Failed(format!("the attempt failed: {reason}")),
        };
        let listens = self.server.is_some();
        // Over TCP agnhost says the word alone, over UDP what the kernel said comes after it.
        let word = ended.complaint.split(':').next().unwrap_or_default();
        match (ended.code, word, self.protocol) {
            (0, _, _) => Passage::Open,
            (_, "TIMEOUT" | "REFUSED", _) if listens => Passage::Closed,
            (_, "TIMEOUT", Protocol::Tcp) => Passage::Closed,
            (_, "TIMEOUT", Protocol::Udp | Protocol::Sctp) => Passage::Unclear(
                "nothing came back, and a program does not answer everything that comes over UDP"
                    .to_owned(),
            ),
            (_, "REFUSED", _) => Passage::Unclear(
                "it was refused: nothing listens there, or the network refuses in its place"
                    .to_owned(),
            ),
            (code, _, _) => Passage::Failed(format!(
                "the attempt failed with exit code {code}: {}",
                ended.complaint
            )),
        }
    }
}

fn connect((address, port): (IpAddr, u16), protocol: Protocol, patience: Duration) -> Vec<String> {
    let target = std::net::SocketAddr::new(address, port);
    vec![
        "/agnhost".to_owned(),
        "connect".to_owned(),
        format!("--timeout={}s", patience.as_secs()),
        format!("--protocol={}", protocol.name().to_lowercase()),
        target.to_string(),
    ]
}

/// Over TCP and UDP, on a port of both.
fn serve(port: u16) -> Vec<String> {
    vec![
        "/agnhost".to_owned(),
        "netexec".to_owned(),
        format!("--http-port={port}"),
        format!("--udp-port={port}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(protocol: Protocol, server: bool) -> Attempt {
        let pod = RunningPod {
            namespace: "a".to_owned(),
            name: "p".to_owned(),
            labels: std::collections::BTreeMap::new(),
            addresses: Vec::new(),
            node: None,
        };
        Attempt {
            from: pod.clone(),
            address: IpAddr::from([10, 0, 0, 1]),
            port: 80,
            protocol,
            passes: Some(false),
            server: server.then_some(pod),
        }
    }

    fn passage(protocol: Protocol, server: bool, code: i32, complaint: &str) -> Passage {
        let complaint = complaint.to_owned();
        attempt(protocol, server).passage(Ok(Ended {
            code,
            output: String::new(),
            complaint,
        }))
    }

    /// Some networks refuse what they deny, and some programs are silent.
    #[test]
    fn what_can_mean_either_is_no_denial() {
        use Protocol::{Tcp, Udp};
        for (protocol, server) in [(Tcp, false), (Tcp, true), (Udp, false), (Udp, true)] {
            assert_eq!(passage(protocol, server, 0, ""), Passage::Open);
        }
        for (protocol, server, complaint) in [
            (Tcp, false, "TIMEOUT"),
            (Tcp, true, "REFUSED"),
            (
                Udp,
                true,
                "TIMEOUT: read udp 10.244.0.7:43119->10.244.1.5:53: i/o timeout",
            ),
            (
                Udp,
                true,
                "REFUSED: read udp 10.244.0.7:43119->10.244.1.5:53: read: connection refused",
            ),
        ] {
            assert_eq!(passage(protocol, server, 1, complaint), Passage::Closed);
        }
        for (protocol, complaint) in [
            (Tcp, "REFUSED"),
            (Udp, "REFUSED: read udp: connection refused"),
            (Udp, "TIMEOUT: read udp: i/o timeout"),
        ] {
            let found = passage(protocol, false, 1, complaint);
            assert!(matches!(found, Passage::Unclear(_)), "{found:?}");
        }
        let failed = passage(Tcp, true, 1, "OTHER: network is unreachable");
        assert!(matches!(failed, Passage::Failed(_)), "{failed:?}");
        let unknown = attempt(Tcp, true).passage(Err("no such pod".to_owned()));
        assert!(matches!(unknown, Passage::Failed(_)), "{unknown:?}");
    }

    #[test]
    fn one_doubt_outweighs_what_others_say() {
        let unclear = || Passage::Unclear("why".to_owned());
        assert_eq!(
            found(&[Passage::Open, unclear()]),
            Found::Open("why".to_owned())
        );
        let partial = found(&[Passage::Open, Passage::Closed]);
        assert_eq!(partial, Found::Verdict(Verdict::Found(Outcome::Partial)));
        let failed = found(&[unclear(), Passage::Failed("how".to_owned())]);
        assert_eq!(failed, Found::Verdict(Verdict::Skipped("how".to_owned())));
    }
}
