//! Azure AI Vision. Its data files say it all.

use crate::manifest::{Described, described};

/// A host for each customer's resource.
pub(crate) static AZURE_VISION: Described = Described::new(|| described(FILE, PRICES, &[]));

const FILE: &str = concat!(
    include_str!("provider.toml"),
    include_str!("operations.toml")
);

const PRICES: &str = include_str!("prices.toml");
