use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{LOCAL, SERVICES, address, client, question};

/// A running unbound, which ends with this.
pub(crate) struct Unbound {
    pub(crate) address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts unbound with the names of our cluster as its own, and waits until it answers.
pub(crate) fn start(upstream: SocketAddr) -> anyhow::Result<Unbound> {
    let port = UdpSocket::bind((LOCAL, 0))?.local_addr()?.port();
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("unbound.conf");
    std::fs::write(&path, configuration(port, upstream))?;
    let child = Command::new("unbound")
        .arg("-d")
        .arg("-c")
        .arg(&path)
        .stdin(Stdio::null())
        .spawn()?;
    let unbound = Unbound {
        address: SocketAddr::new(LOCAL, port),
        child,
        _directory: directory,
    };
    let asked = [question("s0.shop.svc.cluster.local.")?];
    let start = Instant::now();
    while client::ask(unbound.address, &asked, 1).is_err() {
        anyhow::ensure!(
            start.elapsed() < Duration::from_secs(10),
            "unbound does not answer"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(unbound)
}

fn configuration(port: u16, upstream: SocketAddr) -> String {
    let mut text = format!(
        "server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: \"\"
  chroot: \"\"
  pidfile: \"\"
  use-syslog: no
  verbosity: 0
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: \"iterator\"
  access-control: 127.0.0.0/8 allow
  local-zone: \"cluster.local.\" static
  local-data: \"cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5\"
"
    );
    for index in 0..SERVICES {
        let address = address(index);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  local-data: \"s{index}.shop.svc.cluster.local. 5 IN A {address}\""
        );
    }
    let (ip, port) = (upstream.ip(), upstream.port());
    let _ = write!(
        text,
        "remote-control:\n  control-enable: no\nforward-zone:\n  name: \".\"\n  forward-addr: {ip}@{port}\n"
    );
    text
}
