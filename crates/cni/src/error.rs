//! The error object that a plugin prints for its runtime.

use std::error::Error;
use std::fmt;

use serde_json::{Value, json};

use crate::store::StoreError;
use crate::version::SpecVersion;

/// The codes of the CNI specification, and from 100 on our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The configuration's version is not ours.
    IncompatibleVersion,
    /// A field of the configuration has a value that is not supported.
    UnsupportedField,
    /// An environment variable is missing or invalid.
    Environment,
    /// Reading or writing failed.
    Io,
    /// Something is not JSON, or not of the expected shape.
    Decode,
    /// The network configuration is invalid.
    InvalidConfig,
    /// The network namespace cannot be used.
    InvalidNetns,
    /// The same call may succeed later.
    TryAgainLater,
    /// STATUS: no ADD can succeed now.
    NotAvailable,
    /// The attachment exists already.
    AlreadyAttached,
    /// CHECK: something is not as ADD left it.
    NotAsAdded,
    /// The agent refused for good.
    RefusedByAgent,
    /// The kernel refused.
    Kernel,
    /// Several parts of a cleanup failed.
    Cleanup,
}

impl ErrorCode {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::IncompatibleVersion => 1,
            Self::UnsupportedField => 2,
            Self::Environment => 4,
            Self::Io => 5,
            Self::Decode => 6,
            Self::InvalidConfig => 7,
            Self::InvalidNetns => 8,
            Self::TryAgainLater => 11,
            Self::NotAvailable => 50,
            Self::AlreadyAttached => 100,
            Self::NotAsAdded => 101,
            Self::RefusedByAgent => 102,
            Self::Kernel => 103,
            Self::Cleanup => 104,
        }
    }
}

/// What a plugin prints when it fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniError {
    /// What kind of failure.
    pub code: ErrorCode,
    /// The failure.
    pub message: String,
    /// Its circumstances; may be empty.
    pub details: String,
}

impl CniError {
    /// An error without details.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: String::new(),
        }
    }

    /// The same with details.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// An error whose details are the chain of its causes.
    #[must_use]
    pub fn caused(code: ErrorCode, message: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(code, message).details(chain(cause))
    }

    /// The object of the specification.
    #[must_use]
    pub fn to_json(&self, version: SpecVersion) -> Value {
        let mut object = json!({
            "cniVersion": version.as_str(),
            "code": self.code.number(),
            "msg": self.message,
        });
        if !self.details.is_empty()
            && let Some(fields) = object.as_object_mut()
        {
            fields.insert("details".to_owned(), self.details.clone().into());
        }
        object
    }
}

impl fmt::Display for CniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.details.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.details)
        }
    }
}

impl Error for CniError {}

impl From<StoreError> for CniError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorCode::Io, chain(&error))
    }
}

/// An error and its causes, joined by colons.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
