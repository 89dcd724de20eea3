//! The server through real sockets on the loopback interface.

mod bounds;
mod outside;
mod teaching;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::{
    Handle, Metrics, ServeOptions, Sharing, Sockets, Teacher, Upstream, Zone, ZoneOptions, serve,
};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use ringfence_model::{
    Cluster, ClusterIp, Labels, Namespace, ObjectName, Phase, Pod, Service, ServicePort,
    TargetPort, Traffic,
};
use ringfence_net::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const ZONE_PATIENCE: Duration = Duration::from_millis(200);
const WEB: &str = "web.shop.svc.cluster.local.";

struct Server {
    address: SocketAddr,
    handle: Handle,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Server {
    fn start(zone: Option<Zone>, upstream: Vec<SocketAddr>) -> Self {
        Self::teaching(zone, upstream, &[])
    }

    /// One that tells the agents at these sockets.
    fn teaching(zone: Option<Zone>, upstream: Vec<SocketAddr>, agents: &[PathBuf]) -> Self {
        let sockets = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], Sharing::Alone).unwrap();
        let address = sockets.addresses()[0];
        let handle = Handle::new();
        if let Some(zone) = zone {
            handle.replace(zone);
        }
        let (stop, stopped) = oneshot::channel();
        let metrics = Arc::new(Metrics::default());
        let mut upstream = Upstream::new(upstream);
        upstream.patience = Duration::from_millis(300);
        let options = ServeOptions {
            upstream,
            metrics: Arc::clone(&metrics),
            zone_patience: ZONE_PATIENCE,
            teacher: Teacher::start(agents),
        };
        let running = serve(sockets, handle.clone(), options, async {
            let _ = stopped.await;
        });
        let ended = tokio::spawn(async move { running.await.unwrap() });
        Self {
            address,
            handle,
            metrics,
            stop,
            ended,
        }
    }

    async fn udp(&self, bytes: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(bytes, self.address).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let (length, from) = in_time(socket.recv_from(&mut buffer)).await.unwrap();
        assert_eq!(from, self.address);
        buffer.truncate(length);
        buffer
    }

    async fn tcp(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        exchange(&mut stream, bytes).await
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Message {
        let answer = self.udp(&question(name, kind).to_vec().unwrap()).await;
        Message::from_vec(&answer).unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        in_time(self.ended).await.unwrap();
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("no answer in time")
}

async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream
        .write_u16(bytes.len().try_into().unwrap())
        .await
        .unwrap();
    stream.write_all(bytes).await.unwrap();
    let length = in_time(stream.read_u16()).await.unwrap();
    let mut answer = vec![0; usize::from(length)];
    in_time(stream.read_exact(&mut answer)).await.unwrap();
    answer
}

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

fn values(message: &Message) -> Vec<String> {
    message
        .answers
        .iter()
        .map(|record| record.data.to_string())
        .collect()
}

fn service(name: &str, cluster_ip: ClusterIp) -> Service {
    Service {
        name: ObjectName::new("shop", name),
        selector: Labels::from([("app".to_owned(), "db".to_owned())]),
        cluster_ip,
        external_addresses: Vec::new(),
        ports: vec![ServicePort {
            name: Some("http".to_owned()),
            protocol: Protocol::Tcp,
            port: 80,
            target: TargetPort::Number(8080),
            node_port: None,
        }],
        traffic: Traffic::default(),
        publish_not_ready_addresses: false,
        endpoints: Vec::new(),
        external_name: None,
        source: None,
    }
}

fn pod(number: u8) -> Pod {
    Pod {
        name: ObjectName::new("shop", format!("db-{number}")),
        labels: Labels::from([("app".to_owned(), "db".to_owned())]),
        node: None,
        host_network: false,
        phase: Phase::Running,
        addresses: vec![IpAddr::from([10, 244, 1, number])],
        host_addresses: Vec::new(),
        ports: Vec::new(),
        ready: true,
        workload: None,
        terminating: false,
        uid: None,
        host_ports: Vec::new(),
        source: None,
    }
}

