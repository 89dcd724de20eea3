//! How answers and findings are written: for people, for spreadsheets, for the programs that run checks.
//!
//! Each format is a pure function from values to text. A command says with [`output_formats`] which it takes.

pub(crate) mod answer;
pub(crate) mod case;
pub(crate) mod csv;
pub(crate) mod doubt;
pub(crate) mod finding;
#[cfg_attr(not(test), expect(dead_code, reason = "no command takes every format"))]
pub(crate) mod format;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod names;
pub(crate) mod plain;
pub(crate) mod sarif;
pub(crate) mod tap;
pub(crate) mod xml;

pub(crate) use format::output_formats;
