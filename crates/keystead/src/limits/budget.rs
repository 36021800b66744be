//! Budgets as people write them: `1000 requests/day`, `20 USD/month`; and their days and months.

use std::{fmt, str::FromStr};

use keystead_providers::Usage;
use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, date_of};

/// An amount that may be used in each period.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Budget {
    /// How much, in the unit's smallest part.
    pub amount: i64,
    /// Of what.
    pub unit: Unit,
    /// How often anew.
    pub period: Period,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Unit {
    /// Calls.
    Requests,
    /// Tokens of input and output.
    Tokens,
    /// Characters.
    Characters,
    /// Images.
    Images,
    /// Thousandths of a provider's credit.
    Credits,
    /// Millionths of a US dollar.
    Money,
}

/// How long a budget lasts. Both begin at midnight UTC.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Period {
    /// A day.
    Day,
    /// A month of the calendar.
    Month,
}

/// One day or one month, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Window {
    /// Its first day.
    pub first: i64,
    /// The first day after it.
    pub end: i64,
}

/// What one call uses of each unit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amounts([i64; Unit::ALL.len()]);

/// A text that is no budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a budget is `1000 requests/day`: an amount, one of requests, tokens, characters, images, \
     credits and USD, and `/day` or `/month`"
)]
pub struct BadBudget;

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 6] = [
        Self::Requests,
        Self::Tokens,
        Self::Characters,
        Self::Images,
        Self::Credits,
        Self::Money,
    ];

    /// The word for it, and how many digits its amounts have after the point.
    const fn form(self) -> (&'static str, usize) {
        match self {
            Self::Requests => ("requests", 0),
            Self::Tokens => ("tokens", 0),
            Self::Characters => ("characters", 0),
            Self::Images => ("images", 0),
            Self::Credits => ("credits", 3),
            Self::Money => ("USD", 6),
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        self.form().0
    }

    /// An amount as people read it: `12.5` for 12,500,000 millionths of a dollar.
    pub fn show(self, amount: i64) -> String {
        let digits = self.form().1;
        let whole = 10_i64.pow(u32::try_from(digits).unwrap_or(0));
        let (sign, amount) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
        let (whole, part) = (amount / whole.unsigned_abs(), amount % whole.unsigned_abs());
        let part = format!("{part:0digits$}");
        match part.trim_end_matches('0') {
            "" => format!("{sign}{whole}"),
            part => format!("{sign}{whole}.{part}"),
        }
    }

    fn read(self, text: &str) -> Option<i64> {
        let digits = self.form().1;
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let has_point = whole.len() != text.len();
        if whole.is_empty()
            || !is_number(whole)
            || !is_number(part)
            || part.len() > digits
            || (has_point && part.is_empty())
        {
            return None;
        }
        let amount: i64 = format!("{whole}{part:0<digits$}").parse().ok()?;
        (1..=MOST).contains(&amount).then_some(amount)
    }
}

impl Period {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The one that `now` is in.
    pub fn window(self, now: Timestamp) -> Window {
        let today = now.as_secs().div_euclid(86_400);
        match self {
            Self::Day => Window {
                first: today,
                end: today + 1,
            },
            Self::Month => {
                let first_of = |day: i64| day - date_of(day).2 + 1;
                let first = first_of(today);
                // The 32nd day of a month is one of the next.
                Window {
                    first,
                    end: first_of(first + 31),
                }
            }
        }
    }
}

impl Window {
    /// When it is over.
    pub fn ends_at(self) -> Timestamp {
        Timestamp::from_micros(self.end.saturating_mul(86_400_000_000))
    }
}

impl Amounts {
    /// What a call uses, given what it costs in millionths of a dollar.
    pub fn of_call(usage: &Usage, cost: Option<u64>) -> Self {
        let mut amounts = Self::default();
        for (unit, amount) in [
            (Unit::Requests, Some(1)),
            (Unit::Tokens, Some(usage.tokens())),
            (Unit::Characters, usage.characters),
            (Unit::Images, usage.images),
            (Unit::Credits, usage.credits_milli),
            (Unit::Money, cost),
        ] {
            let amount = i64::try_from(amount.unwrap_or(0)).unwrap_or(MOST);
            amounts.0[unit as usize] = amount.min(MOST);
        }
        amounts
    }

