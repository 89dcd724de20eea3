//! Agents know an answer before the client does.

use std::time::Instant;

use ringfence_model::{DomainName, LearnerLine, Lesson};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::*;

/// Plays an agent.
struct Agent {
    lessons: Lines<BufReader<OwnedReadHalf>>,
    output: OwnedWriteHalf,
}

impl Agent {
    async fn accept(listener: &UnixListener, wanted: &[DomainName]) -> Self {
        let (stream, _) = in_time(listener.accept()).await.unwrap();
        let (input, output) = stream.into_split();
        let mut agent = Self {
            lessons: BufReader::new(input).lines(),
            output,
        };
        agent.say(&LearnerLine::Wanted(wanted.to_vec())).await;
        agent
    }

    async fn say(&mut self, line: &LearnerLine) {
        let line = serde_json::to_string(line).unwrap() + "\n";
        self.output.write_all(line.as_bytes()).await.unwrap();
    }

    async fn lesson(&mut self) -> Lesson {
        let line = in_time(self.lessons.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

fn below(parent: &str) -> DomainName {
    DomainName::Below(parent.to_owned())
}

/// The internet: names of `example`, one of them an alias within the cluster's zone.
fn internet() -> Server {
    let address = |last: u8| IpAddr::from([192, 0, 2, last]);
    let v6: IpAddr = "2001:db8::7".parse().unwrap();
    let options = ZoneOptions {
        domain: "example".to_owned(),
        extra: BTreeMap::from([
            (
                "api.elsewhere.example".to_owned(),
                vec![address(1), address(2), v6],
            ),
            ("elsewhere.example".to_owned(), vec![address(77)]),
        ]),
        serial: 1,
    };
    let zone = Zone::of_cluster(&Cluster::default(), &options);
    Server::start(Some(zone), Vec::new())
}

/// Waits until the server knows what the agent wants: it then tells of the first answer.
async fn until_wanted(server: &Server, agent: &mut Agent, name: &str) -> Lesson {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = server.ask(name, RecordType::A);
        let told = async {
            let lesson = agent.lesson().await;
            agent.say(&LearnerLine::Done(lesson.number)).await;
            lesson
        };
        tokio::select! {
            lesson = told => return lesson,
            _ = async { asked.await; tokio::time::sleep(Duration::from_millis(5)).await } => {}
        }
        assert!(Instant::now() < deadline, "the agent is told nothing");
    }
}

#[tokio::test]
async fn an_answer_goes_out_when_agents_have_done_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = ["one", "two"].map(|name| folder.path().join(name));
    let listeners = sockets
        .clone()
        .map(|path| UnixListener::bind(path).unwrap());
    let upstream = internet();
    let server = Server::teaching(zone(), vec![upstream.address], &sockets);
    let wanted = [below("elsewhere.example"), below("shop.svc.cluster.local")];
    let mut agent = Agent::accept(&listeners[0], &wanted).await;
    let mut other = Agent::accept(&listeners[1], &[below("nowhere.example")]).await;
    let first = until_wanted(&server, &mut agent, "API.elsewhere.example.").await;
    assert_eq!(first.name, "api.elsewhere.example");
    let addresses: Vec<String> = first.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    assert!((1..=5).contains(&first.ttl), "{first:?}");

    // Held back until the agent has done with it, over UDP as over TCP.
    let asked = question("api.elsewhere.example.", RecordType::AAAA);
    let bytes = asked.to_vec().unwrap();
    for over_tcp in [false, true] {
        let answer = async {
            if over_tcp {
                server.tcp(&bytes).await
            } else {
                server.udp(&bytes).await
            }
        };
        tokio::pin!(answer);
        let lesson = tokio::select! {
            _ = &mut answer => panic!("the answer goes out first"),
            lesson = agent.lesson() => lesson,
        };
        assert_eq!(lesson.addresses, ["2001:db8::7".parse::<IpAddr>().unwrap()]);
        agent.say(&LearnerLine::Done(lesson.number)).await;
        let answer = Message::from_vec(&answer.await).unwrap();
        assert_eq!(values(&answer), ["2001:db8::7"]);
    }

    // An alias of the cluster: the name that was asked for decides.
    let lesson = until_wanted(&server, &mut agent, "far.shop.svc.cluster.local.").await;
    assert_eq!(lesson.name, "far.shop.svc.cluster.local");
    assert_eq!(lesson.addresses, [IpAddr::from([192, 0, 2, 77])]);
    // Nobody asks for the target itself, nor for names without address.
    assert_eq!(
        values(&server.ask("elsewhere.example.", RecordType::A).await).len(),
        1
    );
    server.ask("none.elsewhere.example.", RecordType::A).await;
    let told = timeout(Duration::from_millis(50), agent.lesson()).await;
    assert!(told.is_err(), "{told:?}");
    let told = timeout(Duration::from_millis(50), other.lesson()).await;
    assert!(told.is_err(), "{told:?}");
    assert!(
        server
            .metrics
            .text()
            .contains("lessons_total{taught=\"InTime\"} ")
    );
}

#[tokio::test]
async fn an_agent_that_is_slow_or_gone_holds_nothing_up_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let upstream = internet();
    let sockets = [socket.clone()];
    let server = Server::teaching(zone(), vec![upstream.address], &sockets);
    let wanted = [below("elsewhere.example")];
    let mut agent = Agent::accept(&listener, &wanted).await;
    until_wanted(&server, &mut agent, "api.elsewhere.example.").await;
    // It never says that it has done with this one.
    let found = server.ask("api.elsewhere.example.", RecordType::AAAA).await;
    assert_eq!(values(&found), ["2001:db8::7"]);
    assert!(
        server
            .metrics
            .text()
            .contains("lessons_total{taught=\"Late\"} 1")
    );
    // One that is gone is not waited for, and one that comes back is told again.
    drop(agent);
    let found = server.ask("api.elsewhere.example.", RecordType::AAAA).await;
    assert_eq!(values(&found), ["2001:db8::7"]);
    let mut agent = Agent::accept(&listener, &wanted).await;
    let lesson = until_wanted(&server, &mut agent, "api.elsewhere.example.").await;
    assert_eq!(lesson.addresses.len(), 2);
}
