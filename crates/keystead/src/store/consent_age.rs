//! What people agreed to before goes some time after they agreed anew. Their last word stays.

use sqlx::Row as _;

use super::{Store, StoreError};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::OrganizationId,
};

/// How many go in one change.
const AT_ONCE: i64 = 200;

impl Store {
    /// Deletes what somebody agreed to for an application and has agreed to anew before `before`. Says
    /// how many there were, 200 at most; each leaves a row in the log.
    pub async fn delete_superseded_consents(&self, before: Timestamp) -> Result<u64, StoreError> {
        let old = "SELECT c.id, c.organization_id FROM consents c
             WHERE EXISTS (SELECT 1 FROM consents n WHERE n.application_id = c.application_id
                 AND n.subject = c.subject AND n.id > c.id AND n.given_at < $1)
             ORDER BY c.id LIMIT $2";
        // Mostly there is none, and then there is nothing to change.
        let some = sqlx::query(old)
            .bind(before.as_micros())
            .bind(AT_ONCE)
            .fetch_all(&self.0.read)
            .await?;
        if some.is_empty() {
            return Ok(0);
        }
        let mut changing = self.change().await?;
        let mut gone = 0;
        let mut last = None;
        for row in &some {
            let (id, tenant): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let deleted = sqlx::query("DELETE FROM consents WHERE id = $1")
                .bind(&id)
                .execute(changing.connection())
                .await?;
            if deleted.rows_affected() == 0 {
                continue;
            }
            gone += 1;
            let event = Event::new(Actor::Keystead, Action::ConsentDeleted, &id).gone();
            let event = event.with(Field::Reason, &"superseded");
            let event = match tenant.parse::<OrganizationId>() {
                Ok(tenant) => event.within(tenant),
                Err(_) => event,
            };
            if let Some(before) = last.replace(event) {
                changing.audit(before).await?;
            }
        }
        match last {
            Some(event) => changing.commit(event).await?,
            None => return Ok(0),
        }
        Ok(gone)
    }
}
