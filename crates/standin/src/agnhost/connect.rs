//! `agnhost connect`: silence and 0, or one line that begins with a word and 1.

use std::net::SocketAddr;
use std::time::Duration;

use super::Connect;
use crate::probe::resolve::resolve;
use crate::probe::{Deadline, Unreached, transport};

/// As good as no limit: the kernel gives up a connection long before.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn connect(options: &Connect) -> Result<(), String> {
    let (host, port) = split(&options.target)?;
    let timeout = match options.timeout {
        Duration::ZERO => FOREVER,
        timeout => timeout,
    };
    let deadline = Deadline::after(timeout);
    match options.protocol.as_str() {
        "" | "tcp" => {
            let connected = transport::connect(host, port, deadline);
            connected
                .map(drop)
                .map_err(|failure| complaint(&failure, "OTHER"))
        }
        "udp" => {
            let answered = answered(host, port, &options.udp_data, deadline);
            answered.map_err(|failure| complaint(&failure, "UNKNOWN"))
        }
        "sctp" => Err("OTHER: this stand-in has no SCTP".to_owned()),
        other => Err(format!("Unsupported protocol\n{other}")),
    }
}

/// `host:port` or `[address]:port`.
fn split(target: &str) -> Result<(&str, u16), String> {
    let missing = || format!("UNKNOWN: address {target}: missing port in address");
    let (host, port) = target.rsplit_once(':').ok_or_else(missing)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if bare.is_none() && host.contains(':') {
        return Err(format!(
            "UNKNOWN: address {target}: too many colons in address"
        ));
    }
    let number = port
        .parse()
        .map_err(|_| format!("DNS: address {port}: invalid port"))?;
    Ok((bare.unwrap_or(host), number))
}

/// One datagram out, one back.
fn answered(host: &str, port: u16, data: &str, deadline: Deadline) -> Result<(), Unreached> {
    let addresses: Vec<SocketAddr> = resolve(host, port, deadline)?;
    let address = addresses.first().copied().ok_or(Unreached::TimedOut)?;
    let left = deadline.left()?;
    let exchange = || {
        let socket = transport::connected(address)?;
        socket.set_read_timeout(Some(left))?;
        socket.send(format!("{data}\n").as_bytes())?;
        socket.recv(&mut [0; 1024])
    };
    match exchange() {
        Ok(0) => Err(Unreached::other("no data received from the server")),
        Ok(_) => Ok(()),
        Err(error) => Err(transport::failure(&error)),
    }
}

/// The word that test suites look for; `rest` is the one for everything without a word of its own.
fn complaint(failure: &Unreached, rest: &str) -> String {
    match failure {
        Unreached::TimedOut => "TIMEOUT".to_owned(),
        Unreached::Refused => "REFUSED".to_owned(),
        Unreached::Name(reason) => format!("DNS: {reason}"),
        Unreached::Other(reason) => format!("{rest}: {reason}"),
    }
}
