//! What the store knows of its root key: whether there is one, and what it must open.

use keystead_vault::MacKey;
use sqlx::AnyConnection;

use super::{Columns, Store, StoreError, Unfit};
use crate::clock::Timestamp;

/// The one row that an installation begins with.
#[derive(Debug)]
pub(crate) struct Installation {
    /// A record that opens under the right root key alone.
    pub(crate) key_check: Vec<u8>,
    /// How the root key comes from a passphrase, where it does.
    pub(crate) passphrase: Option<PassphraseParameters>,
}

/// How Argon2id makes the root key of a passphrase. Not secret, and worthless to change: another
/// salt or cost makes another key, which the key-check refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PassphraseParameters {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
    pub(crate) salt: Vec<u8>,
}

/// A system key as the store keeps it.
#[derive(Debug)]
pub(crate) struct SystemKeyRecord {
    pub(crate) name: &'static str,
    pub(crate) record: Vec<u8>,
}

impl Store {
    /// The installation, unless the store is fresh.
    pub(crate) async fn installation(&self) -> Result<Option<Installation>, StoreError> {
        let row = sqlx::query(
            "SELECT key_check, argon2_memory_kib, argon2_passes, argon2_lanes, argon2_salt
             FROM installation WHERE id = 1",
        )
        .fetch_optional(&self.0.read)
        .await?;
        row.map(|row| {
            read(&mut Columns::of(&row)).map_err(|_| self.tampered("installation", "1".to_owned()))
        })
        .transpose()
    }

    /// When the installation was made; `None` on a fresh store.
    pub async fn installed_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> =
            sqlx::query_scalar("SELECT created_at FROM installation WHERE id = 1")
                .fetch_optional(&self.0.read)
                .await?;
        Ok(at.map(Timestamp::from_micros))
    }

    /// The sealed system keys, by name.
    pub(crate) async fn system_key(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let record = sqlx::query_scalar("SELECT record FROM system_keys WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.0.read)
            .await?;
        Ok(record)
    }

    /// Begins the installation: key-check, system keys and an empty audit log, all or nothing.
    ///
    /// # Errors
    ///
    /// One for which [`StoreError::is_duplicate`] holds when another process was first.
    pub(crate) async fn install(
        &self,
        installation: &Installation,
        system_keys: &[SystemKeyRecord],
        row_mac: &MacKey,
    ) -> Result<(), StoreError> {
        let now = self.0.clock.now().as_micros();
        let passphrase = installation.passphrase.as_ref();
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO installation (id, created_at, key_check, argon2_memory_kib,
                 argon2_passes, argon2_lanes, argon2_salt)
             VALUES (1, $1, $2, $3, $4, $5, $6)",
        )
        .bind(now)
        .bind(installation.key_check.as_slice())
        .bind(passphrase.map(|parameters| i64::from(parameters.memory_kib)))
        .bind(passphrase.map(|parameters| i64::from(parameters.passes)))
        .bind(passphrase.map(|parameters| i64::from(parameters.lanes)))
        .bind(passphrase.map(|parameters| parameters.salt.clone()))
        .execute(&mut *transaction)
        .await?;
        for key in system_keys {
            insert_system_key(&mut transaction, key, now).await?;
        }
        self.begin_audit(&mut transaction, row_mac).await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn insert_system_key(
    connection: &mut AnyConnection,
    key: &SystemKeyRecord,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO system_keys (name, record, created_at) VALUES ($1, $2, $3)")
        .bind(key.name)
        .bind(key.record.as_slice())
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

fn read(columns: &mut Columns<'_>) -> Result<Installation, Unfit> {
    let key_check = columns.bytes()?;
    let memory_kib = columns.optional_number()?;
    let passphrase = match memory_kib {
        None => None,
        Some(memory_kib) => Some(PassphraseParameters {
            memory_kib: memory_kib.try_into().map_err(|_| Unfit)?,
            passes: columns.count()?,
            lanes: columns.count()?,
            salt: columns.bytes()?,
        }),
    };
    Ok(Installation {
        key_check,
        passphrase,
    })
}
