//! Azure OpenAI. Its operations are OpenAI's and, on Foundry, Anthropic's, under Azure's paths.

use crate::{
    anthropic,
    manifest::{Described, described},
    openai,
};

/// A host for each customer's resource.
pub(crate) static AZURE_OPENAI: Described =
    Described::new(|| described(FILE, PRICES, &[openai::FILE, anthropic::FILE]));

const FILE: &str = include_str!("provider.toml");

const PRICES: &str = include_str!("prices.toml");
