//! `ringfence explain`: the verdict on one flow, and the lines that it comes from.

mod article;
mod ends;
mod fix;
mod input;
mod output;
mod reasons;

use crate::support::{ringfence, ringfence_reading};

/// What `explain` says of `manifests`, which it reads from standard input.
#[track_caller]
fn explain(manifests: &str, question: &[&str], code: i32) -> String {
    let arguments = [&["explain"], question, &["-f", "-"]].concat();
    ringfence_reading(manifests, &arguments).expect(code)
}
