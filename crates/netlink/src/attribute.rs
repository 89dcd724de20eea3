//! Netlink attributes (`linux/netlink.h`, `struct nlattr`): one writer, one checked reader.

/// Flag of an attribute that holds attributes.
const NESTED: u16 = 0x8000;
/// The bits of an attribute's type that are its number.
const TYPE_MASK: u16 = 0x3fff;
/// Size of `struct nlattr`.
const HEADER: usize = 4;

/// Rounds up to the alignment of netlink, 4 bytes.
pub(crate) const fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// Appends attributes and messages to one buffer. An attribute too long for its 16-bit length sets
/// a flag that [`Writer::finish`] reports, so that callers need not check each step.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    overflow: bool,
}

/// Some attribute or message was longer than its length field can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Writer {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, Overflow> {
        if self.overflow {
            Err(Overflow)
        } else {
            Ok(self.bytes)
        }
    }

    /// One attribute with these bytes.
    pub(crate) fn put(&mut self, kind: u16, value: &[u8]) {
        let start = self.open(kind);
        self.raw(value);
        self.close(start);
    }

    /// One attribute with a NUL-terminated string.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        let start = self.open(kind);
        self.raw(value.as_bytes());
        self.raw(&[0]);
        self.close(start);
    }

    /// One attribute with a 32-bit number in network order, as nf_tables wants them all.
    pub(crate) fn be32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_be_bytes());
    }

    /// Whether something was too long; see [`Writer::finish`].
    pub(crate) fn overflowed(&self) -> bool {
        self.overflow
    }

    /// Begins an attribute that holds attributes, to be ended by [`Writer::close`].
    pub(crate) fn open_nested(&mut self, kind: u16) -> usize {
        self.open(kind | NESTED)
    }

    /// Adds flags to the message that begins at `start`.
    pub(crate) fn add_flags(&mut self, start: usize, flags: u16) {
        let place = self
            .bytes
            .get_mut(start + 6..)
            .and_then(<[u8]>::first_chunk_mut::<2>);
        if let Some(place) = place {
            *place = (u16::from_ne_bytes(*place) | flags).to_ne_bytes();
        }
    }

    /// One attribute that holds what `fill` writes.
    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.open_nested(kind);
        fill(self);
        self.close(start);
    }

    /// Begins an attribute, to be ended by [`Writer::close`] with the returned position.
    pub(crate) fn open(&mut self, kind: u16) -> usize {
        let start = self.bytes.len();
        self.raw(&[0, 0]);
        self.raw(&kind.to_ne_bytes());
        start
    }

    /// Ends the attribute that began at `start`: fills its length in and pads.
    pub(crate) fn close(&mut self, start: usize) {
        match u16::try_from(self.bytes.len() - start) {
            Ok(length) => self.patch(start, &length.to_ne_bytes()),
            Err(_) => self.overflow = true,
        }
        self.bytes.resize(align(self.bytes.len()), 0);
    }

    /// Appends one message (`struct nlmsghdr`) with the body that `fill` writes; returns where it starts.
    pub(crate) fn message(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        fill: impl FnOnce(&mut Self),
    ) -> usize {
        let start = self.begin_message(kind, flags, sequence);
        fill(self);
        self.end_message(start);
        start
    }

    /// Begins a message, to be ended by [`Writer::end_message`] with the returned position.
    pub(crate) fn begin_message(&mut self, kind: u16, flags: u16, sequence: u32) -> usize {
        let start = self.bytes.len();
        self.raw(&[0; 4]);
        self.raw(&kind.to_ne_bytes());
        self.raw(&flags.to_ne_bytes());
        self.raw(&sequence.to_ne_bytes());
        self.raw(&[0; 4]);
        start
    }

    /// Ends the message that began at `start`.
    pub(crate) fn end_message(&mut self, start: usize) {
        match u32::try_from(self.bytes.len() - start) {
            Ok(length) => self.patch(start, &length.to_ne_bytes()),
            Err(_) => self.overflow = true,
        }
    }

    fn patch(&mut self, at: usize, value: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }
}

/// One attribute read from the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
}

impl<'a> Attribute<'a> {
    pub(crate) fn u8(&self) -> Option<u8> {
        self.value.first().copied()
    }

    pub(crate) fn be16(&self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.value.first_chunk()?))
    }

    pub(crate) fn be32(&self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.value.first_chunk()?))
    }

    pub(crate) fn be64(&self) -> Option<u64> {
        Some(u64::from_be_bytes(self.value.try_into().ok()?))
    }

    /// The string, without its NUL; bytes that are no UTF-8 are replaced.
    pub(crate) fn text(&self) -> String {
        let end = self
            .value
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(self.value.len());
        String::from_utf8_lossy(self.value.get(..end).unwrap_or_default()).into_owned()
    }

    pub(crate) fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.value)
    }
}

/// Walks the attributes in a buffer; stops at the first malformed one.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The first attribute of this kind.
    pub(crate) fn find(&self, kind: u16) -> Option<Attribute<'a>> {
        self.clone().find_kind(kind)
    }

    fn find_kind(mut self, kind: u16) -> Option<Attribute<'a>> {
        Iterator::find(&mut self, |attribute| attribute.kind == kind)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let length = usize::from(u16::from_ne_bytes(*self.rest.first_chunk()?));
        let kind = u16::from_ne_bytes(*self.rest.get(2..)?.first_chunk()?) & TYPE_MASK;
        let value = self.rest.get(HEADER..length)?;
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(Attribute { kind, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.text(1, "ab");
        writer.nest(2, |inner| inner.be32(3, 7));
        let bytes = writer.finish().unwrap();
        assert_eq!(
            bytes,
            [
                7, 0, 1, 0, b'a', b'b', 0, 0, 12, 0, 2, 0x80, 8, 0, 3, 0, 0, 0, 0, 7
            ]
        );
        let attributes = Attributes::new(&bytes);
        assert_eq!(attributes.find(1).unwrap().text(), "ab");
        let inner = attributes.find(2).unwrap().nested();
        assert_eq!(inner.find(3).unwrap().be32(), Some(7));
        assert_eq!(attributes.find(9), None);
    }

    #[test]
    fn too_long_is_reported() {
        let mut writer = Writer::default();
        writer.put(1, &[0; 70_000]);
        assert_eq!(writer.finish(), Err(Overflow));
    }

    #[test]
    fn malformed_input_ends_the_walk() {
        for bytes in [
            &[][..],
            &[9],
            &[0, 0, 0, 0],
            &[9, 0, 1, 0, 5],
            &[3, 0, 1, 0],
        ] {
            assert_eq!(Attributes::new(bytes).next(), None, "{bytes:?}");
        }
    }
}
