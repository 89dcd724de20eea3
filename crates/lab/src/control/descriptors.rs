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

/// Sends `line` with up to three descriptors: for a command, its standard input, output and error.
///
/// # Errors
/// If the other end is gone.
pub fn send(stream: &UnixStream, line: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
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
    receive_at_most(stream, LONGEST_REQUEST)
}

fn receive_at_most(stream: &UnixStream, longest: usize) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut chunk = [0; 65536];
    let (count, descriptors) = receive_first(stream, &mut chunk)?;
    let mut line = Vec::new();
    let mut received = chunk.get(..count).unwrap_or_default();
    loop {
        line.extend_from_slice(received);
        if line.len() > longest {
            let text = format!("the line is longer than {longest} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        if line.last() == Some(&b'\n') {
            return Ok((line, descriptors));
        }
        let count = (&*stream).read(&mut chunk)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received = chunk.get(..count).unwrap_or_default();
    }
}

/// The first bytes and the descriptors beside them.
fn receive_first(stream: &UnixStream, chunk: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(chunk)];
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
    Ok((received.bytes, descriptors))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn streams_arrive_in_order_with_the_line() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let pipes = [(); 3].map(|()| io::pipe().unwrap());
        let line = format!("{}\n", "x".repeat(200_000));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let [first, second, third] = &pipes;
                let ends = [first.1.as_fd(), second.1.as_fd(), third.1.as_fd()];
                send(&theirs, line.as_bytes(), &ends).unwrap();
            });
            let (received, descriptors) = receive(&ours).unwrap();
            assert_eq!(received, line.as_bytes());
            assert_eq!(descriptors.len(), 3);
            for (number, descriptor) in (0_u8..).zip(descriptors) {
                let mut writer = io::PipeWriter::from(descriptor);
                writer.write_all(&[number]).unwrap();
            }
        });
        for (number, (mut reader, _)) in (0..).zip(pipes) {
            let mut byte = [9];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [number]);
        }
    }

    #[test]
    fn a_line_without_streams_has_none() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"{}\n").unwrap();
        let (line, descriptors) = receive(&ours).unwrap();
        assert_eq!((line.as_slice(), descriptors.len()), (&b"{}\n"[..], 0));
    }

    #[test]
    fn lines_that_are_too_long_or_without_end_are_refused() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"123456789\n").unwrap();
        let error = receive_at_most(&ours, 9).unwrap_err();
        assert_eq!(error.to_string(), "the line is longer than 9 bytes");
        theirs.write_all(b"123").unwrap();
        drop(theirs);
        let error = receive_at_most(&ours, 9).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
