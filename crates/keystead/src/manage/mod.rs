//! What people and scripts with a role may do: applications, keys, AddOns, limits, usage, audit.
//!
//! An act is a plain function: the shared state, the proof of permission ([`May`]), what is wanted;
//! it checks every field, does it, and returns a *view*, a typed value that serialises to the JSON
//! of the REST API and that a page can show. The API and the console call the same acts, so there
//! is one place that says who may do what ([`permission`]) and one that says no ([`Problem`]).
//!
//! Nothing here knows HTTP. Objects of another organization do not exist: every look-up names the
//! caller's own. No view ever holds a provider's key; a client secret is in the one that makes it.

pub mod addons;
pub mod alerts;
pub mod api_tokens;
pub mod applications;
pub mod audit;
pub mod breakdown;
pub mod budgets;
mod caller;
pub mod client_secrets;
pub mod consent_texts;
pub mod decoys;
mod email_view;
pub mod erasure;
mod fields;
pub mod invitations;
pub mod issuer;
mod key_check;
pub(crate) mod key_entry;
pub mod keys;
pub mod limit_check;
pub mod limits;
pub mod members;
mod object;
pub mod organization;
pub mod owner_keys;
mod page;
pub mod permission;
pub mod posture;
pub mod problem;
pub mod refusals;
pub mod requests;
mod secret_text;
pub mod sessions;
mod shown_once;
pub mod system;
pub mod time;
pub mod trial;
pub mod usage;
pub mod webhooks;
mod word;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use keystead_providers::Prices;

use self::key_entry::KeyEntry;
pub(crate) use self::system::is_loopback;
pub use self::{
    caller::{Caller, May},
    email_view::EmailView,
    key_check::{Asked, KeyChecker},
    object::Object,
    page::{ByRole, List, Paging, Search},
    problem::Problem,
    secret_text::SecretText,
    shown_once::ShownOnce,
};
use crate::{
    config::{BaseUrl, Config},
    consent::Consents,
    custody::Custody,
    erasure::{Erasure, Place},
    limits::{Defaults, Limits},
    people::cookie_name,
    store::Store,
};

/// What the acts work with. Clones share it.
#[derive(Clone)]
pub struct Manage(Arc<Inner>);

struct Inner {
    custody: Custody,
    consents: Consents,
    entry: KeyEntry,
    /// Whether plain and private addresses are fine, as for tests.
    any_host: bool,
    public_url: BaseUrl,
    console_url: BaseUrl,
    cookie: &'static str,
    session_idle: Duration,
    defaults: Defaults,
    limits: Limits,
    prices: Arc<HashMap<&'static str, Prices>>,
    setting: system::Setting,
    erasure: Erasure,
}

impl Manage {
    /// Management of one process.
    pub fn new(
        config: &Config,
        custody: Custody,
        checker: Arc<dyn KeyChecker>,
        limits: Limits,
        prices: Arc<HashMap<&'static str, Prices>>,
        hardening: BTreeMap<&'static str, bool>,
    ) -> Self {
        let erasure = Erasure::new(custody.clone(), Place::of(config));
        Self(Arc::new(Inner {
            consents: Consents::new(config, custody.store().clone()),
            custody,
            erasure,
            entry: KeyEntry::new(config, checker),
            any_host: config.danger.allow_private_upstreams,
            public_url: config.server.public_url.clone(),
            console_url: config.server.console_url.clone(),
            cookie: cookie_name(&config.server.console_url),
            session_idle: config.console.session_idle,
            defaults: config.limits.default.clone(),
            limits,
            prices,
            setting: system::Setting::of(config, hardening),
        }))
    }

    /// What seals and opens.
    pub fn custody(&self) -> &Custody {
        &self.0.custody
    }

    /// What people agree to.
    pub fn consents(&self) -> &Consents {
        &self.0.consents
    }

    /// What reads and checks keys that are entered.
    pub(crate) fn entry(&self) -> &KeyEntry {
        &self.0.entry
    }

    /// Where the proxy is reached.
    pub fn public_url(&self) -> &BaseUrl {
        &self.0.public_url
    }

    /// Where the console is reached.
    pub fn console_url(&self) -> &BaseUrl {
        &self.0.console_url
    }

    /// The cookie that someone who is signed in at the console has.
    pub fn cookie(&self) -> &'static str {
        self.0.cookie
    }

    /// How long such a session lasts that nobody uses.
    pub fn session_idle(&self) -> Duration {
        self.0.session_idle
    }

    /// What erases.
    pub fn erasure(&self) -> &Erasure {
        &self.0.erasure
    }

    /// The Data Store.
    pub fn store(&self) -> &Store {
        self.0.custody.store()
    }
}

impl fmt::Debug for Manage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Manage(..)")
    }
}
