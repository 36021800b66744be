//! The newest attempts: read from the pages, newest first, never more than so many.
//!
//! Pages are taken by when the last of their attempts ended, and a page's attempts by when each
//! ended. So the list runs as attempts ended, but that pages which several processes, or cores with
//! very much to do, wrote at the same moment follow each other.

use std::{cmp::Reverse, fmt, str::FromStr, time::Duration};

use sqlx::Row as _;

use super::UsageRow;
use crate::{
    clock::Timestamp,
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
    store::{Store, StoreError},
};

/// Which attempts are wanted; what is `None` is not asked about.
#[derive(Clone, Debug, Default)]
pub struct AttemptFilter {
    /// Of this application.
    pub application: Option<ApplicationId>,
    /// Of this AddOn.
    pub addon: Option<AddOnId>,
    /// With this key.
    pub key: Option<KeyId>,
    /// At this provider.
    pub provider: Option<String>,
    /// That ended like this.
    pub end: Option<AttemptEnd>,
    /// That ended before this.
    pub before: Option<Timestamp>,
    /// That ended at this or later.
    pub since: Option<Timestamp>,
}

/// How an attempt ended, roughly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttemptEnd {
    /// With a whole answer that says yes.
    Answered,
    /// The provider said that the request is wrong: a status from 400 to 499.
    Refused,
    /// The provider failed: a status from 500, a connection that broke, silence.
    ProviderFailed,
    /// Here: the client left, the call was revoked, the server stopped.
    Cut,
}

impl AttemptEnd {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Answered,
        Self::Refused,
        Self::ProviderFailed,
        Self::Cut,
    ];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::ProviderFailed => "provider_failed",
            Self::Cut => "cut",
        }
    }

    /// How an attempt ended.
    pub fn of<Word: AsRef<str>>(row: &UsageRow<Word>) -> Self {
        match (row.outcome.as_ref(), row.status) {
            ("client_left" | "revoked" | "stopped", _) => Self::Cut,
            (_, Some(400..=499)) => Self::Refused,
            ("answered", Some(0..=399)) => Self::Answered,
            _ => Self::ProviderFailed,
        }
    }
}

impl FromStr for AttemptEnd {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|end| end.word() == text).ok_or(())
    }
}

impl AttemptFilter {
    fn fits(&self, row: &UsageRow<String>) -> bool {
        let ended_at = row.ended_at();
        // What takes an estimate back is no attempt.
        !row.takes_back
            && self.application.is_none_or(|id| id == row.application)
            && self.addon.is_none_or(|id| id == row.addon)
            && self.key.is_none_or(|id| Some(id) == row.key)
            && self
                .provider
                .as_ref()
                .is_none_or(|name| *name == row.provider)
            && self.end.is_none_or(|end| end == AttemptEnd::of(row))
            && self.before.is_none_or(|before| ended_at < before)
            && self.since.is_none_or(|since| ended_at >= since)
    }
}

/// Where a list goes on: in which page, and behind how many of its attempts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttemptPlace {
    until_at: i64,
    page: Vec<u8>,
    behind: usize,
}

/// `{time}.{page}.{attempts}`, the page in hex.
impl fmt::Display for AttemptPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.until_at)?;
        for byte in &self.page {
            write!(f, "{byte:02x}")?;
        }
        write!(f, ".{}", self.behind)
    }
}

impl FromStr for AttemptPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(());
        let (until_at, page, behind) = (part()?, part()?, part()?);
        if page.len() != PAGE_ID * 2 || parts.next().is_some() {
            return Err(());
        }
        let byte = |at: usize| {
            let digits = page.get(at * 2..at * 2 + 2).ok_or(())?;
            u8::from_str_radix(digits, 16).map_err(drop)
        };
        Ok(Self {
            until_at: until_at.parse().map_err(drop)?,
            page: (0..PAGE_ID).map(byte).collect::<Result<_, _>>()?,
            behind: behind.parse().map_err(drop)?,
        })
    }
}

/// The part of the list that was read.
#[derive(Clone, Debug)]
pub struct Recent {
    /// What fits.
    pub attempts: Vec<UsageRow<String>>,
    /// Where the list goes on. There may be something, even if nothing was found here.
    pub next: Option<AttemptPlace>,
    /// How many attempts were looked at.
    pub looked_at: usize,
    /// When the oldest of them ended.
    pub back_to: Option<Timestamp>,
}

struct StoredPage {
    until_at: i64,
    id: Vec<u8>,
    bytes: Vec<u8>,
}

