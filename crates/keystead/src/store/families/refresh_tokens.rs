//! Refresh tokens: each is used once, and gives the next one.

use keystead_vault::{Canonical, TokenHash};
use sqlx::AnyConnection;

use super::{Family, NewFamily};
use crate::{
    clock::Timestamp,
    ids::{ApplicationId, FamilyId, OrganizationId, RefreshTokenId},
    store::{AuthorityRow, Columns, Grant, NewToken, Store, StoreError, Unfit, row},
};

/// A refresh token, known by its hash.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application that it was given to.
    pub application: ApplicationId,
    /// What it belongs to.
    pub family: FamilyId,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// Whether it was exchanged for the next one.
    pub used: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends if nobody uses it.
    pub expires_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl RefreshToken {
    pub(super) fn first(store: &Store, family: &Family, new: &NewFamily) -> Self {
        Self::new(store, family, new.refresh, new.refresh_expires_at)
    }

    /// None outlives its family.
    fn new(store: &Store, family: &Family, hash: TokenHash, expires_at: Timestamp) -> Self {
        Self {
            id: RefreshTokenId::new(store.clock()),
            organization: family.organization,
            application: family.application,
            family: family.id,
            hash,
            used: false,
            created_at: store.clock().now(),
            expires_at: expires_at.min(family.expires_at),
            row_version: 1,
        }
    }
}

impl AuthorityRow for RefreshToken {
    const TABLE: &'static str = "refresh_tokens";
    const COLUMNS: &'static str = "id, organization_id, application_id, family_id, hash, used, \
        created_at, expires_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            family: columns.parsed()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            used: columns.flag()?,
            created_at: columns.time()?,
            expires_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .text(&self.family.to_string())
            .bytes(self.hash.as_bytes())
            .flag(self.used)
            .number(self.created_at.as_micros())
            .number(self.expires_at.as_micros())
    }
}

impl Store {
    /// The refresh token of this hash with what it rests on, used or over though they may be.
    pub async fn refresh_token(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<(RefreshToken, Family, Grant)>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {}, {} FROM refresh_tokens r
             JOIN token_families f ON f.id = r.family_id AND f.application_id = r.application_id
             JOIN grants g ON g.id = f.grant_id AND g.application_id = f.application_id
             WHERE r.hash = $1",
            row::qualified::<RefreshToken>("r"),
            row::qualified::<Family>("f"),
            row::qualified::<Grant>("g"),
        )))
        .bind(hash.as_bytes().to_vec())
        .fetch_optional(&self.0.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some((
            self.checked_next(&mut columns)?,
            self.checked_next(&mut columns)?,
            self.checked_next(&mut columns)?,
        )))
    }

    /// Exchanges a refresh token for the next one and an access token. `false` when somebody used it
    /// in the same moment.
    pub async fn rotate_refresh_token(
        &self,
        (token, family): (&RefreshToken, &Family),
        next: TokenHash,
        next_expires_at: Timestamp,
        access: NewToken,
    ) -> Result<bool, StoreError> {
        let used = RefreshToken {
            used: true,
            row_version: token.row_version + 1,
            ..token.clone()
        };
        let mut transaction = self.begin().await?;
        // As with a code: of two who come at once, one finds it used.
        let taken = sqlx::query(
            "UPDATE refresh_tokens SET used = 1, row_version = $1, mac = $2
             WHERE id = $3 AND used = 0",
        )
        .bind(used.row_version)
        .bind(self.tag(&used)?)
        .bind(used.id.to_string())
        .execute(&mut *transaction)
        .await?;
        if taken.rows_affected() != 1 {
            return Ok(false);
        }
        let next = RefreshToken::new(self, family, next, next_expires_at);
        self.insert_refresh_token(&mut transaction, &next).await?;
        let access = NewToken {
            family: Some(family.id),
            ..access
        };
        self.insert_token(&mut transaction, &self.token(access))
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    pub(super) async fn insert_refresh_token(
        &self,
        connection: &mut AnyConnection,
        token: &RefreshToken,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO refresh_tokens (id, organization_id, application_id, family_id, hash, used,
                 created_at, expires_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(token.id.to_string())
        .bind(token.organization.to_string())
        .bind(token.application.to_string())
        .bind(token.family.to_string())
        .bind(token.hash.as_bytes().to_vec())
        .bind(i64::from(token.used))
        .bind(token.created_at.as_micros())
        .bind(token.expires_at.as_micros())
        .bind(token.row_version)
        .bind(self.tag(token)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}
