//! What a client asks: the part of its message that the answer depends on. Any bytes are welcome.

use hickory_proto::op::{
    Header, HeaderCounts, Message, MessageType, Metadata, OpCode, Query, ResponseCode,
};
use hickory_proto::rr::{DNSClass, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

/// Most records behind a question: its EDNS record and a signature.
const MOST_ADDITIONALS: u16 = 4;

/// A message that gets an answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) metadata: Metadata,
    /// The question, if it could be read.
    pub(crate) query: Option<Query>,
    /// Bytes that the client takes over UDP, if it speaks EDNS.
    pub(crate) payload: Option<u16>,
    /// Why the question is not answered.
    pub(crate) problem: Option<ResponseCode>,
}

impl Request {
    /// Reads a message. What is no message, or is a response, gets no answer, so that two servers cannot
    /// be made to talk to each other.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut decoder = BinDecoder::new(bytes);
        let header = Header::read(&mut decoder).ok()?;
        if header.metadata.message_type == MessageType::Response {
            return None;
        }
        let mut request = Self {
            metadata: header.metadata,
            query: None,
            payload: None,
            problem: None,
        };
        request.problem = request.read_rest(&mut decoder, header.counts).err();
        Some(request)
    }

    fn read_rest(
        &mut self,
        decoder: &mut BinDecoder<'_>,
        counts: HeaderCounts,
    ) -> Result<(), ResponseCode> {
        let malformed = |_| ResponseCode::FormErr;
        if self.metadata.op_code != OpCode::Query {
            return Err(ResponseCode::NotImp);
        }
        if !is_one_question(counts) {
            return Err(ResponseCode::FormErr);
        }
        let query = self.query.insert(Query::read(decoder).map_err(malformed)?);
        let may_be_answered = judge(query);
        let count = usize::from(counts.additionals);
        let (_, edns, _) =
            Message::read_records(decoder, count, true, OpCode::Query).map_err(malformed)?;
        self.payload = edns.as_ref().map(hickory_proto::op::Edns::max_payload);
        match edns {
            Some(edns) if edns.version() > 0 => Err(ResponseCode::BADVERS),
            Some(_) | None => may_be_answered,
        }
    }
}

/// One question (RFC 9619) and no answers to it.
const fn is_one_question(counts: HeaderCounts) -> bool {
    counts.queries == 1
        && counts.answers == 0
        && counts.authorities == 0
        && counts.additionals <= MOST_ADDITIONALS
}

/// Whole zones and "everything about a name" are what amplification is made of.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other type, known to the library or not, can be asked for"
)]
fn judge(query: &Query) -> Result<(), ResponseCode> {
    if query.query_class() != DNSClass::IN {
        return Err(ResponseCode::Refused);
    }
    match query.query_type() {
        RecordType::AXFR | RecordType::IXFR => Err(ResponseCode::Refused),
        RecordType::ANY => Err(ResponseCode::NotImp),
        _ => Ok(()),
    }
}
