//! Organizations: the tenants.

use keystead_vault::Canonical;
use sqlx::AnyConnection;

use super::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row};
use crate::{
    alerts::AlertRules,
    audit::{Action, Actor, Event, Field},
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
    /// The key that it is to get, while it gets it.
    pub(crate) next_key_record: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The rules that hold for all of it.
    pub limits: RowLimits,
    /// Whether its members must sign in with more than a password.
    pub require_second_factor: bool,
    /// What it says of its alerts.
    pub alert_rules: AlertRules,
    /// Version of the row.
    pub row_version: i64,
}

/// What is to become different about an organization; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// A new name.
    pub name: Option<String>,
    /// Other rules for all of it.
    pub limits: Option<RowLimits>,
    /// Whether members must sign in with more than a password.
    pub require_second_factor: Option<bool>,
    /// What is said of its alerts.
    pub alert_rules: Option<AlertRules>,
}

impl AuthorityRow for Organization {
    const TABLE: &'static str = "organizations";
    const COLUMNS: &'static str = "id, name, key_record, created_at, limits, require_second_factor, alert_rules, \
        next_key_record, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            name: columns.text()?,
            key_record: columns.bytes()?,
            created_at: columns.time()?,
            limits: columns.limits()?,
            require_second_factor: columns.flag()?,
            alert_rules: AlertRules::of_column(&columns.text()?).ok_or(Unfit)?,
            next_key_record: columns.optional_bytes()?,
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
        let row = match self.require_second_factor {
            true => row.flag(true),
            false => row,
        };
        // Named, so that limits can't be taken for it.
        let row = match self.alert_rules.to_column() {
            none if none.is_empty() => row,
            rules => row.text("alert_rules").text(&rules),
        };
        match &self.next_key_record {
            Some(record) => row.text("next_key_record").bytes(record),
            None => row,
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

    /// An organization as it is in this change, which no other runs beside.
    pub(crate) async fn organization_now(
        &self,
        changing: &mut Changing,
        id: OrganizationId,
    ) -> Result<Organization, StoreError> {
        let row = sqlx::query(row::select::<Organization>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("organization", &id))?;
        self.checked(&row)
    }

    /// Every organization there is.
    pub async fn organizations(&self) -> Result<Vec<Organization>, StoreError> {
        let rows = sqlx::query(row::select::<Organization>("ORDER BY id"))
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// The organization that was made first; `None` on a fresh store.
    pub async fn first_organization(&self) -> Result<Option<OrganizationId>, StoreError> {
        let row = sqlx::query(row::select::<Organization>("ORDER BY id LIMIT 1"))
            .fetch_optional(&self.0.read)
            .await?;
        let first: Option<Organization> = row.map(|row| self.checked(&row)).transpose()?;
        Ok(first.map(|organization| organization.id))
    }

    /// Changes an organization. Where a second factor is required, members who signed in without one
    /// are led to it on their next request.
    pub async fn update_organization(
        &self,
        actor: Actor,
        id: OrganizationId,
        change: OrganizationChange,
    ) -> Result<Organization, StoreError> {
        let mut changing = self.change().await?;
        let mut organization = self.organization_now(&mut changing, id).await?;
        let required = organization.require_second_factor;
        let rules = organization.alert_rules.clone();
        organization.name = change.name.unwrap_or(organization.name);
        organization.limits = change.limits.unwrap_or(organization.limits);
        organization.require_second_factor = change.require_second_factor.unwrap_or(required);
        organization.alert_rules = change.alert_rules.unwrap_or(organization.alert_rules);
        organization.row_version += 1;
        sqlx::query(
            "UPDATE organizations SET name = $1, limits = $2, require_second_factor = $3,
                 alert_rules = $4, row_version = $5, mac = $6
             WHERE id = $7",
        )
        .bind(&organization.name)
        .bind(organization.limits.to_column())
        .bind(i64::from(organization.require_second_factor))
        .bind(organization.alert_rules.to_column())
        .bind(organization.row_version)
        .bind(self.tag(&organization)?)
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
        changing.forget(&id);
        let now = organization.require_second_factor;
        let event = Event::new(actor, Action::OrganizationUpdated, &id)
            .within(id)
            .version(organization.row_version);
        let event = match now == required {
            true => event,
            false => event.with(Field::RequireSecondFactor, &now),
        };
        let event = match organization.alert_rules == rules {
            true => event,
            false => event.with(Field::AlertRules, &"changed"),
        };
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
                 require_second_factor, alert_rules, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(organization.id.to_string())
        .bind(&organization.name)
        .bind(organization.key_record.as_slice())
        .bind(organization.created_at.as_micros())
        .bind(organization.limits.to_column())
        .bind(i64::from(organization.require_second_factor))
        .bind(organization.alert_rules.to_column())
        .bind(organization.row_version)
        .bind(self.tag(organization)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}
