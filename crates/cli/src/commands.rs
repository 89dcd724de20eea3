pub mod completions;
pub mod inputs;
pub mod lab;
pub mod show;