/// `web` at `address`, the headless `db` with `pods` pods, two aliases, and an outside name.
fn zone_with(address: [u8; 4], pods: u8, serial: u32) -> Zone {
    let mut cluster = Cluster::default();
    let namespace = Namespace::new("shop", Labels::new());
    cluster.namespaces.insert("shop".to_owned(), namespace);
    let alias = |name: &str, target: &str| Service {
        external_name: Some(target.to_owned()),
        ..service(name, ClusterIp::Unassigned)
    };
    for service in [
        service("web", ClusterIp::Assigned(vec![IpAddr::from(address)])),
        service("db", ClusterIp::Headless),
        alias("bank", "outside.example"),
        alias("far", "elsewhere.example"),
    ] {
        cluster.services.insert(service.name.clone(), service);
    }
    for pod in (1..=pods).map(pod) {
        cluster.pods.insert(pod.name.clone(), pod);
    }
    let outside = (
        "outside.example".to_owned(),
        vec![IpAddr::from([192, 0, 2, 9])],
    );
    let options = ZoneOptions {
        extra: BTreeMap::from([outside]),
        serial,
        ..ZoneOptions::default()
    };
    Zone::of_cluster(&cluster, &options)
}

fn zone() -> Option<Zone> {
    Some(zone_with([10, 96, 0, 20], 3, 1))
}

#[tokio::test]
async fn a_service_is_found_over_udp_and_tcp() {
    let server = Server::start(zone(), Vec::new());
    let asked = question(WEB, RecordType::A);
    let bytes = asked.to_vec().unwrap();
    for answer in [server.udp(&bytes).await, server.tcp(&bytes).await] {
        let answer = Message::from_vec(&answer).unwrap();
        assert_eq!(answer.metadata.id, asked.metadata.id);
        assert_eq!(answer.metadata.message_type, MessageType::Response);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(answer.metadata.authoritative);
        assert!(!answer.metadata.recursion_available);
        assert_eq!(answer.queries, asked.queries);
        assert_eq!(values(&answer), ["10.96.0.20"]);
        assert_eq!(answer.answers[0].ttl, 5);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_tcp_connection_serves_several_questions() {
    let server = Server::start(zone(), Vec::new());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        let bytes = question(WEB, RecordType::A).to_vec().unwrap();
        let answer = Message::from_vec(&exchange(&mut stream, &bytes).await).unwrap();
        assert_eq!(values(&answer), ["10.96.0.20"]);
    }
}

#[tokio::test]
async fn the_name_comes_back_as_it_was_written() {
    let server = Server::start(zone(), Vec::new());
    let written = "wEb.ShOp.svc.Cluster.LOCAL.";
    let answer = server.ask(written, RecordType::A).await;
    assert_eq!(answer.queries[0].name().to_ascii(), written);
    assert_eq!(answer.answers[0].name.to_ascii(), written);
}

#[tokio::test]
async fn missing_names_and_missing_types_carry_the_soa() {
    let server = Server::start(zone(), Vec::new());
    let missing = server
        .ask("gone.shop.svc.cluster.local.", RecordType::A)
        .await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    let empty = server.ask(WEB, RecordType::AAAA).await;
    assert_eq!(empty.metadata.response_code, ResponseCode::NoError);
    for answer in [missing, empty] {
        assert!(answer.answers.is_empty());
        assert!(answer.metadata.authoritative);
        assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
        assert_eq!(answer.authorities[0].name.to_ascii(), "cluster.local.");
    }
}

#[tokio::test]
async fn srv_ptr_and_aliases_arrive() {
    let server = Server::start(zone(), Vec::new());
    let srv = server
        .ask(&format!("_http._tcp.{WEB}"), RecordType::SRV)
        .await;
    assert_eq!(values(&srv), [format!("0 100 80 {WEB}")]);
    assert_eq!(srv.additionals[0].data.to_string(), "10.96.0.20");
    let ptr = server
        .ask("20.0.96.10.in-addr.arpa.", RecordType::PTR)
        .await;
    assert_eq!(values(&ptr), [WEB]);
    let alias = server
        .ask("bank.shop.svc.cluster.local.", RecordType::A)
        .await;
    assert_eq!(values(&alias), ["outside.example.", "192.0.2.9"]);
}

#[tokio::test]
async fn outside_names_are_refused_without_upstream() {
    let server = Server::start(zone(), Vec::new());
    let refused = server.ask("elsewhere.example.", RecordType::A).await;
    assert_eq!(refused.metadata.response_code, ResponseCode::Refused);
    assert!(!refused.metadata.authoritative);
    let alias = server
        .ask("far.shop.svc.cluster.local.", RecordType::A)
        .await;
    assert_eq!(alias.metadata.response_code, ResponseCode::NoError);
    assert_eq!(values(&alias), ["elsewhere.example."]);
}

#[tokio::test]
async fn a_big_answer_is_truncated_on_udp_and_whole_on_tcp() {
    let server = Server::start(Some(zone_with([10, 96, 0, 20], 200, 1)), Vec::new());
    let mut asked = question("db.shop.svc.cluster.local.", RecordType::A);
    let mut sizes = Vec::new();
    for payload in [None, Some(1232), Some(65_535)] {
        if let Some(payload) = payload {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            asked.set_edns(edns);
        }
        let bytes = server.udp(&asked.to_vec().unwrap()).await;
        let answer = Message::from_vec(&bytes).unwrap();
        assert!(answer.metadata.truncation);
        assert_eq!(answer.edns.is_some(), payload.is_some());
        sizes.push(bytes.len());
    }
    assert!(
        sizes[0] <= 512 && sizes[1] > 512 && sizes[2] <= 1232,
        "{sizes:?}"
    );
    let whole = Message::from_vec(&server.tcp(&asked.to_vec().unwrap()).await).unwrap();
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 200);
}

