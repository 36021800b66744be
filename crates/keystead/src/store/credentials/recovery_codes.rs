//! Recovery codes: the keyed hashes of those that were not used.

use keystead_vault::Canonical;

use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, RecoveryCodesId},
    store::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row, row::json_list},
};

/// The recovery codes that an account has left.
#[derive(Clone, Debug)]
pub(crate) struct RecoveryCodes {
    pub(crate) id: RecoveryCodesId,
    pub(crate) account: AccountId,
    /// Keyed hashes, in hex.
    pub(crate) hashes: Vec<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) row_version: i64,
}

impl AuthorityRow for RecoveryCodes {
    const TABLE: &'static str = "recovery_codes";
    const COLUMNS: &'static str = "id, account_id, hashes, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            account: columns.parsed()?,
            hashes: columns.list()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &"", &self.id, self.row_version)
            .text(&self.account.to_string())
            .list(self.hashes.iter().map(String::as_str))
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// The recovery codes that an account has left; `None` when it never had any.
    pub(crate) async fn recovery_codes(
        &self,
        account: AccountId,
    ) -> Result<Option<RecoveryCodes>, StoreError> {
        self.row_of(account).await
    }

    /// Gives an account these recovery codes in place of those it has.
    pub(crate) async fn put_recovery_codes(
        &self,
        changing: &mut Changing,
        account: AccountId,
        hashes: Vec<String>,
    ) -> Result<Event, StoreError> {
        let before: Option<RecoveryCodes> = self.row_of_now(changing.connection(), account).await?;
        let codes = RecoveryCodes {
            id: before
                .as_ref()
                .map_or_else(|| RecoveryCodesId::new(&self.0.clock), |before| before.id),
            account,
            hashes,
            created_at: self.0.clock.now(),
            row_version: before.map_or(1, |before| before.row_version + 1),
        };
        sqlx::query(
            "INSERT INTO recovery_codes (id, account_id, hashes, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account_id) DO UPDATE SET hashes = excluded.hashes,
                 created_at = excluded.created_at, row_version = excluded.row_version,
                 mac = excluded.mac",
        )
        .bind(codes.id.to_string())
        .bind(account.to_string())
        .bind(json_list(&codes.hashes))
        .bind(codes.created_at.as_micros())
        .bind(codes.row_version)
        .bind(self.tag(&codes)?)
        .execute(changing.connection())
        .await?;
        let event = Event::new(
            Actor::Account(account),
            Action::RecoveryCodesMade,
            &codes.id,
        );
        Ok(event
            .version(codes.row_version)
            .with(Field::Account, &account))
    }

    /// Uses a recovery code up; `None` when the account has none of this hash.
    pub(crate) async fn use_recovery_code(
        &self,
        changing: &mut Changing,
        account: AccountId,
        hash: &str,
    ) -> Result<Option<Event>, StoreError> {
        let found: Option<RecoveryCodes> = self.row_of_now(changing.connection(), account).await?;
        let Some(mut codes) = found else {
            return Ok(None);
        };
        let Some(at) = codes.hashes.iter().position(|left| left == hash) else {
            return Ok(None);
        };
        codes.hashes.remove(at);
        codes.row_version += 1;
        sqlx::query(
            "UPDATE recovery_codes SET hashes = $1, row_version = $2, mac = $3
             WHERE account_id = $4",
        )
        .bind(json_list(&codes.hashes))
        .bind(codes.row_version)
        .bind(self.tag(&codes)?)
        .bind(account.to_string())
        .execute(changing.connection())
        .await?;
        let event = Event::new(Actor::Account(account), Action::RecoveryCodeUsed, &codes.id);
        Ok(Some(
            event
                .version(codes.row_version)
                .with(Field::Left, &codes.hashes.len()),
        ))
    }

    /// Takes an account's recovery codes away; `None` when it has none.
    pub(crate) async fn remove_recovery_codes(
        &self,
        changing: &mut Changing,
        account: AccountId,
    ) -> Result<Option<Event>, StoreError> {
        let before: Option<RecoveryCodes> = self.row_of_now(changing.connection(), account).await?;
        let Some(before) = before else {
            return Ok(None);
        };
        sqlx::query("DELETE FROM recovery_codes WHERE account_id = $1")
            .bind(account.to_string())
            .execute(changing.connection())
            .await?;
        let event = Event::new(
            Actor::Account(account),
            Action::RecoveryCodesRemoved,
            &before.id,
        );
        Ok(Some(event.gone().with(Field::Account, &account)))
    }
}
