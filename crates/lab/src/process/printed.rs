//! What a container prints: a file for each of its runs, and beside it when each line began.
//!
//! The text is kept as it was printed. The times are records of 16 bytes, one for each line: where it begins in the text, and
//! nanoseconds since 1970, both little endian. A line's time is written before the line, so whoever sees the one finds the other.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a record.
const RECORD: usize = 16;
const RECORD_LENGTH: u64 = 16;
/// How much is read at once, in bytes.
const CHUNK: usize = 32 << 10;

/// The files of one run of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// What it printed.
    pub text: PathBuf,
    /// When.
    pub times: PathBuf,
}

impl Printed {
    /// The files of a container whose pod has its own in `directory`: of the run that is, or was the last.
    #[must_use]
    pub fn of(directory: &Path, container: &str) -> Self {
        Self::named(directory, container)
    }

    /// Of the run before. No container can be called like that.
    #[must_use]
    pub fn previous(directory: &Path, container: &str) -> Self {
        Self::named(directory, &format!("{container}.previous"))
    }

    fn named(directory: &Path, name: &str) -> Self {
        Self {
            text: directory.join(format!("{name}.log")),
            times: directory.join(format!("{name}.times")),
        }
    }
}

/// Makes the last run of a container the one before, and begins another that has printed nothing.
///
/// # Errors
/// If its files cannot be renamed or made.
pub(crate) fn begin_run(directory: &Path, container: &str) -> io::Result<()> {
    let last = Printed::of(directory, container);
    let previous = Printed::previous(directory, container);
    for (from, to) in [(&last.times, previous.times), (&last.text, previous.text)] {
        match fs::rename(from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        File::create(from)?;
    }
    Ok(())
}

/// Writes what comes, and when, until nothing more does.
#[derive(Debug)]
pub(super) struct Recorder {
    text: File,
    times: File,
    length: u64,
    begins_line: bool,
}

impl Recorder {
    /// Begins the files of a run.
    pub(super) fn create(printed: &Printed) -> io::Result<Self> {
        Ok(Self {
            text: File::create(&printed.text)?,
            times: File::create(&printed.times)?,
            length: 0,
            begins_line: true,
        })
    }

    pub(super) fn record(mut self, mut output: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = match output.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.add(buffer.get(..count).unwrap_or_default(), now())?;
        }
    }

    fn add(&mut self, bytes: &[u8], now: u64) -> io::Result<()> {
        let mut records = Vec::new();
        for (at, byte) in (self.length..).zip(bytes) {
            if self.begins_line {
                records.extend_from_slice(&at.to_le_bytes());
                records.extend_from_slice(&now.to_le_bytes());
            }
            self.begins_line = *byte == b'\n';
        }
        self.times.write_all(&records)?;
        self.text.write_all(bytes)?;
        self.length += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// When the lines of a run began.
#[derive(Debug)]
pub struct Times(File);

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins in the text.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
}

impl Times {
    /// Opens the file of a run.
    ///
    /// # Errors
    /// If it is not there, or cannot be read.
    pub fn open(printed: &Printed) -> io::Result<Self> {
        File::open(&printed.times).map(Self)
    }

    /// The line with this number, counted from 0; `None` if it has not begun.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn line(&self, number: u64) -> io::Result<Option<Line>> {
        use std::os::unix::fs::FileExt as _;
        let mut record = [0; RECORD];
        let read = self.0.read_exact_at(&mut record, number * RECORD_LENGTH);
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let (start, time) = record.split_at(RECORD / 2);
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
        Ok(Some(Line {
            start: number(start),
            time: number(time),
        }))
    }

    /// The number of the first line of which `is_late` holds, where it holds of all behind it; how many there are if of none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn first(&self, is_late: impl Fn(Line) -> bool) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.0.metadata()?.len() / RECORD_LENGTH);
        while low < high {
            let middle = low.midpoint(high);
            match self.line(middle)? {
                Some(line) if !is_late(line) => low = middle + 1,
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_the_time_at_which_it_began() {
        let folder = std::env::temp_dir().join(format!("ringfence-printed-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let printed = Printed::of(&folder, "c");
        let mut recorder = Recorder::create(&printed).unwrap();
        for (bytes, now) in [("a\nb", 10), ("b\n", 20), ("", 25), ("\nc", 30)] {
            recorder.add(bytes.as_bytes(), now).unwrap();
        }
        let times = Times::open(&printed).unwrap();
        let lines: Vec<(u64, u64)> = (0..)
            .map_while(|number| times.line(number).unwrap())
            .map(|line| (line.start, line.time))
            .collect();
        let since = |time| times.first(|line| line.time >= time).unwrap();
        let found = [0, 10, 11, 30, 31].map(since);
        let text = fs::read_to_string(&printed.text).unwrap();
        begin_run(&folder, "c").unwrap();
        let renamed = fs::read_to_string(Printed::previous(&folder, "c").text).unwrap();
        let begun = fs::read_to_string(&printed.text).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(lines, [(0, 10), (2, 10), (5, 30), (6, 30)]);
        assert_eq!(found, [0, 0, 2, 2, 4]);
        assert_eq!(
            (text.as_str(), renamed.as_str()),
            ("a\nbb\n\nc", "a\nbb\n\nc")
        );
        assert_eq!(begun, "");
    }
}
