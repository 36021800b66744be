//! Accounts, the people who sign in, and their place in organizations.

use std::{fmt, str::FromStr};

use keystead_vault::Canonical;
use sqlx::AnyConnection;
use zeroize::Zeroizing;

use super::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row};
use crate::{
    clock::Timestamp,
    ids::{AccountId, OrganizationId},
};

/// A person who signs in. The e-mail address is sealed; [`Custody`] opens it for those who may
/// see it, and finds an account by it.
///
/// [`Custody`]: crate::custody::Custody
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The account's own key, wrapped by the root key. No organization can open it.
    pub(crate) key_record: Vec<u8>,
    /// The e-mail address, sealed under the account's key.
    pub(crate) email_record: Vec<u8>,
    /// The e-mail address under the installation's keyed hash.
    pub(crate) email_hash: [u8; 32],
    /// Whether it may still sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// An account in an organization.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member {
    /// The organization.
    pub organization: OrganizationId,
    /// The account.
    pub account: AccountId,
    /// What it may do there.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl Member {
    /// What the audit log calls a membership: the row has no id of its own.
    pub(crate) fn audit_name(&self) -> String {
        format!("{}/{}", self.organization, self.account)
    }
}

/// What an account may do in an organization.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Everything, owners included.
    Owner,
    /// Everything but owners.
    Admin,
    /// Applications, keys and AddOns.
    Developer,
    /// Looks at everything, changes nothing.
    Auditor,
}

impl Role {
    /// All roles, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Developer, Self::Auditor];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Auditor => "auditor",
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == text)
            .ok_or(())
    }
}

/// An e-mail address. Unprintable, wiped on drop.
pub struct Email(Zeroizing<String>);

/// Text that is no e-mail address. Does not repeat it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an e-mail address")]
pub struct BadEmail;

impl Email {
    /// Takes an address as someone typed it. Case does not tell two people apart, so it goes.
    ///
    /// # Errors
    ///
    /// [`BadEmail`] unless there is one `@` with something on either side and nothing blank in it.
    pub fn parse(text: &str) -> Result<Self, BadEmail> {
        let text = Zeroizing::new(text.trim().to_lowercase());
        let (name, host) = text.split_once('@').ok_or(BadEmail)?;
        let plain = |character: char| !character.is_whitespace() && !character.is_control();
        let fits = !name.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && text.len() <= 254
            && text.chars().all(plain);
        if fits { Ok(Self(text)) } else { Err(BadEmail) }
    }

    /// The address itself, for those who may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

impl AuthorityRow for Account {
    const TABLE: &'static str = "accounts";
    const COLUMNS: &'static str =
        "id, key_record, email_record, email_hash, disabled, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            key_record: columns.bytes()?,
            email_record: columns.bytes()?,
            email_hash: columns.hash()?,
            disabled: columns.flag()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &"", &self.id, self.row_version)
            .bytes(&self.key_record)
            .bytes(&self.email_record)
            .bytes(&self.email_hash)
            .flag(self.disabled)
            .number(self.created_at.as_micros())
    }
}

impl AuthorityRow for Member {
    const TABLE: &'static str = "members";
    const COLUMNS: &'static str = "account_id, organization_id, role, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            account: columns.parsed()?,
            organization: columns.parsed()?,
            role: columns.parsed()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(
            Self::TABLE,
            &self.organization,
            &self.account,
            self.row_version,
        )
        .text(self.role.word())
        .number(self.created_at.as_micros())
    }
}

impl Store {
    /// Whether anyone can sign in at all: false until `init` or the set-up link was used.
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM accounts LIMIT 1");
        Ok(row.fetch_optional(&self.0.read).await?.is_some())
    }

    pub(crate) async fn has_accounts_now(
        &self,
        changing: &mut Changing,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM accounts LIMIT 1");
        Ok(row.fetch_optional(changing.connection()).await?.is_some())
    }

    /// An account.
    pub async fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        let row = sqlx::query(row::select::<Account>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("account", &id))?;
        self.checked(&row)
    }

    pub(crate) async fn account_by_email_hash(
        &self,
        hash: &[u8; 32],
    ) -> Result<Option<Account>, StoreError> {
        let row = sqlx::query(row::select::<Account>("WHERE email_hash = $1"))
            .bind(hash.as_slice())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// What an account is in an organization; `None` when it is nothing there.
    pub async fn member(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Member>, StoreError> {
        let row = sqlx::query(row::select::<Member>(
            "WHERE organization_id = $1 AND account_id = $2",
        ))
        .bind(organization.to_string())
        .bind(account.to_string())
        .fetch_optional(&self.0.read)
        .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// Every place that an account has.
    pub async fn memberships(&self, account: AccountId) -> Result<Vec<Member>, StoreError> {
        let rows = sqlx::query(row::select::<Member>(
            "WHERE account_id = $1 ORDER BY organization_id",
        ))
        .bind(account.to_string())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    pub(crate) async fn insert_account(
        &self,
        connection: &mut AnyConnection,
        account: &Account,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO accounts (id, key_record, email_record, email_hash, disabled, created_at,
                 row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(account.id.to_string())
        .bind(account.key_record.as_slice())
        .bind(account.email_record.as_slice())
        .bind(account.email_hash.to_vec())
        .bind(i64::from(account.disabled))
        .bind(account.created_at.as_micros())
        .bind(account.row_version)
        .bind(self.tag(account)?)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Puts an account's address under another of its keys in place, before the row is wrapped anew.
    pub(crate) async fn write_account_email(
        &self,
        changing: &mut Changing,
        account: &Account,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE accounts SET email_record = $1 WHERE id = $2")
            .bind(account.email_record.as_slice())
            .bind(account.id.to_string())
            .execute(changing.connection())
            .await?;
        Ok(())
    }

    pub(crate) async fn insert_member(
        &self,
        connection: &mut AnyConnection,
        member: &Member,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO members (organization_id, account_id, role, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(member.organization.to_string())
        .bind(member.account.to_string())
        .bind(member.role.word())
        .bind(member.created_at.as_micros())
        .bind(member.row_version)
        .bind(self.tag(member)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_and_does_not_print() {
        let email = Email::parse(" Ada@Example.ORG ").unwrap();
        assert_eq!(email.expose(), "ada@example.org");
        assert_eq!(format!("{email:?}"), "Email(..)");
        for bad in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c", "a\n@c"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
