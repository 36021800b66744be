//! Organizations: the tenants.

use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{AuthorityRow, Columns, Store, StoreError, Unfit, row};
use crate::{
    audit::{Actor, Event},
    clock::Timestamp,
    ids::OrganizationId,
    limits::RowLimits,
};

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
    /// The rules that hold for all of it.
    pub limits: RowLimits,
    /// Whether its members must sign in with more than a password.
    pub require_second_factor: bool,
    /// Version of the row.
    pub row_version: i64,
}

impl AuthorityRow for Organization {
    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static str =
        "id, name, key_record, created_at, limits, require_second_factor, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            name: columns.text()?,
            key_record: columns.bytes()?,
            created_at: columns.time()?,
            limits: columns.limits()?,
            require_second_factor: columns.flag()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.id, &self.id, self.row_version)
            .text(&self.name)
            .bytes(&self.key_record)
            .number(self.created_at.as_micros());
        let row = row::with_limits(row, &self.limits);
        // Covered when it is set: rows from before it keep their MACs.
        match self.require_second_factor {
            true => row.flag(true),
            false => row,
        }
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

    /// Sets the rules that hold for all of an organization.
    pub async fn limit_organization(
        &self,
        actor: Actor,
        id: OrganizationId,
        limits: RowLimits,
    ) -> Result<Organization, StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<Organization>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("organization", &id))?;
        let mut organization: Organization = self.checked(&row)?;
        organization.limits = limits;
        organization.row_version += 1;
        sqlx::query(
            "UPDATE organizations SET limits = $1, row_version = $2, mac = $3 WHERE id = $4",
        )
        .bind(organization.limits.to_column())
        .bind(organization.row_version)
        .bind(self.tag(&organization)?)
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
        changing.forget(&id);
        let event = Event::new(actor, "organization.limited", &id);
        changing
            .commit(event.within(id).version(organization.row_version))
            .await?;
        Ok(organization)
    }

    /// Says whether members must sign in with more than a password; those who did not are led to a
    /// second factor on their next request.
    pub async fn require_second_factor(
        &self,
        actor: Actor,
        id: OrganizationId,
        required: bool,
    ) -> Result<Organization, StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<Organization>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("organization", &id))?;
        let mut organization: Organization = self.checked(&row)?;
        organization.require_second_factor = required;
        organization.row_version += 1;
        sqlx::query(
            "UPDATE organizations SET require_second_factor = $1, row_version = $2, mac = $3
             WHERE id = $4",
        )
        .bind(i64::from(required))
        .bind(organization.row_version)
        .bind(self.tag(&organization)?)
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
        changing.forget(&id);
        let event = Event::new(actor, "organization.second_factor", &id)
            .within(id)
            .version(organization.row_version)
            .with("required", &required);
        changing.commit(event).await?;
        Ok(organization)
    }

    pub(crate) async fn insert_organization(
        &self,
        connection: &mut AnyConnection,
        organization: &Organization,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO organizations (id, name, key_record, created_at, limits,
                 require_second_factor, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(organization.id.to_string())
        .bind(&organization.name)
        .bind(organization.key_record.as_slice())
        .bind(organization.created_at.as_micros())
        .bind(organization.limits.to_column())
        .bind(i64::from(organization.require_second_factor))
        .bind(organization.row_version)
        .bind(self.tag(organization)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}
