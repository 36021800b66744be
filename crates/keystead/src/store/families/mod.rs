//! Families of tokens: all that comes of one authorization code, in a chain of refresh tokens.
//!
//! A refresh token is used once. One that comes again shows that two have it, and nothing tells which
//! of them is a thief: the whole family ends, access tokens and running streams included.

mod refresh_tokens;

use keystead_vault::{Canonical, TokenHash};
use sqlx::AnyConnection;

use super::{
    AuthorityRow, Changing, Code, Columns, Grant, NewToken, Store, StoreError, Unfit, row,
    row::json_list,
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    dpop::Thumbprint,
    ids::{ApplicationId, FamilyId, GrantId, Handle, OrganizationId},
};

pub use self::refresh_tokens::RefreshToken;

/// A family of tokens.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its id.
    pub id: FamilyId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application whose tokens they are.
    pub application: ApplicationId,
    /// What they rest on.
    pub grant: GrantId,
    /// The AddOns that they are for at most; empty means all of the application's.
    pub scope: Vec<Handle>,
    /// The key without which they can't be renewed.
    pub key: Option<Thumbprint>,
    /// Whether it was ended before its time.
    pub revoked: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends, however often it is renewed.
    pub expires_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// A family to begin, with the hash of its first refresh token and how long that may lie unused.
#[derive(Clone, Debug)]
pub struct NewFamily {
    /// The key without which its tokens can't be renewed.
    pub key: Option<Thumbprint>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What its first refresh token is looked up by.
    pub refresh: TokenHash,
    /// When that ends.
    pub refresh_expires_at: Timestamp,
}

impl AuthorityRow for Family {
    const TABLE: &'static str = "token_families";
    const COLUMNS: &'static str = "id, organization_id, application_id, grant_id, scope, jkt, \
        revoked, created_at, expires_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            grant: columns.parsed()?,
            scope: columns.list()?,
            key: columns.optional_hash()?.map(Thumbprint::from_bytes),
            revoked: columns.flag()?,
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
            .list(self.scope.iter().map(Handle::as_str));
        let row = match &self.key {
            Some(key) => row.bytes(key.as_bytes()),
            None => row.none(),
        };
        row.flag(self.revoked)
            .number(self.created_at.as_micros())
            .number(self.expires_at.as_micros())
    }
}

impl Store {
    /// Uses a code up: begins its family, with a first refresh token and a first access token. `None`
    /// when somebody used it in the same moment.
    pub async fn begin_family(
        &self,
        code: &Code,
        new: NewFamily,
        access: NewToken,
    ) -> Result<Option<Family>, StoreError> {
        let now = self.0.clock.now();
        let family = Family {
            id: FamilyId::new(&self.0.clock),
            organization: code.organization,
            application: code.application,
            grant: code.grant,
            scope: code.scope.clone(),
            key: new.key,
            revoked: false,
            created_at: now,
            expires_at: new.expires_at,
            row_version: 1,
        };
        let used = Code {
            family: Some(family.id),
            row_version: code.row_version + 1,
            ..code.clone()
        };
        let mut transaction = self.begin().await?;
        // The row is locked by it: of two who come at once, one finds it used.
        let taken = sqlx::query(
            "UPDATE authorization_codes SET family_id = $1, row_version = $2, mac = $3
             WHERE id = $4 AND family_id IS NULL",
        )
        .bind(family.id.to_string())
        .bind(used.row_version)
        .bind(self.tag(&used)?)
        .bind(code.id.to_string())
        .execute(&mut *transaction)
        .await?;
        if taken.rows_affected() != 1 {
            return Ok(None);
        }
        self.insert_family(&mut transaction, &family).await?;
        let refresh = RefreshToken::first(self, &family, &new);
        self.insert_refresh_token(&mut transaction, &refresh)
            .await?;
        let access = NewToken {
            family: Some(family.id),
            ..access
        };
        self.insert_token(&mut transaction, &self.token(access))
            .await?;
        transaction.commit().await?;
        Ok(Some(family))
    }

    /// Ends a family, for a reason that the log gets: its tokens, and their running streams.
    pub async fn revoke_family(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: FamilyId,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<Family>(
            "WHERE organization_id = $1 AND id = $2",
        ))
        .bind(organization.to_string())
        .bind(id.to_string())
        .fetch_optional(changing.connection())
        .await?;
        let Some(row) = row else { return Ok(()) };
        let family: Family = self.checked(&row)?;
        if family.revoked {
            return Ok(());
        }
        let event = self.end_family(&mut changing, actor, family).await?;
        changing.commit(event.with(Field::Reason, &reason)).await
    }

    /// Ends all that came of a grant, within the change that takes it back.
    pub(super) async fn end_families(
        &self,
        changing: &mut Changing,
        actor: Actor,
        grant: &Grant,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(row::select::<Family>(
            "WHERE grant_id = $1 AND revoked = 0 ORDER BY id",
        ))
        .bind(grant.id.to_string())
        .fetch_all(changing.connection())
        .await?;
        for row in &rows {
            let family: Family = self.checked(row)?;
            let event = self.end_family(changing, actor, family).await?;
            changing
                .audit(event.with(Field::Reason, &"grant_withdrawn"))
                .await?;
        }
        Ok(())
    }

    /// Deletes families that ended before `before`, with their refresh tokens. Returns how many.
    pub async fn delete_ended_families(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "DELETE FROM refresh_tokens WHERE family_id IN (
                 SELECT id FROM token_families WHERE expires_at < $1)",
        )
        .bind(before.as_micros())
        .execute(&mut *transaction)
        .await?;
        let gone = sqlx::query("DELETE FROM token_families WHERE expires_at < $1")
            .bind(before.as_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }

    /// It ends now for the sweep as well.
    async fn end_family(
        &self,
        changing: &mut Changing,
        actor: Actor,
        mut family: Family,
    ) -> Result<Event, StoreError> {
        family.revoked = true;
        family.expires_at = family.expires_at.min(self.0.clock.now());
        family.row_version += 1;
        sqlx::query(
            "UPDATE token_families SET revoked = 1, expires_at = $1, row_version = $2, mac = $3
             WHERE id = $4",
        )
        .bind(family.expires_at.as_micros())
        .bind(family.row_version)
        .bind(self.tag(&family)?)
        .bind(family.id.to_string())
        .execute(changing.connection())
        .await?;
        changing.cut(&family.id);
        Ok(Event::new(actor, Action::FamilyRevoked, &family.id)
            .within(family.organization)
            .version(family.row_version)
            .with(Field::Application, &family.application))
    }

    async fn insert_family(
        &self,
        connection: &mut AnyConnection,
        family: &Family,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO token_families (id, organization_id, application_id, grant_id, scope, jkt,
                 revoked, created_at, expires_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(family.id.to_string())
        .bind(family.organization.to_string())
        .bind(family.application.to_string())
        .bind(family.grant.to_string())
        .bind(json_list(&family.scope))
        .bind(family.key.map(|key| key.as_bytes().to_vec()))
        .bind(i64::from(family.revoked))
        .bind(family.created_at.as_micros())
        .bind(family.expires_at.as_micros())
        .bind(family.row_version)
        .bind(self.tag(family)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}
