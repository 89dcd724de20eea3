//! What the kernel holds, as ringfence reads it and as nft lists it.

fn main() {}
