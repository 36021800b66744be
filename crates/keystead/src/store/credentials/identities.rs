//! Who an account is at an OpenID provider, by a keyed hash of issuer and subject.

use keystead_vault::Canonical;

use crate::{
    clock::Timestamp,
    ids::{AccountId, IdentityId},
    store::{AuthorityRow, Columns, Unfit, row},
};

/// A name that an OpenID provider knows an account by.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: IdentityId,
    pub(crate) account: AccountId,
    pub(crate) hash: [u8; 32],
    pub(crate) created_at: Timestamp,
    pub(crate) row_version: i64,
}

impl AuthorityRow for Identity {
    const TABLE: &'static str = "identities";
    const COLUMNS: &'static str = "id, account_id, hash, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            account: columns.parsed()?,
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
            .bytes(&self.hash)
            .number(self.created_at.as_micros())
    }
}
