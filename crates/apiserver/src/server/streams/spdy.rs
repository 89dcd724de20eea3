//! SPDY/3.1 as far as Kubernetes clients use it: streams, data, pings. Reads no sockets.
//!
//! What a client declares is checked before it is believed: no frame and no header block becomes longer than
//! [`FRAME_SIZE`] and [`headers::BLOCK_SIZE`], whatever it says or unpacks to.

mod dictionary;
mod headers;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

pub(super) use headers::{Headers, header};

/// The longest frame of a client, in bytes. kubectl sends 32 KiB.
const FRAME_SIZE: usize = 1 << 20;
/// The longest control frame.
const CONTROL_SIZE: usize = 16 << 10;
const HEAD_SIZE: usize = 8;
const VERSION: u16 = 3;
const CONTROL: u32 = 1 << 31;
const FIN: u8 = 1;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;

/// A stream's number.
pub(super) type Id = u32;

/// What one side tells the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A new stream.
    Open { id: Id, headers: Headers, fin: bool },
    /// A new stream is welcome.
    Accept { id: Id, headers: Headers },
    /// A stream is over, or was never wanted.
    Reset { id: Id, status: u32 },
    /// To be sent back.
    Ping(u32),
    /// No more streams.
    GoAway,
    /// A stream's bytes, the last if `fin`.
    Data { id: Id, content: Bytes, fin: bool },
}

/// Bytes that are not SPDY as it is understood here. Nothing after them can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SpdyError {
    #[error("version {0} instead of 3")]
    Version(u16),
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    #[error("a frame of type {0} ends early")]
    Truncated(u16),
    #[error("headers that cannot be unpacked")]
    Packed,
    #[error("headers that unpack to too much")]
    Bomb,
    #[error("headers that are none")]
    Headers,
}

/// Reads frames from bytes that come in any portions.
#[derive(Debug)]
pub(super) struct Decoder {
    buffer: BytesMut,
    headers: headers::Unpacker,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            headers: headers::Unpacker::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, `None` until more bytes come. Frames that change nothing here are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, SpdyError> {
        while let Some((head, body)) = self.cut()? {
            if let Some(frame) = self.read(head, body)? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// The next frame's head and body, when all of it is there.
    fn cut(&mut self) -> Result<Option<(Head, Bytes)>, SpdyError> {
        let Some(mut bytes) = self.buffer.get(..HEAD_SIZE) else {
            return Ok(None);
        };
        let head = Head {
            word: bytes.get_u32(),
            flags: bytes.get_u8(),
        };
        let length = usize::try_from(bytes.get_uint(3)).unwrap_or(usize::MAX);
        let limit = if head.is_control() {
            CONTROL_SIZE
        } else {
            FRAME_SIZE
        };
        if length > limit {
            return Err(SpdyError::TooLong(length));
        }
        if self.buffer.len() < HEAD_SIZE + length {
            return Ok(None);
        }
        self.buffer.advance(HEAD_SIZE);
        Ok(Some((head, self.buffer.split_to(length).freeze())))
    }

    fn read(&mut self, head: Head, mut body: Bytes) -> Result<Option<Frame>, SpdyError> {
        let fin = head.flags & FIN != 0;
        if !head.is_control() {
            let (id, content) = (head.word, body);
            return Ok(Some(Frame::Data { id, content, fin }));
        }
        let (version, kind) = head.control();
        if version != VERSION {
            return Err(SpdyError::Version(version));
        }
        let mut number = || body.try_get_u32().map_err(|_| SpdyError::Truncated(kind));
        Ok(match kind {
            SYN_STREAM => {
                let (id, _associated) = (number()? & !CONTROL, number()?);
                body.try_get_u16().map_err(|_| SpdyError::Truncated(kind))?;
                let headers = self.headers.unpack(&body)?;
                Some(Frame::Open { id, headers, fin })
            }
            SYN_REPLY => {
                let id = number()? & !CONTROL;
                let headers = self.headers.unpack(&body)?;
                Some(Frame::Accept { id, headers })
            }
            RST_STREAM => Some(Frame::Reset {
                id: number()? & !CONTROL,
                status: number()?,
            }),
            PING => Some(Frame::Ping(number()?)),
            GOAWAY => Some(Frame::GoAway),
            HEADERS => {
                number()?;
                // They are nothing to us, but the next ones are packed on top of them.
                self.headers.unpack(&body)?;
                None
            }
            _ => None,
        })
    }
}

/// The first five bytes of a frame.
#[derive(Clone, Copy, Debug)]
struct Head {
    word: u32,
    flags: u8,
}

impl Head {
    const fn is_control(self) -> bool {
        self.word & CONTROL != 0
    }

    /// Version and type.
    fn control(self) -> (u16, u16) {
        let [_, _, high, low] = self.word.to_be_bytes();
        let [first, second, _, _] = (self.word & !CONTROL).to_be_bytes();
        (
            u16::from_be_bytes([first, second]),
            u16::from_be_bytes([high, low]),
        )
    }
}

/// Writes frames.
#[derive(Debug)]
pub(super) struct Encoder {
    headers: headers::Packer,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            headers: headers::Packer::new(),
        }
    }

    /// The bytes of a frame. Frames follow each other in the order in which they were encoded: headers build on those before.
    pub(super) fn encode(&mut self, frame: &Frame) -> Result<Vec<u8>, SpdyError> {
        let mut body = Vec::new();
        Ok(match frame {
            Frame::Open { id, headers, fin } => {
                body.put_u32(*id);
                body.put_u32(0);
                body.put_u16(0);
                body.extend(self.headers.pack(headers)?);
                control(SYN_STREAM, *fin, &body)
            }
            Frame::Accept { id, headers } => {
                body.put_u32(*id);
                body.extend(self.headers.pack(headers)?);
                control(SYN_REPLY, false, &body)
            }
            Frame::Reset { id, status } => {
                body.put_u32(*id);
                body.put_u32(*status);
                control(RST_STREAM, false, &body)
            }
            Frame::Ping(id) => {
                body.put_u32(*id);
                control(PING, false, &body)
            }
            Frame::GoAway => {
                body.put_u64(0);
                control(GOAWAY, false, &body)
            }
            Frame::Data { id, content, fin } => whole(*id, *fin, content),
        })
    }
}

fn control(kind: u16, fin: bool, body: &[u8]) -> Vec<u8> {
    whole(
        CONTROL | u32::from(VERSION) << 16 | u32::from(kind),
        fin,
        body,
    )
}

fn whole(word: u32, fin: bool, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_SIZE + body.len());
    frame.put_u32(word);
    frame.put_u8(u8::from(fin) * FIN);
    frame.put_uint(u64::try_from(body.len()).unwrap_or(u64::MAX), 3);
    frame.extend_from_slice(body);
    frame
}

#[cfg(test)]
mod tests;
