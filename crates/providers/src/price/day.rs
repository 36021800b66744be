//! Days of the calendar.

use std::fmt;

use serde::Deserialize;

/// A day of the Gregorian calendar, for the choice among prices.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Before every price.
    pub(super) const FIRST: Self = Self {
        year: 0,
        month: 1,
        day: 1,
    };

    /// `None` for a day that the month does not have.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let fits = year <= 9_999 && 1 <= month && month <= 12;
        if fits && 1 <= day && day <= days_in(year, month) {
            Some(Self { year, month, day })
        } else {
            None
        }
    }

    /// The day that is so many days after 1 January 1970: Unix seconds, divided by 86,400 and
    /// rounded down. Beyond the years 0 to 9999 it is the first or the last of them.
    pub fn of_unix(days: i64) -> Self {
        // Years are counted from 1 March here, so that a leap day comes last; 400 of them always
        // have the same number of days.
        let days = days.clamp(-719_528, 2_932_896) + 719_468;
        let era = days.div_euclid(DAYS_OF_400_YEARS);
        let of_era = days.rem_euclid(DAYS_OF_400_YEARS);
        let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * years + years / 4 - years / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = from_march + if from_march < 10 { 3 } else { -9 };
        let year = era * 400 + years + i64::from(month <= 2);
        let small = |number: i64| u8::try_from(number).unwrap_or(1);
        Self {
            year: u16::try_from(year).unwrap_or(0),
            month: small(month),
            day: small(day),
        }
    }
}

const DAYS_OF_400_YEARS: i64 = 146_097;

const fn days_in(year: u16, month: u8) -> u8 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    /// Reads `2026-11-20`.
    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let is_plain = |part: &str, length| {
                part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
            };
            let fits = is_plain(year, 4) && is_plain(month, 2) && is_plain(day, 2);
            let parts =
                fits.then_some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?));
            parts.and_then(|(year, month, day)| Self::new(year, month, day))
        };
        read().ok_or_else(|| format!("`{text}` is not a day; one is written `2026-11-20`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_777, "2026-11-20"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
            (2_932_896, "9999-12-31"),
            (i64::MAX, "9999-12-31"),
            (-719_528, "0000-01-01"),
            (i64::MIN, "0000-01-01"),
        ] {
            assert_eq!(Day::of_unix(days).to_string(), text, "{days}");
        }
    }

    #[test]
    fn each_day_is_followed_by_the_next_for_eight_hundred_years() {
        let mut day = Day::of_unix(-146_097);
        assert_eq!(day.to_string(), "1570-01-01");
        for days in -146_096..=146_097 {
            let next = Day::of_unix(days);
            let Day {
                year,
                month,
                day: of,
            } = day;
            let expected = Day::new(year, month, of + 1)
                .or_else(|| Day::new(year, month + 1, 1))
                .or_else(|| Day::new(year + 1, 1, 1));
            assert_eq!(Some(next), expected, "{days}");
            assert!(next > day && Day::try_from(next.to_string()) == Ok(next));
            day = next;
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-00",
            "2026-11-31",
            "2026-11",
            "2026-11-20-1",
            "20261120",
            "2026-1-2",
            "+026-01-01",
            "",
            "2100-02-29",
        ] {
            assert!(Day::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Day::try_from("2024-02-29".to_owned()).is_ok());
    }
}