    /// Of one unit.
    pub fn of(&self, unit: Unit) -> i64 {
        self.0[unit as usize]
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.unit.show(self.amount);
        write!(f, "{amount} {}/{}", self.unit.word(), self.period.word())
    }
}

impl FromStr for Budget {
    type Err = BadBudget;

    fn from_str(text: &str) -> Result<Self, BadBudget> {
        let (amount, period) = text.trim().split_once('/').ok_or(BadBudget)?;
        let (amount, unit) = amount.trim().split_once(' ').ok_or(BadBudget)?;
        let mut units = Unit::ALL.into_iter();
        let unit = units
            .find(|one| one.word() == unit.trim())
            .ok_or(BadBudget)?;
        let mut periods = Period::ALL.into_iter();
        let period = periods
            .find(|one| one.word() == period.trim())
            .ok_or(BadBudget)?;
        let amount = unit.read(amount).ok_or(BadBudget)?;
        Ok(Self {
            amount,
            unit,
            period,
        })
    }
}

impl TryFrom<String> for Budget {
    type Error = BadBudget;

    fn try_from(text: String) -> Result<Self, BadBudget> {
        text.parse()
    }
}

impl From<Budget> for String {
    fn from(budget: Budget) -> Self {
        budget.to_string()
    }
}

/// The largest amount: a thousand million dollars. Sums of such amounts stay far from the end of
/// an `i64`.
const MOST: i64 = 1_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_budget_reads_as_it_is_said() {
        for (text, said) in [
            ("1000 requests/day", Some("1000 requests/day")),
            ("20 USD/month", Some("20 USD/month")),
            ("0.50 USD/day", Some("0.5 USD/day")),
            ("0.000001 USD/day", Some("0.000001 USD/day")),
            (" 2.5  credits / month ", Some("2.5 credits/month")),
            ("7 images/day", Some("7 images/day")),
            ("0 requests/day", None),
            ("-1 requests/day", None),
            ("1.5 tokens/day", None),
            ("1. USD/day", None),
            (".5 USD/day", None),
            ("0.0000001 USD/day", None),
            ("9999999999999 USD/day", None),
            ("5 EUR/day", None),
            ("5 USD/week", None),
            ("5USD/day", None),
            ("", None),
        ] {
            let read = text.parse::<Budget>().ok().map(|budget| budget.to_string());
            assert_eq!(read.as_deref(), said, "{text:?}");
        }
    }

    #[test]
    fn a_month_is_as_long_as_it_is() {
        let at = |secs: i64| Timestamp::from_micros(secs * 1_000_000);
        for (now, first, end) in [
            // 2026-11-21T17:00:00Z.
            (1_795_280_400, 20_758, 20_788),
            // 2024-02-29T23:59:59Z and a second later.
            (1_709_251_199, 19_754, 19_783),
            (1_709_251_200, 19_783, 19_814),
            // 2026-12-31.
            (1_798_675_200, 20_788, 20_819),
            (0, 0, 31),
        ] {
            assert_eq!(
                Period::Month.window(at(now)),
                Window { first, end },
                "{now}"
            );
        }
        let day = Period::Day.window(at(1_795_280_400));
        assert_eq!((day.first, day.end), (20_778, 20_779));
        assert_eq!(day.ends_at(), at(1_795_305_600));
    }

    proptest! {
        /// Months follow on each other without a gap, and every day is in the one that says so.
        #[test]
        fn months_follow_on_each_other(day in -800_000i64..800_000) {
            let of = |day: i64| Period::Month.window(Timestamp::from_micros(day * 86_400_000_000));
            let month = of(day);
            prop_assert!(month.first <= day && day < month.end);
            prop_assert!((28..=31).contains(&(month.end - month.first)));
            prop_assert_eq!(of(month.end).first, month.end);
            prop_assert_eq!(of(month.first - 1).end, month.first);
        }

        #[test]
        fn what_is_shown_is_read_again(amount in 1..=MOST, unit in 0..6usize) {
            let unit = Unit::ALL[unit];
            prop_assert_eq!(unit.read(&unit.show(amount)), Some(amount));
        }
    }
}
