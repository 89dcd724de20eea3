//! Who the processes of a container are, as its image and its manifest say.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use rustix::thread::{
    CapabilitySet, capability_is_in_bounding_set, remove_capability_from_bounding_set,
};
use serde::{Deserialize, Serialize};

/// Who processes are to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAs {
    /// `User` of the image: a name or number, with `:` and a group if it says one.
    pub image: String,
    /// `runAsUser`, which replaces it.
    pub user: Option<u32>,
    /// `runAsGroup`.
    pub group: Option<u32>,
    /// `supplementalGroups` and `fsGroup`.
    pub groups: Vec<u32>,
    /// `runAsNonRoot`.
    pub not_root: bool,
}

/// Who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// First group.
    pub gid: u32,
    /// The others.
    pub groups: Vec<u32>,
    /// Where they are at home.
    pub home: PathBuf,
}

/// The highest user that images give files to.
const ORDINARY_USERS: u32 = 65_534;
/// Bytes of the longest list of users that is read.
const LIST_LIMIT: u64 = 1 << 20;
/// What containers may keep of root's rights: what runtimes leave them if nobody asks for more.
const CAPABILITIES: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::AUDIT_WRITE)
    .union(CapabilitySet::SETFCAP);

impl RunAs {
    /// Looks names up in the lists of the calling process's files.
    ///
    /// # Errors
    /// If there is no such user or group, or it is root and must not be.
    pub(super) fn resolve(&self) -> anyhow::Result<Identity> {
        let identity = self.among(&list("/etc/passwd"), &list("/etc/group"))?;
        anyhow::ensure!(
            !(self.not_root && identity.uid == 0),
            "container has runAsNonRoot and image will run as root"
        );
        Ok(identity)
    }

    fn among(&self, users: &str, groups: &str) -> anyhow::Result<Identity> {
        let (user, group) = match self.user {
            Some(number) => (number.to_string(), None),
            None => match self.image.split_once(':') {
                Some((user, group)) => (user.to_owned(), Some(group)),
                None => (self.image.clone(), None),
            },
        };
        let user = if user.is_empty() { "0" } else { &user };
        let known = users
            .lines()
            .map(fields)
            .find(|fields| fields.first() == Some(&user) || fields.get(2) == Some(&user));
        let at = |index: usize| known.as_ref().and_then(|fields| fields.get(index)).copied();
        let number = |index| at(index).and_then(|text| text.parse().ok());
        let uid = number(2)
            .or_else(|| user.parse().ok())
            .with_context(|| format!("the image has no user `{user}`"))?;
        let named = match group {
            Some(group) => Some(group_number(group, groups)?),
            None => None,
        };
        let member = |line: &str| {
            let fields = fields(line);
            let mut members = fields.get(3)?.split(',');
            let is_one = at(0).is_some_and(|name| members.any(|member| member == name));
            is_one.then(|| fields.get(2)?.parse().ok()).flatten()
        };
        let others = groups.lines().filter_map(member);
        Ok(Identity {
            uid,
            gid: self.group.or(named).or(number(3)).unwrap_or(0),
            groups: others.chain(self.groups.iter().copied()).collect(),
            home: PathBuf::from(at(5).filter(|home| !home.is_empty()).unwrap_or("/")),
        })
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

fn group_number(group: &str, groups: &str) -> anyhow::Result<u32> {
    let mut lines = groups.lines().map(fields);
    let known = lines.find(|fields| fields.first() == Some(&group));
    let number = known.and_then(|fields| fields.get(2)?.parse().ok());
    number
        .or_else(|| group.parse().ok())
        .with_context(|| format!("the image has no group `{group}`"))
}

/// A list of users or groups; nothing if it cannot be read.
fn list(path: &str) -> String {
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(LIST_LIMIT).read_to_end(&mut text));
    if read.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&text).into_owned()
}

