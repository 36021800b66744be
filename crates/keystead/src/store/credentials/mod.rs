//! What accounts sign in with. Every row is covered by a MAC, and every change of one is audited, so
//! that a password put back to an older one is found.
//!
//! The rows are written within a [`Changing`](super::Changing): what changes a password ends sessions
//! in the same transaction.

mod identities;
mod passkeys;
mod passwords;
mod recovery_codes;
mod tickets;
mod totps;

pub(crate) use self::{
    identities::Identity,
    passkeys::{NewPasskey, Passkey},
    passwords::{PasswordCost, PasswordHash, PasswordRow},
    recovery_codes::RecoveryCodes,
    totps::Totp,
};

use sqlx::AnyConnection;

use super::{AuthorityRow, Store, StoreError, row};
use crate::ids::AccountId;

impl Store {
    /// The row of an account in a table that has at most one of it.
    async fn row_of<T: AuthorityRow>(&self, account: AccountId) -> Result<Option<T>, StoreError> {
        let row = sqlx::query(row::select::<T>("WHERE account_id = $1"))
            .bind(account.to_string())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// As [`row_of`](Self::row_of), as it is within a change.
    async fn row_of_now<T: AuthorityRow>(
        &self,
        connection: &mut AnyConnection,
        account: AccountId,
    ) -> Result<Option<T>, StoreError> {
        let row = sqlx::query(row::select::<T>("WHERE account_id = $1"))
            .bind(account.to_string())
            .fetch_optional(connection)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }
}