impl Store {
    /// An organization's newest attempts that fit, behind `after`, `limit` at most. After so many
    /// that don't fit it gives up for this time and says where it was.
    pub async fn recent_attempts(
        &self,
        organization: OrganizationId,
        filter: &AttemptFilter,
        after: Option<&AttemptPlace>,
        limit: u16,
    ) -> Result<Recent, StoreError> {
        let mut recent = Recent {
            attempts: Vec::new(),
            next: None,
            looked_at: 0,
            back_to: None,
        };
        let mut place = after.cloned();
        let (mut pages_read, mut at_once) = (0, AT_FIRST);
        loop {
            let pages = self
                .pages_before(organization, filter, place.as_ref(), at_once)
                .await?;
            let is_last = pages.len() < at_once;
            at_once = (at_once * 4).min(AT_ONCE);
            for page in pages {
                let behind = match place.take() {
                    Some(place) if place.page == page.id => place.behind,
                    _ => 0,
                };
                let mut rows = self.read_page(organization, &page.bytes)?;
                rows.sort_by_key(|row| Reverse(row.ended_at()));
                recent.looked_at += rows.len().saturating_sub(behind);
                for (number, row) in rows.into_iter().enumerate().skip(behind) {
                    recent.back_to = Some(row.ended_at());
                    if !filter.fits(&row) {
                        continue;
                    }
                    if recent.attempts.len() == usize::from(limit) {
                        recent.next = Some(page.place(number));
                        return Ok(recent);
                    }
                    recent.attempts.push(row);
                }
                pages_read += 1;
                let next = page.place(usize::MAX);
                if pages_read >= MOST_PAGES || recent.looked_at >= MOST_ATTEMPTS {
                    recent.next = Some(next);
                    return Ok(recent);
                }
                place = Some(next);
            }
            if is_last {
                return Ok(recent);
            }
        }
    }

    /// The next pages, the one that `place` is in included.
    async fn pages_before(
        &self,
        organization: OrganizationId,
        filter: &AttemptFilter,
        place: Option<&AttemptPlace>,
        at_once: usize,
    ) -> Result<Vec<StoredPage>, StoreError> {
        let since = filter.since.map_or(i64::MIN, Timestamp::as_micros);
        let (until, id) = match (place, filter.before) {
            (Some(place), _) => (place.until_at, place.page.clone()),
            // A page's attempts ended within moments.
            (None, Some(before)) => ((before + MOMENTS).as_micros(), vec![u8::MAX; PAGE_ID]),
            (None, None) => (i64::MAX, Vec::new()),
        };
        let rows = sqlx::query(
            "SELECT until_at, id, page FROM usage_pages
             WHERE organization_id = $1 AND until_at >= $2 AND until_at <= $3
                 AND (until_at < $3 OR id <= $4)
             ORDER BY until_at DESC, id DESC LIMIT $5",
        )
        .bind(organization.to_string())
        .bind(since)
        .bind(until)
        .bind(id)
        .bind(i64::try_from(at_once).unwrap_or(i64::MAX))
        .fetch_all(&self.0.read)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(StoredPage {
                until_at: row.try_get(0)?,
                id: row.try_get(1)?,
                bytes: row.try_get(2)?,
            })
        };
        rows.iter().map(read).collect()
    }
}

impl StoredPage {
    fn place(&self, behind: usize) -> AttemptPlace {
        AttemptPlace {
            until_at: self.until_at,
            page: self.id.clone(),
            behind,
        }
    }
}

/// A page's id is a SHA-256.
const PAGE_ID: usize = 32;
/// How many pages are read at once, at first and later, and in one call at most. A page holds what
/// ended in a quarter of a second; of a busy server few of them will do.
const AT_FIRST: usize = 4;
const AT_ONCE: usize = 100;
const MOST_PAGES: usize = 2_000;
/// What was written late, since the store was away, is not found under its time.
const MOMENTS: Duration = Duration::from_secs(60);
/// How many attempts are looked at in one call, but for the rest of a page.
const MOST_ATTEMPTS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = AttemptPlace {
            until_at: 1_790_000_000_000_000,
            page: (0..32).collect(),
            behind: usize::MAX,
        };
        assert_eq!(place.to_string().parse(), Ok(place.clone()));
        let text = place.to_string();
        for wrong in [
            String::new(),
            text[..text.len() / 2].to_owned(),
            format!("{text}.1"),
            text.replace("0001", "00é"),
            text.replace("179", "x"),
        ] {
            assert_eq!(wrong.parse::<AttemptPlace>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn an_end_is_what_it_looks_like() {
        for (outcome, status, expected) in [
            ("answered", Some(200), AttemptEnd::Answered),
            ("answered", Some(404), AttemptEnd::Refused),
            ("refused", Some(429), AttemptEnd::Refused),
            ("refused", Some(503), AttemptEnd::ProviderFailed),
            ("answered", Some(500), AttemptEnd::ProviderFailed),
            ("unreachable", None, AttemptEnd::ProviderFailed),
            ("silent", Some(200), AttemptEnd::ProviderFailed),
            ("broken_off", Some(200), AttemptEnd::ProviderFailed),
            ("client_left", Some(200), AttemptEnd::Cut),
            ("revoked", None, AttemptEnd::Cut),
        ] {
            let row = UsageRow {
                outcome,
                status,
                ..UsageRow::blank([0; 16].into())
            };
            assert_eq!(AttemptEnd::of(&row), expected, "{outcome} {status:?}");
            assert_eq!(expected.word().parse(), Ok(expected));
        }
    }
}
