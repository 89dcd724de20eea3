//! Tables that are right, and tables that somebody tampered with.

#[cfg(test)]
mod corruption;
#[cfg(test)]
mod equal;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tamper;
#[cfg(test)]
mod world;
