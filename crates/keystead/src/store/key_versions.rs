//! The versions of provider keys: sealed secrets, and the records on the way to them.
//!
//! These rows bear no MAC. A record opens in its own row alone, and `retires_at` decides only when
//! a secret that is no longer used is destroyed.

use std::time::Duration;

use sqlx::{AnyConnection, Row as _};

use super::{
    Changing, Columns, Key, KeyTenant, Organization, Store, StoreError, Unfit, Vault, row,
};
use crate::{clock::Timestamp, ids::KeyId};

/// A version of a key, without its secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyVersion {
    /// Which one.
    pub n: u64,
    /// When it was entered.
    pub created_at: Timestamp,
    /// When its secret is destroyed; `None` for the one in use.
    pub retires_at: Option<Timestamp>,
}

/// The version of a key that is in use, with every record on the way to its secret.
#[derive(Debug)]
pub(crate) struct SealedVersion {
    pub(crate) key: Key,
    pub(crate) opener: Opener,
    pub(crate) group: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) secret: Vec<u8>,
}

/// What a key's group key is sealed under.
#[derive(Debug)]
pub(crate) enum Opener {
    Organization(Box<Organization>),
    Vault(Box<Vault>),
}

impl Store {
    /// The versions of a key whose secrets still exist.
    pub async fn key_versions(
        &self,
        tenant: impl Into<KeyTenant>,
        id: KeyId,
    ) -> Result<Vec<KeyVersion>, StoreError> {
        let rows = sqlx::query(
            "SELECT n, created_at, retires_at FROM key_versions
             WHERE owner_id = $1 AND key_id = $2 ORDER BY n",
        )
        .bind(tenant.into().to_string())
        .bind(id.to_string())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = &mut Columns::of(row);
                let mut read = || {
                    Ok(KeyVersion {
                        n: columns.count()?,
                        created_at: columns.time()?,
                        retires_at: columns.optional_time()?,
                    })
                };
                read().map_err(|_: Unfit| self.tampered("key_versions", id.to_string()))
            })
            .collect()
    }

    /// Destroys the secrets of versions whose overlap is over. Returns how many.
    pub async fn destroy_retired_versions(&self) -> Result<u64, StoreError> {
        let now = self.0.clock.now().as_micros();
        let mut transaction = self.begin().await?;
        sqlx::query(
            "DELETE FROM version_slots WHERE EXISTS (
                 SELECT 1 FROM key_versions v WHERE v.key_id = version_slots.key_id
                     AND v.n = version_slots.n AND v.retires_at <= $1)",
        )
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        let gone = sqlx::query("DELETE FROM key_versions WHERE retires_at <= $1")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// The version in use of a key and all that opens it, from one moment.
    pub(crate) async fn sealed_version(
        &self,
        tenant: KeyTenant,
        id: KeyId,
    ) -> Result<SealedVersion, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {}, {}, s.record, d.record, v.record
             FROM keys k
             LEFT JOIN organizations o ON o.id = k.organization_id
             LEFT JOIN vaults w ON w.id = k.vault_id
             LEFT JOIN key_slots s ON s.key_id = k.id AND s.owner_id = $1
                 AND s.kind = $3 AND s.opener_id = $1
             LEFT JOIN version_slots d ON d.key_id = k.id AND d.owner_id = $1 AND d.n = k.version
             LEFT JOIN key_versions v ON v.key_id = k.id AND v.owner_id = $1 AND v.n = k.version
             WHERE COALESCE(k.organization_id, k.vault_id) = $1 AND k.id = $2",
            row::qualified::<Key>("k"),
            row::qualified::<Organization>("o"),
            row::qualified::<Vault>("w"),
        )))
        .bind(tenant.to_string())
        .bind(id.to_string())
        .bind(tenant.opener())
        .fetch_optional(&self.0.read)
        .await?
        .ok_or_else(|| StoreError::not_found("key", &id))?;

        let mut columns = Columns::of(&row);
        let key: Key = self.checked_next(&mut columns)?;
        let organization = self.checked_if_there(&mut columns)?;
        let vault = self.checked_if_there(&mut columns)?;
        let opener = match (key.owner.tenant(), organization, vault) {
            (KeyTenant::Organization(_), Some(organization), None) => {
                Opener::Organization(Box::new(organization))
            }
            (KeyTenant::Vault(_), None, Some(vault)) => Opener::Vault(Box::new(vault)),
            _ => return Err(self.tampered("keys", id.to_string())),
        };
        let mut record = |table| {
            columns
                .bytes()
                .map_err(|_| self.tampered(table, id.to_string()))
        };
        Ok(SealedVersion {
            key,
            opener,
            group: record("key_slots")?,
            data: record("version_slots")?,
            secret: record("key_versions")?,
        })
    }

    /// The group key of a key, as the key of its tenant wraps it, at this point of a change.
    pub(crate) async fn group_record_now(
        &self,
        changing: &mut Changing,
        key: &Key,
    ) -> Result<Vec<u8>, StoreError> {
        let row = sqlx::query(
            "SELECT record FROM key_slots
             WHERE owner_id = $1 AND key_id = $2 AND kind = $3 AND opener_id = $1",
        )
        .bind(key.owner.tenant().to_string())
        .bind(key.id.to_string())
        .bind(key.owner.tenant().opener())
        .fetch_optional(changing.connection())
        .await?;
        row.and_then(|row| row.try_get(0).ok())
            .ok_or_else(|| self.tampered("key_slots", key.id.to_string()))
    }

    /// Adds the records of the version that `key` now uses.
    pub(crate) async fn insert_version(
        &self,
        connection: &mut AnyConnection,
        key: &Key,
        data_record: &[u8],
        secret_record: &[u8],
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO key_versions (key_id, owner_id, n, record, created_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(key.id.to_string())
        .bind(key.owner.tenant().to_string())
        .bind(key.version.cast_signed())
        .bind(secret_record)
        .bind(self.0.clock.now().as_micros())
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "INSERT INTO version_slots (key_id, owner_id, n, record)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(key.id.to_string())
        .bind(key.owner.tenant().to_string())
        .bind(key.version.cast_signed())
        .bind(data_record)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Sets the end of every version but the one in use, where none is set yet.
    pub(crate) async fn retire_older_versions(
        &self,
        connection: &mut AnyConnection,
        key: &Key,
        overlap: Duration,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE key_versions SET retires_at = $1
             WHERE owner_id = $2 AND key_id = $3 AND n < $4 AND retires_at IS NULL",
        )
        .bind((self.0.clock.now() + overlap).as_micros())
        .bind(key.owner.tenant().to_string())
        .bind(key.id.to_string())
        .bind(key.version.cast_signed())
        .execute(connection)
        .await?;
        Ok(())
    }
}
