//! Access tokens: short-lived, known by their hash, minted for one subject of one application.

use keystead_vault::{Canonical, SubjectHash, TokenHash};
use sqlx::AnyConnection;

use super::{AuthorityRow, Changing, Columns, Store, StoreError, Unfit, row, row::json_list};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    dpop::Thumbprint,
    ids::{ApplicationId, ClientSecretId, FamilyId, Handle, OrganizationId, TokenId},
};

/// An access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// Its id.
    pub id: TokenId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application whose AddOns it is for.
    pub application: ApplicationId,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// The client secret that minted it; it ends with that secret.
    pub secret: Option<ClientSecretId>,
    /// What it came of, if a person let the application have it; it ends with that.
    pub family: Option<FamilyId>,
    /// The end user it stands for.
    pub subject: SubjectHash,
    /// AddOns it is for, by handle; empty means all of the application's.
    pub scope: Vec<Handle>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The key without which it is of no use.
    pub key: Option<Thumbprint>,
    /// Whether the console minted it, for a page of its own to call with.
    pub is_console: bool,
    /// Whether it was ended before.
    pub revoked: bool,
    /// When it was minted.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// A token to be minted: [`keystead_vault::Token::generate`] makes the token, the store keeps
/// its hash.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The tenant.
    pub organization: OrganizationId,
    /// The application whose AddOns it is for.
    pub application: ApplicationId,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// The client secret that mints it.
    pub secret: Option<ClientSecretId>,
    /// What it comes of, if a person let the application have it.
    pub family: Option<FamilyId>,
    /// The end user it stands for.
    pub subject: SubjectHash,
    /// AddOns it is for; empty means all.
    pub scope: Vec<Handle>,
    /// The key without which it is to be of no use.
    pub key: Option<Thumbprint>,
    /// Whether the console mints it, for a page of its own to call with.
    pub is_console: bool,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl AuthorityRow for AccessToken {
    const TABLE: &'static str = "tokens";
    const COLUMNS: &'static str = "id, organization_id, application_id, hash, client_secret_id, \
        subject, scope, expires_at, revoked, created_at, family_id, jkt, console, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            secret: columns.optional_parsed()?,
            subject: SubjectHash::from_bytes(columns.hash()?),
            scope: columns.list()?,
            expires_at: columns.time()?,
            revoked: columns.flag()?,
            created_at: columns.time()?,
            family: columns.optional_parsed()?,
            key: columns.optional_hash()?.map(Thumbprint::from_bytes),
            is_console: columns.flag()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .bytes(self.hash.as_bytes());
        let row = match self.secret {
            Some(secret) => row.text(&secret.to_string()),
            None => row.none(),
        };
        let mut row = row
            .bytes(self.subject.as_bytes())
            .list(self.scope.iter().map(Handle::as_str))
            .number(self.expires_at.as_micros())
            .flag(self.revoked)
            .number(self.created_at.as_micros());
        // Named, and only if it is there: tokens from before there were any keep their MACs.
        if let Some(family) = self.family {
            row = row.text("family").text(&family.to_string());
        }
        if let Some(key) = &self.key {
            row = row.text("key").bytes(key.as_bytes());
        }
        match self.is_console {
            true => row.text("console"),
            false => row,
        }
    }
}

