//! What a call counts once it is over: what was reported, as far as it can be believed, and for the
//! rest what was reserved.

use crate::{Unit, Usage};

/// So much more than its reservation a call may report, and no more. Reservations go by rules of
/// thumb: a token can be one byte, and what the provider runs on its own side can go round a few
/// times.
const TIMES_THE_RESERVATION: u64 = 8;

impl Usage {
    /// What counts of a call that is over, and whether anything of it is an estimate.
    ///
    /// What was reserved and is not reported counts as reserved: absent is not zero. A count that
    /// no call could have used counts as not reported, whether anything was reserved or not. The
    /// parts of the input and of the output are never more than the whole.
    ///
    /// Tokens on the one hand, images and seconds on the other are measures of one thing. So an
    /// answer in seconds or images alone owes no tokens, and one in tokens owes no seconds.
    pub fn settled(reported: Option<&Self>, reserved: &Self) -> (Self, bool) {
        let nothing = Self::default();
        let reported = reported.unwrap_or(&nothing);
        let believed = reported.believed(reserved);
        let (mut settled, mut is_estimate) = (believed, false);
        let wholes = Unit::ALL.into_iter().filter(|unit| !unit.is_part());
        for unit in wholes.filter(|unit| believed.get(*unit).is_none()) {
            let is_absurd = reported.get(unit).is_some();
            let reserved = reserved.get(unit);
            let is_owed = is_absurd || reported.begins(unit) || !believed.replaces(unit);
            if let Some(reserved) = reserved.filter(|_| is_owed) {
                settled.set(unit, reserved);
                is_estimate = true;
            }
            is_estimate |= is_absurd;
        }
        for (part, whole) in [
            (Unit::CachedTokens, Unit::InputTokens),
            (Unit::CacheWriteTokens, Unit::InputTokens),
            (Unit::ReasoningTokens, Unit::OutputTokens),
        ] {
            let Some(count) = reported.get(part) else {
                continue;
            };
            let is_believed = settled.get(whole) == reported.get(whole);
            if is_believed && count <= settled.rest_of(whole) {
                settled.set(part, count);
            } else {
                is_estimate = true;
            }
        }
        (settled, is_estimate)
    }

    /// All tokens, in and out.
    pub fn tokens(&self) -> u64 {
        let (input, output) = (self.input_tokens, self.output_tokens);
        input.unwrap_or(0).saturating_add(output.unwrap_or(0))
    }

    /// What of a report some call with this reservation could have used, parts of wholes left out.
    fn believed(&self, reserved: &Self) -> Self {
        let mut believed = Self::default();
        for unit in Unit::ALL.into_iter().filter(|unit| !unit.is_part()) {
            let count = self.get(unit);
            if let Some(count) = count.filter(|count| *count <= most(unit, reserved.get(unit))) {
                believed.set(unit, count);
            }
        }
        believed
    }

    /// Whether this report has the other half of what a unit belongs to.
    fn begins(&self, unit: Unit) -> bool {
        match unit {
            Unit::InputTokens => self.output_tokens.is_some(),
            Unit::OutputTokens => self.input_tokens.is_some(),
            _ => false,
        }
    }

    /// Whether this report has another measure of what a unit measures.
    fn replaces(&self, unit: Unit) -> bool {
        match unit {
            Unit::InputTokens | Unit::OutputTokens => {
                self.images.is_some() || self.seconds.is_some()
            }
            Unit::Seconds => self.input_tokens.is_some() || self.output_tokens.is_some(),
            _ => false,
        }
    }

    /// How much of a whole no part has taken yet.
    fn rest_of(&self, whole: Unit) -> u64 {
        let taken = match whole {
            Unit::InputTokens => self.cached_tokens.unwrap_or(0),
            _ => 0,
        };
        self.get(whole).unwrap_or(0).saturating_sub(taken)
    }
}

/// The highest count that is believed of a call with this reservation.
fn most(unit: Unit, reserved: Option<u64>) -> u64 {
    // What no call goes beyond that reserved little or nothing: what is fetched again, or reads
    // what its request only names.
    let anyway = match unit {
        Unit::InputTokens => 2_000_000,
        Unit::OutputTokens => 200_000,
        Unit::Characters | Unit::CreditsMilli => 1_000_000,
        Unit::Seconds => 100_000,
        Unit::Transactions => 10_000,
        Unit::Images => 100,
        Unit::CachedTokens | Unit::CacheWriteTokens | Unit::ReasoningTokens => 0,
    };
    let times = reserved.unwrap_or(0).saturating_mul(TIMES_THE_RESERVATION);
    times.saturating_add(anyway)
}

#[cfg(test)]
mod tests;
