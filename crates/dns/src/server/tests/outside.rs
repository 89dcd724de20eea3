//! What others are asked, and what becomes of their answers.

use super::*;

/// The upstream is a second server of ours, whose domain is `example`.
fn upstream() -> Server {
    let elsewhere = (
        "elsewhere.example".to_owned(),
        vec![IpAddr::from([192, 0, 2, 77])],
    );
    let crowd = (1..=200).map(|number| IpAddr::from([192, 0, 2, number]));
    let options = ZoneOptions {
        domain: "example".to_owned(),
        extra: BTreeMap::from([elsewhere, ("crowd.example".to_owned(), crowd.collect())]),
        serial: 1,
    };
    let zone = Zone::of_cluster(&Cluster::default(), &options);
    Server::start(Some(zone), Vec::new())
}

#[tokio::test]
async fn outside_names_go_upstream() {
    let upstream = upstream();
    let server = Server::start(zone(), vec![upstream.address]);
    let found = server.ask("elsewhere.example.", RecordType::A).await;
    assert_eq!(values(&found), ["192.0.2.77"]);
    assert!(found.metadata.recursion_available);
    assert!(!found.metadata.authoritative);
    let missing = server.ask("missing.example.", RecordType::A).await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(missing.authorities.len(), 1);
    let alias = server
        .ask("far.shop.svc.cluster.local.", RecordType::A)
        .await;
    assert_eq!(values(&alias), ["elsewhere.example.", "192.0.2.77"]);
}

#[tokio::test]
async fn a_long_upstream_answer_comes_over_tcp() {
    let upstream = upstream();
    let server = Server::start(zone(), vec![upstream.address]);
    let asked = question("crowd.example.", RecordType::A).to_vec().unwrap();
    let answer = Message::from_vec(&server.tcp(&asked).await).unwrap();
    assert_eq!(answer.answers.len(), 200);
}

#[tokio::test]
async fn the_second_upstream_answers_when_the_first_is_dead() {
    let dead = UdpSocket::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let upstream = upstream();
    let server = Server::start(zone(), vec![dead, upstream.address]);
    let found = server.ask("elsewhere.example.", RecordType::A).await;
    assert_eq!(values(&found), ["192.0.2.77"]);
}

#[tokio::test]
async fn a_dead_upstream_is_a_failure_and_the_cluster_still_answers() {
    let dead = UdpSocket::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let server = Server::start(zone(), vec![dead]);
    let failed = server.ask("elsewhere.example.", RecordType::A).await;
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(
        values(&server.ask(WEB, RecordType::A).await),
        ["10.96.0.20"]
    );
}

#[tokio::test]
async fn forged_upstream_answers_are_ignored() {
    let liar = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(zone(), vec![liar.local_addr().unwrap()]);
    let lies = tokio::spawn(async move {
        let mut buffer = [0; 1500];
        let (length, from) = liar.recv_from(&mut buffer).await.unwrap();
        let asked = Message::from_vec(&buffer[..length]).unwrap();
        let mut other_number = Message::response(asked.metadata.id ^ 1, OpCode::Query);
        other_number.add_query(asked.queries[0].clone());
        let mut other_name = Message::response(asked.metadata.id, OpCode::Query);
        other_name.add_query(question(WEB, RecordType::A).queries[0].clone());
        for lie in [
            other_number.to_vec().unwrap(),
            other_name.to_vec().unwrap(),
            vec![1, 2, 3],
        ] {
            liar.send_to(&lie, from).await.unwrap();
        }
    });
    let answer = server.ask("elsewhere.example.", RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    lies.await.unwrap();
}

/// A server elsewhere that answers each question with an address and counts them.
async fn counting(ttl: u32) -> (SocketAddr, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            counter.fetch_add(1, Ordering::Relaxed);
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let mut answer = Message::response(asked.metadata.id, OpCode::Query);
            let name = asked.queries[0].name().clone();
            answer.add_query(asked.queries[0].clone());
            answer.add_answer(Record::from_rdata(
                name,
                ttl,
                RData::A(A::new(192, 0, 2, 5)),
            ));
            socket
                .send_to(&answer.to_vec().unwrap(), from)
                .await
                .unwrap();
        }
    });
    (address, count)
}

