//! Times as people read them: how long ago, with the exact time beside it.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::{
    clock::Timestamp,
    manage::time::{date, rfc3339},
};

/// A time to be shown on a page that is drawn at `now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub(super) at: Timestamp,
    pub(super) now: Timestamp,
}

impl When {
    /// How long ago, or in how long.
    pub(super) fn words(&self) -> String {
        distance(self.at, self.now)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = rfc3339(self.at);
        let words = self.words();
        write!(
            f,
            r#"<time datetime="{exact}" title="{exact}">{words}</time>"#
        )
    }
}

/// A day, counted from 1970-01-01 (UTC), on a page that is drawn at `now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayAgo {
    pub(super) day: i64,
    pub(super) now: Timestamp,
}

impl fmt::Display for DayAgo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = date(self.day);
        let today = self.now.as_secs().div_euclid(86_400);
        let words = match today.saturating_sub(self.day) {
            ..=0 => "today".to_owned(),
            1 => "yesterday".to_owned(),
            days => format!("{days} days ago"),
        };
        write!(
            f,
            r#"<time datetime="{exact}" title="{exact}">{words}</time>"#
        )
    }
}

/// Made of digits and words of ours.
impl HtmlSafe for DayAgo {}

/// Made of digits and words of ours.
impl HtmlSafe for When {}

fn distance(at: Timestamp, now: Timestamp) -> String {
    let (seconds, ago) = match at <= now {
        true => (now.since(at).as_secs(), true),
        false => (at.since(now).as_secs(), false),
    };
    let (count, unit) = match seconds {
        0..45 => return if ago { "just now" } else { "in a moment" }.to_owned(),
        45..3_570 => (seconds.saturating_add(30) / 60, "minute"),
        3_570..86_400 => (seconds.saturating_add(1_800) / 3_600, "hour"),
        // A week that has just begun is a week.
        86_400..5_184_000 if !ago => (seconds.saturating_add(43_200) / 86_400, "day"),
        86_400..5_184_000 => (seconds / 86_400, "day"),
        5_184_000..63_072_000 => (seconds / 2_592_000, "month"),
        _ => (seconds / 31_536_000, "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    match ago {
        true => format!("{count} {unit}{plural} ago"),
        false => format!("in {count} {unit}{plural}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_reads_as_people_say_it() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        for (seconds, words) in [
            (0, "just now"),
            (44, "just now"),
            (45, "1 minute ago"),
            (3_569, "59 minutes ago"),
            (3_570, "1 hour ago"),
            (86_399, "24 hours ago"),
            (86_400, "1 day ago"),
            (20 * 86_400, "20 days ago"),
            (90 * 86_400, "3 months ago"),
            (800 * 86_400, "2 years ago"),
            (-120, "in 2 minutes"),
            (-7 * 86_400, "in 7 days"),
            (2 - 7 * 86_400, "in 7 days"),
            (-5 * 86_400 / 4, "in 1 day"),
        ] {
            let at = Timestamp::from_micros(now.as_micros() - seconds * 1_000_000);
            assert_eq!(distance(at, now), words, "{seconds}");
        }
        for (ago, words) in [(0, ">today<"), (1, ">yesterday<"), (90, ">90 days ago<")] {
            let day = now.as_secs() / 86_400 - ago;
            let shown = DayAgo { day, now }.to_string();
            assert!(shown.contains(words), "{shown}");
        }
        let shown = When { at: now, now }.to_string();
        assert!(
            shown.contains(r#"datetime="2027-01-15T08:00:00Z""#),
            "{shown}"
        );
    }
}
