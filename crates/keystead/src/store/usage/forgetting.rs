//! The ledger without somebody: attempts stay in the books and no longer say whose they were.

use sqlx::{AnyConnection, Row as _};

use super::{codec, pages::Page, sums::DAY_S};
use crate::store::{Store, StoreError, Subject};

/// How many pages are looked at in one transaction, so that whoever appends meanwhile hardly waits.
const AT_ONCE: i64 = 200;

impl Store {
    /// Takes an end user off every attempt, and their sums away. Says how many attempts were theirs.
    pub(crate) async fn forget_subject(&self, subject: &Subject) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let mut transaction = self.begin().await?;
        let days = days_of(subject, &mut transaction).await?;
        transaction.commit().await?;
        for day in days {
            let mut after = (day * DAY_S * 1_000_000, Vec::new());
            loop {
                let mut transaction = self.begin().await?;
                let some = self
                    .forget_some(subject, day, &mut after, &mut transaction)
                    .await?;
                transaction.commit().await?;
                match some {
                    Some(attempts) => forgotten += attempts,
                    None => break,
                }
            }
        }
        let mut transaction = self.begin().await?;
        forget_sums(subject, &mut transaction).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// The same within a transaction that does more.
    pub(crate) async fn forget_subject_now(
        &self,
        subject: &Subject,
        connection: &mut AnyConnection,
    ) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for day in days_of(subject, connection).await? {
            let mut after = (day * DAY_S * 1_000_000, Vec::new());
            while let Some(attempts) = self
                .forget_some(subject, day, &mut after, connection)
                .await?
            {
                forgotten += attempts;
            }
        }
        forget_sums(subject, connection).await?;
        Ok(forgotten)
    }

    /// Looks at the next pages of a day; `None` at its end.
    async fn forget_some(
        &self,
        subject: &Subject,
        day: i64,
        after: &mut (i64, Vec<u8>),
        connection: &mut AnyConnection,
    ) -> Result<Option<u64>, StoreError> {
        let rows = sqlx::query(
            "SELECT from_at, id, page FROM usage_pages
             WHERE organization_id = $1 AND from_at < $2 AND (from_at, id) > ($3, $4)
             ORDER BY from_at, id LIMIT $5",
        )
        .bind(subject.organization.to_string())
        .bind((day + 1) * DAY_S * 1_000_000)
        .bind(after.0)
        .bind(after.1.clone())
        .bind(AT_ONCE)
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        *after = (last.try_get(0)?, last.try_get(1)?);
        let mut forgotten = 0;
        for row in &rows {
            let (id, page): (Vec<u8>, Vec<u8>) = (row.try_get(1)?, row.try_get(2)?);
            // Its words lie in a page as they are.
            if memchr::memmem::find(&page, subject.hash.as_bytes()).is_none() {
                continue;
            }
            let Ok(mut attempts) = codec::decode(subject.organization, &page) else {
                return Err(self.tampered("usage_pages", subject.organization.to_string()));
            };
            for attempt in &mut attempts {
                let is_theirs = attempt.application == subject.application
                    && attempt.subject.as_ref() == Some(&subject.hash);
                if is_theirs {
                    attempt.subject = None;
                    attempt.token = None;
                    forgotten += 1;
                }
            }
            Page::of(&attempts).replace(id, connection).await?;
        }
        Ok(Some(forgotten))
    }
}

/// The days on which they used anything.
async fn days_of(
    subject: &Subject,
    connection: &mut AnyConnection,
) -> Result<Vec<i64>, StoreError> {
    let days = sqlx::query_scalar(
        "SELECT DISTINCT day FROM usage_subjects
         WHERE subject = $1 AND organization_id = $2 AND application_id = $3 ORDER BY day",
    )
    .bind(subject.hash.as_bytes().to_vec())
    .bind(subject.organization.to_string())
    .bind(subject.application.to_string())
    .fetch_all(connection)
    .await?;
    Ok(days)
}

async fn forget_sums(subject: &Subject, connection: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM usage_subjects
         WHERE subject = $1 AND organization_id = $2 AND application_id = $3",
    )
    .bind(subject.hash.as_bytes().to_vec())
    .bind(subject.organization.to_string())
    .bind(subject.application.to_string())
    .execute(connection)
    .await?;
    Ok(())
}
