//! Requests that name themselves with an idempotency key: which of them ran, and what came of it.
//!
//! Names and bodies are here as keyed hashes alone, and no answer that held a secret is kept.

use std::time::Duration;

use sqlx::Row as _;

use super::{Store, StoreError};

/// How long an answer is remembered.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// A request as the store knows it: two keyed hashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NamedRequest {
    /// Of who asked, the route and the idempotency key.
    pub name: [u8; 32],
    /// Of the body.
    pub body: [u8; 32],
}

/// What is known of a request that wants to begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Begun {
    /// Nothing: it may run now, and no other of its name.
    First,
    /// Its name was used with another body.
    OtherBody,
    /// One like it runs, or never told how it ended.
    Running,
    /// One like it ended, and this was the answer; no body where that held a secret.
    Ended {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Option<String>,
    },
}

impl Store {
    /// Takes the name for a request that begins, unless it is taken.
    pub async fn begin_named(&self, request: NamedRequest) -> Result<Begun, StoreError> {
        let now = self.0.clock.now();
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM idempotency WHERE name = $1 AND created_at <= $2")
            .bind(request.name.to_vec())
            .bind((now - KEPT).as_micros())
            .execute(&mut *transaction)
            .await?;
        // Waits, on PostgreSQL, for one that takes the name in the same moment.
        let taken = sqlx::query(
            "INSERT INTO idempotency (name, body, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(request.name.to_vec())
        .bind(request.body.to_vec())
        .bind(now.as_micros())
        .execute(&mut *transaction)
        .await?;
        if taken.rows_affected() == 1 {
            transaction.commit().await?;
            return Ok(Begun::First);
        }
        let row = sqlx::query("SELECT body, status, answer FROM idempotency WHERE name = $1")
            .bind(request.name.to_vec())
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        // Given back in this moment: whoever asks again may run.
        let Some(row) = row else {
            return Ok(Begun::Running);
        };
        let body: Vec<u8> = row.try_get(0)?;
        if body != request.body {
            return Ok(Begun::OtherBody);
        }
        let status: Option<i64> = row.try_get(1)?;
        Ok(match status {
            None => Begun::Running,
            Some(status) => Begun::Ended {
                status: u16::try_from(status).unwrap_or_default(),
                body: row.try_get(2)?,
            },
        })
    }

    /// Remembers what came of a request; without its body where that held a secret.
    pub async fn end_named(
        &self,
        request: NamedRequest,
        status: u16,
        answer: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE idempotency SET status = $1, answer = $2 WHERE name = $3")
            .bind(i64::from(status))
            .bind(answer)
            .bind(request.name.to_vec())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Gives the name back: nothing came of the request.
    pub async fn give_back_named(&self, request: NamedRequest) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM idempotency WHERE name = $1")
            .bind(request.name.to_vec())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets requests of more than a day ago. Returns how many.
    pub async fn delete_old_answers(&self) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM idempotency WHERE created_at <= $1")
            .bind((self.0.clock.now() - KEPT).as_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }
}
