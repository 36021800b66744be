//! Azure AI Vision. Its data files say it all.

use crate::manifest::{Described, Files, described};

/// A host for each customer's resource.
pub(crate) static AZURE_VISION: Described = Described::new(|| described(&FILES, &[]));

const FILES: Files = Files {
    provider: concat!(
        include_str!("provider.toml"),
        include_str!("operations.toml")
    ),
    prices: include_str!("prices.toml"),
    models: "",
    guidance: include_str!("guidance.toml"),
    trials: include_str!("trials.toml"),
    tasks: include_str!("tasks.toml"),
};
