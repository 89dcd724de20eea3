use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ringfence_net::IpProtocol;

/// What a copied packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Header {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: IpProtocol,
    /// Destination port; none where the protocol has none, in later fragments, and beyond the copy's end.
    pub(super) port: Option<u16>,
}

/// Extension headers that are skipped before the rest counts as unreadable.
const MOST_EXTENSIONS: usize = 8;

/// Reads the beginning of an IP packet.
pub(super) fn read(bytes: &[u8]) -> Option<Header> {
    match bytes.first()? >> 4 {
        4 => read4(bytes),
        6 => read6(bytes),
        _ => None,
    }
}

fn read4(bytes: &[u8]) -> Option<Header> {
    let header = bytes.first_chunk::<20>()?;
    let [first, .., a, b, c, d, e, f, g, h] = *header;
    let length = usize::from(first & 0x0f) * 4;
    let protocol = IpProtocol(*header.get(9)?);
    let fragment = u16::from_be_bytes(*header.get(6..)?.first_chunk()?) & 0x1fff;
    let rest = bytes.get(length..).filter(|_| fragment == 0);
    Some(Header {
        source: Ipv4Addr::new(a, b, c, d).into(),
        destination: Ipv4Addr::new(e, f, g, h).into(),
        protocol,
        port: rest.and_then(|rest| port(protocol, rest)),
    })
}

fn read6(bytes: &[u8]) -> Option<Header> {
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = *bytes.get(at..)?.first_chunk()?;
        Some(Ipv6Addr::from(octets).into())
    };
    let (protocol, rest) = transport6(*bytes.get(6)?, bytes.get(40..)?);
    Some(Header {
        source: address(8)?,
        destination: address(24)?,
        protocol,
        port: rest.and_then(|rest| port(protocol, rest)),
    })
}

/// The transport protocol and its header, behind extension headers (RFC 8200, section 4).
fn transport6(first: u8, bytes: &[u8]) -> (IpProtocol, Option<&[u8]>) {
    let (mut next, mut rest) = (first, bytes);
    for _ in 0..MOST_EXTENSIONS {
        let length = match (next, rest) {
            // Hop-by-hop, routing, destination options: in units of 8 bytes, the first not counted.
            (0 | 43 | 60, [_, length, ..]) => (usize::from(*length) + 1) * 8,
            // A fragment; later ones have no transport header.
            (44, [_, _, high, low, ..]) if u16::from_be_bytes([*high, *low]) >> 3 == 0 => 8,
            (44, [after, ..]) => return (IpProtocol(*after), None),
            _ => return (IpProtocol(next), Some(rest)),
        };
        let (Some(after), Some(behind)) = (rest.first(), rest.get(length..)) else {
            return (IpProtocol(next), None);
        };
        (next, rest) = (*after, behind);
    }
    (IpProtocol(next), None)
}

fn port(protocol: IpProtocol, transport: &[u8]) -> Option<u16> {
    protocol.as_policy()?;
    let [_, _, high, low] = *transport.first_chunk()?;
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(protocol: u8, fragment: u16, transport: &[u8]) -> Vec<u8> {
        let [high, low] = fragment.to_be_bytes();
        let header = [
            0x45, 0, 0, 40, 0, 0, high, low, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        [&header[..], transport].concat()
    }

    fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
        for end in ["fd00::1", "fd00::2"] {
            bytes.extend(end.parse::<Ipv6Addr>().unwrap().octets());
        }
        [&bytes[..], rest].concat()
    }

    const PORTS: [u8; 8] = [0x9c, 0x40, 0, 80, 0, 0, 0, 0];

    #[test]
    fn ends_protocol_and_port_are_read() {
        let header = read(&v4(6, 0, &PORTS)).unwrap();
        assert_eq!(header.source, IpAddr::from([10, 0, 0, 1]));
        assert_eq!(header.destination, IpAddr::from([10, 0, 0, 2]));
        assert_eq!((header.protocol.0, header.port), (6, Some(80)));
        let header = read(&v6(17, &PORTS)).unwrap();
        assert_eq!(header.source, "fd00::1".parse::<IpAddr>().unwrap());
        assert_eq!((header.protocol.0, header.port), (17, Some(80)));
    }

    #[test]
    fn only_transports_with_ports_have_one() {
        assert_eq!(read(&v4(1, 0, &PORTS)).unwrap().port, None);
        assert_eq!(read(&v4(6, 0, &PORTS[..3])).unwrap().port, None);
        // The don't-fragment bit is no offset.
        assert_eq!(read(&v4(6, 0x4000, &PORTS)).unwrap().port, Some(80));
        assert_eq!(read(&v4(6, 7, &PORTS)).unwrap().port, None);
    }

    #[test]
    fn options_and_extension_headers_are_skipped() {
        let mut with_options = v4(6, 0, &[&[1, 1, 1, 0][..], &PORTS].concat());
        with_options[0] = 0x46;
        assert_eq!(read(&with_options).unwrap().port, Some(80));
        let hop_by_hop = [&[6, 0, 0, 0, 0, 0, 0, 0][..], &PORTS].concat();
        let header = read(&v6(0, &hop_by_hop)).unwrap();
        assert_eq!((header.protocol.0, header.port), (6, Some(80)));
        let first_fragment = [&[6, 0, 0, 1, 0, 0, 0, 0][..], &PORTS].concat();
        assert_eq!(read(&v6(44, &first_fragment)).unwrap().port, Some(80));
        let later_fragment = [&[6, 0, 0, 9, 0, 0, 0, 0][..], &PORTS].concat();
        let header = read(&v6(44, &later_fragment)).unwrap();
        assert_eq!((header.protocol.0, header.port), (6, None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes: Vec<u8>, family in 0_u8..16) {
            if let Some(first) = bytes.first_mut() {
                *first = family << 4 | *first & 0x0f;
            }
            let _ = read(&bytes);
        }
    }
}