#[tokio::test]
async fn what_others_say_is_remembered_and_everyone_gets_their_own_letters() {
    let (address, count) = counting(20).await;
    let server = Server::start(zone(), vec![address]);
    for written in ["Else.Example.", "eLSE.exampLE.", "else.example."] {
        let answer = server.ask(written, RecordType::A).await;
        assert_eq!(values(&answer), ["192.0.2.5"]);
        assert_eq!(answer.answers[0].name.to_ascii(), written);
        assert!((15..=20).contains(&answer.answers[0].ttl));
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    server.ask("other.example.", RecordType::A).await;
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn many_who_want_to_know_the_same_make_one_question() {
    let (address, count) = counting(0).await;
    let server = Server::start(zone(), vec![address]);
    let asking = (0..20).map(|_| server.ask("else.example.", RecordType::A));
    let mut asking: Vec<_> = asking.map(Box::pin).collect();
    // All are sent before the first answer is read.
    let mut answers = Vec::new();
    let all = std::future::poll_fn(|context| {
        asking.retain_mut(|asked| match asked.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if asking.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    });
    in_time(all).await;
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|answer| values(answer) == ["192.0.2.5"]));
    let asked = count.load(Ordering::Relaxed);
    assert!(asked < 5, "asked {asked} times");
}

#[tokio::test]
async fn nobody_is_asked_for_clients_that_do_not_want_it() {
    let (address, count) = counting(20).await;
    let server = Server::start(zone(), vec![address]);
    server.ask("else.example.", RecordType::A).await;
    let mut asked = question("else.example.", RecordType::A);
    asked.metadata.recursion_desired = false;
    let bytes = server.udp(&asked.to_vec().unwrap()).await;
    let answer = Message::from_vec(&bytes).unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn reverse_names_of_others_go_upstream() {
    let (address, count) = counting(20).await;
    let server = Server::start(zone(), vec![address]);
    let ours = server
        .ask("20.0.96.10.in-addr.arpa.", RecordType::PTR)
        .await;
    assert_eq!(
        (values(&ours), count.load(Ordering::Relaxed)),
        (vec![WEB.to_owned()], 0)
    );
    let theirs = server.ask("1.2.0.192.in-addr.arpa.", RecordType::A).await;
    assert_eq!(
        (values(&theirs).len(), count.load(Ordering::Relaxed)),
        (1, 1)
    );
    let missing = server
        .ask("no.shop.svc.cluster.local.", RecordType::A)
        .await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
    let alone = Server::start(zone(), Vec::new());
    let missing = alone.ask("1.2.0.192.in-addr.arpa.", RecordType::PTR).await;
    assert_eq!(missing.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn a_server_that_refuses_is_passed_over() {
    let unwilling = Server::start(zone(), Vec::new());
    let (address, _) = counting(20).await;
    let server = Server::start(zone(), vec![unwilling.address, address]);
    for name in ["one.example.", "two.example."] {
        assert_eq!(
            values(&server.ask(name, RecordType::A).await),
            ["192.0.2.5"]
        );
    }
    // The second question went to the one that answered the first.
    let text = server.metrics.text();
    let refusals = format!(
        "ringfence_dns_upstream_exchanges_total{{server=\"{}\",exchange=\"Refused\"}} 1",
        unwilling.address
    );
    assert!(text.contains(&refusals), "{text}");
    let server = Server::start(zone(), vec![unwilling.address]);
    let refused = server.ask("one.example.", RecordType::A).await;
    assert_eq!(refused.metadata.response_code, ResponseCode::Refused);
}

#[tokio::test]
async fn a_loop_of_forwarders_ends_with_a_few_packets() {
    let first = Sockets::bind(&["127.0.0.1:0".parse().unwrap()], Sharing::Alone).unwrap();
    let first_address = first.addresses()[0];
    let second = Server::start(zone(), vec![first_address]);
    let mut upstream = Upstream::new(vec![second.address]);
    upstream.patience = Duration::from_millis(300);
    let metrics = Arc::new(Metrics::default());
    let options = ServeOptions {
        upstream,
        metrics: Arc::clone(&metrics),
        ..ServeOptions::default()
    };
    let handle = Handle::new();
    handle.replace(zone().unwrap());
    tokio::spawn(serve(first, handle, options, std::future::pending()));
    let answer = second.ask("round.example.", RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    let text = second.metrics.text();
    let questions = text
        .lines()
        .find(|line| line.starts_with("ringfence_dns_questions_total"))
        .unwrap();
    let count: u32 = questions.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(count <= 5, "{questions}");
}

#[tokio::test]
async fn a_server_does_not_ask_itself() {
    for (listen, server) in [("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1")] {
        let sockets = Sockets::bind(&[listen.parse().unwrap()], Sharing::Alone).unwrap();
        let port = sockets.addresses()[0].port();
        let own = SocketAddr::new(server.parse().unwrap(), port);
        let options = ServeOptions {
            upstream: Upstream::new(vec![own]),
            ..ServeOptions::default()
        };
        let ended = serve(sockets, Handle::new(), options, std::future::pending()).await;
        assert!(ended.unwrap_err().to_string().contains("this server"));
    }
}
