//! Keystead: a proxy that keeps AI provider keys sealed and lets applications call the providers
//! without holding one. ARCHITECTURE.md is the map.

pub mod clock;
pub mod config;
pub mod ids;
pub mod log;
pub mod management;
