pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod lab;
pub(crate) mod matrix;
pub(crate) mod show;
pub(crate) mod test;
pub(crate) mod zones;
