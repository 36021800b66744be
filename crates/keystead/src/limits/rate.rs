//! Rates as people write them: `50/s burst 100`, `10/s, 5000/d`.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// `count` calls in every period, and `burst` at once after a pause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Calls a period.
    pub count: NonZeroU32,
    /// The period.
    pub per: Per,
    /// Calls that may come at once.
    pub burst: NonZeroU32,
}

/// What a rate counts in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Per {
    /// `/s`.
    Second,
    /// `/m`.
    Minute,
    /// `/h`.
    Hour,
    /// `/d`.
    Day,
}

/// One rate or several, at most one of each period; all of them hold.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rates(Vec<Rate>);

/// A text that is no rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a rate is `50/s burst 100` (also `/m`, `/h`, `/d`), or several, each of its own period")]
pub struct BadRate;

impl Per {
    const ALL: [(Self, &'static str, u64); 4] = [
        (Self::Second, "s", 1),
        (Self::Minute, "m", 60),
        (Self::Hour, "h", 3_600),
        (Self::Day, "d", 86_400),
    ];

    /// How long it is.
    pub fn duration(self) -> Duration {
        Duration::from_secs(Self::ALL[self as usize].2)
    }

    fn letter(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl Rates {
    /// Each of them, the shortest period first.
    pub fn iter(&self) -> impl Iterator<Item = Rate> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per.letter())?;
        match self.burst == self.count {
            true => Ok(()),
            false => write!(f, " burst {}", self.burst),
        }
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let (count, rest) = text.split_once('/').ok_or(BadRate)?;
        let count: NonZeroU32 = count.trim().parse().map_err(|_| BadRate)?;
        let mut words = rest.split_whitespace();
        let letter = words.next().ok_or(BadRate)?;
        let (per, ..) = Per::ALL
            .into_iter()
            .find(|(_, known, _)| *known == letter)
            .ok_or(BadRate)?;
        let burst = match (words.next(), words.next(), words.next()) {
            (None, None, None) => count,
            (Some("burst"), Some(burst), None) => burst.parse().map_err(|_| BadRate)?,
            _ => return Err(BadRate),
        };
        Ok(Self { count, per, burst })
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rate) in self.0.iter().enumerate() {
            write!(f, "{}{rate}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl FromStr for Rates {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let mut rates: Vec<Rate> = text
            .split(',')
            .map(|rate| rate.trim().parse())
            .collect::<Result<_, _>>()?;
        rates.sort_by_key(|rate| rate.per);
        match rates.windows(2).all(|pair| pair[0].per != pair[1].per) {
            true => Ok(Self(rates)),
            false => Err(BadRate),
        }
    }
}

impl TryFrom<String> for Rates {
    type Error = BadRate;

    fn try_from(text: String) -> Result<Self, BadRate> {
        text.parse()
    }
}

impl From<Rates> for String {
    fn from(rates: Rates) -> Self {
        rates.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_as_it_is_said() {
        for (text, said) in [
            ("50/s burst 100", Some("50/s burst 100")),
            ("500/s", Some("500/s")),
            (" 10/m  burst 3 ", Some("10/m burst 3")),
            ("7/h burst 7", Some("7/h")),
            ("5000/d, 10/s", Some("10/s, 5000/d")),
            ("0/s", None),
            ("50", None),
            ("50/w", None),
            ("-1/s", None),
            ("50/s burst", None),
            ("50/s burst 0", None),
            ("50/s burst 100 please", None),
            ("50/s, 60/s", None),
            ("50/s,", None),
            ("off", None),
            ("", None),
        ] {
            let read = text.parse::<Rates>().ok().map(|rates| rates.to_string());
            assert_eq!(read.as_deref(), said, "{text:?}");
        }
    }
}
