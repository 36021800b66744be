//! Vaults: where people's own provider keys lie.
//!
//! One for an account, whoever it lets use the keys; or one for each subject of each application, for end
//! users whom their host alone knows. Its key is wrapped by the root key, so no organization has it, and
//! what it sealed ends with its row.

use keystead_vault::{Canonical, SubjectHash};
use sqlx::AnyConnection;

use super::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row};
use crate::{
    clock::Timestamp,
    ids::{AccountId, ApplicationId, OrganizationId, VaultId},
};

/// A vault.
#[derive(Clone, Debug)]
pub struct Vault {
    /// Its id.
    pub id: VaultId,
    /// Whose it is.
    pub holder: VaultHolder,
    /// Its key, wrapped by the root key.
    pub key_record: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// Whose a vault is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VaultHolder {
    /// An account's.
    Account(AccountId),
    /// An end user's, as one application knows them.
    Subject {
        /// The tenant that the application belongs to.
        organization: OrganizationId,
        /// The application.
        application: ApplicationId,
        /// Who they are to it.
        subject: SubjectHash,
    },
}

impl AuthorityRow for Vault {
    const TABLE: &'static str = "vaults";
    const COLUMNS: &'static str = "id, account_id, organization_id, application_id, subject, \
        key_record, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            holder: VaultHolder::read(columns)?,
            key_record: columns.bytes()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let tenant = match self.holder {
            VaultHolder::Account(account) => account.to_string(),
            VaultHolder::Subject { organization, .. } => organization.to_string(),
        };
        let row = row::covered(Self::TABLE, &tenant, &self.id, self.row_version);
        let row = match &self.holder {
            VaultHolder::Account(_) => row.none(),
            VaultHolder::Subject {
                application,
                subject,
                ..
            } => row.text(&application.to_string()).bytes(subject.as_bytes()),
        };
        row.bytes(&self.key_record)
            .number(self.created_at.as_micros())
    }
}

impl VaultHolder {
    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        let account = columns.optional_parsed()?;
        let organization = columns.optional_parsed()?;
        let application = columns.optional_parsed()?;
        let subject = columns.optional_hash()?.map(SubjectHash::from_bytes);
        match (account, organization, application, subject) {
            (Some(account), None, None, None) => Ok(Self::Account(account)),
            (None, Some(organization), Some(application), Some(subject)) => Ok(Self::Subject {
                organization,
                application,
                subject,
            }),
            _ => Err(Unfit),
        }
    }
}

impl Store {
    /// A vault as it is in this change, which no other runs beside.
    pub(crate) async fn vault_now(
        &self,
        changing: &mut Changing,
        id: VaultId,
    ) -> Result<Vault, StoreError> {
        let row = sqlx::query(row::select::<Vault>("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("vault", &id))?;
        self.checked(&row)
    }

    /// Somebody's vault, if they have one.
    pub async fn vault_of(&self, holder: &VaultHolder) -> Result<Option<Vault>, StoreError> {
        let mut connection = self.0.read.acquire().await?;
        self.vault_of_on(&mut connection, holder).await
    }

    /// As [`vault_of`](Self::vault_of), on a connection of one's own.
    pub(crate) async fn vault_of_on(
        &self,
        connection: &mut AnyConnection,
        holder: &VaultHolder,
    ) -> Result<Option<Vault>, StoreError> {
        let query = match holder {
            VaultHolder::Account(account) => {
                sqlx::query(row::select::<Vault>("WHERE account_id = $1")).bind(account.to_string())
            }
            VaultHolder::Subject {
                application,
                subject,
                ..
            } => sqlx::query(row::select::<Vault>(
                "WHERE application_id = $1 AND subject = $2",
            ))
            .bind(application.to_string())
            .bind(subject.as_bytes().to_vec()),
        };
        let row = query.fetch_optional(connection).await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// Every vault, at this point of a change.
    pub(crate) async fn vaults_now(
        &self,
        changing: &mut Changing,
    ) -> Result<Vec<Vault>, StoreError> {
        let rows = sqlx::query(row::select::<Vault>("ORDER BY id"))
            .fetch_all(changing.connection())
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Keeps a new vault.
    pub(crate) async fn insert_vault(
        &self,
        changing: &mut Changing,
        vault: &Vault,
    ) -> Result<(), StoreError> {
        let connection: &mut AnyConnection = changing.connection();
        let (account, organization, application, subject) = match &vault.holder {
            VaultHolder::Account(account) => (Some(account.to_string()), None, None, None),
            VaultHolder::Subject {
                organization,
                application,
                subject,
            } => (
                None,
                Some(organization.to_string()),
                Some(application.to_string()),
                Some(subject.as_bytes().to_vec()),
            ),
        };
        sqlx::query(
            "INSERT INTO vaults (id, account_id, organization_id, application_id, subject,
                 key_record, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(vault.id.to_string())
        .bind(account)
        .bind(organization)
        .bind(application)
        .bind(subject)
        .bind(vault.key_record.clone())
        .bind(vault.created_at.as_micros())
        .bind(vault.row_version)
        .bind(self.tag(vault)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}
