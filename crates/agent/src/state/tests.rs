mod audits;
pub(super) mod cluster;
mod drift;
mod endpoints;
mod gate;
pub(super) mod node;
mod order;
mod random;
mod revocation;
