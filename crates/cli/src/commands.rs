pub(crate) mod completions;
pub(crate) mod lab;
pub(crate) mod show;
