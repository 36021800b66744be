//! Anthropic. Its data files say it all.

use crate::manifest::{Described, described};

/// <https://api.anthropic.com>.
pub(crate) static ANTHROPIC: Described = Described::new(|| described(FILE, PRICES, &[]));

/// Azure has Claude too.
pub(crate) const FILE: &str = concat!(
    include_str!("provider.toml"),
    include_str!("bodies.toml"),
    include_str!("operations.toml"),
);

const PRICES: &str = include_str!("prices.toml");
