//! When to try again: what the provider asks for, and what is sensible where it asks for nothing.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, header};

use crate::clock::Timestamp;

/// At most this many attempts follow the first.
pub(super) const RETRIES: u32 = 2;

/// The wait that an answer asks for: `retry-after-ms`, else `retry-after` in seconds or as an HTTP
/// date (RFC 9110, 10.2.3). `None` where it asks for none, or for nothing that can be read.
#[must_use]
pub(super) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    if let Some(wait) = text("retry-after-ms").and_then(|text| number(text, 1_000.0)) {
        return Some(wait);
    }
    let asked = text(header::RETRY_AFTER.as_str())?;
    number(asked, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(asked).ok()?;
        let date = date.duration_since(UNIX_EPOCH).ok()?;
        Some((Timestamp::default() + date).since(now))
    })
}

fn number(text: &str, per_second: f64) -> Option<Duration> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    let seconds = (value / per_second).max(0.0);
    Duration::try_from_secs_f64(seconds).ok()
}

/// The wait before attempt `attempt` (1, 2, …) when the provider names none: half a second,
/// doubled each time, with up to half of it taken off at random so that clients spread out.
#[must_use]
pub(super) fn backoff(attempt: u32, chance: u8) -> Duration {
    let full = Duration::from_millis(500) * 2_u32.saturating_pow(attempt.saturating_sub(1)).min(8);
    full - full / 2 * u32::from(chance) / 255
}

/// The asked-for wait and a little more, so that those who were told the same don't all come back
/// in the same instant.
#[must_use]
pub(super) fn spread(asked: Duration, chance: u8) -> Duration {
    asked + Duration::from_millis(200) * u32::from(chance) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        // 2026-11-21T10:00:00Z
        let now = Timestamp::from_micros(1_795_255_200_000_000);
        asked_wait(&headers, now)
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        for (name, value, expected) in [
            ("retry-after", "3", Some(3_000)),
            ("retry-after", "0", Some(0)),
            ("retry-after", "1.5", Some(1_500)),
            ("retry-after", "Sat, 21 Nov 2026 10:00:07 GMT", Some(7_000)),
            ("retry-after", "Sat, 21 Nov 2026 09:00:00 GMT", Some(0)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "-5", Some(0)),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
            ("retry-after", "1e300", None),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(wait(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn backoff_grows_and_stays_within_its_half() {
        for chance in [0, 127, 255] {
            let first = backoff(1, chance);
            assert!((Duration::from_millis(250)..=Duration::from_millis(500)).contains(&first));
            let second = backoff(2, chance);
            assert!((Duration::from_millis(500)..=Duration::from_secs(1)).contains(&second));
        }
    }
}
