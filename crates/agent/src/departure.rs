//! Takes from a node what its agent and the CNI plugin put there, for good.
//!
//! Nothing opens on the way: the wires of pods go before the table that judges them. Each step may be done again, so that
//! whoever is killed between two of them is followed by another run.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use ringfence_cni::installation::Folders;
use ringfence_cni::wiring::{host_interfaces, unwire};
use ringfence_netlink::nftables::{Nftables, Owner};
use ringfence_ruleset::Operation;

use crate::config::{host_pods_name, interim_name};
use crate::node_routes;

/// What the agent and the plugin keep in their folder.
const KEPT: [&str; 10] = [
    "endpoints",
    "locks",
    "last-given.json",
    ".last-given.json.new",
    "lock",
    "status.sock",
    "status.new",
    "names.sock",
    "names.new",
    "names.json",
];

/// Where things of ringfence are on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Where the runtime finds the plugin.
    pub folders: Folders,
    /// The table of family inet.
    pub table: String,
    /// The folder of endpoint records.
    pub data_dir: PathBuf,
    /// Where the agent listened.
    pub cni_socket: PathBuf,
}

/// A kind of things that are taken away together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The network configuration: the runtime starts no more pods through the plugin.
    Network,
    /// The wires of pods.
    Wires,
    /// Routes to the pods of other nodes.
    Routes,
    /// The table.
    Table,
    /// The records of endpoints, and sockets.
    Records,
    /// The plugin.
    Program,
}

impl Step {
    /// In their order.
    pub const ALL: [Self; 6] = [
        Self::Network,
        Self::Wires,
        Self::Routes,
        Self::Table,
        Self::Records,
        Self::Program,
    ];
}

impl Departure {
    /// Refuses a node that an agent keeps, which would put everything back.
    ///
    /// # Errors
    /// If there is one, or the kernel cannot be asked.
    pub fn refuse_if_kept(&self) -> Result<()> {
        if UnixStream::connect(&self.cni_socket).is_ok() {
            let socket = self.cni_socket.display();
            bail!("an agent listens on `{socket}`: end it first");
        }
        let flags = nftables()?.table_flags(&self.table)?;
        match flags.map(|flags| flags.owner) {
            Some(Owner::Port(_)) => bail!(
                "the table `{}` belongs to a process that lives: end it first",
                self.table
            ),
            Some(Owner::Orphan | Owner::None) | None => Ok(()),
        }
    }

    /// What this step would take away: files, interfaces, the table; in a stable order.
    ///
    /// # Errors
    /// If the kernel or a folder cannot be read.
    pub fn find(&self, step: Step) -> Result<Vec<String>> {
        Ok(match step {
            Step::Network => there(&[self.folders.network_file()]),
            Step::Wires => {
                let mut names = host_interfaces()?;
                names.sort();
                names
            }
            Step::Routes => {
                let routes = node_routes::routes()?.into_iter();
                routes.map(|route| route.destination.to_string()).collect()
            }
            Step::Table => {
                let tables = self.tables()?;
                tables.map(|name| format!("inet {name}")).collect()
            }
            Step::Records => there(&self.records()),
            Step::Program => there(&[self.folders.program_file()]),
        })
    }

    /// Takes away what [`Self::find`] finds; nothing is fine.
    ///
    /// # Errors
    /// If something stays.
    pub fn take(&self, step: Step) -> Result<()> {
        match step {
            Step::Network => drop(self.folders.remove_network()?),
            Step::Wires => {
                for name in host_interfaces()? {
                    unwire(&name).with_context(|| format!("cannot delete `{name}`"))?;
                }
            }
            Step::Routes => node_routes::remove()?,
            Step::Table => self.take_table()?,
            Step::Records => self.take_records()?,
            Step::Program => drop(self.folders.remove_program()?),
        }
        Ok(())
    }

    fn take_table(&self) -> Result<()> {
        for name in self.tables()? {
            let deleted = nftables()?.apply(&name, &[Operation::DeleteTable]);
            deleted.with_context(|| format!("cannot delete the table `{name}`"))?;
        }
        Ok(())
    }

    fn tables(&self) -> Result<impl Iterator<Item = String>> {
        let own = [
            self.table.clone(),
            interim_name(&self.table),
            host_pods_name(&self.table),
        ];
        let tables = nftables()?.list_tables()?;
        Ok(tables.into_iter().filter(move |name| own.contains(name)))
    }

    /// What others keep in the same folder stays, and so does the folder then.
    fn take_records(&self) -> Result<()> {
        for path in self.records() {
            remove(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
        for folder in [Some(self.data_dir.as_path()), self.cni_socket.parent()] {
            let _ = folder.map(fs::remove_dir);
        }
        Ok(())
    }

    fn records(&self) -> Vec<PathBuf> {
        let kept = KEPT.iter().map(|name| self.data_dir.join(name));
        let sockets = [
            self.cni_socket.clone(),
            self.cni_socket.with_extension("new"),
        ];
        kept.chain(sockets).collect()
    }
}

/// Waits until the process is told to end.
///
/// # Errors
/// If signals cannot be waited for.
pub fn wait_for_end() -> Result<()> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block().context("cannot block signals")?;
    signals.wait().context("cannot wait for signals")?;
    Ok(())
}

fn nftables() -> Result<Nftables> {
    Nftables::open().context("cannot ask the kernel for its tables")
}

fn there(paths: &[PathBuf]) -> Vec<String> {
    let there = paths.iter().filter(|path| path.symlink_metadata().is_ok());
    there.map(|path| path.display().to_string()).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    let is_folder = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        about => about?.is_dir(),
    };
    if is_folder {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}
