//! Passkeys: what each is checked with is sealed, and what it is found by is a keyed hash.

use keystead_vault::Canonical;

use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, PasskeyId},
    store::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row},
};

/// A passkey of an account.
#[derive(Clone, Debug)]
pub(crate) struct Passkey {
    pub(crate) id: PasskeyId,
    pub(crate) account: AccountId,
    /// The host name that it was made for.
    pub(crate) rp_id: String,
    /// What its owner calls it.
    pub(crate) name: String,
    /// The keyed hash of the credential's id.
    pub(crate) credential: [u8; 32],
    /// What it is checked with, sealed under the account's key.
    pub(crate) record: Vec<u8>,
    pub(crate) created_at: Timestamp,
    pub(crate) row_version: i64,
    /// When it was last used. No MAC covers it.
    pub(crate) last_used_at: Option<Timestamp>,
}

/// A passkey to be kept.
#[derive(Clone, Debug)]
pub(crate) struct NewPasskey {
    pub(crate) id: PasskeyId,
    pub(crate) account: AccountId,
    pub(crate) rp_id: String,
    pub(crate) name: String,
    pub(crate) credential: [u8; 32],
    pub(crate) record: Vec<u8>,
}

impl AuthorityRow for Passkey {
    const TABLE: &'static str = "passkeys";
    const COLUMNS: &'static str = "id, account_id, rp_id, name, credential, record, created_at, \
        row_version, last_used_at";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            account: columns.parsed()?,
            rp_id: columns.text()?,
            name: columns.text()?,
            credential: columns.hash()?,
            record: columns.bytes()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
            last_used_at: columns.optional_time()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &"", &self.id, self.row_version)
            .text(&self.account.to_string())
            .text(&self.rp_id)
            .text(&self.name)
            .bytes(&self.credential)
            .bytes(&self.record)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// The passkeys of an account, in the order they were made.
    pub(crate) async fn passkeys(&self, account: AccountId) -> Result<Vec<Passkey>, StoreError> {
        let rows = sqlx::query(row::select::<Passkey>("WHERE account_id = $1 ORDER BY id"))
            .bind(account.to_string())
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// The host name that passkeys were made for; `None` while there are none.
    pub(crate) async fn passkeys_rp_id(&self) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(row::select::<Passkey>("ORDER BY id LIMIT 1"))
            .fetch_optional(&self.0.read)
            .await?;
        let first: Option<Passkey> = row.map(|row| self.checked(&row)).transpose()?;
        Ok(first.map(|passkey| passkey.rp_id))
    }

    /// Gives an account one more passkey.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `passkey_known` when the credential is registered.
    pub(crate) async fn add_passkey(
        &self,
        changing: &mut Changing,
        new: NewPasskey,
    ) -> Result<Event, StoreError> {
        let passkey = Passkey {
            id: new.id,
            account: new.account,
            rp_id: new.rp_id,
            name: new.name,
            credential: new.credential,
            record: new.record,
            created_at: self.0.clock.now(),
            row_version: 1,
            last_used_at: None,
        };
        let inserted = sqlx::query(
            "INSERT INTO passkeys (id, account_id, rp_id, name, credential, record, created_at,
                 row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(passkey.id.to_string())
        .bind(passkey.account.to_string())
        .bind(&passkey.rp_id)
        .bind(&passkey.name)
        .bind(passkey.credential.to_vec())
        .bind(passkey.record.as_slice())
        .bind(passkey.created_at.as_micros())
        .bind(passkey.row_version)
        .bind(self.tag(&passkey)?)
        .execute(changing.connection())
        .await
        .map_err(StoreError::from);
        match inserted {
            Err(error) if error.is_duplicate() => {
                return Err(StoreError::Conflict {
                    code: "passkey_known",
                    reason: "this passkey is registered already".to_owned(),
                });
            }
            inserted => inserted?,
        };
        let event = Event::new(
            Actor::Account(passkey.account),
            Action::PasskeyAdded,
            &passkey.id,
        );
        Ok(event
            .version(passkey.row_version)
            .with(Field::Account, &passkey.account))
    }

    /// Gives a passkey another name, or another record once its counter moved.
    pub(crate) async fn rewrite_passkey(
        &self,
        changing: &mut Changing,
        account: AccountId,
        id: PasskeyId,
        action: Action,
        edit: impl FnOnce(&mut Passkey),
    ) -> Result<Event, StoreError> {
        let mut passkey = self.passkey_now(changing, account, id).await?;
        edit(&mut passkey);
        passkey.row_version += 1;
        sqlx::query(
            "UPDATE passkeys SET name = $1, record = $2, row_version = $3, mac = $4
             WHERE account_id = $5 AND id = $6",
        )
        .bind(&passkey.name)
        .bind(passkey.record.as_slice())
        .bind(passkey.row_version)
        .bind(self.tag(&passkey)?)
        .bind(account.to_string())
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
        let event = Event::new(Actor::Account(account), action, &id);
        Ok(event.version(passkey.row_version))
    }

    /// Notes that a passkey was used now.
    pub(crate) async fn touch_passkey(
        &self,
        changing: &mut Changing,
        id: PasskeyId,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE passkeys SET last_used_at = $1 WHERE id = $2")
            .bind(self.0.clock.now().as_micros())
            .bind(id.to_string())
            .execute(changing.connection())
            .await?;
        Ok(())
    }

    /// Takes a passkey away.
    pub(crate) async fn remove_passkey(
        &self,
        changing: &mut Changing,
        account: AccountId,
        id: PasskeyId,
    ) -> Result<Event, StoreError> {
        self.passkey_now(changing, account, id).await?;
        sqlx::query("DELETE FROM passkeys WHERE account_id = $1 AND id = $2")
            .bind(account.to_string())
            .bind(id.to_string())
            .execute(changing.connection())
            .await?;
        let event = Event::new(Actor::Account(account), Action::PasskeyRemoved, &id);
        Ok(event.gone().with(Field::Account, &account))
    }

    async fn passkey_now(
        &self,
        changing: &mut Changing,
        account: AccountId,
        id: PasskeyId,
    ) -> Result<Passkey, StoreError> {
        let row = sqlx::query(row::select::<Passkey>("WHERE account_id = $1 AND id = $2"))
            .bind(account.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("passkey", &id))?;
        self.checked(&row)
    }
}
