//! Random tables: a transaction from one to the other gives the other, and says no more than it must.

#[cfg(test)]
mod generate;
#[cfg(test)]
mod laws;
