//! Who an account is at an OpenID provider, by a keyed hash of issuer and subject.

use keystead_vault::Canonical;

use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, IdentityId},
    store::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row},
};

/// A name that an OpenID provider knows an account by.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: IdentityId,
    pub(crate) account: AccountId,
    /// The provider, as it names itself.
    pub(crate) issuer: String,
    pub(crate) hash: [u8; 32],
    pub(crate) created_at: Timestamp,
    pub(crate) row_version: i64,
}

impl AuthorityRow for Identity {
    const TABLE: &'static str = "identities";
    const COLUMNS: &'static str = "id, account_id, issuer, hash, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            account: columns.parsed()?,
            issuer: columns.text()?,
            hash: columns.hash()?,
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
            .text(&self.issuer)
            .bytes(&self.hash)
            .number(self.created_at.as_micros())
    }
}

impl Store {
    /// The identity of this hash.
    pub(crate) async fn identity(&self, hash: &[u8; 32]) -> Result<Option<Identity>, StoreError> {
        let row = sqlx::query(row::select::<Identity>("WHERE hash = $1"))
            .bind(hash.to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// An account's identities, the oldest first.
    pub(crate) async fn identities(&self, account: AccountId) -> Result<Vec<Identity>, StoreError> {
        let rows = sqlx::query(row::select::<Identity>("WHERE account_id = $1 ORDER BY id"))
            .bind(account.to_string())
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Takes an identity away from an account.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the account has none of this id.
    pub(crate) async fn remove_identity(
        &self,
        changing: &mut Changing,
        account: AccountId,
        id: IdentityId,
    ) -> Result<Event, StoreError> {
        let deleted = sqlx::query("DELETE FROM identities WHERE account_id = $1 AND id = $2")
            .bind(account.to_string())
            .bind(id.to_string())
            .execute(changing.connection())
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::not_found("identity", &id));
        }
        let event = Event::new(Actor::Account(account), Action::IdentityRemoved, &id);
        Ok(event.gone().with(Field::Account, &account))
    }

    /// Gives an account an identity. One that is known already is refused as a duplicate.
    pub(crate) async fn add_identity(
        &self,
        changing: &mut Changing,
        account: AccountId,
        issuer: &str,
        hash: [u8; 32],
    ) -> Result<Event, StoreError> {
        let identity = Identity {
            id: IdentityId::new(&self.0.clock),
            account,
            issuer: issuer.to_owned(),
            hash,
            created_at: self.0.clock.now(),
            row_version: 1,
        };
        sqlx::query(
            "INSERT INTO identities (id, account_id, issuer, hash, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(identity.id.to_string())
        .bind(account.to_string())
        .bind(issuer)
        .bind(hash.to_vec())
        .bind(identity.created_at.as_micros())
        .bind(identity.row_version)
        .bind(self.tag(&identity)?)
        .execute(changing.connection())
        .await?;
        let event = Event::new(Actor::Account(account), Action::IdentityAdded, &identity.id);
        Ok(event
            .version(identity.row_version)
            .with(Field::Account, &account))
    }
}
