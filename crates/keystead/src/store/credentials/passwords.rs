//! Passwords, as keyed hashes of what Argon2id makes of them.

use keystead_vault::Canonical;

use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, PasswordId},
    store::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row},
};

/// What Argon2id takes to make a hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PasswordCost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

/// A password to be kept.
#[derive(Clone, Debug)]
pub(crate) struct PasswordHash {
    pub(crate) cost: PasswordCost,
    pub(crate) salt: Vec<u8>,
    /// The keyed hash, bound to the account.
    pub(crate) hash: [u8; 32],
}

/// An account's password.
#[derive(Clone, Debug)]
pub(crate) struct PasswordRow {
    pub(crate) id: PasswordId,
    pub(crate) account: AccountId,
    pub(crate) kept: PasswordHash,
    pub(crate) created_at: Timestamp,
    pub(crate) row_version: i64,
}

impl AuthorityRow for PasswordRow {
    const TABLE: &'static str = "passwords";
    const COLUMNS: &'static str =
        "id, account_id, memory_kib, passes, lanes, salt, hash, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            account: columns.parsed()?,
            kept: PasswordHash {
                cost: PasswordCost {
                    memory_kib: columns.count()?,
                    passes: columns.count()?,
                    lanes: columns.count()?,
                },
                salt: columns.bytes()?,
                hash: columns.hash()?,
            },
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let PasswordHash { cost, salt, hash } = &self.kept;
        row::covered(Self::TABLE, &"", &self.id, self.row_version)
            .text(&self.account.to_string())
            .number(i64::from(cost.memory_kib))
            .number(i64::from(cost.passes))
            .number(i64::from(cost.lanes))
            .bytes(salt)
            .bytes(hash)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// An account's password, if it has one.
    pub(crate) async fn password(
        &self,
        account: AccountId,
    ) -> Result<Option<PasswordRow>, StoreError> {
        self.row_of(account).await
    }

    /// Gives an account a password, or another one. The event is for the caller to write.
    pub(crate) async fn put_password(
        &self,
        changing: &mut Changing,
        account: AccountId,
        kept: PasswordHash,
    ) -> Result<Event, StoreError> {
        let before: Option<PasswordRow> = self.row_of_now(changing.connection(), account).await?;
        let row = PasswordRow {
            id: before
                .as_ref()
                .map_or_else(|| PasswordId::new(&self.0.clock), |before| before.id),
            account,
            kept,
            created_at: self.0.clock.now(),
            row_version: before.map_or(1, |before| before.row_version + 1),
        };
        self.write_password(changing, &row).await?;
        let event = Event::new(Actor::Account(account), Action::PasswordSet, &row.id);
        Ok(event
            .version(row.row_version)
            .with(Field::Account, &account))
    }

    /// Keeps the password of a row by another hash; `None` when the row has changed meanwhile. To its
    /// owner it is the same password, since the same day.
    pub(crate) async fn rehash_password(
        &self,
        changing: &mut Changing,
        before: &PasswordRow,
        kept: PasswordHash,
    ) -> Result<Option<Event>, StoreError> {
        let account = before.account;
        let now: Option<PasswordRow> = self.row_of_now(changing.connection(), account).await?;
        let Some(mut row) =
            now.filter(|now| (now.id, now.row_version) == (before.id, before.row_version))
        else {
            return Ok(None);
        };
        row.kept = kept;
        row.row_version += 1;
        self.write_password(changing, &row).await?;
        let event = Event::new(Actor::Account(account), Action::PasswordRehashed, &row.id);
        Ok(Some(
            event
                .version(row.row_version)
                .with(Field::Account, &account),
        ))
    }

    async fn write_password(
        &self,
        changing: &mut Changing,
        row: &PasswordRow,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO passwords (id, account_id, memory_kib, passes, lanes, salt, hash,
                 created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (account_id) DO UPDATE SET memory_kib = excluded.memory_kib,
                 passes = excluded.passes, lanes = excluded.lanes, salt = excluded.salt,
                 hash = excluded.hash, created_at = excluded.created_at,
                 row_version = excluded.row_version, mac = excluded.mac",
        )
        .bind(row.id.to_string())
        .bind(row.account.to_string())
        .bind(i64::from(row.kept.cost.memory_kib))
        .bind(i64::from(row.kept.cost.passes))
        .bind(i64::from(row.kept.cost.lanes))
        .bind(row.kept.salt.as_slice())
        .bind(row.kept.hash.to_vec())
        .bind(row.created_at.as_micros())
        .bind(row.row_version)
        .bind(self.tag(row)?)
        .execute(changing.connection())
        .await?;
        Ok(())
    }

    /// Takes an account's password away; `None` when it has none.
    pub(crate) async fn remove_password(
        &self,
        changing: &mut Changing,
        account: AccountId,
    ) -> Result<Option<Event>, StoreError> {
        let before: Option<PasswordRow> = self.row_of_now(changing.connection(), account).await?;
        let Some(before) = before else {
            return Ok(None);
        };
        sqlx::query("DELETE FROM passwords WHERE account_id = $1")
            .bind(account.to_string())
            .execute(changing.connection())
            .await?;
        let event = Event::new(Actor::Account(account), Action::PasswordRemoved, &before.id);
        Ok(Some(event.gone().with(Field::Account, &account)))
    }
}
