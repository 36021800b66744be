//! Stability AI. Its data files say it all.

use crate::manifest::{Described, Files, described};

/// <https://api.stability.ai>.
pub(crate) static STABILITY: Described = Described::new(|| described(&FILES, &[]));

const FILES: Files = Files {
    provider: concat!(
        include_str!("provider.toml"),
        include_str!("bodies.toml"),
        include_str!("operations.toml"),
    ),
    prices: include_str!("prices.toml"),
    models: "",
    guidance: include_str!("guidance.toml"),
    trials: include_str!("trials.toml"),
    tasks: include_str!("tasks.toml"),
};
