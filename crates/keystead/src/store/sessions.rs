//! Sessions: who is signed in at the console, in which browser, and until when.
//!
//! A session is read from the store on every request of the console: what ends it (a revocation, a
//! disabled account, a membership that is gone, another role) holds on the next one, in every process.

mod ending;

use std::{str::FromStr, time::Duration};

use keystead_vault::{Canonical, Token, TokenHash, TokenKind};
use sqlx::AnyConnection;

use super::{
    Account, AuthorityRow, Changing, Columns, Member, Organization, Store, StoreError, Unfit, row,
};
use crate::{
    audit::{Action, Actor, Event, Field},
    clock::Timestamp,
    ids::{AccountId, OrganizationId, SessionId},
};

/// A session of the console, known by the hash of what the browser's cookie holds.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The organization that is looked at.
    pub organization: OrganizationId,
    /// Who is signed in.
    pub account: AccountId,
    /// What it is looked up by.
    pub hash: TokenHash,
    /// How the account signed in.
    pub method: SignInMethod,
    /// Browser and system, as two words of a short list.
    pub browser: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When the person last proved who they are: at sign-in, or at a step-up since.
    pub proved_at: Timestamp,
    /// When it ends, whatever is done with it.
    pub ends_at: Timestamp,
    /// Whether it was ended before.
    pub revoked: bool,
    /// Version of the row.
    pub row_version: i64,
    /// When it was last used, to the minute. No MAC covers it.
    pub last_seen_at: Timestamp,
}

/// How someone signed in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignInMethod {
    /// A password alone.
    Password,
    /// A password and a one-time code.
    PasswordAndCode,
    /// A password and a recovery code.
    PasswordAndRecoveryCode,
    /// A passkey, which a device let its owner use.
    Passkey,
    /// The organization's own sign-in.
    Oidc,
}

impl SignInMethod {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Password,
        Self::PasswordAndCode,
        Self::PasswordAndRecoveryCode,
        Self::Passkey,
        Self::Oidc,
    ];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndCode => "password-and-code",
            Self::PasswordAndRecoveryCode => "password-and-recovery-code",
            Self::Passkey => "passkey",
            Self::Oidc => "oidc",
        }
    }

    /// Whether it takes more than knowing something. What an OpenID provider asks for is that
    /// provider's to decide, and counts.
    pub const fn has_second_factor(self) -> bool {
        !matches!(self, Self::Password)
    }
}

impl FromStr for SignInMethod {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|method| method.word() == text)
            .ok_or(())
    }
}

/// A session to be made.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The organization that is looked at first.
    pub organization: OrganizationId,
    /// Who signed in.
    pub account: AccountId,
    /// How.
    pub method: SignInMethod,
    /// Browser and system, as two words of a short list.
    pub browser: String,
    /// How long it lasts at most.
    pub lasts: Duration,
    /// The session that the browser came with; it ends.
    pub replaces: Option<TokenHash>,
}

/// Everything that decides what someone at the console may do, from one moment.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Who it is.
    pub account: Account,
    /// What they may do in the organization that is looked at.
    pub member: Member,
    /// That organization.
    pub organization: Organization,
}

impl SignedIn {
    /// Who it is in the audit log.
    pub fn actor(&self) -> Actor {
        Actor::Account(self.account.id)
    }

    /// Whether the organization asks for more than this session was made with.
    pub fn lacks_second_factor(&self) -> bool {
        self.organization.require_second_factor && !self.session.method.has_second_factor()
    }
}

impl AuthorityRow for Session {
    const TABLE: &'static str = "sessions";
    const COLUMNS: &'static str = "id, organization_id, account_id, hash, method, browser, \
        created_at, proved_at, ends_at, revoked, row_version, last_seen_at";

    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit> {
        Ok(Self {
            id: columns.parsed()?,
            organization: columns.parsed()?,
            account: columns.parsed()?,
            hash: TokenHash::from_bytes(columns.hash()?),
            method: columns.parsed()?,
            browser: columns.text()?,
            created_at: columns.time()?,
            proved_at: columns.time()?,
            ends_at: columns.time()?,
            revoked: columns.flag()?,
            row_version: columns.number()?,
            last_seen_at: columns.time()?,
        })
    }

    fn row_version(&self) -> i64 {
        self.row_version
    }

