//! Webhooks: where an organization's alerts are told.

use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row};
use crate::{
    audit::{Action, Actor, Event},
    clock::Timestamp,
    ids::{OrganizationId, WebhookId},
};

/// Where an organization's alerts are told.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose alerts.
    pub organization: OrganizationId,
    /// The address.
    pub url: String,
    /// What deliveries are signed with, sealed.
    pub(crate) record: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl Webhook {
    /// How many an organization may have.
    pub const MOST: usize = 5;
}

impl AuthorityRow for Webhook {
    const TABLE: &'static str = "webhooks";
    const COLUMNS: &'static str = "id, organization_id, url, record, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            url: columns.text()?,
            record: columns.bytes()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.url)
            .bytes(&self.record)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// An organization's webhooks, the oldest first.
    pub async fn webhooks(&self, organization: OrganizationId) -> Result<Vec<Webhook>, StoreError> {
        let rows = sqlx::query(row::select::<Webhook>(OF_ORGANIZATION))
            .bind(organization.to_string())
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Makes a webhook whose secret is sealed already, within a change.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `too_many_webhooks`.
    pub(crate) async fn add_webhook(
        &self,
        changing: &mut Changing,
        webhook: &Webhook,
    ) -> Result<(), StoreError> {
        let there = self.webhooks_now(changing, webhook.organization).await?;
        if there.len() >= Webhook::MOST {
            return Err(StoreError::Conflict {
                code: "too_many_webhooks",
                reason: format!(
                    "there are {} webhooks already: remove one first",
                    there.len()
                ),
            });
        }
        self.insert_webhook(changing.connection(), webhook).await
    }

    /// Removes a webhook; what was still to be told there is not.
    pub async fn remove_webhook(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: WebhookId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let gone = sqlx::query("DELETE FROM webhooks WHERE organization_id = $1 AND id = $2")
            .bind(organization.to_string())
            .bind(id.to_string())
            .execute(changing.connection())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(StoreError::not_found("webhook", &id));
        }
        forget_deliveries(&mut changing, id).await?;
        let event = Event::new(actor, Action::WebhookRemoved, &id);
        changing.commit(event.within(organization).gone()).await
    }

    async fn insert_webhook(
        &self,
        connection: &mut AnyConnection,
        webhook: &Webhook,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO webhooks (id, organization_id, url, record, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(webhook.id.to_string())
        .bind(webhook.organization.to_string())
        .bind(&webhook.url)
        .bind(webhook.record.as_slice())
        .bind(webhook.created_at.as_micros())
        .bind(webhook.row_version)
        .bind(self.tag(webhook)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn forget_deliveries(changing: &mut Changing, id: WebhookId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM deliveries WHERE webhook_id = $1 AND state = 'waiting'")
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
    Ok(())
}

const OF_ORGANIZATION: &str = "WHERE organization_id = $1 ORDER BY id";
