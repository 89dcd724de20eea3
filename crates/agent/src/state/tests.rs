mod audits;
mod cluster;
mod endpoints;
mod node;
mod order;
mod random;
mod revocation;
