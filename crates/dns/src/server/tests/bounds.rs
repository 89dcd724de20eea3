//! What one client, and all together, may take.

use super::*;

#[tokio::test]
async fn too_many_questions_to_others_are_refused() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(zone(), vec![silent.local_addr().unwrap()]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.address).await.unwrap();
    for number in 0..300 {
        let asked = question(&format!("n{number}.example."), RecordType::A);
        socket.send(&asked.to_vec().unwrap()).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut buffer = [0; 512];
    let length = in_time(socket.recv(&mut buffer)).await.unwrap();
    let first = Message::from_vec(&buffer[..length]).unwrap();
    assert_eq!(first.metadata.response_code, ResponseCode::Refused);
    assert_eq!(
        values(&server.ask(WEB, RecordType::A).await),
        ["10.96.0.20"]
    );
    let text = server.metrics.text();
    assert!(
        text.contains("ringfence_dns_limited_total{limit=\"Questions\"}"),
        "{text}"
    );
}

#[tokio::test]
async fn a_client_gets_so_many_connections_and_no_more() {
    let server = Server::start(zone(), Vec::new());
    let bytes = question(WEB, RecordType::A).to_vec().unwrap();
    let mut streams = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        exchange(&mut stream, &bytes).await;
        streams.push(stream);
    }
    let mut late = TcpStream::connect(server.address).await.unwrap();
    assert!(in_time(late.read_u16()).await.is_err());
    exchange(&mut streams[0], &bytes).await;
    streams.pop();
    loop {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream
            .write_all(&[&[0, u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat())
            .await;
        if stream.read_u16().await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn a_question_that_is_too_long_ends_its_connection() {
    let server = Server::start(zone(), Vec::new());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_u16(5000).await.unwrap();
    assert!(in_time(stream.read_u16()).await.is_err());
}
