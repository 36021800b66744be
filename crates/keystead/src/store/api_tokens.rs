//! API tokens: what scripts present to the management API in an account's name.

use std::str::FromStr;

use keystead_vault::{Canonical, Token, TokenHash, TokenKind};
use sqlx::AnyConnection;

use super::{
    Account, AuthorityRow, Changing, Columns, Listed, Member, Page, Place, Placed, Store,
    StoreError, SuspendedKind, Unfit,
    page::ListRow,
    row,
    row::json_list,
    suspension::{Suspendable, state_column},
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, ApiTokenId, OrganizationId},
};

/// An API token, known by its hash. It may do what its account may, and of that no more than its
/// scopes say.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Its id.
    pub id: ApiTokenId,
    /// The organization it works in.
    pub organization: OrganizationId,
    /// The account it works for.
    pub account: AccountId,
    /// What people call it.
    pub name: String,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// What it may touch.
    pub scopes: Vec<ApiScope>,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
    /// Whether it is refused: it was ended, or is suspended.
    pub revoked: bool,
    /// Whether it is refused only until someone enables it again, after a restore.
    pub suspended: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Version of the row.
    pub row_version: i64,
}

/// A part of the management API.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ApiScope {
    /// All of it.
    All,
    /// Looking at everything.
    Read,
    /// Applications and their client secrets.
    Applications,
    /// Keys.
    Keys,
    /// AddOns.
    AddOns,
    /// The usage ledger.
    Usage,
    /// The audit log.
    Audit,
}

impl ApiScope {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Read,
        Self::Applications,
        Self::Keys,
        Self::AddOns,
        Self::Usage,
        Self::Audit,
    ];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Read => "read",
            Self::Applications => "applications",
            Self::Keys => "keys",
            Self::AddOns => "addons",
            Self::Usage => "usage",
            Self::Audit => "audit",
        }
    }
}

impl FromStr for ApiScope {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.word() == text)
            .ok_or(())
    }
}

impl std::fmt::Display for ApiScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// An API token to be made.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// The organization it works in.
    pub organization: OrganizationId,
    /// The account it works for, which must be a member there.
    pub account: AccountId,
    /// What people call it.
    pub name: String,
    /// What it may touch.
    pub scopes: Vec<ApiScope>,
    /// When it ends; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// Who presents an API token.
#[derive(Clone, Debug)]
pub struct ApiCaller {
    /// The token.
    pub token: ApiToken,
    /// The account's place in the organization, role included.
    pub member: Member,
}

impl AuthorityRow for ApiToken {
    const TABLE: &'static str = "api_tokens";
    const COLUMNS: &'static str = "id, organization_id, account_id, name, hash, scopes, \
        expires_at, revoked, created_at, row_version";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            account: columns.parsed()?,
            name: columns.text()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            scopes: columns.list()?,
            expires_at: columns.optional_time()?,
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
            .text(&self.account.to_string())
            .text(&self.name)
            .bytes(self.hash.as_bytes())
            .list(self.scopes.iter().map(|scope| scope.word()));
        let row = match self.expires_at {
            Some(at) => row.number(at.as_micros()),
            None => row.none(),
        };
        let row = row.flag(self.revoked).number(self.created_at.as_micros());
        row::with_suspension(row, self.suspended)
    }
}

impl Suspendable for ApiToken {
    const KIND: SuspendedKind = SuspendedKind::ApiToken;
    const STATE: &'static str = "revoked";
    const SUSPENDED: Action = Action::ApiTokenSuspended;
    const ENABLED: Action = Action::ApiTokenEnabled;

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

impl Placed for ApiToken {
    fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            id: self.id.to_string(),
        }
    }
}

impl ListRow for ApiToken {
    const NAME: &'static str = "name";
    const SEARCHED: &'static [&'static str] = &["name"];
}

