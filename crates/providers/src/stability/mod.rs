//! Stability AI. Its data files say it all.

use crate::manifest::{Described, described};

/// <https://api.stability.ai>.
pub(crate) static STABILITY: Described = Described::new(|| described(FILE, PRICES, &[]));

const FILE: &str = concat!(
    include_str!("provider.toml"),
    include_str!("bodies.toml"),
    include_str!("operations.toml"),
);

const PRICES: &str = include_str!("prices.toml");