impl Store {
    /// Mints a token. It narrows nothing that anyone may have cached, so it takes no number of
    /// the sequence and waits for no other change.
    pub async fn mint_token(&self, new: NewToken) -> Result<AccessToken, StoreError> {
        let token = self.token(new);
        let mut transaction = self.begin().await?;
        self.insert_token(&mut transaction, &token).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Mints a token for someone who asks for it by hand, which the audit log says.
    pub async fn mint_token_by(
        &self,
        actor: Actor,
        new: NewToken,
    ) -> Result<AccessToken, StoreError> {
        let token = self.token(new);
        let mut changing = self.change().await?;
        self.insert_token(changing.connection(), &token).await?;
        let event = Event::new(actor, Action::TokenMinted, &token.id)
            .within(token.organization)
            .version(token.row_version)
            .with(Field::Application, &token.application);
        changing.commit(event).await?;
        Ok(token)
    }

    pub(super) fn token(&self, new: NewToken) -> AccessToken {
        AccessToken {
            id: TokenId::new(&self.0.clock),
            organization: new.organization,
            application: new.application,
            hash: new.hash,
            secret: new.secret,
            family: new.family,
            key: new.key,
            is_console: new.is_console,
            subject: new.subject,
            scope: new.scope,
            expires_at: new.expires_at,
            revoked: false,
            created_at: self.0.clock.now(),
            row_version: 1,
        }
    }

    pub(super) async fn insert_token(
        &self,
        connection: &mut AnyConnection,
        token: &AccessToken,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO tokens (id, organization_id, application_id, hash, client_secret_id,
                 subject, scope, expires_at, revoked, created_at, family_id, jkt, console,
                 row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(token.id.to_string())
        .bind(token.organization.to_string())
        .bind(token.application.to_string())
        .bind(token.hash.as_bytes().to_vec())
        .bind(token.secret.map(|secret| secret.to_string()))
        .bind(token.subject.as_bytes().to_vec())
        .bind(json_list(&token.scope))
        .bind(token.expires_at.as_micros())
        .bind(i64::from(token.revoked))
        .bind(token.created_at.as_micros())
        .bind(token.family.map(|family| family.to_string()))
        .bind(token.key.map(|key| key.as_bytes().to_vec()))
        .bind(i64::from(token.is_console))
        .bind(token.row_version)
        .bind(self.tag(token)?)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Ends a token of an application, and its running streams. Whether there was one to end is
    /// not said: RFC 7009 answers alike.
    pub async fn revoke_token(
        &self,
        actor: Actor,
        organization: OrganizationId,
        application: ApplicationId,
        hash: &TokenHash,
    ) -> Result<(), StoreError> {
        let own = || {
            sqlx::query(row::select::<AccessToken>(
                "WHERE organization_id = $1 AND application_id = $2 AND hash = $3",
            ))
            .bind(organization.to_string())
            .bind(application.to_string())
            .bind(hash.as_bytes().to_vec())
        };
        // Of a public client anybody may ask: what is not there is not worth the one writer's time. A
        // token is shown only after its row is there, so that none is missed.
        if own().fetch_optional(&self.0.read).await?.is_none() {
            return Ok(());
        }
        let mut changing = self.change().await?;
        let row = own().fetch_optional(changing.connection()).await?;
        let Some(row) = row else { return Ok(()) };
        let token: AccessToken = self.checked(&row)?;
        if token.revoked {
            return Ok(());
        }
        let event = self.revoke_token_now(&mut changing, actor, token).await?;
        changing.commit(event).await
    }

    /// The applications of an organization for which tokens live that no client secret minted.
    pub async fn applications_called_without_secret(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<ApplicationId>, StoreError> {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT application_id FROM tokens WHERE organization_id = $1
                 AND client_secret_id IS NULL AND revoked = 0 AND expires_at > $2",
        )
        .bind(organization.to_string())
        .bind(self.0.clock.now().as_micros())
        .fetch_all(&self.0.read)
        .await?;
        // What is no id is no application's.
        Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Ends every token of a subject, and their running streams.
    pub async fn revoke_tokens_of(
        &self,
        actor: Actor,
        organization: OrganizationId,
        application: ApplicationId,
        subject: &SubjectHash,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let rows = sqlx::query(row::select::<AccessToken>(
            "WHERE organization_id = $1 AND application_id = $2 AND subject = $3
                 AND revoked = 0 AND expires_at > $4",
        ))
        .bind(organization.to_string())
        .bind(application.to_string())
        .bind(subject.as_bytes().to_vec())
        .bind(self.0.clock.now().as_micros())
        .fetch_all(changing.connection())
        .await?;
        let mut last = None;
        for row in &rows {
            let token = self.checked(row)?;
            let event = self.revoke_token_now(&mut changing, actor, token).await?;
            if let Some(before) = last.replace(event) {
                changing.audit(before).await?;
            }
        }
        match last {
            Some(event) => changing.commit(event).await,
            None => Ok(()),
        }
    }

    async fn revoke_token_now(
        &self,
        changing: &mut Changing,
        actor: Actor,
        mut token: AccessToken,
    ) -> Result<Event, StoreError> {
        token.revoked = true;
        token.row_version += 1;
        sqlx::query(
            "UPDATE tokens SET revoked = 1, row_version = $1, mac = $2
             WHERE organization_id = $3 AND id = $4",
        )
        .bind(token.row_version)
        .bind(self.tag(&token)?)
        .bind(token.organization.to_string())
        .bind(token.id.to_string())
        .execute(changing.connection())
        .await?;
        changing.cut(&token.id);
        let event = Event::new(actor, Action::TokenRevoked, &token.id);
        Ok(event
            .within(token.organization)
            .version(token.row_version)
            .with(Field::Application, &token.application))
    }

    /// Deletes tokens that ended before `before`, in stretches short enough for others to write in
    /// between. Returns how many.
    pub async fn delete_expired_tokens(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut transaction = self.begin().await?;
            let gone = sqlx::query(
                "DELETE FROM tokens WHERE id IN (
                     SELECT id FROM tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT 1000)",
            )
            .bind(before.as_micros())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            deleted += gone.rows_affected();
            if gone.rows_affected() == 0 {
                return Ok(deleted);
            }
        }
    }
}
