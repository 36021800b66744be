//! People: how someone shows who they are, and how long that holds. No pages, no HTTP.
//!
//! Who is signed in is asked of the store on every request, so what ends a session holds on the next
//! one, in every process.

use std::time::Duration;

use keystead_vault::{Token, TokenHash};

use crate::{
    clock::Timestamp,
    config::Config,
    custody::Custody,
    ids::{AccountId, OrganizationId},
    store::{NewSession, Session, SignInMethod, SignedIn, Store, StoreError},
};

/// How long a proof of who one is counts as fresh.
pub const FRESH: Duration = Duration::from_secs(5 * 60);

/// Accounts and their sessions, as the configuration wants them. Clones share what they work with.
#[derive(Clone, Debug)]
pub struct People {
    custody: Custody,
    session_idle: Duration,
    session_max: Duration,
}

/// Someone who has just shown who they are.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Who.
    pub account: AccountId,
    /// The organization they look at first.
    pub organization: OrganizationId,
    /// How they showed it.
    pub method: SignInMethod,
}

impl People {
    /// The people of one installation.
    pub fn new(config: &Config, custody: Custody) -> Self {
        Self {
            custody,
            session_idle: config.console.session_idle,
            session_max: config.console.session_max,
        }
    }

    /// Where what they have is sealed.
    pub fn custody(&self) -> &Custody {
        &self.custody
    }

    /// Where what they have is kept.
    pub fn store(&self) -> &Store {
        self.custody.store()
    }

    /// Who is signed in by the session of this hash, and what they may do. Counts as a use.
    pub async fn signed_in(&self, hash: &TokenHash) -> Result<Option<SignedIn>, StoreError> {
        self.store().signed_in(hash, self.session_idle).await
    }

    /// Whether someone proved so recently who they are that they may do what asks for it.
    pub fn is_fresh(&self, session: &Session) -> bool {
        self.now().since(session.proved_at) < FRESH
    }

    /// Signs in whoever proved who they are; the session that the browser came with ends. The token
    /// is for the browser's cookie alone.
    pub async fn begin_session(
        &self,
        proven: Proven,
        browser: String,
        replaces: Option<TokenHash>,
    ) -> Result<(Session, Token), StoreError> {
        let new = NewSession {
            organization: proven.organization,
            account: proven.account,
            method: proven.method,
            browser,
            lasts: self.session_max,
            replaces,
        };
        self.store().create_session(new).await
    }

    /// The sessions of an account that are alive, the newest first.
    pub async fn sessions(&self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        self.store().sessions(account, self.session_idle).await
    }

    fn now(&self) -> Timestamp {
        self.store().clock().now()
    }
}
