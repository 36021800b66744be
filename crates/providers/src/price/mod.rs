//! What a call costs, by each provider's `prices.toml`.
//!
//! Prices drift and most are known at second hand, so each row names its source and the day it was
//! read, and a deployment can bring a table of its own. What has no price is unknown, never free.

mod amount;

pub use amount::MicroUsd;

use serde::Deserialize;

use crate::{Unit, Usage, model_name::ModelName};
use amount::PerMillion;

/// A provider's prices.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    /// What a reader of the numbers should know first.
    pub note: String,
    #[serde(default)]
    prices: Vec<Price>,
}

/// One row: a model, from one day on, up to one length of prompt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The model's name without its date, or `*` for every call.
    pub model: String,
    /// The first day it holds.
    pub since: Day,
    /// Where it was read.
    pub source: String,
    /// The longest prompt it holds for, in tokens.
    #[serde(default)]
    up_to_input: Option<u64>,
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

/// A day of the calendar, for the choice among prices.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl PriceList {
    /// Reads a table written as `prices.toml` is.
    ///
    /// # Errors
    ///
    /// A text that names the line, for the author of the table.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// What `usage` of `model` costs on `day`. `None` when there is no price for it, or for a unit
    /// in it: an unknown cost is not nothing.
    ///
    /// Rounds half up, once a call.
    pub fn cost(&self, model: Option<&str>, usage: &Usage, day: Day) -> Option<MicroUsd> {
        let mut rows: Vec<_> = self
            .prices
            .iter()
            .filter(|row| row.holds(model, usage, day))
            .collect();
        // A model's own row before the one for all, the latest, the shortest prompt it holds for.
        rows.sort_by_key(|row| {
            let most = row.up_to_input.unwrap_or(u64::MAX);
            (row.model != "*", row.since, std::cmp::Reverse(most))
        });
        rows.last()?.cost(usage)
    }

    /// All rows, in the order of the file.
    pub fn rows(&self) -> &[Price] {
        &self.prices
    }
}

impl Price {
    fn holds(&self, model: Option<&str>, usage: &Usage, day: Day) -> bool {
        let named =
            self.model == "*" || model.is_some_and(|model| ModelName::new(model).is(&self.model));
        let input = usage.input_tokens.unwrap_or(0);
        named && self.since <= day && self.up_to_input.is_none_or(|most| input <= most)
    }

    fn cost(&self, usage: &Usage) -> Option<MicroUsd> {
        let parts = usage.cached_tokens.unwrap_or(0) + usage.cache_write_tokens.unwrap_or(0);
        let uncached = usage.input_tokens.map(|all| all.saturating_sub(parts));
        let mut total = 0_u128;
        // Where cached input has no price of its own it costs what input does.
        for (count, price) in [
            (uncached, self.input),
            (usage.cached_tokens, self.cached.or(self.input)),
            (usage.cache_write_tokens, self.cache_write.or(self.input)),
            (usage.output_tokens, self.output),
            (usage.characters, self.characters),
        ] {
            total += price_of(count, price.map(PerMillion::millionths))?;
        }
        // Tokens are what is billed where an answer reports both.
        let by_tokens = usage.input_tokens.is_some() && self.input.is_some();
        let images = usage
            .images
            .filter(|_| !by_tokens && usage.credits_milli.is_none());
        let seconds = usage.seconds.filter(|_| !by_tokens);
        for (count, price) in [
            (images, self.image.map(MicroUsd::millionths)),
            (seconds, self.second.map(MicroUsd::millionths)),
            (
                usage.transactions,
                self.transaction.map(MicroUsd::millionths),
            ),
            (
                usage.credits_milli,
                self.credit.map(|credit| credit.millionths() / 1_000),
            ),
        ] {
            total += price_of(count, price)?;
        }
        Some(MicroUsd::from_millionths(total))
    }

    /// Which units have a price of their own.
    pub fn units(&self) -> Vec<Unit> {
        let has = [
            (Unit::InputTokens, self.input.is_some()),
            (Unit::CachedTokens, self.cached.is_some()),
            (Unit::CacheWriteTokens, self.cache_write.is_some()),
            (Unit::OutputTokens, self.output.is_some()),
            (Unit::Characters, self.characters.is_some()),
            (Unit::Images, self.image.is_some()),
            (Unit::Seconds, self.second.is_some()),
            (Unit::Transactions, self.transaction.is_some()),
            (Unit::CreditsMilli, self.credit.is_some()),
        ];
        has.into_iter()
            .filter(|(_, has)| *has)
            .map(|(unit, _)| unit)
            .collect()
    }
}

/// In millionths of a millionth of a dollar; `None` for a count without a price.
fn price_of(count: Option<u64>, millionths: Option<u128>) -> Option<u128> {
    match count {
        None | Some(0) => Some(0),
        Some(count) => Some(u128::from(count) * millionths?),
    }
}

impl Day {
    /// A day; nothing checks that the month has it.
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    /// Reads `2026-11-20`.
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a day");
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or_else(bad);
        let (year, month, day) = (part()?, part()?, part()?);
        let number = |text: &str| text.parse::<u8>().map_err(|_| bad());
        Ok(Self::new(
            year.parse().map_err(|_| bad())?,
            number(month)?,
            number(day)?,
        ))
    }
}

#[cfg(test)]
mod tests;
