//! Sockets for each address family of their own, so that an IPv4 peer is seen by its IPv4 address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

/// Every address of both families.
pub(crate) fn everywhere() -> Vec<IpAddr> {
    vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
}

/// TCP listeners on `port` of `addresses`; needs a running tokio runtime.
pub(crate) fn tcp(addresses: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let sockets = bind_each(addresses, port, Type::STREAM, Protocol::TCP)?;
    let listener = |socket: Socket| {
        socket.listen(1024)?;
        TcpListener::from_std(socket.into())
    };
    sockets.into_iter().map(listener).collect()
}

/// UDP sockets on `port` of `addresses`; needs a running tokio runtime.
pub(crate) fn udp(addresses: &[IpAddr], port: u16) -> io::Result<Vec<UdpSocket>> {
    let sockets = bind_each(addresses, port, Type::DGRAM, Protocol::UDP)?;
    let socket = |socket: Socket| UdpSocket::from_std(socket.into());
    sockets.into_iter().map(socket).collect()
}

/// Binds the same port everywhere. A machine without IPv6 is no error while something else is bound.
fn bind_each(
    addresses: &[IpAddr],
    mut port: u16,
    kind: Type,
    protocol: Protocol,
) -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    let mut missing_family = None;
    for address in addresses {
        match bind(SocketAddr::new(*address, port), kind, protocol) {
            Ok(socket) => {
                port = local_port(&socket)?;
                sockets.push(socket);
            }
            Err(error) if is_missing_family(*address, &error) => missing_family = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing_family {
        Some(error) if sockets.is_empty() => Err(error),
        Some(_) | None => Ok(sockets),
    }
}

fn bind(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn local_port(socket: &Socket) -> io::Result<u16> {
    let address = socket.local_addr()?;
    Ok(address.as_socket().map_or(0, |address| address.port()))
}

fn is_missing_family(address: IpAddr, error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own.
    const EAFNOSUPPORT: i32 = 97;
    address.is_ipv6()
        && (error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error() == Some(EAFNOSUPPORT))
}
