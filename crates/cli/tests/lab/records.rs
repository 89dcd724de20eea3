//! What a lab's DNS server answers, asked from a pod of its own node and from one of another node, at the addresses of its
//! Service in both families, over UDP without and with EDNS, and over TCP.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, Record, RecordType};

use crate::support::{DUAL_STACK, Lab, hands_action};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: beside}
spec: {nodeName: kind-control-plane, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: away}
spec: {nodeName: kind-worker2, containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: kind-worker, containers: [{name: c, image: web, ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ipFamilyPolicy: RequireDualStack
  clusterIP: 10.96.0.77
  clusterIPs: [10.96.0.77, 'fd00:10:96::77']
  selector: {app: web}
  ports: [{name: http, port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, ipFamilyPolicy: RequireDualStack, selector: {app: db}, ports: [{name: sql, port: 5432}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: db, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
";

const PATIENCE: Duration = Duration::from_secs(5);
const WAYS: [&str; 3] = ["udp", "edns", "tcp"];
/// Before each answer in what the hand prints.
const SAID: &str = "answer: ";

/// Questions as `NAME/TYPE`, and what is to be said: the code, the records' data in order, and `SOA` if there is one beside.
fn expected(lab: &Lab) -> Vec<(String, String)> {
    let [web, first, second] = ["web", "db-0", "db-1"].map(|pod| by_family(lab, pod));
    let dashed = |ip: IpAddr| ip.to_string().replace(['.', ':'], "-");
    let sorted = |ips: [IpAddr; 2]| {
        let mut texts = ips.map(|ip| ip.to_string());
        texts.sort();
        texts.join(" ")
    };
    let service = "web.default.svc.cluster.local";
    let stateful = "db.default.svc.cluster.local";
    let mut all = vec![
        (format!("{service}/A"), "No Error: 10.96.0.77".to_owned()),
        (
            format!("{service}/AAAA"),
            "No Error: fd00:10:96::77".to_owned(),
        ),
        (format!("{service}/TXT"), "No Error: SOA".to_owned()),
        (
            format!("_http._tcp.{service}/SRV"),
            format!("No Error: 0 100 8080 {service}."),
        ),
        (
            format!("_sql._tcp.{stateful}/SRV"),
            format!("No Error: 0 25 5432 db-0.{stateful}. 0 25 5432 db-1.{stateful}."),
        ),
        (
            "alias.default.svc.cluster.local/A".to_owned(),
            format!("No Error: 10.96.0.77 {service}."),
        ),
        (
            "alias.default.svc.cluster.local/AAAA".to_owned(),
            format!("No Error: fd00:10:96::77 {service}."),
        ),
        (
            "nobody.default.svc.cluster.local/A".to_owned(),
            "Non-Existent Domain: SOA".to_owned(),
        ),
        ("nobody.example/A".to_owned(), "Query Refused: ".to_owned()),
        (
            "outside.example/A".to_owned(),
            "No Error: 203.0.113.10".to_owned(),
        ),
        (
            "outside.example/AAAA".to_owned(),
            "No Error: 2001:db8:203::10".to_owned(),
        ),
    ];
    for (family, kind) in ["A", "AAAA"].into_iter().enumerate() {
        let both = sorted([first[family], second[family]]);
        all.push((format!("{stateful}/{kind}"), format!("No Error: {both}")));
        all.push((
            format!("db-1.{stateful}/{kind}"),
            format!("No Error: {}", second[family]),
        ));
        all.push((
            format!("{}.default.pod.cluster.local/{kind}", dashed(web[family])),
            format!("No Error: {}", web[family]),
        ));
        let named = [(second[family], format!("db-1.{stateful}"))];
        let cluster = ["10.96.0.77", "fd00:10:96::77"][family].parse().unwrap();
        for (address, name) in named.into_iter().chain([(cluster, service.to_owned())]) {
            let reverse = Name::from(address).to_ascii();
            all.push((format!("{reverse}/PTR"), format!("No Error: {name}.")));
        }
    }
    all
}

fn by_family(lab: &Lab, pod: &str) -> [IpAddr; 2] {
    let addresses = lab.pod(pod).addresses;
    [addresses[0], addresses[1]]
}

#[test]
fn the_same_is_answered_over_each_family_and_transport_on_each_node() {
    let lab = Lab::up_on(DUAL_STACK, PODS);
    let services = lab.status().services;
    let server = services.iter().find(|one| one.name.name == "kube-dns");
    let servers = &server.unwrap().cluster_addresses;
    assert_eq!(servers.len(), 2, "{servers:?}");
    let expected = expected(&lab);
    let questions: Vec<&str> = expected.iter().map(|(question, _)| &**question).collect();
    for pod in ["beside", "away"] {
        for server in servers {
            let action = format!("{server} {}", questions.join(" "));
            let said = lab.by_hand_of(pod, "records::the_hand", &action);
            let said: Vec<&str> = said
                .lines()
                .filter_map(|line| line.strip_prefix(SAID))
                .collect();
            let wanted = WAYS.into_iter().flat_map(|way| {
                let of_way = expected.iter();
                of_way.map(move |(question, answer)| format!("{way} {question} {answer}"))
            });
            let wanted: Vec<String> = wanted.collect();
            assert_eq!(said, wanted, "{pod} asks {server}");
        }
    }
    is_counted(&lab);
}

/// Counters are read at the pod's addresses.
fn is_counted(lab: &Lab) {
    for address in lab.pod("kube-system/ringfence-dns").addresses {
        let page = format!("http://{}/metrics", SocketAddr::new(address, 9153));
        let counters = lab
            .exec("away", &["curl", "-s", "-g", "-m", "5", &page])
            .expect_ok();
        assert!(counters.contains("# TYPE"), "{page}: {counters}");
    }
}

/// No test of its own: it asks from where it is.
#[test]
#[ignore = "run inside of a pod by the test above"]
fn the_hand() {
    let action = hands_action();
    let (server, questions) = action.split_once(' ').unwrap();
    let server = SocketAddr::new(server.parse().unwrap(), 53);
    for way in WAYS {
        for question in questions.split(' ') {
            let (name, kind) = question.split_once('/').unwrap();
            let answer = ask(server, way, name, kind.parse().unwrap());
            println!("{SAID}{way} {question} {}", told(&answer));
        }
    }
}

fn ask(server: SocketAddr, way: &str, name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    message.add_query(Query::query(name, kind));
    if way == "edns" {
        message.edns = Some(Edns::new());
    }
    let bytes = message.to_vec().unwrap();
    let bytes = match way {
        "tcp" => over_tcp(server, &bytes),
        _ => over_udp(server, &bytes),
    };
    let answer = Message::from_vec(&bytes).unwrap();
    assert_eq!(answer.metadata.id, message.metadata.id);
    assert_eq!(answer.edns.is_some(), way == "edns", "{answer:?}");
    answer
}

fn over_udp(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let own: IpAddr = match server {
        SocketAddr::V4(_) => [0; 4].into(),
        SocketAddr::V6(_) => [0_u16; 8].into(),
    };
    let socket = UdpSocket::bind((own, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(server).unwrap();
    socket.send(bytes).unwrap();
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

fn over_tcp(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, bytes].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn told(answer: &Message) -> String {
    let mut records: Vec<String> = answer.answers.iter().map(data).collect();
    records.sort();
    let is_soa = |record: &Record| record.record_type() == RecordType::SOA;
    if answer.authorities.iter().any(is_soa) {
        records.push("SOA".to_owned());
    }
    format!("{}: {}", answer.metadata.response_code, records.join(" "))
}

fn data(record: &Record) -> String {
    record.data.to_string()
}
