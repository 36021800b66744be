//! People: how someone shows who they are, and how long that holds. No pages, no HTTP.
//!
//! | file | what it answers |
//! |---|---|
//! | `sign_in` | is this person who they say they are: password, code, passkey |
//! | `credentials` | what an account signs in with, seen to by its owner |
//! | `set_up`, `invitations` | the two single-use links: the first account, and a further one |
//! | `password`, `hasher`, `rehash`, `throttle` | what may be a password, where and how dearly it is hashed, who must wait |
//! | `totp`, `recovery`, `passkeys` | one-time codes, recovery codes, passkeys |
//! | `oidc` | signing in by one's own OpenID provider |
//! | `cookie` | where a session's token lies, and what its forms carry |
//! | `ticket` | what stands between two forms |
//!
//! Who is signed in is asked of the store on every request, so what ends a session holds on the next
//! one, in every process.

mod browser;
mod cookie;
mod credentials;
mod hasher;
mod invitations;
mod not_proven;
mod oidc;
mod passkeys;
mod password;
mod recovery;
mod rehash;
mod set_up;
mod sign_in;
mod throttle;
mod ticket;
mod totp;

use std::{fmt, sync::Arc, time::Duration};

use keystead_vault::{Token, TokenHash};

use crate::{
    clock::Timestamp,
    config::{BaseUrl, Config},
    custody::Custody,
    ids::{AccountId, OrganizationId},
    management::Metrics,
    net::Connector,
    store::{NewSession, Session, SignInMethod, SignedIn, Store, StoreError},
};

pub use self::{
    browser::browser_of,
    cookie::{cookie_name, cookie_value, csrf, csrf_fits},
    credentials::{Credentials, IdentityShown, PasskeyShown, TotpEnrolment},
    invitations::Invited,
    not_proven::NotProven,
    oidc::{Begun, Returned},
    password::{Password, WeakPassword},
    recovery::RecoveryCode,
    set_up::{Entrance, NewCredential},
    sign_in::{Checked, Proof},
};

use self::{hasher::Hasher, oidc::Provider, passkeys::Passkeys, throttle::Throttle};

/// How long a proof of who one is counts as fresh.
pub const FRESH: Duration = Duration::from_secs(5 * 60);

/// How long someone may take between two forms.
const TICKET_LASTS: Duration = Duration::from_secs(10 * 60);

/// Accounts and how they sign in, as the configuration wants it. Clones share it.
#[derive(Clone)]
pub struct People(Arc<Inner>);

struct Inner {
    custody: Custody,
    metrics: Metrics,
    session_idle: Duration,
    session_max: Duration,
    console: BaseUrl,
    hasher: Hasher,
    throttle: Throttle,
    passkeys: Option<Passkeys>,
    provider: Option<Provider>,
}

/// Someone who has just shown who they are.
#[derive(Clone, Copy, Debug)]
pub struct Proven {
    /// Who.
    pub account: AccountId,
    /// The organization they look at first.
    pub organization: OrganizationId,
    /// How they showed it.
    pub method: SignInMethod,
}

impl People {
    /// The people of one installation. Starts the threads that hash passwords.
    pub fn new(config: &Config, custody: Custody, metrics: Metrics, connector: Connector) -> Self {
        let console = &config.server.console_url;
        let clock = custody.store().clock().clone();
        let provider = config.oidc.clone();
        let provider = provider.map(|settings| Provider::new(settings, connector, clock, console));
        Self(Arc::new(Inner {
            custody,
            metrics,
            session_idle: config.console.session_idle,
            session_max: config.console.session_max,
            console: config.server.console_url.clone(),
            hasher: Hasher::start(),
            throttle: Throttle::default(),
            provider,
            passkeys: Passkeys::new(&config.server.console_url, &config.server.rp_id),
        }))
    }

    /// Where what they have is sealed.
    pub fn custody(&self) -> &Custody {
        &self.0.custody
    }

    /// Where what they have is kept.
    pub fn store(&self) -> &Store {
        self.0.custody.store()
    }

    /// Who is signed in by the session of this hash, and what they may do. Counts as a use.
    pub async fn signed_in(&self, hash: &TokenHash) -> Result<Option<SignedIn>, StoreError> {
        self.store().signed_in(hash, self.0.session_idle).await
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
        self.0.metrics.sign_in("done");
        let new = self.new_session(proven, browser, replaces);
        self.store().create_session(new).await
    }

    fn new_session(
        &self,
        proven: Proven,
        browser: String,
        replaces: Option<TokenHash>,
    ) -> NewSession {
        NewSession {
            organization: proven.organization,
            account: proven.account,
            method: proven.method,
            browser,
            lasts: self.0.session_max,
            replaces,
        }
    }

    fn now(&self) -> Timestamp {
        self.store().clock().now()
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("People(..)")
    }
}
