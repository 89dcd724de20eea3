//! How commands reach a running lab: a socket in the machine's abstract namespace, which leaves no file behind and
//! vanishes with the lab. Only the user who started the lab is answered.

pub mod client;
pub mod descriptors;
pub mod protocol;
pub mod socket;
