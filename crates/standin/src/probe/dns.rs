//! A question to a DNS server.

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

use super::resolve::resolve;
use super::transport::{exchange, first};
use super::{Deadline, ProbeOutcome, ProbeRequest, Unreached};

pub(super) fn dns(
    request: &ProbeRequest,
    name: &str,
    deadline: Deadline,
) -> Result<ProbeOutcome, Unreached> {
    let question = question(name)?;
    let bytes = question.to_vec().map_err(Unreached::other)?;
    let addresses = resolve(&request.target, request.port, deadline)?;
    let fits = |answer: &[u8]| parse(answer, &question).is_some();
    let answer = exchange(first(&addresses)?, &bytes, deadline, fits)?;
    let answer = parse(&answer, &question).ok_or(Unreached::TimedOut)?;
    Ok(ProbeOutcome::Reached {
        detail: describe(&answer),
        peer: None,
    })
}

fn question(name: &str) -> Result<Message, Unreached> {
    let mut name = Name::from_ascii(name).map_err(Unreached::other)?;
    name.set_fqdn(true);
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, RecordType::A));
    Ok(message)
}

fn parse(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    (answer.metadata.id == question.metadata.id).then_some(answer)
}

/// The values, or why there are none.
fn describe(answer: &Message) -> String {
    if answer.metadata.response_code != ResponseCode::NoError {
        return answer.metadata.response_code.to_string();
    }
    let values = answer.answers.iter().map(|record| record.data.to_string());
    let values: Vec<String> = values.collect();
    if values.is_empty() {
        "no records".to_owned()
    } else {
        values.join(", ")
    }
}
