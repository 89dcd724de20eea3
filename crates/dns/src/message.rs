//! Between the zone's records and DNS messages.

use hickory_proto::ProtoError;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record as WireRecord, RecordType};

use crate::{Kind, Record, RecordData};

/// Seconds a record may be remembered: short, because pods come and go.
pub(crate) const TTL: u32 = 5;

/// What `kind` of record a question of type `asked` wants.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other type, known to the library or not, has an empty answer"
)]
pub(crate) fn kind_of(asked: RecordType) -> Kind {
    match asked {
        RecordType::A => Kind::A,
        RecordType::AAAA => Kind::Aaaa,
        RecordType::CNAME => Kind::Cname,
        RecordType::NS => Kind::Ns,
        RecordType::PTR => Kind::Ptr,
        RecordType::SOA => Kind::Soa,
        RecordType::SRV => Kind::Srv,
        RecordType::TXT => Kind::Txt,
        _ => Kind::Other,
    }
}

/// `record` as it goes into a message.
pub(crate) fn wire(record: &Record) -> Result<WireRecord, ProtoError> {
    Ok(WireRecord::from_rdata(
        name(&record.name)?,
        TTL,
        data(&record.data)?,
    ))
}

/// `text` as an absolute name.
pub(crate) fn name(text: &str) -> Result<Name, ProtoError> {
    let mut name = Name::from_ascii(text)?;
    name.set_fqdn(true);
    Ok(name)
}

fn data(data: &RecordData) -> Result<RData, ProtoError> {
    Ok(match data {
        RecordData::A(address) => RData::A(A(*address)),
        RecordData::Aaaa(address) => RData::AAAA(AAAA(*address)),
        RecordData::Cname(target) => RData::CNAME(CNAME(name(target)?)),
        RecordData::Ns(server) => RData::NS(NS(name(server)?)),
        RecordData::Ptr(target) => RData::PTR(PTR(name(target)?)),
        RecordData::Txt(text) => RData::TXT(TXT::new(vec![text.clone()])),
        RecordData::Srv {
            weight,
            port,
            target,
        } => RData::SRV(SRV::new(0, *weight, *port, name(target)?)),
        RecordData::Soa {
            server,
            contact,
            serial,
        } => {
            let (server, contact) = (name(server)?, name(contact)?);
            RData::SOA(SOA::new(server, contact, *serial, 7200, 1800, 86400, TTL))
        }
    })
}
