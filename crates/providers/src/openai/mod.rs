//! OpenAI. Its data files say it all.

use crate::manifest::{Described, described};

/// <https://api.openai.com>, and its regional hosts.
pub(crate) static OPENAI: Described = Described::new(|| described(FILE, PRICES, &[]));

/// Azure has these operations too.
pub(crate) const FILE: &str = concat!(
    include_str!("provider.toml"),
    include_str!("bodies.toml"),
    include_str!("operations.toml"),
);

const PRICES: &str = include_str!("prices.toml");
