//! What people's own keys were used for: sums by month, and the latest calls without what was said in them.

use super::{Connect, Holder};
use crate::{
    ids::{KeyGrantId, KeyId},
    limits::Period,
    manage::{Problem, requests::RequestView},
    store::{AttemptFilter, Figures, KeyGrant, UsageDays, UsageFilter},
};

impl Connect {
    /// What was used of a key grant in this month of the calendar (UTC).
    pub async fn usage_of(&self, holder: &Holder, id: KeyGrantId) -> Result<Figures, Problem> {
        let vault = self.vault(holder, "key grant").await?;
        let grant = self.store().key_grant(vault, id).await?;
        let window = Period::Month.window(self.store().clock().now());
        let days = UsageDays {
            first: window.first,
            last: window.end - 1,
        };
        let filter = UsageFilter {
            key: Some(grant.booked_as()),
            ..UsageFilter::default()
        };
        let by_day = self
            .store()
            .usage_by_day(grant.organization, days, &filter)
            .await?;
        let mut sum = Figures::default();
        by_day.iter().for_each(|(_, figures)| sum.add(figures));
        Ok(sum)
    }

    /// The latest calls with a key, of whichever application, newest first.
    pub async fn recent_calls(
        &self,
        holder: &Holder,
        key: KeyId,
        limit: u16,
    ) -> Result<Vec<RequestView>, Problem> {
        let vault = self.vault(holder, "key").await?;
        let key = self.store().own_key(vault, key).await?;
        let grants = self.store().key_grants(vault).await?.into_iter();
        let mut calls = Vec::new();
        for (grant, _) in grants.filter(|(grant, _): &(KeyGrant, _)| grant.key == key.id) {
            let filter = AttemptFilter {
                key: Some(grant.booked_as()),
                since: Some(grant.created_at),
                ..AttemptFilter::default()
            };
            let found = self
                .store()
                .recent_attempts(grant.organization, &filter, None, limit)
                .await?;
            calls.extend(found.attempts.into_iter().map(|attempt| RequestView {
                key_id: Some(key.id),
                ..attempt.into()
            }));
        }
        calls.sort_by_key(|call| std::cmp::Reverse(call.at));
        calls.truncate(usize::from(limit));
        Ok(calls)
    }
}
