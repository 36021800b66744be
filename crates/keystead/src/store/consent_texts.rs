//! What an application's users agree to, version by version.
//!
//! A version has a text in each of its languages and is never edited, so that it can be shown later
//! what somebody agreed to.

use std::collections::BTreeMap;

use keystead_vault::Canonical;

use super::{AuthorityRow, Columns, Store, StoreError, Unfit, row};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{ApplicationId, ConsentTextId, OrganizationId},
};

/// One version.
#[derive(Clone, Debug)]
pub struct ConsentText {
    /// Its id.
    pub id: ConsentTextId,
    /// The tenant.
    pub organization: OrganizationId,
    /// Whose users agree to it.
    pub application: ApplicationId,
    /// Its number; the first is 1.
    pub version: u32,
    /// The texts in Markdown, by the tag of their language.
    pub texts: BTreeMap<String, String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl AuthorityRow for ConsentText {
    const TABLE: &'static str = "consent_texts";
    const COLUMNS: &'static str =
        "id, organization_id, application_id, version, texts, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            version: columns.count()?,
            texts: serde_json::from_str(&columns.text()?).map_err(|_| Unfit)?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let texts = self
            .texts
            .iter()
            .flat_map(|(language, text)| [language, text]);
        row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .number(i64::from(self.version))
            .list(texts.map(String::as_str))
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// Every version of an application's, the newest first.
    pub async fn consent_texts(
        &self,
        organization: OrganizationId,
        application: ApplicationId,
    ) -> Result<Vec<ConsentText>, StoreError> {
        let rows = sqlx::query(row::select::<ConsentText>(OF_APPLICATION))
            .bind(organization.to_string())
            .bind(application.to_string())
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// The version that is agreed to now; none where the application has written none.
    pub async fn newest_consent_text(
        &self,
        application: ApplicationId,
    ) -> Result<Option<ConsentText>, StoreError> {
        let newest = "WHERE application_id = $1 ORDER BY version DESC LIMIT 1";
        let row = sqlx::query(row::select::<ConsentText>(newest))
            .bind(application.to_string())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// Writes the next version: from now on everybody is asked again.
    pub async fn write_consent_text(
        &self,
        actor: Actor,
        organization: OrganizationId,
        application: ApplicationId,
        texts: BTreeMap<String, String>,
    ) -> Result<ConsentText, StoreError> {
        let mut changing = self.change().await?;
        self.application_now(&mut changing, organization, application)
            .await?;
        let last: i64 = sqlx::query_scalar(
            "SELECT COALESCE(MAX(version), 0) FROM consent_texts WHERE application_id = $1",
        )
        .bind(application.to_string())
        .fetch_one(changing.connection())
        .await?;
        let text = ConsentText {
            id: ConsentTextId::new(&self.0.clock),
            organization,
            application,
            version: u32::try_from(last).unwrap_or_default() + 1,
            texts,
            created_at: self.0.clock.now(),
            row_version: 1,
        };
        let column = serde_json::to_string(&text.texts).expect("a map of texts is JSON");
        sqlx::query(
            "INSERT INTO consent_texts (id, organization_id, application_id, version, texts,
                 created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(text.id.to_string())
        .bind(organization.to_string())
        .bind(application.to_string())
        .bind(i64::from(text.version))
        .bind(column)
        .bind(text.created_at.as_micros())
        .bind(text.row_version)
        .bind(self.tag(&text)?)
        .execute(changing.connection())
        .await?;
        let event = Event::new(actor, Action::ConsentTextWritten, &text.id)
            .within(organization)
            .version(text.row_version)
            .with(Field::Application, &application)
            .with(Field::Version, &text.version);
        changing.commit(event).await?;
        Ok(text)
    }
}

const OF_APPLICATION: &str =
    "WHERE organization_id = $1 AND application_id = $2 ORDER BY version DESC";
