//! Organizations: the tenants.

use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{AuthorityRow, Columns, Store, StoreError, Unfit, row};
use crate::{clock::Timestamp, ids::OrganizationId};

/// A tenant. Everything else belongs to one, except accounts, which are people.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// What people call it.
    pub name: String,
    /// Its key, wrapped by the root key.
    pub(crate) key_record: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl AuthorityRow for Organization {
    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static str = "id, name, key_record, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            name: columns.text()?,
            key_record: columns.bytes()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &self.id, &self.id, self.row_version)
            .text(&self.name)
            .bytes(&self.key_record)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// An organization.
    pub async fn organization(&self, id: OrganizationId) -> Result<Organization, StoreError> {
        let row = sqlx::query(row::select::<Organization>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("organization", &id))?;
        self.checked(&row)
    }

    pub(crate) async fn insert_organization(
        &self,
        connection: &mut AnyConnection,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO organizations (id, name, key_record, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(organization.id.to_string())
        .bind(&organization.name)
        .bind(organization.key_record.as_slice())
        .bind(organization.created_at.as_micros())
        .bind(organization.row_version)
        .bind(self.tag(organization)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}
