//! The pod's network namespace.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::stat::fstat;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};
use ringfence_netlink::namespace::current;

use crate::environment::Attachment;
use crate::error::{CniError, ErrorCode, chain};

/// Opens the pod's namespace.
pub(super) fn open(attachment: &Attachment) -> Result<OwnedFd, CniError> {
    let path = attachment.netns.clone().unwrap_or_default();
    let failed = |details: String| {
        CniError::new(
            ErrorCode::InvalidNetns,
            format!("failed to open netns \"{}\"", path.display()),
        )
        .details(details)
    };
    let file = File::open(&path).map_err(|error| failed(error.to_string()))?;
    let system = fstatfs(&file).map_err(|error| failed(error.to_string()))?;
    if system.filesystem_type() != NSFS_MAGIC {
        return Err(failed("not a namespace".to_owned()));
    }
    refuse_own(attachment, &file)?;
    Ok(file.into())
}

/// Refuses the plugin's own namespace, if the one given can be opened at all.
pub(super) fn refuse_own_if_there(attachment: &Attachment) -> Result<(), CniError> {
    match attachment.netns.as_ref().map(File::open) {
        Some(Ok(file)) => refuse_own(attachment, &file),
        Some(Err(_)) | None => Ok(()),
    }
}

fn refuse_own(attachment: &Attachment, given: impl AsFd) -> Result<(), CniError> {
    if attachment.netns_override || !is_own(given)? {
        return Ok(());
    }
    Err(CniError::new(
        ErrorCode::InvalidNetns,
        "plugin's netns and netns from CNI_NETNS should not be the same",
    ))
}

fn is_own(given: impl AsFd) -> Result<bool, CniError> {
    let failed = |error: &dyn std::error::Error| {
        CniError::new(ErrorCode::InvalidNetns, "cannot compare network namespaces")
            .details(chain(error))
    };
    let own = current().map_err(|error| failed(&error))?;
    let own = fstat(&own).map_err(|error| failed(&error))?;
    let given = fstat(given).map_err(|error| failed(&error))?;
    Ok((own.st_dev, own.st_ino) == (given.st_dev, given.st_ino))
}