#[tokio::test]
async fn addresses_take_turns() {
    let server = Server::start(zone(), Vec::new());
    let mut first = std::collections::BTreeSet::new();
    for id in 0..3 {
        let mut asked = question("db.shop.svc.cluster.local.", RecordType::A);
        asked.metadata.id = id;
        let bytes = server.udp(&asked.to_vec().unwrap()).await;
        let answer = Message::from_vec(&bytes).unwrap();
        assert_eq!(answer.answers.len(), 3);
        first.insert(values(&answer)[0].clone());
    }
    assert_eq!(first.len(), 3);
}

#[tokio::test]
async fn a_new_zone_counts_at_once() {
    let server = Server::start(zone(), Vec::new());
    for last in [1, 2] {
        server
            .handle
            .replace(zone_with([10, 96, 0, last], 0, u32::from(last)));
        let answer = server.ask(WEB, RecordType::A).await;
        assert_eq!(values(&answer), [format!("10.96.0.{last}")]);
    }
}

#[tokio::test]
async fn questions_wait_for_the_first_zone_and_not_for_ever() {
    let server = Server::start(None, Vec::new());
    let unready = server.ask(WEB, RecordType::A).await;
    assert_eq!(unready.metadata.response_code, ResponseCode::ServFail);
    let server = Server::start(None, Vec::new());
    let bytes = question(WEB, RecordType::A).to_vec().unwrap();
    let (datagram, stream, ()) = tokio::join!(server.udp(&bytes), server.tcp(&bytes), async {
        server.handle.replace(zone().unwrap());
    });
    for bytes in [datagram, stream] {
        let answer = Message::from_vec(&bytes).unwrap();
        assert_eq!(values(&answer), ["10.96.0.20"]);
    }
}

#[tokio::test]
async fn strange_questions_get_their_error() {
    let server = Server::start(zone(), Vec::new());
    let code = async |message: Message| {
        let bytes = server.udp(&message.to_vec().unwrap()).await;
        Message::from_vec(&bytes).unwrap().metadata.response_code
    };
    let mut two = question(WEB, RecordType::A);
    two.add_query(two.queries[0].clone());
    assert_eq!(code(two).await, ResponseCode::FormErr);
    let mut none = question(WEB, RecordType::A);
    none.queries.clear();
    assert_eq!(code(none).await, ResponseCode::FormErr);
    let mut notify = question(WEB, RecordType::A);
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(code(notify).await, ResponseCode::NotImp);
    let mut chaos = question(WEB, RecordType::A);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(code(chaos).await, ResponseCode::Refused);
    assert_eq!(
        code(question(WEB, RecordType::AXFR)).await,
        ResponseCode::Refused
    );
    assert_eq!(
        code(question(WEB, RecordType::ANY)).await,
        ResponseCode::NotImp
    );
    let mut future = question(WEB, RecordType::A);
    let mut edns = Edns::new();
    edns.set_version(1);
    future.set_edns(edns);
    // Sixteen means BADSIG in signed messages, so the library reads it as that.
    assert_eq!(
        u16::from(code(future).await),
        u16::from(ResponseCode::BADVERS)
    );
}

