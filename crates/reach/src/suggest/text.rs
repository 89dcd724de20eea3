//! Network addresses in texts that people write for programs: URLs, `host:port`, and what stands beside them.
//!
//! Only hosts and ports ever leave this module. Users, passwords, paths and queries do not.

mod flags;
mod key;
mod mention;
mod setting;
mod substitute;
mod url;

#[cfg(test)]
mod tests;

pub(super) use flags::{flagged, operands};
pub(super) use key::Key;
pub(super) use mention::{
    Form, Mention, host_words, is_of_image, is_service_name, mentions, names,
};
pub(super) use setting::{bare, defined, from_arguments, from_lines, host_keys};
pub(super) use substitute::{Style, assigned, substitute};
pub(super) use url::default_port;
