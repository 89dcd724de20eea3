use std::net::{SocketAddr, UdpSocket};

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record};

use crate::LOCAL;

/// A name server for everything else, which gives every name the same address for an hour.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let socket = UdpSocket::bind((LOCAL, 0))?;
    let address = socket.local_addr()?;
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(buffer.get(..length).unwrap_or_default()) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    Ok(address)
}

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let query = asked.queries.first()?;
    let mut answer = Message::response(asked.metadata.id, OpCode::Query);
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    let data = RData::A(A::new(192, 0, 2, 5));
    answer.add_answer(Record::from_rdata(query.name().clone(), 3600, data));
    answer.to_vec().ok()
}
