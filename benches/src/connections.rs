//! Connections from one thread that holds both ends: packets run through all hooks inside the sender's system call.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::time::Duration;

use crate::time;

/// How long it takes to connect to `to` so many times, send a byte each way, and close. `listener` is who is reached there.
///
/// # Errors
/// If somebody else is reached, or nobody.
pub fn connections(listener: &TcpListener, to: SocketAddrV4, count: u32) -> io::Result<Duration> {
    let (taken, done) = time(|| {
        (0..count).try_for_each(|_| {
            let mut client = TcpStream::connect(to)?;
            let mut server = listener.accept()?.0;
            exchange(&mut client, &mut server)?;
            drop(server);
            client.read(&mut [0]).map(drop)
        })
    });
    done?;
    Ok(taken)
}

/// A byte each way.
///
/// # Errors
/// If it does not arrive.
pub fn exchange(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    client.write_all(&[1])?;
    server.read_exact(&mut byte)?;
    server.write_all(&byte)?;
    client.read_exact(&mut byte)
}
