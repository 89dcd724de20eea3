//! Header blocks: names and values, packed by zlib in one run for each direction.

use bytes::{Buf as _, BufMut as _};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::SpdyError;
use super::dictionary::dictionary;

/// The longest block when unpacked, in bytes.
pub(super) const BLOCK_SIZE: usize = 16 << 10;
/// What packing may add to so much that cannot be packed.
const MARGIN: usize = 1 << 10;

/// Names, in lower case, and values.
pub(in super::super) type Headers = Vec<(String, String)>;

/// The value of a header.
pub(in super::super) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Unpacks blocks, in the order in which they were packed.
#[derive(Debug)]
pub(super) struct Unpacker(Decompress);

impl Unpacker {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    pub(super) fn unpack(&mut self, packed: &[u8]) -> Result<Headers, SpdyError> {
        let mut block = Vec::with_capacity(BLOCK_SIZE);
        let before = self.0.total_in();
        let mut taken = 0;
        while let Some(rest) = packed.get(taken..).filter(|rest| !rest.is_empty()) {
            if block.len() == block.capacity() {
                return Err(SpdyError::Bomb);
            }
            let unpacked = self
                .0
                .decompress_vec(rest, &mut block, FlushDecompress::Sync);
            let is_done = unpacked.is_ok();
            if let Err(error) = unpacked {
                // The first block says that it builds on the dictionary.
                error.needs_dictionary().ok_or(SpdyError::Packed)?;
                let set = self.0.set_dictionary(&dictionary());
                set.map_err(|_| SpdyError::Packed)?;
            }
            let now = usize::try_from(self.0.total_in() - before).unwrap_or(usize::MAX);
            if is_done && now == taken {
                return Err(SpdyError::Packed);
            }
            taken = now;
        }
        read(&block)
    }
}

fn read(mut block: &[u8]) -> Result<Headers, SpdyError> {
    let count = block.try_get_u32().map_err(|_| SpdyError::Headers)?;
    let mut headers = Headers::new();
    for _ in 0..count {
        let name = text(&mut block)?;
        headers.push((name, text(&mut block)?));
    }
    Ok(headers)
}

fn text(block: &mut &[u8]) -> Result<String, SpdyError> {
    let length = block.try_get_u32().map_err(|_| SpdyError::Headers)?;
    let length = usize::try_from(length).map_err(|_| SpdyError::Headers)?;
    let (bytes, rest) = block.split_at_checked(length).ok_or(SpdyError::Headers)?;
    *block = rest;
    String::from_utf8(bytes.to_vec()).map_err(|_| SpdyError::Headers)
}

/// Packs blocks.
#[derive(Debug)]
pub(super) struct Packer {
    compress: Compress,
    has_dictionary: bool,
}

impl Packer {
    pub(super) fn new() -> Self {
        let mut compress = Compress::new(Compression::fast(), true);
        let has_dictionary = compress.set_dictionary(&dictionary()).is_ok();
        Self {
            compress,
            has_dictionary,
        }
    }

    pub(super) fn pack(&mut self, headers: &Headers) -> Result<Vec<u8>, SpdyError> {
        let block = write(headers);
        if block.len() > BLOCK_SIZE || !self.has_dictionary {
            return Err(SpdyError::Headers);
        }
        let mut packed = Vec::with_capacity(block.len() + MARGIN);
        let done = self
            .compress
            .compress_vec(&block, &mut packed, FlushCompress::Sync);
        done.map_err(|_| SpdyError::Packed)?;
        Ok(packed)
    }
}

fn write(headers: &Headers) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut block = Vec::new();
    block.put_u32(length(headers.len()));
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        block.put_u32(length(text.len()));
        block.extend_from_slice(text.as_bytes());
    }
    block
}
