//! What owners' keys wrap, while an owner gets another key.
//!
//! ```text
//! organization: key ──> group keys           in use
//!               next key ──> the same ones   beside them, some at a time; then they change places
//! ```
//!
//! What lies under the next key is used by nobody until it takes the place of the other, in one transaction.
//! So calls go on, and whoever is stopped on the way goes on where it was.

use sqlx::{AnyConnection, Row as _};

use super::{
    AuthorityRow as _, Changing, Columns, KeyTenant, Organization, Store, StoreError, Unfit,
};
use crate::{
    audit::{Action, Actor, Event},
    ids::{OrganizationId, VaultId},
};

/// A group key as its owner's key wraps it.
#[derive(Debug)]
pub(crate) struct GroupSlot {
    /// The key that it is of.
    pub(crate) key: String,
    /// That key's application; empty for a person's own.
    pub(crate) application: String,
    /// The record.
    pub(crate) record: Vec<u8>,
}

/// The sort of opener that an organization's next key is, as `key_slots` names it.
const NEXT: &str = "next_organization";

impl Store {
    /// The organizations that are getting another key.
    pub(crate) async fn organizations_in_rotation(
        &self,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM organizations WHERE next_key_record IS NOT NULL")
            .fetch_all(&self.0.read)
            .await?;
        self.ids(&rows, "organizations")
    }

    /// Writes the keys of an organization: the one in use and the next. The log says so.
    pub(crate) async fn write_organization_keys(
        &self,
        changing: &mut Changing,
        actor: Actor,
        organization: &mut Organization,
    ) -> Result<(), StoreError> {
        organization.row_version += 1;
        sqlx::query(
            "UPDATE organizations SET key_record = $1, next_key_record = $2, row_version = $3,
                 mac = $4 WHERE id = $5",
        )
        .bind(organization.key_record.clone())
        .bind(organization.next_key_record.clone())
        .bind(organization.row_version)
        .bind(self.tag(organization)?)
        .bind(organization.id.to_string())
        .execute(changing.connection())
        .await?;
        changing.forget(&organization.id);
        let event = Event::new(actor, Action::OrganizationRewrapped, &organization.id)
            .within(organization.id)
            .version(organization.row_version());
        changing.audit(event).await
    }

    /// Group keys of an organization that its next key does not wrap yet, so many at most.
    pub(crate) async fn group_slots_left(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        most: u16,
    ) -> Result<Vec<GroupSlot>, StoreError> {
        let rows = sqlx::query(
            "SELECT k.id, k.application_id, s.record FROM key_slots s
             JOIN keys k ON k.id = s.key_id AND k.organization_id = s.owner_id
             WHERE s.owner_id = $1 AND s.kind = 'organization' AND s.opener_id = $1
                 AND NOT EXISTS (SELECT 1 FROM key_slots n
                     WHERE n.key_id = s.key_id AND n.kind = $2 AND n.opener_id = $1)
             ORDER BY k.id LIMIT $3",
        )
        .bind(organization.to_string())
        .bind(NEXT)
        .bind(i64::from(most))
        .fetch_all(changing.connection())
        .await?;
        slots(&rows)
    }

    /// Puts a group key's other wrapping beside the one in use.
    pub(crate) async fn add_next_slot(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
        key: &str,
        record: &[u8],
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO key_slots (key_id, owner_id, kind, opener_id, record)
             VALUES ($1, $2, $3, $2, $4)",
        )
        .bind(key)
        .bind(organization.to_string())
        .bind(NEXT)
        .bind(record)
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    /// What lies under the next key takes the place of what is in use.
    pub(crate) async fn take_next_slots(
        &self,
        changing: &mut Changing,
        organization: OrganizationId,
    ) -> Result<(), StoreError> {
        let tenant = organization.to_string();
        // Each has another one, or nothing would open it any more.
        sqlx::query(
            "DELETE FROM key_slots WHERE owner_id = $1 AND kind = 'organization' AND opener_id = $1
                 AND EXISTS (SELECT 1 FROM key_slots n
                     WHERE n.key_id = key_slots.key_id AND n.kind = $2 AND n.opener_id = $1)",
        )
        .bind(&tenant)
        .bind(NEXT)
        .execute(changing.connection())
        .await?;
        sqlx::query(
            "UPDATE key_slots SET kind = 'organization'
             WHERE owner_id = $1 AND kind = $2 AND opener_id = $1",
        )
        .bind(&tenant)
        .bind(NEXT)
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    /// Forgets what lies under a next key: there is none.
    pub(crate) async fn drop_next_slots(
        &self,
        connection: &mut AnyConnection,
        organization: OrganizationId,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM key_slots WHERE owner_id = $1 AND kind = $2")
            .bind(organization.to_string())
            .bind(NEXT)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The vaults of an organization's end users.
    pub(crate) async fn vaults_of_users(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<VaultId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM vaults WHERE organization_id = $1 ORDER BY id")
            .bind(organization.to_string())
            .fetch_all(&self.0.read)
            .await?;
        self.ids(&rows, "vaults")
    }

    /// The group keys that a vault's key wraps.
    pub(crate) async fn vault_slots_now(
        &self,
        changing: &mut Changing,
        vault: VaultId,
    ) -> Result<Vec<GroupSlot>, StoreError> {
        let rows = sqlx::query(
            "SELECT k.id, k.application_id, s.record FROM key_slots s
             JOIN keys k ON k.id = s.key_id AND k.vault_id = s.owner_id
             WHERE s.owner_id = $1 AND s.kind = $2 AND s.opener_id = $1 ORDER BY k.id",
        )
        .bind(vault.to_string())
        .bind(KeyTenant::Vault(vault).opener())
        .fetch_all(changing.connection())
        .await?;
        slots(&rows)
    }

    /// Puts the other wrapping of a group key in a vault in place.
    pub(crate) async fn write_vault_slot(
        &self,
        changing: &mut Changing,
        vault: VaultId,
        key: &str,
        record: &[u8],
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE key_slots SET record = $1
             WHERE owner_id = $2 AND key_id = $3 AND kind = $4 AND opener_id = $2",
        )
        .bind(record)
        .bind(vault.to_string())
        .bind(key)
        .bind(KeyTenant::Vault(vault).opener())
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    fn ids<T: std::str::FromStr>(
        &self,
        rows: &[sqlx::any::AnyRow],
        table: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let read = rows.iter().map(|row| {
            let read: Result<T, Unfit> = Columns::of(row).parsed();
            read.map_err(|_| self.tampered(table, "id".to_owned()))
        });
        read.collect()
    }
}

fn slots(rows: &[sqlx::any::AnyRow]) -> Result<Vec<GroupSlot>, StoreError> {
    let slot = |row: &sqlx::any::AnyRow| {
        let application: Option<String> = row.try_get(1)?;
        Ok(GroupSlot {
            key: row.try_get(0)?,
            application: application.unwrap_or_default(),
            record: row.try_get(2)?,
        })
    };
    rows.iter().map(slot).collect()
}
