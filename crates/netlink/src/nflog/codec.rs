//! Messages of `nfnetlink_log.h`.

use super::{Copy, LogHook};
use crate::attribute::{Attributes, Writer};

/// Size of `struct nfgenmsg`.
const HEADER: usize = 4;

// NFULA_CFG_*
const CONFIGURE_COMMAND: u16 = 1;
const CONFIGURE_MODE: u16 = 2;
const CONFIGURE_TIMEOUT: u16 = 4;
const CONFIGURE_FLAGS: u16 = 6;
const COMMAND_BIND: u8 = 1;
const COPY_PACKET: u8 = 2;
/// Number the copies of the group.
const FLAG_SEQUENCE: u16 = 1;
/// Hundredths of a second that the kernel may keep a copy to send it with others.
const TIMEOUT: u32 = 10;

// NFULA_*
const PACKET_HEADER: u16 = 1;
const INPUT: u16 = 4;
const OUTPUT: u16 = 5;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;
const SEQUENCE: u16 = 12;

pub(super) fn configure_bind(group: u16) -> Vec<u8> {
    configure(group, CONFIGURE_COMMAND, &[COMMAND_BIND])
}

/// `struct nfulnl_msg_config_mode`: range, mode, padding.
pub(super) fn configure_copy(group: u16, range: u32) -> Vec<u8> {
    let [a, b, c, d] = range.to_be_bytes();
    configure(group, CONFIGURE_MODE, &[a, b, c, d, COPY_PACKET, 0])
}

pub(super) fn configure_numbers(group: u16) -> Vec<u8> {
    configure(group, CONFIGURE_FLAGS, &FLAG_SEQUENCE.to_be_bytes())
}

pub(super) fn configure_timeout(group: u16) -> Vec<u8> {
    configure(group, CONFIGURE_TIMEOUT, &TIMEOUT.to_be_bytes())
}

fn configure(group: u16, kind: u16, value: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    let [high, low] = group.to_be_bytes();
    writer.raw(&[0, 0, high, low]);
    writer.put(kind, value);
    // Some bytes are never too long.
    writer.finish().unwrap_or_default()
}

/// The group and the copy in a packet message.
pub(super) fn packet(body: &[u8]) -> Option<(u16, Copy)> {
    let [_, _, high, low] = *body.first_chunk::<HEADER>()?;
    let fields = Attributes::new(body.get(HEADER..)?);
    // hw_protocol, hook, padding
    let header = fields.find(PACKET_HEADER)?.value;
    let number = |kind| fields.find(kind).and_then(|field| field.be32());
    let copy = Copy {
        prefix: fields
            .find(PREFIX)
            .map_or_else(String::new, |field| field.text()),
        hook: hook(*header.get(2)?),
        input: number(INPUT).unwrap_or(0),
        output: number(OUTPUT).unwrap_or(0),
        sequence: number(SEQUENCE)?,
        payload: fields
            .find(PAYLOAD)
            .map_or(&[][..], |field| field.value)
            .to_vec(),
    };
    Some((u16::from_be_bytes([high, low]), copy))
}

const fn hook(number: u8) -> LogHook {
    match number {
        0 => LogHook::Prerouting,
        1 => LogHook::Input,
        2 => LogHook::Forward,
        3 => LogHook::Output,
        4 => LogHook::Postrouting,
        other => LogHook::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kernel sent for a datagram from 127.0.0.1 to itself, cut after 48 bytes.
    const CAPTURED: &str = "0200004d080001000800030015000a0072696e6766656e63652065677265737300000000\
        080005000000000108000b000000000008000e000000000008000c000000000208000d0000000003\
        1800090045000116803d40004011bb977f0000017f000001";

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits: Vec<char> = hexadecimal.chars().filter(|c| !c.is_whitespace()).collect();
        let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
        pairs
            .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
            .collect()
    }

    #[test]
    fn a_captured_message_is_read() {
        let (group, copy) = packet(&bytes(CAPTURED)).unwrap();
        assert_eq!(group, 77);
        assert_eq!(copy.prefix, "ringfence egress");
        assert_eq!(copy.hook, LogHook::Output);
        assert_eq!((copy.input, copy.output, copy.sequence), (0, 1, 2));
        assert_eq!(copy.payload.len(), 20);
        assert_eq!(copy.payload.first(), Some(&0x45));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = packet(&bytes);
        }

        #[test]
        fn broken_messages_are_read_without_panic(cut in 0_usize..120, at in 0_usize..120, value: u8) {
            let mut bytes = bytes(CAPTURED);
            bytes.truncate(cut);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = packet(&bytes);
        }
    }
}
