//! A request as the server hands it over.

use std::fmt;

use crate::selector::{FieldSelector, Filter, LabelSelector};
use crate::status::ApiError;
use crate::time::Timestamp;

/// The verbs of HTTP that the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Replace.
    Put,
    /// Change.
    Patch,
    /// Delete.
    Delete,
}

impl Method {
    /// Reads a method's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "GET" | "HEAD" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }
}

/// When a request is handled, and the chance that it may use.
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// Gives other bits at each call.
    pub random: &'a dyn Fn() -> u128,
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// With what: the path, decoded segment by segment.
    pub path: Vec<String>,
    /// How: names and values, decoded.
    pub query: Vec<(String, String)>,
    /// The forms of answer that the client takes.
    pub accept: String,
    /// The form of the body.
    pub content_type: String,
    /// The program that asks, the manager of the fields it writes if it names none.
    pub user_agent: String,
    /// The tag of the answer that the client has already.
    pub if_none_match: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What becomes of fields that a kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

impl Request {
    /// A parameter's value; the empty one is as none.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(key, _)| key == name);
        values
            .next()
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        matches!(self.parameter(name), Some("true" | "1" | "True"))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let parse = |text: &str| {
            let message = format!("{name}: {text:?} is not a whole number");
            text.parse().map_err(|_| ApiError::bad_request(message))
        };
        self.parameter(name).map(parse).transpose()
    }

    pub(crate) fn dry_run(&self) -> Result<bool, ApiError> {
        match self.parameter("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(ApiError::bad_request(format!(
                "dryRun: {other:?} is not `All`"
            ))),
        }
    }

    pub(crate) fn field_validation(&self) -> Result<FieldValidation, ApiError> {
        match self.parameter("fieldValidation") {
            // Without a word a typo must not become a wider policy.
            None | Some("Strict") => Ok(FieldValidation::Strict),
            Some("Warn") => Ok(FieldValidation::Warn),
            Some("Ignore") => Ok(FieldValidation::Ignore),
            Some(other) => Err(ApiError::bad_request(format!(
                "fieldValidation: {other:?} is none of Ignore, Warn and Strict"
            ))),
        }
    }

    /// Who writes, for the record of managed fields.
    pub(crate) fn manager(&self) -> &str {
        let program = self.user_agent.split('/').next().unwrap_or_default();
        let program = if program.is_empty() {
            "unknown"
        } else {
            program
        };
        self.parameter("fieldManager").unwrap_or(program)
    }

    pub(crate) fn filter(
        &self,
        namespace: Option<&str>,
        selectable: &[&str],
    ) -> Result<Filter, ApiError> {
        let labels = self.parameter("labelSelector").unwrap_or_default();
        let fields = self.parameter("fieldSelector").unwrap_or_default();
        Ok(Filter {
            namespace: namespace.map(str::to_owned),
            labels: LabelSelector::parse(labels).map_err(ApiError::bad_request)?,
            fields: FieldSelector::parse(fields, selectable).map_err(ApiError::bad_request)?,
        })
    }
}
