//! How much a command reads before it says that this cannot be meant.

use std::io::Read;

use anyhow::{Context as _, ensure};

/// Largest file that is read, in bytes.
const LARGEST_FILE: u64 = 64 << 20;
/// Bytes that are read in all.
const LARGEST_TOTAL: u64 = 256 << 20;
/// Entries of directories that are looked at in all.
const MOST_ENTRIES: usize = 200_000;

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    bytes: u64,
    entries: usize,
}

impl Budget {
    /// Reads the text of `name` to its end.
    pub(super) fn text(&mut self, name: &str, source: impl Read) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        source
            .take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("cannot read {name}"))?;
        self.spend(name, bytes.len() as u64)?;
        utf8(name, bytes)
    }

    /// Allows `bytes` of `name` to be read.
    pub(super) fn spend(&mut self, name: &str, bytes: u64) -> anyhow::Result<()> {
        ensure!(
            bytes <= LARGEST_FILE,
            "{name} is larger than {LARGEST_FILE} bytes: give it in parts, such as a file for each namespace, or read the cluster itself by --kubeconfig"
        );
        self.bytes += bytes;
        ensure!(
            self.bytes <= LARGEST_TOTAL,
            "with {name} the manifests are larger than {LARGEST_TOTAL} bytes together: name fewer files"
        );
        Ok(())
    }

    /// Allows one more entry of the directory `name` to be looked at.
    pub(super) fn look(&mut self, name: &str) -> anyhow::Result<()> {
        self.entries += 1;
        ensure!(
            self.entries <= MOST_ENTRIES,
            "with {name} there are more than {MOST_ENTRIES} files and directories to look at: name the directories that hold manifests"
        );
        Ok(())
    }
}

/// The text that `bytes` of `name` are.
pub(super) fn utf8(name: &str, bytes: Vec<u8>) -> anyhow::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{name} is not UTF-8 text: byte {place} belongs to no character")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_and_not_cut() {
        let mut budget = Budget::default();
        let error = budget.text("f", std::io::repeat(b'a')).unwrap_err();
        assert_eq!(
            error.to_string(),
            "f is larger than 67108864 bytes: give it in parts, such as a file for each namespace, or read the cluster itself by --kubeconfig"
        );
        let largest = std::io::repeat(b'a').take(LARGEST_FILE);
        assert_eq!(
            Budget::default().text("f", largest).unwrap().len() as u64,
            LARGEST_FILE
        );
    }

    #[test]
    fn many_files_are_refused_together() {
        let mut budget = Budget::default();
        for _ in 0..LARGEST_TOTAL / LARGEST_FILE {
            budget.spend("f", LARGEST_FILE).unwrap();
        }
        let error = budget.spend("last", 1).unwrap_err().to_string();
        assert!(
            error.starts_with("with last the manifests are larger than"),
            "{error}"
        );
        for _ in 0..MOST_ENTRIES {
            budget.look("d").unwrap();
        }
        assert!(budget.look("d").is_err());
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let error = utf8("f", b"ab\xff".to_vec()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "f is not UTF-8 text: byte 2 belongs to no character"
        );
    }
}