impl Identity {
    /// Makes the calling process one of these, who is root, with no more rights than a container has. A lab of an ordinary user has
    /// that one user alone; it is called here as the image wants to be called.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(super) fn take(&self) -> anyhow::Result<()> {
        limit_rights()?;
        if !is_mapped("/proc/self/uid_map", self.uid) || !is_mapped("/proc/self/gid_map", self.gid)
        {
            return self.be_called();
        }
        self.change()
    }

    /// The same in a user namespace of which the calling process is a member.
    pub(super) fn change(&self) -> anyhow::Result<()> {
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        match setgroups(&groups) {
            // An ordinary user's lab has that user's groups, and may not change them.
            Ok(()) | Err(Errno::EPERM) => {}
            Err(error) => return Err(error).context("cannot take the container's groups"),
        }
        setgid(Gid::from_raw(self.gid)).context("cannot take the container's group")?;
        setuid(Uid::from_raw(self.uid)).context("cannot take the container's user")
    }

    fn be_called(&self) -> anyhow::Result<()> {
        unshare(CloneFlags::CLONE_NEWUSER).context("cannot call the container's user as it is")?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{} 0 1", self.uid))?;
        fs::write("/proc/self/gid_map", format!("{} 0 1", self.gid))?;
        Ok(())
    }
}

/// Takes away what no program that is run from now on may have.
pub(super) fn limit_rights() -> anyhow::Result<()> {
    for right in CapabilitySet::all().difference(CAPABILITIES).iter() {
        // The kernel does not know all of them.
        if capability_is_in_bounding_set(right).is_ok_and(|is| is) {
            remove_capability_from_bounding_set(right)
                .context("cannot limit the container's rights")?;
        }
    }
    Ok(())
}

/// Whether the calling process may give files to any user, as root of a machine may.
#[must_use]
pub(crate) fn has_all_users() -> bool {
    is_mapped("/proc/self/uid_map", ORDINARY_USERS)
        && is_mapped("/proc/self/gid_map", ORDINARY_USERS)
}

/// Whether the user namespace of the calling process has this user or group.
fn is_mapped(map: &str, number: u32) -> bool {
    let lines = fs::read_to_string(map).unwrap_or_default();
    lines.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&u64::from(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/var/www:/bin/false\nbad\n";
    const GROUPS: &str = "root:x:0:\nwww:x:33:\nlogs:x:4:syslog,www\ndb:x:70:\n";

    fn resolve(run_as: &RunAs) -> Result<(u32, u32, Vec<u32>, String), String> {
        let found = run_as.among(USERS, GROUPS);
        let found = found.map_err(|error| error.to_string())?;
        Ok((
            found.uid,
            found.gid,
            found.groups,
            found.home.display().to_string(),
        ))
    }

    #[test]
    fn users_are_those_of_the_image_unless_the_manifest_says_others() {
        let image = |text: &str| RunAs {
            image: text.to_owned(),
            ..RunAs::default()
        };
        let home = |text: &str| text.to_owned();
        for (run_as, expected) in [
            (image(""), (0, 0, vec![], home("/root"))),
            (image("www"), (33, 33, vec![4], home("/var/www"))),
            (image("33"), (33, 33, vec![4], home("/var/www"))),
            (image("www:db"), (33, 70, vec![4], home("/var/www"))),
            (image("1000"), (1000, 0, vec![], home("/"))),
            (image("1000:1001"), (1000, 1001, vec![], home("/"))),
            (
                RunAs {
                    user: Some(1000),
                    group: Some(5),
                    groups: vec![6],
                    ..image("www:db")
                },
                (1000, 5, vec![6], home("/")),
            ),
        ] {
            assert_eq!(resolve(&run_as), Ok(expected), "{run_as:?}");
        }
        let unknown = Err("the image has no user `nobody`".to_owned());
        assert_eq!(resolve(&image("nobody")), unknown);
        let unknown = Err("the image has no group `nobodies`".to_owned());
        assert_eq!(resolve(&image("www:nobodies")), unknown);
    }
}
