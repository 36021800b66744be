//! Azure OpenAI. Its operations are OpenAI's and, on Foundry, Anthropic's, under Azure's paths.

use crate::{
    anthropic,
    manifest::{Described, Files, described},
    openai,
};

/// A host for each customer's resource.
pub(crate) static AZURE_OPENAI: Described =
    Described::new(|| described(&FILES, &[&openai::FILES, &anthropic::FILES]));

const FILES: Files = Files {
    provider: include_str!("provider.toml"),
    prices: include_str!("prices.toml"),
    models: "",
    guidance: include_str!("guidance.toml"),
    trials: include_str!("trials.toml"),
    tasks: include_str!("tasks.toml"),
};
