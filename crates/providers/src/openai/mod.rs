//! OpenAI. Its data file says it all.

use std::sync::LazyLock;

use crate::{About, Provider, manifest};

/// <https://api.openai.com>.
#[derive(Debug)]
pub(crate) struct OpenAi;

/// Azure OpenAI takes operations from it.
pub(crate) const FILE: &str = include_str!("provider.toml");

static ABOUT: LazyLock<About> =
    LazyLock::new(|| manifest::load(FILE, None).expect("the tests load every data file"));

impl Provider for OpenAi {
    fn about(&self) -> &'static About {
        &ABOUT
    }
}
