//! Messages of `v4.channel.k8s.io` and `v5.channel.k8s.io`: a byte that says which stream, then its bytes.

use bytes::Bytes;
use serde_json::Value;

use super::session::{FromClient, Stream};
use crate::containers::Size;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// The versions. In the older one a client cannot end its input without hanging up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    V4,
    V5,
}

/// What a message says, nothing where it speaks of what this server does not know.
pub(super) fn decode(channels: Channels, mut message: Bytes) -> Option<FromClient> {
    let channel = *message.first()?;
    let content = message.split_off(1);
    match (channel, content.as_ref()) {
        (STDIN, []) => None,
        (STDIN, _) => Some(FromClient::Stdin(content)),
        (RESIZE, json) => size(json).map(FromClient::Resize),
        (CLOSE, [STDIN]) if channels == Channels::V5 => Some(FromClient::StdinEnd),
        _ => None,
    }
}

/// A message with a part of `stream`.
pub(super) fn encode(stream: Stream, content: &[u8]) -> Bytes {
    let channel = match stream {
        Stream::Stdout => STDOUT,
        Stream::Stderr => STDERR,
        Stream::Error => ERROR,
    };
    [&[channel], content].concat().into()
}

/// The size that `{"Width":80,"Height":24}` says. Zeros say nothing.
pub(super) fn size(json: &[u8]) -> Option<Size> {
    let value: Value = serde_json::from_slice(json).ok()?;
    let side = |name: &str| {
        let side = u16::try_from(value.get(name)?.as_u64()?).ok()?;
        (side > 0).then_some(side)
    };
    Some(Size {
        width: side("Width")?,
        height: side("Height")?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn say(channels: Channels, message: &'static [u8]) -> Option<FromClient> {
        decode(channels, Bytes::from_static(message))
    }

    #[test]
    fn clients_send_input_sizes_and_its_end() {
        let input = FromClient::Stdin(Bytes::from_static(b"ls\n"));
        assert_eq!(say(Channels::V5, b"\0ls\n"), Some(input.clone()));
        assert_eq!(say(Channels::V4, b"\0ls\n"), Some(input));
        let size = Size {
            width: 100,
            height: 30,
        };
        assert_eq!(
            say(Channels::V5, b"\x04{\"Width\":100,\"Height\":30}\n"),
            Some(FromClient::Resize(size))
        );
        assert_eq!(say(Channels::V5, b"\xff\0"), Some(FromClient::StdinEnd));
    }

    #[test]
    fn what_means_nothing_is_passed_over() {
        for message in [
            b"".as_slice(),
            b"\0",
            b"\x01output",
            b"\x04{\"Width\":0,\"Height\":30}",
            b"\x04{\"Width\":70000,\"Height\":30}",
            b"\x04[",
            b"\xff",
            b"\xff\x01",
            b"\xff\0\0",
            b"\x07",
        ] {
            assert_eq!(
                decode(Channels::V5, Bytes::from_static(message)),
                None,
                "{message:?}"
            );
        }
        assert_eq!(say(Channels::V4, b"\xff\0"), None, "v4 has no half close");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            for channels in [Channels::V4, Channels::V5] {
                let _ = decode(channels, message.clone().into());
            }
        }

        #[test]
        fn output_keeps_its_bytes(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let message = encode(Stream::Stderr, &content);
            prop_assert_eq!(message.split_first(), Some((&STDERR, content.as_slice())));
        }
    }
}
