//! The bodies of the fuzz targets: plain functions, one module a target.
//!
//! `fuzz_targets/` gives them to libFuzzer; the crates' own tests include the same files and run
//! them with [`mutate`] on stable Rust.

pub mod body;
pub mod mutate;
pub mod record;
pub mod task;
pub mod token;
pub mod usage;