impl Store {
    /// Who is behind an API token. Revoked, expired, unknown, and of someone who may no longer
    /// sign in or left the organization: all `None`.
    pub async fn api_caller(&self, hash: &TokenHash) -> Result<Option<ApiCaller>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {}, {} FROM api_tokens t
             JOIN accounts a ON a.id = t.account_id
             JOIN members m ON m.account_id = t.account_id
                 AND m.organization_id = t.organization_id
             WHERE t.hash = $1",
            row::qualified::<ApiToken>("t"),
            row::qualified::<Account>("a"),
            row::qualified::<Member>("m"),
        )))
        .bind(hash.as_bytes().to_vec())
        .fetch_optional(&self.0.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let token: ApiToken = self.checked_next(&mut columns)?;
        let account: Account = self.checked_next(&mut columns)?;
        let member: Member = self.checked_next(&mut columns)?;

        let live = !token.revoked
            && !account.disabled
            && token.expires_at.is_none_or(|end| self.0.clock.now() < end);
        Ok(live.then_some(ApiCaller { token, member }))
    }

    /// An organization's API tokens.
    pub async fn api_tokens(
        &self,
        organization: OrganizationId,
        page: &Page,
    ) -> Result<Listed<ApiToken>, StoreError> {
        let scope = [("organization_id", organization.to_string())];
        self.list(&scope, page).await
    }

    /// An account's API tokens in an organization.
    pub async fn api_tokens_of(
        &self,
        organization: OrganizationId,
        account: AccountId,
        page: &Page,
    ) -> Result<Listed<ApiToken>, StoreError> {
        let scope = [
            ("organization_id", organization.to_string()),
            ("account_id", account.to_string()),
        ];
        self.list(&scope, page).await
    }

    /// An API token of an organization.
    pub async fn api_token(
        &self,
        organization: OrganizationId,
        id: ApiTokenId,
    ) -> Result<ApiToken, StoreError> {
        let row = sqlx::query(row::select::<ApiToken>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(&self.0.read)
            .await?
            .ok_or_else(|| StoreError::not_found("api_token", &id))?;
        self.checked(&row)
    }

    /// Makes an API token for a member. The token is shown once; the store keeps its hash.
    pub async fn create_api_token(
        &self,
        actor: Actor,
        new: NewApiToken,
    ) -> Result<(ApiToken, Token), StoreError> {
        let member = self.member(new.organization, new.account).await?;
        if member.is_none() {
            return Err(StoreError::not_found("member", &new.account));
        }
        let mut changing = self.change().await?;
        let (token, secret) = self.generate_api_token(new);
        self.insert_api_token(changing.connection(), &token).await?;
        changing.forget(&token.id);
        let event = Event::new(actor, Action::ApiTokenCreated, &token.id)
            .within(token.organization)
            .version(token.row_version)
            .with(Field::Account, &token.account);
        changing.commit(event).await?;
        Ok((token, secret))
    }

    /// Ends an API token.
    pub async fn revoke_api_token(
        &self,
        actor: Actor,
        organization: OrganizationId,
        id: ApiTokenId,
    ) -> Result<(), StoreError> {
        let mut changing = self.change().await?;
        let row = sqlx::query(row::select::<ApiToken>(BY_ID))
            .bind(organization.to_string())
            .bind(id.to_string())
            .fetch_optional(changing.connection())
            .await?
            .ok_or_else(|| StoreError::not_found("api_token", &id))?;
        let token: ApiToken = self.checked(&row)?;
        if token.revoked && !token.suspended {
            return Ok(());
        }
        let event = self
            .revoke_api_token_now(&mut changing, actor, token)
            .await?;
        changing.commit(event).await
    }

    /// Ends a live API token within a change; what is to be audited.
    pub(super) async fn revoke_api_token_now(
        &self,
        changing: &mut Changing,
        actor: Actor,
        mut token: ApiToken,
    ) -> Result<Event, StoreError> {
        token.revoked = true;
        token.suspended = false;
        token.row_version += 1;
        sqlx::query(
            "UPDATE api_tokens SET revoked = 1, row_version = $1, mac = $2
             WHERE organization_id = $3 AND id = $4",
        )
        .bind(token.row_version)
        .bind(self.tag(&token)?)
        .bind(token.organization.to_string())
        .bind(token.id.to_string())
        .execute(changing.connection())
        .await?;
        changing.cut(&token.id);
        let event = Event::new(actor, Action::ApiTokenRevoked, &token.id);
        Ok(event.within(token.organization).version(token.row_version))
    }

    pub(crate) fn generate_api_token(&self, new: NewApiToken) -> (ApiToken, Token) {
        let secret = Token::generate(TokenKind::Api);
        let token = ApiToken {
            id: ApiTokenId::new(&self.0.clock),
            organization: new.organization,
            account: new.account,
            name: new.name,
            hash: secret.lookup(),
            scopes: new.scopes,
            expires_at: new.expires_at,
            revoked: false,
            suspended: false,
            created_at: self.0.clock.now(),
            row_version: 1,
        };
        (token, secret)
    }

    pub(crate) async fn insert_api_token(
        &self,
        connection: &mut AnyConnection,
        token: &ApiToken,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO api_tokens (id, organization_id, account_id, name, hash, scopes,
                 expires_at, revoked, created_at, row_version, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(token.id.to_string())
        .bind(token.organization.to_string())
        .bind(token.account.to_string())
        .bind(&token.name)
        .bind(token.hash.as_bytes().to_vec())
        .bind(json_list(&token.scopes))
        .bind(token.expires_at.map(Timestamp::as_micros))
        .bind(state_column(token.revoked, token.suspended))
        .bind(token.created_at.as_micros())
        .bind(token.row_version)
        .bind(self.tag(token)?)
        .execute(connection)
        .await?;
        Ok(())
    }
}

const BY_ID: &str = "WHERE organization_id = $1 AND id = $2";
