use std::net::IpAddr;

use ringfence_net::TcpFlags;

use super::checksum::{crc32c, internet};
use super::{ICMPV6, SCTP, SCTP_INIT, SCTP_INIT_ACK, TCP, UDP};

/// What stands behind the IP header.
pub(super) struct Transport {
    /// Source and destination, which some checksums cover.
    pub(super) ends: [IpAddr; 2],
    pub(super) protocol: u8,
    /// Source and destination.
    pub(super) ports: [u16; 2],
    /// For ICMP and ICMPv6.
    pub(super) icmp_type: u8,
    /// Whether it answers instead of opening.
    pub(super) answers: bool,
    pub(super) number: u32,
}

impl Transport {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self.protocol {
            TCP => self.with_checksum(16, self.tcp()),
            UDP => {
                let rest = [&[0, 12, 0, 0][..], &self.number.to_be_bytes()].concat();
                self.with_checksum(6, [self.ports(), rest].concat())
            }
            SCTP => self.sctp(),
            ICMPV6 if self.ends[0].is_ipv6() => self.with_checksum(2, self.echo()),
            _ => summed(2, self.echo()),
        }
    }

    fn ports(&self) -> Vec<u8> {
        self.ports.map(u16::to_be_bytes).concat()
    }

    fn tcp(&self) -> Vec<u8> {
        let window = [0x20, 0, 0, 0, 0, 0];
        let header_words = 5 << 4;
        let (acknowledged, flags) = if self.answers {
            (
                self.number.wrapping_add(1),
                TcpFlags::SYN.0 | TcpFlags::ACK.0,
            )
        } else {
            (0, TcpFlags::SYN.0)
        };
        let head = [self.number, acknowledged].map(u32::to_be_bytes).concat();
        [&self.ports()[..], &head, &[header_words, flags], &window].concat()
    }

    /// The answer shows the tag of what it answers, which has the same number.
    fn sctp(&self) -> Vec<u8> {
        let (tag, kind) = if self.answers {
            (self.number, SCTP_INIT_ACK)
        } else {
            (0, SCTP_INIT)
        };
        let window = 65_536_u32.to_be_bytes();
        let streams = [0, 1, 0, 1];
        let mut packet = [
            &self.ports()[..],
            &tag.to_be_bytes(),
            &[0; 4],
            &[kind, 0, 0, 20],
            &self.number.to_be_bytes(),
            &window,
            &streams,
            &1_u32.to_be_bytes(),
        ]
        .concat();
        let sum = crc32c(&packet).to_le_bytes();
        packet[8..12].copy_from_slice(&sum);
        packet
    }

    /// The low half of the number first: connection tracking tells echoes apart by the identifier alone.
    fn echo(&self) -> Vec<u8> {
        let number = self.number.rotate_left(16).to_be_bytes();
        [&[self.icmp_type, 0, 0, 0][..], &number].concat()
    }

    /// With the checksum that covers addresses and protocol as well.
    fn with_checksum(&self, at: usize, mut segment: Vec<u8>) -> Vec<u8> {
        let address = |end: IpAddr| match end {
            IpAddr::V4(end) => end.octets().to_vec(),
            IpAddr::V6(end) => end.octets().to_vec(),
        };
        let mut covered = self.ends.map(address).concat();
        covered.extend([0, self.protocol]);
        covered.extend(u16::try_from(segment.len()).expect("short").to_be_bytes());
        covered.extend(&segment);
        // Zero would say that there is none; both are zero in one's complement.
        let sum = match internet(&covered) {
            0 => u16::MAX,
            sum => sum,
        };
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        segment
    }
}

/// With the checksum of its own bytes alone.
fn summed(at: usize, mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = internet(&bytes).to_be_bytes();
    bytes[at..at + 2].copy_from_slice(&sum);
    bytes
}
