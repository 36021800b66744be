//! What a call used, in the provider's own units.

/// Above this a number is taken for nonsense and cut: a thousand times what any call can use.
const MOST: u64 = 1_000_000_000_000;

/// What one answer reports. A unit that the provider did not report is absent, never zero.
///
/// `input_tokens` is all input and `output_tokens` all output; the cached, cache-writing and
/// reasoning tokens are parts of them. Providers count otherwise; their readers even it out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// All input tokens.
    pub input_tokens: Option<u64>,
    /// Those read from the provider's cache.
    pub cached_tokens: Option<u64>,
    /// Those written to the provider's cache.
    pub cache_write_tokens: Option<u64>,
    /// All output tokens.
    pub output_tokens: Option<u64>,
    /// Those the model thought with.
    pub reasoning_tokens: Option<u64>,
    /// Characters of text: translated, spoken.
    pub characters: Option<u64>,
    /// Images made.
    pub images: Option<u64>,
    /// Seconds of audio, begun ones counted whole.
    pub seconds: Option<u64>,
    /// Billed calls: features of an analysis, pages read.
    pub transactions: Option<u64>,
    /// Thousandths of a credit.
    pub credits_milli: Option<u64>,
}

/// A field of [`Usage`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// [`Usage::input_tokens`].
    InputTokens,
    /// [`Usage::cached_tokens`].
    CachedTokens,
    /// [`Usage::cache_write_tokens`].
    CacheWriteTokens,
    /// [`Usage::output_tokens`].
    OutputTokens,
    /// [`Usage::reasoning_tokens`].
    ReasoningTokens,
    /// [`Usage::characters`].
    Characters,
    /// [`Usage::images`].
    Images,
    /// [`Usage::seconds`].
    Seconds,
    /// [`Usage::transactions`].
    Transactions,
    /// [`Usage::credits_milli`].
    CreditsMilli,
}

/// Watches the bytes of a successful answer go by and reports what they cost. It never alters
/// them, keeps a constant amount of memory, and finds the same whatever the chunks.
pub trait UsageReader: Send {
    /// The next bytes of the answer.
    fn chunk(&mut self, bytes: &[u8]);

    /// `None` when the answer ended before the provider reported its usage.
    fn finish(self: Box<Self>) -> Option<Usage>;
}

impl Usage {
    /// One field.
    pub fn get(&self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::InputTokens => self.input_tokens,
            Unit::CachedTokens => self.cached_tokens,
            Unit::CacheWriteTokens => self.cache_write_tokens,
            Unit::OutputTokens => self.output_tokens,
            Unit::ReasoningTokens => self.reasoning_tokens,
            Unit::Characters => self.characters,
            Unit::Images => self.images,
            Unit::Seconds => self.seconds,
            Unit::Transactions => self.transactions,
            Unit::CreditsMilli => self.credits_milli,
        }
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The units that were reported.
    pub(crate) fn reported(self) -> impl Iterator<Item = (Unit, u64)> {
        let units = if self.is_empty() { &[][..] } else { &Unit::ALL };
        units
            .iter()
            .filter_map(move |unit| Some((*unit, self.get(*unit)?)))
    }

    /// Sets a field, clamped.
    pub(crate) fn set(&mut self, unit: Unit, value: u64) {
        *self.at(unit) = Some(value.min(MOST));
    }

    /// Adds to a field, clamped.
    pub(crate) fn add(&mut self, unit: Unit, value: u64) {
        let sum = self.at(unit).unwrap_or(0).saturating_add(value);
        self.set(unit, sum);
    }

    fn at(&mut self, unit: Unit) -> &mut Option<u64> {
        match unit {
            Unit::InputTokens => &mut self.input_tokens,
            Unit::CachedTokens => &mut self.cached_tokens,
            Unit::CacheWriteTokens => &mut self.cache_write_tokens,
            Unit::OutputTokens => &mut self.output_tokens,
            Unit::ReasoningTokens => &mut self.reasoning_tokens,
            Unit::Characters => &mut self.characters,
            Unit::Images => &mut self.images,
            Unit::Seconds => &mut self.seconds,
            Unit::Transactions => &mut self.transactions,
            Unit::CreditsMilli => &mut self.credits_milli,
        }
    }
}

impl Unit {
    /// Every unit, in the order of the ledger's columns.
    pub const ALL: [Self; 10] = [
        Self::InputTokens,
        Self::CachedTokens,
        Self::CacheWriteTokens,
        Self::OutputTokens,
        Self::ReasoningTokens,
        Self::Characters,
        Self::Images,
        Self::Seconds,
        Self::Transactions,
        Self::CreditsMilli,
    ];

    /// Whether it is counted in another unit as well.
    pub fn is_part(self) -> bool {
        use Unit::{CacheWriteTokens, CachedTokens, ReasoningTokens};
        matches!(self, CachedTokens | CacheWriteTokens | ReasoningTokens)
    }
}

/// A JSON number as a count: a fraction counts as begun, a negative or absurd one is no report.
pub(crate) fn count(number: &str) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return Some(whole.min(MOST));
    }
    let value: f64 = number.parse().ok()?;
    // Cut before the conversion, so that it is exact.
    let cut = value.ceil().min(1e12);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10^12 by the check"
    )]
    (value >= 0.0 && value.is_finite()).then_some(cut as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_clamped_and_nonsense_is_no_report() {
        for (text, expected) in [
            ("0", Some(0)),
            ("17", Some(17)),
            ("12.5", Some(13)),
            ("1e3", Some(1_000)),
            ("-0.0", Some(0)),
            ("-1", None),
            ("-0.5", None),
            ("1e999", None),
            ("99999999999999999999999", Some(MOST)),
            ("18446744073709551615", Some(MOST)),
            ("NaN", None),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn sums_do_not_run_over() {
        let mut usage = Usage::default();
        usage.add(Unit::Characters, u64::MAX);
        usage.add(Unit::Characters, u64::MAX);
        assert_eq!(usage.get(Unit::Characters), Some(MOST));
        assert!(!usage.is_empty());
    }
}
