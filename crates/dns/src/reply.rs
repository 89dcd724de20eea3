//! A response, and how much of it goes into a message.

use hickory_proto::ProtoError;
use hickory_proto::op::{Edns, Header, Metadata, Query, ResponseCode, emit_message_parts};
use hickory_proto::rr::Record as WireRecord;
use hickory_proto::serialize::binary::BinEncoder;
use prometheus_client::encoding::EncodeLabelValue;

use crate::question::Request;
use crate::{Answer, Kind, Outcome, Record, message};

/// UDP answers above this size are truncated and asked again over TCP: beyond it fragments get lost
/// (DNS flag day 2020).
pub(crate) const LARGEST_DATAGRAM: u16 = 1232;
/// What every client takes over UDP (RFC 1035).
const SMALLEST_DATAGRAM: u16 = 512;
/// Bytes of an EDNS record without options.
const EDNS_LENGTH: u16 = 11;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// A response without what every response repeats from its request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) code: ResponseCode,
    pub(crate) authoritative: bool,
    pub(crate) answers: Vec<WireRecord>,
    pub(crate) authorities: Vec<WireRecord>,
    pub(crate) additionals: Vec<WireRecord>,
}

impl Reply {
    /// A response without records.
    pub(crate) const fn only(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }

    /// What the zone knows about `query`, with its name as the client wrote it: some compare letter by letter.
    pub(crate) fn of_zone(answer: &Answer, query: &Query, id: u16) -> Result<Self, ProtoError> {
        let mut answers = wire(&answer.records)?;
        spread(&answer.records, &mut answers, id);
        let (code, authority) = match &answer.outcome {
            Outcome::Found | Outcome::Outside { .. } => (ResponseCode::NoError, None),
            Outcome::NoData { authority } => (ResponseCode::NoError, authority.as_ref()),
            Outcome::NoSuchName { authority } => (ResponseCode::NXDomain, Some(authority)),
        };
        let mut reply = Self {
            code,
            authoritative: !matches!(answer.outcome, Outcome::Outside { .. })
                || !answers.is_empty(),
            answers,
            authorities: wire(authority)?,
            additionals: wire(&answer.additional)?,
        };
        reply.write_name_as_in(query);
        Ok(reply)
    }

    /// Gives the asked name the letter case of the question.
    pub(crate) fn write_name_as_in(&mut self, query: &Query) {
        for record in &mut self.answers {
            if record.name == *query.name() {
                record.name = query.name().clone();
            }
        }
    }

    /// The message. What does not fit goes in this order: additional records, which nobody is told about;
    /// then answers, which the client is told to fetch over TCP. As many stay as fit, for those that cannot.
    pub(crate) fn write(
        &self,
        request: &Request,
        transport: Transport,
        recursion: bool,
    ) -> Result<Vec<u8>, ProtoError> {
        let limit = limit(request, transport);
        let edns = request.payload.map(|_| offered());
        let message = Encoding {
            metadata: self.metadata(request, recursion),
            request,
            edns: edns.as_ref(),
            limit,
        };
        for additionals in [self.additionals.as_slice(), &[]] {
            let (bytes, header) = message.encode(&self.answers, &self.authorities, additionals)?;
            if !header.metadata.truncation {
                return Ok(bytes);
            }
        }
        message.truncated(&self.answers)
    }

    fn metadata(&self, request: &Request, recursion: bool) -> Metadata {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = self.code;
        metadata.authoritative = self.authoritative;
        metadata.recursion_available = recursion;
        metadata
    }
}

/// What is the same about a message, however much goes into it.
struct Encoding<'a> {
    metadata: Metadata,
    request: &'a Request,
    edns: Option<&'a Edns>,
    limit: u16,
}

impl Encoding<'_> {
    fn encode(
        &self,
        answers: &[WireRecord],
        authorities: &[WireRecord],
        additionals: &[WireRecord],
    ) -> Result<(Vec<u8>, Header), ProtoError> {
        let mut bytes = Vec::with_capacity(usize::from(LARGEST_DATAGRAM));
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_max_size(self.limit);
        let header = emit_message_parts(
            &self.metadata,
            &mut self.request.query.iter(),
            &mut answers.iter(),
            &mut authorities.iter(),
            &mut additionals.iter(),
            self.edns,
            None,
            &mut encoder,
        )?;
        Ok((bytes, header))
    }

    fn truncated(mut self, answers: &[WireRecord]) -> Result<Vec<u8>, ProtoError> {
        let edns = self.edns.take();
        self.limit -= EDNS_LENGTH;
        let (_, header) = self.encode(answers, &[], &[])?;
        let fitting = usize::from(header.counts.answers);
        (self.edns, self.metadata.truncation) = (edns, true);
        self.limit += EDNS_LENGTH;
        let (bytes, _) = self.encode(answers.get(..fitting).unwrap_or_default(), &[], &[])?;
        Ok(bytes)
    }
}

/// Bytes that a message may have.
fn limit(request: &Request, transport: Transport) -> u16 {
    let taken = request.payload.unwrap_or(SMALLEST_DATAGRAM);
    match transport {
        Transport::Udp => taken.clamp(SMALLEST_DATAGRAM, LARGEST_DATAGRAM),
        Transport::Tcp => u16::MAX,
    }
}

/// Our EDNS record: what we take over UDP.
pub(crate) fn offered() -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(LARGEST_DATAGRAM);
    edns
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
