//! Authorization codes: used once, within a minute, by the client that asked for them.

use keystead_vault::{Canonical, TokenHash};

use super::{AuthorityRow, Columns, Store, StoreError, Unfit, row, row::json_list};
use crate::{
    clock::Timestamp,
    dpop::Thumbprint,
    ids::{ApplicationId, CodeId, FamilyId, GrantId, Handle, OrganizationId},
};

/// An authorization code, known by its hash.
#[derive(Clone, Debug)]
pub struct Code {
    /// Its id.
    pub id: CodeId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application that asked for it.
    pub application: ApplicationId,
    /// What it rests on, and so who gave it.
    pub grant: GrantId,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The SHA-256 of what the client must show (PKCE).
    pub challenge: [u8; 32],
    /// The AddOns it is for; empty means all of the application's.
    pub scope: Vec<Handle>,
    /// The key that the client must prove it has.
    pub key: Option<Thumbprint>,
    /// What came of it, once it was used.
    pub family: Option<FamilyId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl AuthorityRow for Code {
    const TABLE: &'static str = "authorization_codes";
    const COLUMNS: &'static str = "id, organization_id, application_id, grant_id, hash, \
        redirect_uri, challenge, scope, jkt, family_id, created_at, expires_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            grant: columns.parsed()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            redirect_uri: columns.text()?,
            challenge: columns.hash()?,
            scope: columns.list()?,
            key: columns.optional_hash()?.map(Thumbprint::from_bytes),
            family: columns.optional_parsed()?,
            created_at: columns.time()?,
            expires_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .text(&self.grant.to_string())
            .bytes(self.hash.as_bytes())
            .text(&self.redirect_uri)
            .bytes(&self.challenge)
            .list(self.scope.iter().map(Handle::as_str));
        let row = match &self.key {
            Some(key) => row.bytes(key.as_bytes()),
            None => row.none(),
        };
        let row = match self.family {
            Some(family) => row.text(&family.to_string()),
            None => row.none(),
        };
        row.number(self.created_at.as_micros())
            .number(self.expires_at.as_micros())
    }
}

impl Store {
    /// The code of this hash, used or over though it may be.
    pub async fn code(&self, hash: &TokenHash) -> Result<Option<Code>, StoreError> {
        let row = sqlx::query(row::select::<Code>("WHERE hash = $1"))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    /// Keeps a new code. What it may come to rests on its grant, which is logged.
    pub async fn insert_code(&self, code: &Code) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO authorization_codes (id, organization_id, application_id, grant_id, hash,
                 redirect_uri, challenge, scope, jkt, family_id, created_at, expires_at,
                 row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(code.id.to_string())
        .bind(code.organization.to_string())
        .bind(code.application.to_string())
        .bind(code.grant.to_string())
        .bind(code.hash.as_bytes().to_vec())
        .bind(&code.redirect_uri)
        .bind(code.challenge.to_vec())
        .bind(json_list(&code.scope))
        .bind(code.key.map(|key| key.as_bytes().to_vec()))
        .bind(code.family.map(|family| family.to_string()))
        .bind(code.created_at.as_micros())
        .bind(code.expires_at.as_micros())
        .bind(code.row_version)
        .bind(self.tag(code)?)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Deletes codes that ended before `before`, and says how many.
    pub async fn delete_ended_codes(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM authorization_codes WHERE expires_at < $1")
            .bind(before.as_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }
}