    fn covered(&self) -> Canonical {
        row::covered(Self::TABLE, &self.organization, &self.id, self.row_version)
            .text(&self.account.to_string())
            .bytes(self.hash.as_bytes())
            .text(self.method.word())
            .text(&self.browser)
            .number(self.created_at.as_micros())
            .number(self.proved_at.as_micros())
            .number(self.ends_at.as_micros())
            .flag(self.revoked)
    }
}

/// How exactly `last_seen_at` is kept: a page with its pictures is one use.
const TOUCHED_EVERY: Duration = Duration::from_secs(60);

impl Store {
    /// Who is signed in, and what they may do. Unknown, ended, idle for longer than `idle`, of someone
    /// who may no longer sign in or left the organization: all `None`. Counts as a use.
    pub async fn signed_in(
        &self,
        hash: &TokenHash,
        idle: Duration,
    ) -> Result<Option<SignedIn>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {}, {}, {}, {} FROM sessions s
             JOIN accounts a ON a.id = s.account_id
             JOIN members m ON m.account_id = s.account_id
                 AND m.organization_id = s.organization_id
             JOIN organizations o ON o.id = s.organization_id
             WHERE s.hash = $1",
            row::qualified::<Session>("s"),
            row::qualified::<Account>("a"),
            row::qualified::<Member>("m"),
            row::qualified::<Organization>("o"),
        )))
        .bind(hash.as_bytes().to_vec())
        .fetch_optional(&self.0.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let found = SignedIn {
            session: self.checked_next(&mut columns)?,
            account: self.checked_next(&mut columns)?,
            member: self.checked_next(&mut columns)?,
            organization: self.checked_next(&mut columns)?,
        };
        let session = &found.session;
        let now = self.0.clock.now();
        let is_live = !session.revoked
            && !found.account.disabled
            && now < session.ends_at
            && now < session.last_seen_at + idle;
        if !is_live {
            return Ok(None);
        }
        if now.since(session.last_seen_at) >= TOUCHED_EVERY {
            self.touch_session(session.id, now).await?;
        }
        Ok(Some(found))
    }

    /// Signs an account in: makes a session and ends the one that the browser came with. The token is
    /// for the browser's cookie alone; the store keeps its hash.
    pub async fn create_session(&self, new: NewSession) -> Result<(Session, Token), StoreError> {
        let mut changing = self.change().await?;
        if let Some(hash) = &new.replaces
            && let Some(before) = self.session_now(&mut changing, hash).await?
            && !before.revoked
        {
            let event = self
                .end_session(&mut changing, before, Action::SessionReplaced)
                .await?;
            changing.audit(event).await?;
        }
        let (session, token, event) = self.begin_session(&mut changing, new).await?;
        changing.commit(event).await?;
        Ok((session, token))
    }

    /// As [`create_session`](Self::create_session), within a change that does more. The event is its
    /// audit row, for the caller to write.
    pub(crate) async fn begin_session(
        &self,
        changing: &mut Changing,
        new: NewSession,
    ) -> Result<(Session, Token, Event), StoreError> {
        let token = Token::generate(TokenKind::Session);
        let now = self.0.clock.now();
        let session = Session {
            id: SessionId::new(&self.0.clock),
            organization: new.organization,
            account: new.account,
            hash: token.lookup(),
            method: new.method,
            browser: new.browser,
            created_at: now,
            proved_at: now,
            ends_at: now + new.lasts,
            revoked: false,
            row_version: 1,
            last_seen_at: now,
        };
        self.insert_session(changing.connection(), &session).await?;
        let event = Event::new(
            Actor::Account(session.account),
            Action::SessionCreated,
            &session.id,
        )
        .within(session.organization)
        .version(session.row_version)
        .with(Field::Method, &session.method.word());
        Ok((session, token, event))
    }

    /// Notes that the person proved again who they are, by `method` if that is more than they signed
    /// in with. The session gets another token: who held the old one is out.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the session has ended meanwhile.
    pub async fn prove_session(
        &self,
        hash: &TokenHash,
        method: SignInMethod,
    ) -> Result<(Session, Token), StoreError> {
        let mut changing = self.change().await?;
        let mut session = self.live_session_now(&mut changing, hash).await?;
        let token = Token::generate(TokenKind::Session);
        session.hash = token.lookup();
        session.proved_at = self.0.clock.now();
        if !session.method.has_second_factor() {
            session.method = method;
        }
        let event = self
            .rewrite_session(&mut changing, &mut session, Action::SessionProved)
            .await?;
        changing
            .commit(event.with(Field::Method, &method.word()))
            .await?;
        Ok((session, token))
    }

    /// Turns to another organization of the same account. The session gets another token: a form that
    /// was opened for the one organization does nothing in the other.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] when the account is no member there, or the session has ended.
    pub async fn move_session(
        &self,
        hash: &TokenHash,
        organization: OrganizationId,
    ) -> Result<(Session, Token), StoreError> {
        let mut changing = self.change().await?;
        let mut session = self.live_session_now(&mut changing, hash).await?;
        if self.member(organization, session.account).await?.is_none() {
            return Err(StoreError::not_found("organization", &organization));
        }
        let token = Token::generate(TokenKind::Session);
        session.hash = token.lookup();
        session.organization = organization;
        let event = self
            .rewrite_session(&mut changing, &mut session, Action::SessionMoved)
            .await?;
        changing.commit(event).await?;
        Ok((session, token))
    }

    /// The sessions of an account that have not ended, the newest first.
    pub async fn sessions(
        &self,
        account: AccountId,
        idle: Duration,
    ) -> Result<Vec<Session>, StoreError> {
        let now = self.0.clock.now();
        let rows = sqlx::query(row::select::<Session>(
            "WHERE account_id = $1 AND ends_at > $2 AND last_seen_at > $3 AND revoked = 0
             ORDER BY id DESC LIMIT 200",
        ))
        .bind(account.to_string())
        .bind(now.as_micros())
        .bind((now - idle).as_micros())
        .fetch_all(&self.0.read)
        .await?;
        rows.iter().map(|row| self.checked(row)).collect()
    }

    async fn touch_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE sessions SET last_seen_at = $1 WHERE id = $2")
            .bind(now.as_micros())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn session_now(
        &self,
        changing: &mut Changing,
        hash: &TokenHash,
    ) -> Result<Option<Session>, StoreError> {
        let row = sqlx::query(row::select::<Session>("WHERE hash = $1"))
            .bind(hash.as_bytes().to_vec())
            .fetch_optional(changing.connection())
            .await?;
        row.map(|row| self.checked(&row)).transpose()
    }

    async fn live_session_now(
        &self,
        changing: &mut Changing,
        hash: &TokenHash,
    ) -> Result<Session, StoreError> {
        let found = self.session_now(changing, hash).await?;
        let now = self.0.clock.now();
        found
            .filter(|session| !session.revoked && now < session.ends_at)
            .ok_or_else(|| StoreError::not_found("session", &"?"))
    }

    /// Writes a session's row as it now is, a version later.
    async fn rewrite_session(
        &self,
        changing: &mut Changing,
        session: &mut Session,
        action: Action,
    ) -> Result<Event, StoreError> {
        session.row_version += 1;
        sqlx::query(
            "UPDATE sessions SET organization_id = $1, hash = $2, method = $3, proved_at = $4,
                 revoked = $5, row_version = $6, mac = $7, last_seen_at = $8
             WHERE id = $9",
        )
        .bind(session.organization.to_string())
        .bind(session.hash.as_bytes().to_vec())
        .bind(session.method.word())
        .bind(session.proved_at.as_micros())
        .bind(i64::from(session.revoked))
        .bind(session.row_version)
        .bind(self.tag(session)?)
        .bind(self.0.clock.now().as_micros())
        .bind(session.id.to_string())
        .execute(changing.connection())
        .await?;
        changing.forget(&session.id);
        let event = Event::new(Actor::Account(session.account), action, &session.id);
        Ok(event
            .within(session.organization)
            .version(session.row_version))
    }

    async fn insert_session(
        &self,
        connection: &mut AnyConnection,
        session: &Session,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (id, organization_id, account_id, hash, method, browser,
                 created_at, proved_at, ends_at, revoked, row_version, mac, last_seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(session.id.to_string())
        .bind(session.organization.to_string())
        .bind(session.account.to_string())
        .bind(session.hash.as_bytes().to_vec())
        .bind(session.method.word())
        .bind(&session.browser)
        .bind(session.created_at.as_micros())
        .bind(session.proved_at.as_micros())
        .bind(session.ends_at.as_micros())
        .bind(i64::from(session.revoked))
        .bind(session.row_version)
        .bind(self.tag(session)?)
        .bind(session.last_seen_at.as_micros())
        .execute(connection)
        .await?;
        Ok(())
    }
}
