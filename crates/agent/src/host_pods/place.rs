//! Whether levels below the root mean the same to the kernel as to whoever reads the hierarchy's folders.
//!
//! The kernel counts the levels of a rule from the root of the cgroup namespace of who writes it: since Linux 6.12 for certain, before
//! from the root of all. Folders are counted from what is mounted.

/// The inode of the first cgroup namespace (`PROC_CGROUP_INIT_INO`).
const FIRST: &str = "cgroup:[4026531835]";
/// From this release on levels are those of the namespace.
const COUNTED: (u32, u32) = (6, 12);

/// What the kernel says of the calling process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    /// What `/proc/self/ns/cgroup` leads to.
    pub(super) namespace: &'a str,
    /// `/proc/self/mountinfo`
    pub(super) mounts: &'a str,
    /// `/proc/sys/kernel/osrelease`
    pub(super) release: &'a str,
}

impl Surroundings<'_> {
    /// Why levels of the hierarchy that is mounted at `folder` are not those of rules.
    pub(super) fn obstacle(&self, folder: &str) -> Option<String> {
        let root = self.root_of(folder)?;
        if root != "/" {
            return Some(format!(
                "`{folder}` shows cgroups above those that this agent may speak of (its cgroup namespace is not the node's): run it as a privileged container, which stays in the node's"
            ));
        }
        let is_counted = release(self.release).is_some_and(|found| found >= COUNTED);
        if self.namespace == FIRST || is_counted {
            return None;
        }
        Some(format!(
            "this agent is in a cgroup namespace of its own, and Linux {} counts the levels of cgroups from the first: Linux {}.{} is needed there",
            self.release.trim(),
            COUNTED.0,
            COUNTED.1
        ))
    }

    /// What of the hierarchy the last mount at `folder` shows; nothing if nothing is mounted there, so that nobody can tell.
    fn root_of(&self, folder: &str) -> Option<&str> {
        let mounts = self.mounts.lines().rev();
        let mut fields = mounts.map(|line| line.split(' ').skip(3));
        fields.find_map(|mut fields| {
            let root = fields.next()?;
            (fields.next() == Some(folder)).then_some(root)
        })
    }
}

/// `6.1.0-13-amd64`
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n";
    const CONTAINER: &str =
        "31 23 0:28 /../../../.. /host/cgroup ro,relatime - cgroup2 cgroup2 rw\n";

    fn obstacle(namespace: &str, mounts: &str, release: &str, folder: &str) -> Option<String> {
        let around = Surroundings {
            namespace,
            mounts,
            release,
        };
        around.obstacle(folder)
    }

    #[test]
    fn levels_are_those_of_the_node() {
        let own = "cgroup:[4026532000]";
        for (namespace, release) in [(FIRST, "5.15.0-1-amd64"), (own, "6.12.3+"), (own, "7.0.1")] {
            assert_eq!(obstacle(namespace, HOST, release, "/sys/fs/cgroup"), None);
        }
        let old = obstacle(own, HOST, "6.1.0-13-amd64\n", "/sys/fs/cgroup").unwrap();
        assert!(old.contains("Linux 6.1.0-13-amd64 counts"), "{old}");
        let above = obstacle(own, CONTAINER, "6.18.1", "/host/cgroup").unwrap();
        assert!(above.contains("privileged"), "{above}");
    }

    #[test]
    fn the_last_mount_counts() {
        let mounts = format!("{CONTAINER}40 23 0:28 / /host/cgroup ro - cgroup2 cgroup2 rw\n");
        assert_eq!(obstacle(FIRST, &mounts, "6.1.0", "/host/cgroup"), None);
        let release = obstacle("cgroup:[1]", HOST, "unknown", "/sys/fs/cgroup");
        assert!(release.is_some());
    }
}
