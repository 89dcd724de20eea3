//! The versions of the CNI specification that the plugin speaks.

use crate::error::{CniError, ErrorCode};

/// A version of the CNI specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpecVersion {
    /// 0.3.0
    V0_3_0,
    /// 0.3.1
    V0_3_1,
    /// 0.4.0, the first with CHECK.
    V0_4_0,
    /// 1.0.0, the first without `ips[].version`.
    V1_0_0,
    /// 1.1.0, the first with GC and STATUS.
    V1_1_0,
}

impl SpecVersion {
    /// All of them, ascending.
    pub const ALL: [Self; 5] = [
        Self::V0_3_0,
        Self::V0_3_1,
        Self::V0_4_0,
        Self::V1_0_0,
        Self::V1_1_0,
    ];
    /// The newest.
    pub const CURRENT: Self = Self::V1_1_0;

    /// As it stands in configurations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// The version written so, if it is one of ours.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
    }

    /// The version of a configuration. One that names none means 0.1.0, which is not ours.
    ///
    /// # Errors
    /// Code 1.
    pub fn of_config(text: Option<&str>) -> Result<Self, CniError> {
        let text = text.filter(|text| !text.is_empty()).unwrap_or("0.1.0");
        Self::from_text(text).ok_or_else(|| {
            let supported = Self::ALL
                .map(|version| format!("\"{}\"", version.as_str()))
                .join(" ");
            CniError::new(ErrorCode::IncompatibleVersion, "incompatible CNI versions").details(
                format!("config is \"{text}\", plugin supports [{supported}]"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_reads_as_written() {
        for version in SpecVersion::ALL {
            assert_eq!(SpecVersion::of_config(Some(version.as_str())), Ok(version));
        }
    }

    #[test]
    fn another_version_is_refused_with_the_list_of_ours() {
        for (text, named) in [
            (Some("9.9.9"), "9.9.9"),
            (None, "0.1.0"),
            (Some(""), "0.1.0"),
        ] {
            let error = SpecVersion::of_config(text).unwrap_err();
            assert_eq!(error.code.number(), 1);
            assert_eq!(error.message, "incompatible CNI versions");
            let supported = r#"["0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]"#;
            let details = format!("config is \"{named}\", plugin supports {supported}");
            assert_eq!(error.details, details);
        }
    }
}
