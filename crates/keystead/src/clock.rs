//! The one place that reads the time, so that a test can move it.

use std::{
    fmt,
    ops::{Add, Sub},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// A point in time: Unix microseconds, UTC. Both stores keep it as BIGINT.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `micros` microseconds after 1970-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Unix microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Unix seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time from `earlier` to this point; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

/// Microseconds of a duration; one beyond 292,000 years counts as that.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Year, month and day of the month, from days since 1970-01-01.
///
/// # Source
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years begin in
/// March, so that the leap day is the last of its year.
pub const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

/// A moment by the calendar, and by the clock that is never set: what begins is dated by the one and timed
/// by the other.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When it is.
    pub at: Timestamp,
    /// Since when time is taken.
    pub instant: Instant,
}

/// Tells the time: the system's, or in a test the one that was set. Clones share it.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until it is moved.
    pub fn standing_at(start: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(start.0))))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Set(micros) => Timestamp(micros.load(Ordering::SeqCst)),
            Source::System => system_now(),
        }
    }

    /// Now, by both clocks.
    pub fn moment(&self) -> Moment {
        Moment {
            at: self.now(),
            instant: Instant::now(),
        }
    }

    /// Moves a standing clock and all its clones forward.
    ///
    /// # Panics
    ///
    /// On the system's clock, which nobody moves.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Source::Set(now) => now.fetch_add(micros(by), Ordering::SeqCst),
            Source::System => panic!("the system's clock can't be moved"),
        };
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System => f.write_str("Clock(system)"),
            Source::Set(_) => write!(f, "Clock(standing at {})", self.now().0),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the time"
)]
fn system_now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(micros(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_for_all_its_clones() {
        let clock = Clock::standing_at(Timestamp::from_micros(5_000_000));
        let clone = clock.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(clone.now(), Timestamp::from_micros(7_000_000));
        assert_eq!(clone.now().as_secs(), 7);
    }

    #[test]
    fn time_before_an_earlier_point_counts_as_none() {
        let (early, late) = (Timestamp::from_micros(1), Timestamp::from_micros(3));
        assert_eq!(late.since(early), Duration::from_micros(2));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
