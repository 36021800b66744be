//! Client secrets: what a host application's backend authenticates with.

use keystead_vault::{Canonical, Token, TokenHash, TokenKind};
use sqlx::AnyConnection;

use super::{
    Application, AuthorityRow, Columns, Store, StoreError, SuspendedKind, Unfit, row,
    suspension::{Suspendable, state_column},
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{ApplicationId, ClientId, ClientSecretId, OrganizationId},
};

/// A client secret, known by its hash.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The application it belongs to.
    pub application: ApplicationId,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// Whether it is refused, and with it every token it minted: it was revoked, or is suspended.
    pub revoked: bool,
    /// Whether it is refused only until someone enables it again, after a restore.
    pub suspended: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

impl ClientSecret {
    /// How many of an application's secrets can be live at once: the one in use, and the one
    /// that is being rolled out.
    pub const LIVE: usize = 2;

    /// A fresh secret and its row.
    pub(crate) fn generate(store: &Store, application: &Application) -> (Self, Token) {
        let token = Token::generate(TokenKind::ClientSecret);
        let secret = Self {
            id: ClientSecretId::new(store.clock()),
            organization: application.organization,
            application: application.id,
            hash: token.lookup(),
            revoked: false,
            suspended: false,
            created_at: store.clock().now(),
            row_version: 1,
        };
        (secret, token)
    }
}

impl AuthorityRow for ClientSecret {
    const TABLE: &'static str = "client_secrets";
    const COLUMNS: &'static str =
        "id, organization_id, application_id, hash, revoked, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            application: columns.parsed()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            suspended: columns.is_suspended()?,
            revoked: columns.ended()?,
            created_at: columns.time()?,
            row_version: columns.number()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        let row = row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.application.to_string())
            .bytes(self.hash.as_bytes())
            .flag(self.revoked)
            .number(self.created_at.as_micros());
        row::with_suspension(row, self.suspended)
    }
}

impl Suspendable for ClientSecret {
    const KIND: SuspendedKind = SuspendedKind::ClientSecret;
    const STATE: &'static str = "revoked";
    const SUSPENDED: Action = Action::ClientSecretSuspended;
    const ENABLED: Action = Action::ClientSecretEnabled;

    fn name(&self) -> (OrganizationId, String) {
        (self.organization, self.id.to_string())
    }

    fn state(&mut self) -> (&mut bool, &mut bool, &mut i64) {
        (
            &mut self.revoked,
            &mut self.suspended,
            &mut self.row_version,
        )
    }
}

impl Store {
    /// Who presents a client id and a secret: the application, if both belong together and
    /// neither is refused. An unknown client and a wrong secret look the same.
    pub async fn client_by_secret(
        &self,
        client_id: &ClientId,
        secret: &TokenHash,
    ) -> Result<Option<(Application, ClientSecret)>, StoreError> {
        let row = sqlx::query(row::select::<ClientSecret>("WHERE hash = $1"))
            .bind(secret.as_bytes().to_vec())
            .fetch_optional(&self.0.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let secret: ClientSecret = self.checked(&row)?;
        let application = self
            .application(secret.organization, secret.application)
            .await?;
        let fits = application.client_id == *client_id && !application.disabled && !secret.revoked;
        Ok(fits.then_some((application, secret)))
    }

    /// An application's secrets, revoked ones included, oldest first.
    pub async fn client_secrets(
        &self,
        organization: OrganizationId,
        application: ApplicationId,
    ) -> Result<Vec<ClientSecret>, StoreError> {
        let rows = sqlx::query(row::select::<ClientSecret>(OF_APPLICATION))
            .bind(organization.to_string())
            .bind(application.to_string())
            .fetch_all(&self.0.read)
            .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    /// Makes another secret for an application. The token is shown once; the store keeps its hash.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] `too_many_client_secrets` when two are live, and
    /// `public_client` when the application can keep none.
    pub async fn create_client_secret(
        &self,
        actor: Actor,
        organization: OrganizationId,
        application: ApplicationId,
    ) -> Result<(ClientSecret, Token), StoreError> {
        let mut changing = self.change().await?;
        let application = self
            .application_now(&mut changing, organization, application)
            .await?;
        if application.public {
            return Err(StoreError::Conflict {
                code: "public_client",
                reason: "a public application can't keep a client secret".to_owned(),
            });
        }
        let rows = sqlx::query(row::select::<ClientSecret>(OF_APPLICATION))
            .bind(organization.to_string())
            .bind(application.id.to_string())
            .fetch_all(changing.connection())
            .await?;
        let mut live = 0;
        for row in &rows {
            live += usize::from(!self.checked::<ClientSecret>(row)?.revoked);
        }
        if live >= ClientSecret::LIVE {
            return Err(StoreError::Conflict {
                code: "too_many_client_secrets",
                reason: "two client secrets are live already: revoke one first".to_owned(),
            });
        }

        let (secret, token) = ClientSecret::generate(self, &application);
        self.insert_client_secret(changing.connection(), &secret)
            .await?;
        changing.forget(&secret.id);
        let event = Event::new(actor, Action::ClientSecretCreated, &secret.id)
            .within(organization)
            .version(secret.row_version)
            .with(Field::Application, &application.id);
        changing.commit(event).await?;
        Ok((secret, token))
    }

    /// Revokes a secret: it mints no more, and the tokens it minted end with their streams.
    pub async fn revoke_client_secret(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: ClientSecretId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<ClientSecret>(
            "WHERE organization_id = $1 AND id = $2",
        ))
        .bind(organization.to_string())
        .bind(id.to_string())
        .fetch_optional(changing.connection())
        .await?
        .ok_or_else(|| StoreError::not_found("client_secret", &id))?;
        let mut secret: ClientSecret = self.checked(&row)?;
        if secret.revoked && !secret.suspended {
            return Ok(());
        }

        secret.revoked = true;
        secret.suspended = false;
        secret.row_version += 1;
        sqlx::query(
            "UPDATE client_secrets SET revoked = 1, row_version = $1, mac = $2
             WHERE organization_id = $3 AND id = $4",
        )
        .bind(secret.row_version)
        .bind(self.tag(&secret)?)
        .bind(organization.to_string())
        .bind(id.to_string())
        .execute(changing.connection())
        .await?;
        changing.cut(&id);
        let event = Event::new(actor, Action::ClientSecretRevoked, &id);
        changing
            .commit(event.within(organization).version(secret.row_version))
            .await
    }

    pub(crate) async fn insert_client_secret(
        &self,
        connection: &mut AnyConnection,
        secret: &ClientSecret,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO client_secrets (id, organization_id, application_id, hash, revoked,
                 created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(secret.id.to_string())
        .bind(secret.organization.to_string())
        .bind(secret.application.to_string())
        .bind(secret.hash.as_bytes().to_vec())
        .bind(state_column(secret.revoked, secret.suspended))
        .bind(secret.created_at.as_micros())
        .bind(secret.row_version)
        .bind(self.tag(secret)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

const OF_APPLICATION: &str = "WHERE organization_id = $1 AND application_id = $2 ORDER BY id";
