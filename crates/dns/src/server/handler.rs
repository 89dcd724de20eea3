//! One question, one response.

use std::iter;

use async_trait::async_trait;
use hickory_server::net::NetError;
use hickory_server::net::runtime::Time;
use hickory_server::proto::ProtoError;
use hickory_server::proto::op::{
    Edns, Header, HeaderCounts, LowerQuery, MessageType, Metadata, OpCode, ResponseCode,
};
use hickory_server::proto::rr::{DNSClass, Record as WireRecord, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;

use super::{Handle, Upstream, message};
use crate::{Answer, Kind, Outcome, Record};

/// UDP answers above this size are truncated and asked again over TCP: beyond it fragments get lost
/// (DNS flag day 2020).
const LARGEST_DATAGRAM: u16 = 1232;

pub(super) struct Handler {
    handle: Handle,
    upstream: Upstream,
}

/// A response without what every response repeats from its request.
struct Reply {
    code: ResponseCode,
    authoritative: bool,
    answers: Vec<WireRecord>,
    authorities: Vec<WireRecord>,
    additionals: Vec<WireRecord>,
}

impl Reply {
    const fn only(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }
}

impl Handler {
    pub(super) const fn new(handle: Handle, upstream: Upstream) -> Self {
        Self { handle, upstream }
    }

    async fn reply(&self, request: &Request) -> Reply {
        if request.metadata.op_code != OpCode::Query {
            return Reply::only(ResponseCode::NotImp);
        }
        if request.version() > 0 {
            return Reply::only(ResponseCode::BADVERS);
        }
        let [query] = request.queries.queries() else {
            return Reply::only(ResponseCode::FormErr);
        };
        let asked = query.query_type();
        if matches!(asked, RecordType::AXFR | RecordType::IXFR) {
            return Reply::only(ResponseCode::Refused);
        }
        if asked == RecordType::ANY {
            return Reply::only(ResponseCode::NotImp);
        }
        if query.query_class() != DNSClass::IN {
            return Reply::only(ResponseCode::Refused);
        }
        self.answer(request.metadata.id, query, asked).await
    }

    async fn answer(&self, id: u16, query: &LowerQuery, asked: RecordType) -> Reply {
        let Some(zone) = self.handle.current() else {
            return Reply::only(ResponseCode::ServFail);
        };
        let answer = zone.answer(&query.name().to_string(), message::kind_of(asked));
        let mut reply = match to_reply(&answer, id) {
            Ok(reply) => reply,
            Err(error) => {
                tracing::warn!(name = %query.name(), %error, "name cannot be written");
                return Reply::only(ResponseCode::ServFail);
            }
        };
        // The client recognises the answer by the name it wrote, in its own letter case.
        let written = query.original().name();
        for record in &mut reply.answers {
            if record.name == *written {
                record.name = written.clone();
            }
        }
        self.complete(reply, &answer.outcome, asked).await
    }

    /// Asks upstream where the zone's knowledge ends.
    async fn complete(&self, mut reply: Reply, outcome: &Outcome, asked: RecordType) -> Reply {
        let name = match outcome {
            Outcome::Found | Outcome::NoData { .. } | Outcome::NoSuchName { .. } => return reply,
            Outcome::Outside { name } => name,
        };
        let aliased = !reply.answers.is_empty();
        let found = match (message::name(name), self.upstream.is_empty()) {
            (_, true) | (Err(_), _) => None,
            (Ok(name), false) => Some(self.upstream.ask(name, asked).await),
        };
        match found {
            // An alias is an answer, even if nobody here knows what lies behind it.
            None if aliased => {}
            None => reply.code = ResponseCode::Refused,
            Some(None) => reply = Reply::only(ResponseCode::ServFail),
            Some(Some(found)) => {
                reply.code = found.metadata.response_code;
                reply.authoritative = aliased;
                reply.answers.extend(found.answers);
                reply.authorities.extend(found.authorities);
            }
        }
        reply
    }
}

fn to_reply(answer: &Answer, id: u16) -> Result<Reply, ProtoError> {
    let mut answers = wire(&answer.records)?;
    spread(&answer.records, &mut answers, id);
    let (code, authority) = match &answer.outcome {
        Outcome::Found | Outcome::Outside { .. } => (ResponseCode::NoError, None),
        Outcome::NoData { authority } => (ResponseCode::NoError, authority.as_ref()),
        Outcome::NoSuchName { authority } => (ResponseCode::NXDomain, Some(authority)),
    };
    Ok(Reply {
        code,
        authoritative: !matches!(answer.outcome, Outcome::Outside { .. }) || !answers.is_empty(),
        answers,
        authorities: wire(authority)?,
        additionals: wire(&answer.additional)?,
    })
}

fn wire<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Vec<WireRecord>, ProtoError> {
    records.into_iter().map(message::wire).collect()
}

/// Turns the addresses behind the aliases by the question's number, so that clients which take the
/// first one spread over a headless Service's pods.
fn spread(records: &[Record], answers: &mut [WireRecord], id: u16) {
    let aliases = records
        .iter()
        .take_while(|record| record.data.kind() == Kind::Cname)
        .count();
    if let Some(addresses) = answers.get_mut(aliases..)
        && !addresses.is_empty()
    {
        addresses.rotate_left(usize::from(id) % addresses.len());
    }
}

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        response_handle: R,
    ) -> ResponseInfo {
        let reply = self.reply(request).await;
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = reply.code;
        metadata.authoritative = reply.authoritative;
        metadata.recursion_available = !self.upstream.is_empty();
        match send(request, response_handle, metadata, &reply).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(client = %request.src(), %error, "response not sent");
                let failed = Metadata::new(metadata.id, MessageType::Response, OpCode::Query);
                let counts = HeaderCounts::default();
                ResponseInfo::from(Header {
                    metadata: failed,
                    counts,
                })
            }
        }
    }
}

async fn send<R: ResponseHandler>(
    request: &Request,
    mut response_handle: R,
    metadata: Metadata,
    reply: &Reply,
) -> Result<ResponseInfo, NetError> {
    let edns = request.edns.as_ref().map(|_| offered(request));
    let mut builder = MessageResponseBuilder::from_message_request(request);
    if let Some(edns) = &edns {
        builder.edns(edns);
    }
    let response = builder.build(
        metadata,
        &reply.answers,
        &reply.authorities,
        iter::empty(),
        &reply.additionals,
    );
    response_handle.send_response(response).await
}

/// The EDNS record of a response: the smaller of what both sides can take.
fn offered(request: &Request) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(request.max_payload().min(LARGEST_DATAGRAM));
    edns
}
