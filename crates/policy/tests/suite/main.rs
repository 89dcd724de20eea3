//! The engine against the reference, against itself made anew, and against what is written down.

mod agreement;
mod changes;
mod corpus;
mod edges;
mod features;
mod lists;
mod rebuild;
mod scale;
mod spare;
mod twist;
