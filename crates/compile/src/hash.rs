//! Content as bytes, and a hash of bytes that never changes: class numbers and fingerprints outlive the program that
//! wrote them. Equality is always decided on the content; the hash only picks numbers.

/// Texts and numbers written one after the other so that no two contents look alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content(Vec<u8>);

impl Content {
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.extend(text.len().to_be_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// FNV-1a, 64 bits.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// 32 bits of a hash.
pub(crate) const fn folded(hash: u64) -> u32 {
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    u32::from_be_bytes([a ^ e, b ^ f, c ^ g, d ^ h])
}
