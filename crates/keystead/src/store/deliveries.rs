//! What is told to webhooks: written down when an alert opens, and tried until it is taken.

use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{Columns, Store, StoreError, Unfit};
use crate::{
    alerts::{AlertKind, Finding},
    clock::Timestamp,
    ids::{DeliveryId, OrganizationId, WebhookId},
    manage::time::rfc3339,
};

/// One thing that is told to one webhook.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id, the same in every attempt.
    pub id: DeliveryId,
    /// Whose.
    pub organization: OrganizationId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// Of which alert.
    pub alert: String,
    /// What is sent: ids and stable words.
    pub body: String,
    /// When it was written down.
    pub created_at: Timestamp,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, if it is.
    pub due_at: Timestamp,
    /// What the last attempt brought: a status, or a stable word.
    pub answer: String,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeliveryState {
    /// It will be tried.
    Waiting,
    /// The address took it.
    Taken,
    /// It was tried for a day.
    GivenUp,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Taken, Self::GivenUp];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Taken => "taken",
            Self::GivenUp => "given_up",
        }
    }
}

impl std::str::FromStr for DeliveryState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.word() == text).ok_or(())
    }
}

impl Store {
    /// Writes down what each of an organization's webhooks is to be told of an alert.
    pub(super) async fn tell_webhooks(
        &self,
        organization: OrganizationId,
        finding: &Finding,
        alert: &str,
    ) -> Result<(), StoreError> {
        // A webhook that takes nothing would not take that either.
        if finding.kind == AlertKind::WebhookFailed {
            return Ok(());
        }
        let now = self.0.clock.now();
        for webhook in self.webhooks(organization).await? {
            let body = json!({
                "type": "alert.opened",
                "timestamp": rfc3339(now),
                "data": {
                    "alert_id": alert,
                    "organization_id": organization,
                    "kind": finding.kind,
                    "level": finding.kind.level(),
                    "place": finding.place,
                    "object": finding.object,
                },
            });
            let mut transaction = self.begin().await?;
            sqlx::query(
                "INSERT INTO deliveries (id, organization_id, webhook_id, alert_id, body, created_at,
                     state, attempts, due_at, answer)
                 VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $6, '')",
            )
            .bind(DeliveryId::new(&self.0.clock).to_string())
            .bind(organization.to_string())
            .bind(webhook.id.to_string())
            .bind(alert)
            .bind(body.to_string())
            .bind(now.as_micros())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Takes deliveries that are due upon this process: no other tries them within a minute.
    pub async fn claim_deliveries(&self, most: u16) -> Result<Vec<Delivery>, StoreError> {
        let now = self.0.clock.now();
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM deliveries WHERE state = 'waiting' AND due_at <= $1
             ORDER BY due_at LIMIT $2"
        )))
        .bind(now.as_micros())
        .bind(i64::from(most))
        .fetch_all(&self.0.read)
        .await?;
        let mut claimed = Vec::new();
        for row in &rows {
            let delivery = self.delivery(row)?;
            let mut transaction = self.begin().await?;
            let mine = sqlx::query(
                "UPDATE deliveries SET due_at = $1, attempts = attempts + 1
                 WHERE id = $2 AND state = 'waiting' AND attempts = $3",
            )
            .bind((now + CLAIM).as_micros())
            .bind(delivery.id.to_string())
            .bind(i64::from(delivery.attempts))
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            if mine.rows_affected() > 0 {
                claimed.push(Delivery {
                    attempts: delivery.attempts + 1,
                    ..delivery
                });
            }
        }
        Ok(claimed)
    }

    /// Notes what an attempt brought; `answer` is a status or a stable word.
    pub async fn delivery_tried(
        &self,
        id: DeliveryId,
        state: DeliveryState,
        due_at: Timestamp,
        answer: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE deliveries SET state = $1, due_at = $2, answer = $3 WHERE id = $4")
            .bind(state.word())
            .bind(due_at.as_micros())
            .bind(answer)
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// An organization's latest deliveries, the last first.
    pub async fn deliveries(
        &self,
        organization: OrganizationId,
        most: u16,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM deliveries WHERE organization_id = $1 ORDER BY id DESC LIMIT $2"
        )))
        .bind(organization.to_string())
        .bind(i64::from(most))
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.delivery(row)).collect()
    }

    /// Deletes deliveries of the time before that wait no more.
    pub async fn delete_old_deliveries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone =
            sqlx::query("DELETE FROM deliveries WHERE state <> 'waiting' AND created_at < $1")
                .bind(before.as_micros())
                .execute(&mut *transaction)
                .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    fn delivery(&self, row: &AnyRow) -> Result<Delivery, StoreError> {
        let columns = &mut Columns::of(row);
        let id = columns.id();
        let mut read = || {
            Ok(Delivery {
                id: columns.parsed()?,
                organization: columns.parsed()?,
                webhook: columns.parsed()?,
                alert: columns.text()?,
                body: columns.text()?,
                created_at: columns.time()?,
                state: columns.parsed()?,
                attempts: columns.count()?,
                due_at: columns.time()?,
                answer: columns.text()?,
            })
        };
        read().map_err(|_: Unfit| self.tampered("deliveries", id))
    }
}

const COLUMNS: &str =
    "id, organization_id, webhook_id, alert_id, body, created_at, state, attempts,
    due_at, answer";

/// Longer than an attempt takes.
const CLAIM: Duration = Duration::from_secs(60);
