//! Reads and writes `/proc/sys/net/...` of the calling thread's network namespace.
//!
//! Keys are given as components, because interface names may contain dots:
//! `["ipv4", "conf", "eth0.5", "rp_filter"]`.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Root of the keys.
const ROOT: &str = "/proc/sys/net";

/// Why a key could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// A component is empty, `.`, `..` or contains a slash.
    #[error("`{component}` cannot be part of a sysctl key")]
    Component {
        /// The component.
        component: String,
    },
    /// The key does not exist in this kernel or namespace, or its interface is gone.
    #[error("there is no sysctl `{key}`")]
    Missing {
        /// The key, components joined by slashes.
        key: String,
    },
    /// The value could not be read.
    #[error("cannot read sysctl `{key}`")]
    Read {
        /// The key, components joined by slashes.
        key: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The value could not be written.
    #[error("cannot set sysctl `{key}` to `{value}`")]
    Write {
        /// The key, components joined by slashes.
        key: String,
        /// The value.
        value: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// The value of a key, without the newline at its end.
///
/// # Errors
/// [`SysctlError`].
pub fn read(key: &[&str]) -> Result<String, SysctlError> {
    let path = path(key)?;
    let text = fs::read_to_string(path).map_err(|source| {
        missing(key, &source).unwrap_or_else(|| SysctlError::Read {
            key: name(key),
            source,
        })
    })?;
    Ok(text.trim_end().to_owned())
}

/// Sets a key.
///
/// # Errors
/// [`SysctlError`].
pub fn write(key: &[&str], value: &str) -> Result<(), SysctlError> {
    let path = path(key)?;
    // Without creating: a missing key must not turn into another error.
    let opened = fs::OpenOptions::new().write(true).open(path);
    let written = opened.and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()));
    written.map_err(|source| {
        missing(key, &source).unwrap_or_else(|| SysctlError::Write {
            key: name(key),
            value: value.to_owned(),
            source,
        })
    })
}

fn missing(key: &[&str], cause: &io::Error) -> Option<SysctlError> {
    let missing = cause.kind() == io::ErrorKind::NotFound;
    missing.then(|| SysctlError::Missing { key: name(key) })
}

fn name(key: &[&str]) -> String {
    format!("net/{}", key.join("/"))
}

fn path(key: &[&str]) -> Result<PathBuf, SysctlError> {
    let wrong =
        |part: &&&str| part.is_empty() || part.contains('/') || matches!(**part, "." | "..");
    if let Some(component) = key.iter().find(wrong) {
        return Err(SysctlError::Component {
            component: (*component).to_owned(),
        });
    }
    Ok([ROOT].iter().chain(key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stay_inside_a_component() {
        let path = path(&["ipv4", "conf", "eth0.5", "forwarding"]).unwrap();
        assert_eq!(
            path.to_str(),
            Some("/proc/sys/net/ipv4/conf/eth0.5/forwarding")
        );
    }

    #[test]
    fn a_key_cannot_leave_its_folder() {
        for part in ["", ".", "..", "a/b"] {
            assert!(
                matches!(path(&["ipv4", part]), Err(SysctlError::Component { .. })),
                "{part}"
            );
        }
    }
}
