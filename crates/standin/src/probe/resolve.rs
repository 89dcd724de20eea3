//! Names to addresses, in time.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use super::{Deadline, Unreached};

/// The addresses of `host`, never none. The system's resolver cannot be interrupted: it works in a
/// thread that is left behind if it takes too long.
pub(crate) fn resolve(
    host: &str,
    port: u16,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, Unreached> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let left = deadline.left()?;
    let (sender, receiver) = sync_channel(1);
    let name = host.to_owned();
    thread::Builder::new()
        .name("resolve".to_owned())
        .spawn(move || {
            let found = (name.as_str(), port).to_socket_addrs();
            // Nobody waits any more: the answer came too late.
            let _ = sender.send(found.map(|addresses| addresses.collect::<Vec<_>>()));
        })
        .map_err(Unreached::other)?;
    match receiver.recv_timeout(left) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(Unreached::Name("no address".to_owned())),
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(Unreached::Name(error.to_string())),
        Err(RecvTimeoutError::Timeout) => Err(Unreached::Name("no answer in time".to_owned())),
        Err(RecvTimeoutError::Disconnected) => Err(Unreached::Name("resolver failed".to_owned())),
    }
}
