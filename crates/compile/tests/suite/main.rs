//! The compiled tables of all nodes, run in memory, against the specification as code.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod evaluated;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod literate;
#[cfg(test)]
mod mutants;
mod names;
#[cfg(test)]
mod sequence;
#[cfg(test)]
mod supposed;
#[cfg(test)]
mod tiers;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod validity;
#[cfg(test)]
mod world;
