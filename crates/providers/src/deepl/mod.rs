//! DeepL. Its data files say it all.

use crate::manifest::{Described, Files, described};

/// <https://api.deepl.com>, and the host that a free key's ending names.
pub(crate) static DEEPL: Described = Described::new(|| described(&FILES, &[]));

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
