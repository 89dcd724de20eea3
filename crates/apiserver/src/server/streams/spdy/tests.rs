//! Frames there and back, and bytes that are none.

use proptest::prelude::*;

use super::*;

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

fn decode(bytes: &[u8]) -> Result<Vec<Frame>, SpdyError> {
    let mut decoder = Decoder::new();
    decoder.push(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next()? {
        frames.push(frame);
    }
    Ok(frames)
}

fn encode(frames: &[Frame]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let bytes = frames.iter().map(|frame| encoder.encode(frame).unwrap());
    bytes.collect::<Vec<_>>().concat()
}

#[test]
fn frames_look_as_the_standard_says() {
    let data = Frame::Data {
        id: 5,
        content: Bytes::from_static(b"hi"),
        fin: true,
    };
    assert_eq!(encode(&[data]), b"\0\0\0\x05\x01\0\0\x02hi");
    assert_eq!(
        encode(&[Frame::Ping(7)]),
        b"\x80\x03\0\x06\0\0\0\x04\0\0\0\x07"
    );
    let reset = Frame::Reset { id: 3, status: 5 };
    assert_eq!(
        encode(&[reset]),
        b"\x80\x03\0\x03\0\0\0\x08\0\0\0\x03\0\0\0\x05"
    );
}

#[test]
fn frames_that_change_nothing_are_passed_over() {
    let mut bytes = b"\x80\x03\0\x04\0\0\0\x04\0\0\0\0".to_vec();
    bytes.extend(b"\x80\x03\0\x09\0\0\0\x08\0\0\0\x01\0\0\0\x01");
    bytes.extend(encode(&[Frame::Ping(1)]));
    assert_eq!(decode(&bytes), Ok(vec![Frame::Ping(1)]));
}

#[test]
fn what_is_declared_is_checked_before_it_comes() {
    assert_eq!(
        decode(b"\0\0\0\x01\0\xff\xff\xff"),
        Err(SpdyError::TooLong(0xff_ffff))
    );
    assert_eq!(
        decode(b"\x80\x03\0\x01\0\0\x80\0"),
        Err(SpdyError::TooLong(0x8000))
    );
    assert_eq!(
        decode(b"\x80\x02\0\x06\0\0\0\x04\0\0\0\0"),
        Err(SpdyError::Version(2))
    );
    assert_eq!(
        decode(b"\x80\x03\0\x06\0\0\0\x01\0"),
        Err(SpdyError::Truncated(PING))
    );
}

/// A SYN_STREAM with this block.
fn open_with(block: &[u8]) -> Vec<u8> {
    control(
        SYN_STREAM,
        false,
        &[b"\0\0\0\x01\0\0\0\0\0\0", block].concat(),
    )
}

fn pack(block: &[u8]) -> Vec<u8> {
    let mut compress = flate2::Compress::new(flate2::Compression::best(), true);
    compress.set_dictionary(&dictionary::dictionary()).unwrap();
    let mut packed = Vec::with_capacity(block.len() + 1_000);
    let flush = flate2::FlushCompress::Sync;
    compress.compress_vec(block, &mut packed, flush).unwrap();
    packed
}

#[test]
fn headers_that_unpack_to_too_much_are_refused() {
    let block = pack(&vec![b'a'; 4 << 20]);
    assert!(
        block.len() < CONTROL_SIZE - 10,
        "the bomb must be small: {}",
        block.len()
    );
    assert_eq!(decode(&open_with(&block)), Err(SpdyError::Bomb));
}

#[test]
fn headers_that_lie_about_their_length_are_refused() {
    for block in [
        b"".as_slice(),
        b"\0\0\0\x01",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x01\xff\xff\xff\xffname",
        b"\0\0\0\x01\0\0\0\x01a\0\0\0\x02b",
        b"\0\0\0\x01\0\0\0\x01\xff\0\0\0\x01b",
    ] {
        assert_eq!(
            decode(&open_with(&pack(block))),
            Err(SpdyError::Headers),
            "{block:?}"
        );
    }
    assert_eq!(
        decode(&open_with(b"no zlib at all")),
        Err(SpdyError::Packed)
    );
    let mut other = flate2::Compress::new(flate2::Compression::best(), true);
    other.set_dictionary(b"another dictionary").unwrap();
    let mut packed = Vec::with_capacity(100);
    other
        .compress_vec(b"\0\0\0\0", &mut packed, flate2::FlushCompress::Sync)
        .unwrap();
    assert_eq!(decode(&open_with(&packed)), Err(SpdyError::Packed));
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let id = 0..(1_u32 << 31);
    let headers = proptest::collection::vec(("[a-z-]{1,12}", ".{0,20}"), 0..6);
    let content = proptest::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (id.clone(), headers.clone(), any::<bool>()).prop_map(|(id, headers, fin)| Frame::Open {
            id,
            headers,
            fin
        }),
        (id.clone(), headers).prop_map(|(id, headers)| Frame::Accept { id, headers }),
        (id.clone(), any::<u32>()).prop_map(|(id, status)| Frame::Reset { id, status }),
        any::<u32>().prop_map(Frame::Ping),
        Just(Frame::GoAway),
        (id, content, any::<bool>()).prop_map(|(id, content, fin)| Frame::Data {
            id,
            content: content.into(),
            fin
        }),
    ]
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut(
        frames in proptest::collection::vec(any_frame(), 0..12),
        cut in 1_usize..64,
    ) {
        let mut decoder = Decoder::new();
        let mut read = Vec::new();
        for part in encode(&frames).chunks(cut) {
            decoder.push(part);
            while let Some(frame) = decoder.next().unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        let _ = decode(&open_with(&bytes));
        let _ = decode(&open_with(&pack(&bytes)));
    }

    #[test]
    fn spoilt_frames_are_read_or_refused(
        frames in proptest::collection::vec(any_frame(), 1..6),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&frames);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes);
    }
}

#[test]
fn the_headers_of_a_stream_are_found_by_name() {
    let known = headers(&[("streamtype", "error"), ("port", "80")]);
    assert_eq!(header(&known, "port"), Some("80"));
    assert_eq!(header(&known, "requestid"), None);
}