/// Reproducible noise (splitmix64).
fn noise(seed: u64) -> impl FnMut() -> u8 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).to_le_bytes()[3]
    }
}

#[tokio::test]
async fn garbage_does_not_kill_it() {
    let server = Server::start(zone(), Vec::new());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut next = noise(41);
    for round in 0..3000_usize {
        let mut bytes = if round % 2 == 0 {
            (0..round % 97).map(|_| next()).collect()
        } else {
            question(WEB, RecordType::A).to_vec().unwrap()
        };
        for _ in 0..round % 5 {
            let place = usize::from(next()) % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(place) {
                *byte = next();
            }
        }
        socket.send_to(&bytes, server.address).await.unwrap();
        if round % 64 == 0 {
            // Let the server keep up, so that the packets are read and not dropped by the kernel.
            let answer = server.ask(WEB, RecordType::A).await;
            assert_eq!(values(&answer), ["10.96.0.20"], "after round {round}");
        }
    }
    for round in 0..50_usize {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let bytes: Vec<u8> = (0..round * 7).map(|_| next()).collect();
        let _ = stream.write_all(&bytes).await;
    }
    let bytes = question(WEB, RecordType::A).to_vec().unwrap();
    assert_eq!(
        values(&Message::from_vec(&server.tcp(&bytes).await).unwrap()),
        ["10.96.0.20"]
    );
    assert_eq!(
        values(&server.ask(WEB, RecordType::A).await),
        ["10.96.0.20"]
    );
    server.stop().await;
}

#[tokio::test]
async fn what_is_only_helpful_is_left_out_silently() {
    let mut sections = Vec::new();
    for pods in 1..10 {
        let server = Server::start(Some(zone_with([10, 96, 0, 20], pods, 1)), Vec::new());
        let name = "_http._tcp.db.shop.svc.cluster.local.";
        let answer = server.ask(name, RecordType::SRV).await;
        assert_eq!(
            answer.metadata.truncation,
            answer.answers.len() < usize::from(pods)
        );
        sections.push((answer.metadata.truncation, answer.additionals.len()));
    }
    assert!(
        sections.contains(&(false, 1)) && sections.contains(&(false, 0)),
        "{sections:?}"
    );
    assert!(sections.contains(&(true, 0)), "{sections:?}");
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = Server::start(zone(), Vec::new());
    server.ask(WEB, RecordType::A).await;
    server.ask(WEB, RecordType::AAAA).await;
    server
        .ask("gone.shop.svc.cluster.local.", RecordType::A)
        .await;
    let odd = server.ask(WEB, RecordType::Unknown(4711)).await;
    assert_eq!(odd.metadata.response_code, ResponseCode::NoError);
    let text = server.metrics.text();
    for line in [
        "ringfence_dns_questions_total{transport=\"Udp\",kind=\"A\"} 2",
        "ringfence_dns_questions_total{transport=\"Udp\",kind=\"other\"} 1",
        "ringfence_dns_responses_total{code=\"NXDOMAIN\"} 1",
        "ringfence_dns_responses_total{code=\"NOERROR\"} 3",
        "ringfence_dns_response_seconds_count 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn name_servers_are_read_from_resolv_conf() {
    let text = "# nameserver 10.0.0.9\nsearch a b\nnameserver 10.0.0.1\n nameserver fd00::1 # x\nnameserver\nnameservers 1.1.1.1\nnameserver x\n";
    let upstream = Upstream::of_resolv_conf(text);
    let servers = upstream.servers().iter().map(ToString::to_string);
    assert_eq!(servers.collect::<Vec<_>>(), ["10.0.0.1:53", "[fd00::1]:53"]);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Sockets::bind(&[address], Sharing::Alone).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}
