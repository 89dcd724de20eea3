//! A request line together with the standard streams of the command that sends it.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Longest request line, manifests included.
pub const LONGEST_REQUEST: usize = 32 << 20;

/// Sends `line` with the streams that a command shall have as standard input, output and error.
///
/// # Errors
/// If the other end is gone.
pub fn send(stream: &UnixStream, line: &[u8], descriptors: [BorrowedFd<'_>; 3]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let sent = sendmsg(
        stream,
        &[IoSlice::new(line)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    io::Write::write_all(&mut &*stream, line.get(sent..).unwrap_or_default())
}

/// Reads one line and the descriptors that came with it.
///
/// # Errors
/// If the line is longer than [`LONGEST_REQUEST`] or the stream ends before it does.
pub fn receive(stream: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut chunk)];
    let received = recvmsg(stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors = ancillary
        .drain()
        .filter_map(|message| {
            let RecvAncillaryMessage::ScmRights(descriptors) = message else {
                return None;
            };
            Some(descriptors)
        })
        .flatten()
        .collect();
    line.extend_from_slice(chunk.get(..received.bytes).unwrap_or_default());
    let mut more = [0; 65536];
    while line.last() != Some(&b'\n') {
        let count = (&*stream).read(&mut more)?;
        if count == 0 || line.len() + count > LONGEST_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        line.extend_from_slice(more.get(..count).unwrap_or_default());
    }
    Ok((line, descriptors))
}
