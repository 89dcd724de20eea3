//! What the zone says to a question, and whether somebody else is to be asked. Pure.

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::Name;

use crate::cache::Key;
use crate::question::Request;
use crate::reply::{Reply, Transport};
use crate::{Answer, Outcome, Zone, message};

/// How a question goes on.
#[derive(Debug)]
pub(crate) enum Plan {
    /// This is the response.
    Reply(Reply),
    /// This is its beginning; the rest is what others say to the question.
    Ask(Reply, Key),
}

impl Zone {
    /// The response over UDP to a message, as a server without upstream gives it; `None` for what gets none.
    #[must_use]
    pub fn respond(&self, message: &[u8]) -> Option<Vec<u8>> {
        let request = Request::read(message)?;
        let reply = match (&request.problem, &request.query) {
            (None, Some(query)) => match plan(Some(self), &request, query, false) {
                Plan::Reply(reply) | Plan::Ask(reply, _) => reply,
            },
            (problem, _) => Reply::only(problem.unwrap_or(ResponseCode::FormErr)),
        };
        reply.write(&request, Transport::Udp, false).ok()
    }
}

/// What to say to `query`, if there is somebody else to ask (`has_upstream`) or not.
pub(crate) fn plan(
    zone: Option<&Zone>,
    request: &Request,
    query: &Query,
    has_upstream: bool,
) -> Plan {
    let failure = Plan::Reply(Reply::only(ResponseCode::ServFail));
    let Some(zone) = zone else { return failure };
    let kind = message::kind_of(query.query_type());
    let answer = zone.answer(&query.name().to_ascii(), kind);
    let reply = match Reply::of_zone(&answer, query, request.metadata.id) {
        Ok(reply) => reply,
        Err(error) => {
            tracing::warn!(name = %query.name(), %error, "name cannot be written");
            return failure;
        }
    };
    // Others are asked only for clients that want it (RD), so that nobody sees in the cache what others ask.
    let may_ask = has_upstream && request.metadata.recursion_desired;
    match elsewhere(zone, &answer, query).filter(|_| may_ask) {
        Some(name) => Plan::Ask(reply, Key::new(name, query.query_type())),
        None => Plan::Reply(alone(reply, &answer)),
    }
}

/// The name that others may know: that of the question as it came, that behind an alias as the zone has it.
fn elsewhere(zone: &Zone, answer: &Answer, query: &Query) -> Option<Name> {
    match &answer.outcome {
        Outcome::Outside { name } if !answer.records.is_empty() => message::name(name).ok(),
        Outcome::Outside { .. } => Some(query.name().clone()),
        // Addresses that the cluster does not have may have names elsewhere.
        Outcome::NoSuchName { authority } if authority.name != zone.domain() => {
            Some(query.name().clone())
        }
        Outcome::Found | Outcome::NoData { .. } | Outcome::NoSuchName { .. } => None,
    }
}

/// The response without others. An alias is an answer, even if nobody here knows what lies behind it.
fn alone(mut reply: Reply, answer: &Answer) -> Reply {
    if matches!(answer.outcome, Outcome::Outside { .. }) && answer.records.is_empty() {
        reply.code = ResponseCode::Refused;
    }
    reply
}
