//! What a call costs, by each provider's `prices.toml` and a deployment's own table before it.
//!
//! Prices drift and most are known at second hand, so each built-in row names its source and the
//! day it was read. What has no price is unknown, never free.

mod amount;
mod day;
mod prices;

pub use amount::MicroUsd;
pub use day::Day;
pub use prices::{Cost, Prices};

use serde::Deserialize;

use crate::Unit;
use amount::PerMillion;

/// A table of prices, as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    /// What a reader of the numbers should know first.
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    prices: Vec<Price>,
}

/// One row: a model, from one day on, up to one length of prompt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The model's name without its date, or `*` for every call without a row of its own.
    pub model: String,
    /// The first day it holds.
    #[serde(default = "first_day")]
    pub since: Day,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
    /// The longest prompt it holds for, in tokens.
    #[serde(default)]
    pub up_to_input: Option<u64>,
    #[serde(default)]
    input: Option<PerMillion>,
    #[serde(default)]
    cached: Option<PerMillion>,
    #[serde(default)]
    cache_write: Option<PerMillion>,
    #[serde(default)]
    output: Option<PerMillion>,
    #[serde(default)]
    characters: Option<PerMillion>,
    #[serde(default)]
    image: Option<MicroUsd>,
    #[serde(default)]
    second: Option<MicroUsd>,
    #[serde(default)]
    transaction: Option<MicroUsd>,
    #[serde(default)]
    credit: Option<MicroUsd>,
}

/// Why a table of prices can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct PriceListError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl PriceList {
    /// Reads a table written as `prices.toml` is.
    ///
    /// # Errors
    ///
    /// [`PriceListError`] for what can't be read, and for a row that says nothing or can't be told
    /// from another.
    pub fn parse(text: &str) -> Result<Self, PriceListError> {
        let wrong = |at: usize, reason: String| PriceListError {
            line: text[..at.min(text.len())].matches('\n').count() + 1,
            reason,
        };
        let list: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, error.message().to_owned())
        })?;
        for (number, row) in list.prices.iter().enumerate() {
            let key = |row: &Price| (row.since, row.up_to_input);
            let mut before = list.prices[..number].iter();
            let reason = if row.model.is_empty() {
                "`model` is empty".to_owned()
            } else if row.units().next().is_none() {
                format!("`{}` has no price", row.model)
            } else if before.any(|other| other.model == row.model && key(other) == key(row)) {
                format!("`{}` has two prices from {}", row.model, row.since)
            } else {
                continue;
            };
            let at = text.match_indices("[[prices]]").nth(number);
            return Err(wrong(at.map_or(0, |(at, _)| at), reason));
        }
        Ok(list)
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> &[Price] {
        &self.prices
    }
}

impl Price {
    /// The units that have a price, with the price as it is customary to say it: dollars for a
    /// million tokens or characters, for one of anything else.
    pub fn units(&self) -> impl Iterator<Item = (Unit, MicroUsd)> {
        let million = |price: Option<PerMillion>| price.map(|price| price.0);
        [
            (Unit::InputTokens, million(self.input)),
            (Unit::CachedTokens, million(self.cached)),
            (Unit::CacheWriteTokens, million(self.cache_write)),
            (Unit::OutputTokens, million(self.output)),
            (Unit::Characters, million(self.characters)),
            (Unit::Images, self.image),
            (Unit::Seconds, self.second),
            (Unit::Transactions, self.transaction),
            (Unit::CreditsMilli, self.credit),
        ]
        .into_iter()
        .filter_map(|(unit, price)| Some((unit, price?)))
    }
}

fn first_day() -> Day {
    Day::FIRST
}

#[cfg(test)]
mod tests;
