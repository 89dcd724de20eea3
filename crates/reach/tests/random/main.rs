//! Claims about random clusters, each checked by asking the reference about single connections.

mod audit;
mod diff;
mod fix;
mod lock;
mod matrix;
mod suggest;
mod support;
