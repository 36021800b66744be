//! One-time codes: the sealed secret, and the last time step a code was taken of.

use keystead_vault::Canonical;

use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, TotpId},
    store::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row},
};

/// An account's one-time codes.
#[derive(Clone, Debug)]
pub(crate) struct Totp {
    pub(crate) id: TotpId,
    pub(crate) account: AccountId,
    /// The secret, sealed under the account's key.
    pub(crate) record: Vec<u8>,
    /// The time step of the last code that was taken.
    pub(crate) last_step: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) row_version: i64,
}

impl AuthorityRow for Totp {
    const TABLE: &'static str = "totps";
    const COLUMNS: &'static str = "id, account_id, record, last_step, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            account: columns.parsed()?,
            record: columns.bytes()?,
            last_step: columns.number()?,
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
            .bytes(&self.record)
            .number(self.last_step)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// An account's one-time codes, if it has them.
    pub(crate) async fn totp(&self, account: AccountId) -> Result<Option<Totp>, StoreError> {
        self.row_of(account).await
    }

    /// Gives an account one-time codes in place of those it has. The first code, which enrolled them,
    /// is used up.
    pub(crate) async fn put_totp(
        &self,
        changing: &mut Changing,
        totp: &Totp,
    ) -> Result<Event, StoreError> {
        if let Some(event) = self.remove_totp(changing, totp.account).await? {
            changing.audit(event).await?;
        }
        sqlx::query(
            "INSERT INTO totps (id, account_id, record, last_step, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(totp.id.to_string())
        .bind(totp.account.to_string())
        .bind(totp.record.as_slice())
        .bind(totp.last_step)
        .bind(totp.created_at.as_micros())
        .bind(totp.row_version)
        .bind(self.tag(totp)?)
        .execute(changing.connection())
        .await?;
        let event = Event::new(Actor::Account(totp.account), Action::TotpEnrolled, &totp.id);
        Ok(event
            .version(totp.row_version)
            .with(Field::Account, &totp.account))
    }

    /// Uses the code of a time step up; `None` when that, or a later one, was used already.
    pub(crate) async fn use_totp(
        &self,
        changing: &mut Changing,
        account: AccountId,
        step: i64,
    ) -> Result<Option<Event>, StoreError> {
        let found: Option<Totp> = self.row_of_now(changing.connection(), account).await?;
        let Some(mut totp) = found.filter(|totp| totp.last_step < step) else {
            return Ok(None);
        };
        totp.last_step = step;
        totp.row_version += 1;
        sqlx::query(
            "UPDATE totps SET last_step = $1, row_version = $2, mac = $3 WHERE account_id = $4",
        )
        .bind(totp.last_step)
        .bind(totp.row_version)
        .bind(self.tag(&totp)?)
        .bind(account.to_string())
        .execute(changing.connection())
        .await?;
        let event = Event::new(Actor::Account(account), Action::TotpUsed, &totp.id);
        Ok(Some(event.version(totp.row_version)))
    }

    /// Takes an account's one-time codes away; `None` when it has none.
    pub(crate) async fn remove_totp(
        &self,
        changing: &mut Changing,
        account: AccountId,
    ) -> Result<Option<Event>, StoreError> {
        let before: Option<Totp> = self.row_of_now(changing.connection(), account).await?;
        let Some(before) = before else {
            return Ok(None);
        };
        sqlx::query("DELETE FROM totps WHERE account_id = $1")
            .bind(account.to_string())
            .execute(changing.connection())
            .await?;
        let event = Event::new(Actor::Account(account), Action::TotpRemoved, &before.id);
        Ok(Some(event.gone().with(Field::Account, &account)))
    }
}
