mod audits;
mod cluster;
mod drift;
mod endpoints;
mod node;
mod order;
mod random;
mod revocation;
