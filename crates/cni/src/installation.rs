//! What a container runtime needs on a node before it can call the plugin: the program in one folder, a network
//! configuration in another.
//!
//! The configuration comes last and goes first, and whatever appears does so by a rename: a runtime never sees a network
//! whose program is not there, and whoever is killed between two steps leaves what the next call finishes.

mod network;
mod place;

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

pub use network::{Chained, Network};
use place::{is_same_file, place, remove};

use crate::error::CniError;

/// The plugin's name: that of its program, and `type` in network configurations.
pub const PROGRAM: &str = "ringfence-cni";
/// The network configuration. Runtimes use the first one of their folder, in the order of names.
pub const NETWORK_FILE: &str = "10-ringfence.conflist";
/// Endings of what runtimes take for network configurations.
const NETWORK_ENDINGS: [&str; 3] = ["conf", "conflist", "json"];
const PROGRAM_MODE: u32 = 0o755;
const NETWORK_MODE: u32 = 0o644;

/// Where a container runtime looks, as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// For programs: on most nodes `/opt/cni/bin`.
    pub programs: PathBuf,
    /// For network configurations: on most nodes `/etc/cni/net.d`.
    pub networks: PathBuf,
}

/// What was not there before, or was different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The program.
    pub program: bool,
    /// The network configuration.
    pub network: bool,
}

/// Why a node's runtime does not use the plugin.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Another network is there, which the runtime would go on using.
    #[error(
        "`{}` comes before {NETWORK_FILE}, and the runtime uses the first alone: take it away when its pods are gone",
        path.display()
    )]
    OtherNetwork {
        /// Its configuration.
        path: PathBuf,
    },
    /// A plugin that is to be called after this one is not there.
    #[error("the plugin `{program}`, which is to be called after {PROGRAM}, is not in `{}`", folder.display())]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The plugin would refuse the configuration.
    #[error("the plugin cannot use this network")]
    Unusable(#[source] CniError),
    /// A file or folder could not be read or written.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was to be done: "read", "write" and so on.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Folders {
    /// Puts `program` and then `network` in place. What is there already is left alone, so that a runtime that watches its
    /// folder has nothing to read anew.
    ///
    /// # Errors
    /// [`InstallError`]; the network is as it was then.
    pub fn install(&self, program: &Path, network: &Network) -> Result<Installed, InstallError> {
        let text = network.text();
        network.check().map_err(InstallError::Unusable)?;
        self.refuse_other_network()?;
        self.refuse_absent_programs(&network.chained)?;
        Ok(Installed {
            program: self.place_program(program)?,
            network: self.place_network(&text)?,
        })
    }

    /// Whether both are in place by what costs nothing to see: of the program that is its length. To ask again and again, after
    /// [`Self::install`].
    #[must_use]
    pub fn holds(&self, program: &Path, network: &Network) -> bool {
        let length = |path: &Path| fs::metadata(path).ok().map(|about| about.len());
        let installed = length(&self.program_file());
        installed.is_some() && installed == length(program) && self.holds_network(&network.text())
    }

    fn holds_network(&self, text: &str) -> bool {
        fs::read(self.network_file()).is_ok_and(|found| found == text.as_bytes())
    }

    /// Takes the network configuration away, so that the runtime starts no more pods through the plugin; tells whether it was there.
    ///
    /// # Errors
    /// [`InstallError::File`].
    pub fn remove_network(&self) -> Result<bool, InstallError> {
        remove(&self.network_file())
    }

    /// Takes the program away; tells whether it was there.
    ///
    /// # Errors
    /// [`InstallError::File`].
    pub fn remove_program(&self) -> Result<bool, InstallError> {
        remove(&self.program_file())
    }

    /// The network configuration, there or not.
    #[must_use]
    pub fn network_file(&self) -> PathBuf {
        self.networks.join(NETWORK_FILE)
    }

    /// The program, there or not.
    #[must_use]
    pub fn program_file(&self) -> PathBuf {
        self.programs.join(PROGRAM)
    }

    fn place_program(&self, program: &Path) -> Result<bool, InstallError> {
        create_folder(&self.programs)?;
        let target = self.program_file();
        if is_same_file(program, &target)? {
            return Ok(false);
        }
        let mut source = File::open(program).map_err(failed("read", program))?;
        place(&target, PROGRAM_MODE, |file| {
            io::copy(&mut source, file).map(drop)
        })?;
        Ok(true)
    }

    fn place_network(&self, text: &str) -> Result<bool, InstallError> {
        create_folder(&self.networks)?;
        if self.holds_network(text) {
            return Ok(false);
        }
        let target = self.network_file();
        place(&target, NETWORK_MODE, |file| {
            io::Write::write_all(file, text.as_bytes())
        })?;
        Ok(true)
    }

    /// A node is not taken over from a network that is in use.
    fn refuse_other_network(&self) -> Result<(), InstallError> {
        let first = networks(&self.networks)?.into_iter().next();
        match first {
            Some(name) if name.as_os_str() < OsStr::new(NETWORK_FILE) => {
                let path = self.networks.join(name);
                Err(InstallError::OtherNetwork { path })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn refuse_absent_programs(&self, chained: &[Chained]) -> Result<(), InstallError> {
        let mut programs = chained.iter().map(|chained| chained.program());
        let absent = programs.find(|program| !self.programs.join(program).exists());
        absent.map_or(Ok(()), |program| {
            let folder = self.programs.clone();
            Err(InstallError::NoProgram { program, folder })
        })
    }
}

/// The names of network configurations, sorted.
fn networks(folder: &Path) -> Result<Vec<OsString>, InstallError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed("list", folder))?.file_name();
        let ending = Path::new(&name).extension();
        if ending.is_some_and(|ending| NETWORK_ENDINGS.iter().any(|known| ending == *known)) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn create_folder(path: &Path) -> Result<(), InstallError> {
    let created = DirBuilder::new().recursive(true).mode(0o755).create(path);
    created.map_err(failed("create", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    move |source| InstallError::File {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
