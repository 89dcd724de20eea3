//! Names of control sockets, and who may use them.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;
use std::{fs, io};

use anyhow::Context as _;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

/// Longest name of a lab: with prefix and user id it fits a socket address.
const LONGEST_NAME: usize = 40;

/// Pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A name that cannot be a lab's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name for a lab: use 1 to {LONGEST_NAME} lower-case letters, digits and `-`, beginning and ending \
     with a letter or digit"
)]
pub struct BadLabName(pub String);

/// Checks a lab's name: a DNS label, since nodes are named after it.
///
/// # Errors
/// [`BadLabName`].
pub fn check_name(name: &str) -> Result<(), BadLabName> {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends_well = !name.starts_with('-') && !name.ends_with('-');
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(inside) && ends_well {
        Ok(())
    } else {
        Err(BadLabName(name.to_owned()))
    }
}

fn prefix() -> String {
    format!("ringfence/lab/{}/", geteuid())
}

fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("{}{name}", prefix()))
}

/// Reserves the name of a lab for this user; it is free again when the socket is closed, however that happens.
///
/// # Errors
/// If a lab of that name runs.
pub fn listen(name: &str) -> anyhow::Result<UnixListener> {
    check_name(name)?;
    match UnixListener::bind_addr(&address(name)?) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            connect(name).with_context(|| format!("the name `{name}` cannot be used for a lab"))?;
            anyhow::bail!(
                "a lab named `{name}` is already running\n  look at it: ringfence lab status --name {name}\n  \
                 end it: ringfence lab down --name {name}\n  or choose another name with --name"
            )
        }
        Err(error) => Err(error).context("cannot open the lab's control socket"),
    }
}

/// Every connection to come, for ever: one that cannot be accepted, such as for want of descriptors, does not end the
/// service.
pub fn connections(listener: &UnixListener) -> impl Iterator<Item = UnixStream> {
    listener.incoming().filter_map(|stream| {
        stream
            .inspect_err(|error| {
                tracing::warn!("cannot accept a connection: {error}");
                std::thread::sleep(ACCEPT_PAUSE);
            })
            .ok()
    })
}

/// Connects to a running lab of this user.
///
/// # Errors
/// If none of that name runs, or if somebody else's process sits on the name.
pub fn connect(name: &str) -> anyhow::Result<UnixStream> {
    check_name(name)?;
    let stream = UnixStream::connect_addr(&address(name)?).map_err(|error| {
        let nobody = [io::ErrorKind::ConnectionRefused, io::ErrorKind::NotFound];
        if nobody.contains(&error.kind()) {
            let flag = flag(name);
            anyhow::anyhow!("no lab named `{name}` is running\n  start one: ringfence lab up{flag}")
        } else {
            anyhow::Error::from(error).context("cannot reach the lab")
        }
    })?;
    check_peer(&stream)?;
    Ok(stream)
}

fn flag(name: &str) -> String {
    if name == crate::DEFAULT_NAME {
        String::new()
    } else {
        format!(" --name {name}")
    }
}

/// Refuses a peer that is another user's process.
///
/// # Errors
/// If it is, or if its identity cannot be told.
pub fn check_peer(stream: &UnixStream) -> anyhow::Result<()> {
    let peer =
        getsockopt(stream, PeerCredentials).context("cannot tell who is at the other end")?;
    anyhow::ensure!(
        peer.uid() == geteuid().as_raw(),
        "the process at the other end belongs to another user (uid {})",
        peer.uid()
    );
    Ok(())
}

/// Names of this user's running labs, in order.
///
/// # Errors
/// If `/proc/net/unix` cannot be read.
pub fn running() -> anyhow::Result<Vec<String>> {
    let table = fs::read_to_string("/proc/net/unix").context("cannot list sockets")?;
    let prefix = format!("@{}", prefix());
    let mut names: Vec<String> = table
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .last()?
                .strip_prefix(&prefix)
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_while_its_socket_is_open() {
        let name = format!("test-{}", std::process::id());
        assert!(connect(&name).is_err());
        let listener = listen(&name).unwrap();
        assert!(running().unwrap().contains(&name));
        connect(&name).unwrap();
        let error = listen(&name).unwrap_err().to_string();
        let expected = format!("a lab named `{name}` is already running\n");
        assert!(error.starts_with(&expected), "{error}");
        drop(listener);
        listen(&name).unwrap();
    }

    #[test]
    fn names_are_dns_labels() {
        for good in ["a", "ringfence", "two-2"] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in ["", "-a", "a-", "A", "a/b", "a b", "a\0", &"a".repeat(41)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
