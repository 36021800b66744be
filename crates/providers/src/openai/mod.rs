//! OpenAI. Its data files say it all.

use crate::manifest::{Described, Files, described};

/// <https://api.openai.com>, and its regional hosts.
pub(crate) static OPENAI: Described = Described::new(|| described(&FILES, &[]));

/// Azure has these operations too.
pub(crate) const FILES: Files = Files {
    provider: concat!(
        include_str!("provider.toml"),
        include_str!("bodies.toml"),
        include_str!("operations.toml"),
    ),
    prices: include_str!("prices.toml"),
    models: include_str!("models.toml"),
    guidance: include_str!("guidance.toml"),
    trials: include_str!("trials.toml"),
    tasks: include_str!("tasks.toml"),
};
