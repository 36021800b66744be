//! What a token and an address stand for, looked up once and remembered until something changes.
//!
//! A [`Session`] joins the rows that a call's authority rests on with what every call needs of
//! them: the adapter, the destination, the buckets. [`Sessions`] is the cache of all threads;
//! [`News`](super::news::News) empties it of what a change touches. Absence is never cached. The
//! rows that many sessions rest on are kept once ([`Rows`]): what the calls of a thousand users read
//! fits into the processor's caches then.

mod limits;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
};

use foldhash::fast::RandomState;
use http::HeaderValue;
use keystead_providers::{Destination, HostRules, Provider, Scheme};
use keystead_vault::{SubjectHash, TokenHash};
use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

pub(super) use self::limits::BudgetRule;
use self::limits::{Limits, SessionLimits};
use super::{call::Call, news::Changed, plane::Places, refusal::Refusal};
use crate::{
    clock::Timestamp,
    dpop::Thumbprint,
    ids::{
        AddOnId, ApplicationId, ClientId, ClientSecretId, FamilyId, Handle, KeyId, OrganizationId,
        TokenId,
    },
    kept::Kept,
    limits::{Defaults, Limiter, Stock, Taker},
    net::pool::{UpstreamId, Upstreams},
    store::{AddOn, Application, Authority, Grant, Key, KeyGrant, KeySource},
};

/// The most tokens whose sessions are remembered; past it the cache starts anew.
const MOST: usize = 100_000;
/// The most sessions of one token.
const MOST_OF_A_TOKEN: usize = 16;

/// A token at an address, with everything that a call needs.
#[derive(Debug)]
pub struct Session {
    /// The token: live when the session was made.
    pub token: SessionToken,
    /// Its application, which may be disabled.
    pub application: Arc<Application>,
    /// The AddOn at the address, which may be disabled.
    pub addon: Arc<AddOn>,
    /// What the end user lets the application use of their own, as [`Authority::own`]. Boxed, as the
    /// next: they are large, few sessions have them, and every call reads around them.
    pub own: Option<Box<KeyGrant>>,
    /// What the token rests on, as [`Authority::grant`].
    pub grant: Option<Box<Grant>>,
    /// Whose key serves its calls.
    pub source: Source,
    /// The key that serves them, if there is one: never another in its place.
    pub key: Option<Arc<SessionKey>>,
    /// What every call is charged to.
    pub limits: SessionLimits,
    /// Who takes of the memory for held bodies.
    pub held: Arc<Taker>,
    /// Who takes of the memory of proofs.
    pub proofs: Arc<Taker>,
}

/// What calls need of a token. Every session has one of its own, so it is small.
#[derive(Debug)]
pub struct SessionToken {
    /// Its id.
    pub id: TokenId,
    /// The end user it stands for.
    pub subject: SubjectHash,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The key without which it is of no use.
    pub key: Option<Box<Thumbprint>>,
    /// Whether the console minted it, for a page of its own to call with.
    pub is_console: bool,
    /// The client secret that minted it.
    secret: Option<ClientSecretId>,
    /// What it came of, if a person let the application have it.
    family: Option<FamilyId>,
}

/// Whose key serves a session's calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The application's.
    Application,
    /// The end user's own.
    User,
}

impl Source {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::User => "user",
        }
    }
}

/// The key of a session.
#[derive(Debug)]
pub struct SessionKey {
    /// Its row.
    pub row: Key,
    /// What the books know it by: of a user's own the permission's id, so that nobody can tell from two
    /// applications' books that it is one key.
    pub booked_as: KeyId,
    /// Its adapter.
    pub provider: &'static dyn Provider,
    /// Where it is sent, and nowhere else.
    pub destination: Arc<Destination>,
    /// The destination as the Host header says it.
    pub host: HeaderValue,
    /// Whether the configuration now names another place than the key was entered for.
    pub is_displaced: bool,
    /// The connections that may carry it.
    pub upstream: UpstreamId,
    /// Whether a provider refused it since its row was read; it is marked once.
    pub was_refused: AtomicBool,
}

/// By what a session is found in the store.
#[derive(Clone, Debug)]
pub struct SessionName {
    /// The token's hash.
    pub token: TokenHash,
    /// The application in the address.
    pub client_id: ClientId,
    /// The AddOn in the address.
    pub handle: Handle,
}

/// By token: it is used at one address as a rule, and at a few if it is for several AddOns.
type Remembered = HashMap<TokenHash, SmallVec<[Arc<Session>; 1]>, RandomState>;

/// The sessions and the origins that all threads remember.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Only what was found is remembered, by the hash of a token of ours: a quick hash of it will do.
    shards: [RwLock<Remembered>; 16],
    origins: RwLock<HashMap<ClientId, Origins>>,
}

/// Rows that many sessions rest on, each kept once for as long as it is the same.
#[derive(Debug, Default)]
pub(super) struct Rows {
    applications: Mutex<Kept<ApplicationId, Application>>,
    addons: Mutex<Kept<AddOnId, AddOn>>,
    /// By what they are booked as.
    keys: Mutex<Kept<KeyId, SessionKey>>,
    /// By the AddOn, and by what its key is booked as.
    limits: Mutex<Kept<(AddOnId, Option<KeyId>), Limits>>,
}

/// The pages that an application lists, by their origins.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    /// The application.
    pub(super) application: ApplicationId,
    /// Whose it is.
    pub(super) organization: OrganizationId,
    /// Those that it lists.
    pub(super) listed: Arc<[String]>,
}

impl Sessions {
    /// The remembered session of a token at the address of a call, if it has not expired.
    #[must_use]
    pub(super) fn find(
        &self,
        token: &TokenHash,
        call: &Call,
        now: Timestamp,
    ) -> Option<Arc<Session>> {
        let shard = self.shard(token).read();
        let mut sessions = shard.get(token)?.iter();
        let session = sessions.find(|session| session.is_at(call))?;
        session.is_alive(now).then(|| session.clone())
    }

    /// Remembers a session if `is_current` still says so under the lock: rows that were read
    /// before a change may be older than it, and the change's forgetting may be over.
    pub(super) fn remember(
        &self,
        token: TokenHash,
        session: &Arc<Session>,
        is_current: impl FnOnce() -> bool,
    ) -> bool {
        let mut shard = self.shard(&token).write();
        if !is_current() {
            return false;
        }
        if shard.len() >= MOST / self.shards.len() {
            shard.clear();
        }
        let sessions = shard.entry(token).or_default();
        sessions.retain(|other| other.addon.id != session.addon.id);
        if sessions.len() >= MOST_OF_A_TOKEN {
            sessions.clear();
        }
        sessions.push(session.clone());
        true
    }

    /// The origins that an application lists, if they are remembered.
    #[must_use]
    pub(super) fn origins(&self, client_id: ClientId) -> Option<Origins> {
        self.origins.read().get(&client_id).cloned()
    }

    /// Remembers an application's origins, as [`remember`](Self::remember) does.
    pub(super) fn remember_origins(
        &self,
        client_id: ClientId,
        origins: Origins,
        is_current: impl FnOnce() -> bool,
    ) {
        let mut known = self.origins.write();
        if is_current() {
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(client_id, origins);
        }
    }

    /// Forgets everything that rests on what changed.
    pub(super) fn forget(&self, changes: &[Changed]) {
        self.retain(|session| !changes.iter().any(|change| session.rests_on(*change)));
        self.origins
            .write()
            .retain(|_, origins| !changes.iter().any(|c| origins.rest_on(*c)));
    }

    /// Drops what has expired.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.retain(|session| session.is_alive(now));
    }

    fn retain(&self, stays: impl Fn(&Session) -> bool) {
        for shard in &self.shards {
            shard.write().retain(|_, sessions| {
                sessions.retain(|session| stays(session));
                !sessions.is_empty()
            });
        }
    }

    fn shard(&self, token: &TokenHash) -> &RwLock<Remembered> {
        &self.shards[usize::from(token.as_bytes()[0] & 15)]
    }
}

impl Origins {
    fn rest_on(&self, changed: Changed) -> bool {
        match changed {
            Changed::Application(id) => self.application == id,
            Changed::Organization(id) => self.organization == id,
            Changed::Everything => true,
            _ => false,
        }
    }
}

impl Session {
    /// Joins checked rows with what calls need of them.
    ///
    /// # Errors
    ///
    /// [`Refusal::Integrity`] when a row names a provider that does not exist.
    pub(super) fn new(mut authority: Authority, parts: &SessionParts<'_>) -> Result<Self, Refusal> {
        if authority.token.is_console {
            let console = parts.console_origin.to_owned();
            authority.application.origins.push(console);
        }
        let limits = SessionLimits::new(&authority, parts);
        let Authority {
            token,
            application,
            addon,
            key,
            own,
            grant,
            ..
        } = authority;
        let (source, row, own) = match own {
            Some(own) => (Source::User, own.key, Some(Box::new(own.grant))),
            None if addon.key_source == KeySource::User => (Source::User, None, None),
            None => (Source::Application, key, None),
        };
        let organization = application.organization;
        let key = row
            .map(|row| {
                let booked_as = own.as_ref().map_or(row.id, |grant| grant.booked_as());
                SessionKey::new(row, (organization, booked_as), parts)
            })
            .transpose()?;
        Ok(Self {
            held: parts.held.taker(application.id, organization),
            proofs: parts.proofs.taker(application.id, organization),
            token: SessionToken {
                id: token.id,
                subject: token.subject,
                expires_at: token.expires_at,
                key: token.key.map(Box::new),
                is_console: token.is_console,
                secret: token.secret,
                family: token.family,
            },
            application: parts.rows.application(application),
            addon: parts.rows.addon(addon),
            own,
            grant: grant.map(Box::new),
            source,
            key: key.map(|key| parts.rows.key(key)),
            limits,
        })
    }

    /// Models that may be used: what the AddOn allows, and the user of their own key; any, if empty.
    #[must_use]
    pub fn models(&self) -> Cow<'_, [String]> {
        let own = self.own.as_ref();
        both(&self.addon.models, own.map_or(&[], |own| &own.terms.models))
    }

    /// Whether a token that is bound to no key will not do. The console's own pages have none.
    #[must_use]
    pub(super) fn wants_key(&self) -> bool {
        self.application.require_dpop && !self.token.is_console
    }

    /// Whether the application's key serves somebody who could have brought their own.
    #[must_use]
    pub(super) fn has_free_tier(&self) -> bool {
        self.source == Source::Application
            && self.addon.key_source == KeySource::UserThenApplication
    }

    /// Whether it is for the address of a call.
    #[must_use]
    pub(super) fn is_at(&self, call: &Call) -> bool {
        self.application.client_id == call.client_id && self.addon.handle.as_str() == call.handle()
    }

    /// Whether the token still lives.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.token.expires_at
    }

    /// Whether the session rests on what changed.
    #[must_use]
    pub fn rests_on(&self, changed: Changed) -> bool {
        let Self {
            token,
            application,
            addon,
            own,
            grant,
            key,
            ..
        } = self;
        match changed {
            Changed::Token(id) => token.id == id,
            Changed::ClientSecret(id) => token.secret == Some(id),
            Changed::Family(id) => token.family == Some(id),
            Changed::Grant(id) => grant.as_ref().is_some_and(|grant| grant.id == id),
            Changed::Application(id) => application.id == id,
            Changed::Organization(id) => application.organization == id,
            Changed::AddOn(id) => addon.id == id,
            Changed::Key(id) => match own {
                Some(own) => own.key == id,
                None => key.as_ref().is_some_and(|key| key.row.id == id),
            },
            Changed::KeyGrant(id) => own.as_ref().is_some_and(|own| own.id == id),
            Changed::Subject(name) => name.is_of(&token.subject),
            Changed::Everything => true,
            Changed::Other => false,
        }
    }
}

impl Rows {
    fn application(&self, row: Application) -> Arc<Application> {
        self.applications.lock().find(row.id, row, PartialEq::eq)
    }

    fn addon(&self, row: AddOn) -> Arc<AddOn> {
        self.addons.lock().find(row.id, row, PartialEq::eq)
    }

    fn limits(&self, name: (AddOnId, Option<KeyId>), limits: Limits) -> Arc<Limits> {
        self.limits.lock().find(name, limits, PartialEq::eq)
    }

    fn key(&self, key: SessionKey) -> Arc<SessionKey> {
        let is_same = |known: &SessionKey, this: &SessionKey| known.row == this.row;
        self.keys.lock().find(key.booked_as, key, is_same)
    }
}

/// What sessions are made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionParts<'a> {
    /// Where buckets come from.
    pub limiter: &'a Limiter,
    /// Where rows are kept.
    pub(super) rows: &'a Rows,
    /// Where connections are numbered.
    pub upstreams: &'a Upstreams,
    /// The rules where an object has none of its own.
    pub defaults: &'a Defaults,
    /// Where each provider is, as configured now.
    pub places: &'a Places,
    /// Where the console's own pages are.
    pub console_origin: &'a str,
    /// The memory for held bodies.
    pub held: &'a Stock,
    /// The memory of proofs.
    pub proofs: &'a Stock,
}

impl SessionKey {
    fn new(
        row: Key,
        (organization, booked_as): (OrganizationId, KeyId),
        parts: &SessionParts<'_>,
    ) -> Result<Self, Refusal> {
        let provider = keystead_providers::by_name(&row.provider).ok_or(Refusal::Integrity)?;
        let destination = Arc::new(row.destination.clone());
        let rules = parts.places.rules(&row.provider);
        Ok(Self {
            is_displaced: is_displaced(provider, &destination, row.explicit_endpoint, rules),
            upstream: parts.upstreams.id(organization, &destination),
            host: HeaderValue::try_from(destination.authority()).map_err(|_| Refusal::Integrity)?,
            was_refused: AtomicBool::new(false),
            provider,
            destination,
            booked_as,
            row,
        })
    }
}

/// What two lists of models allow together; an empty one allows any. Lists that have nothing in common
/// allow what the first does: that the second does not, is found when the call names its model.
fn both<'a>(one: &'a [String], other: &'a [String]) -> Cow<'a, [String]> {
    if one.is_empty() {
        return other.into();
    }
    let common: Vec<_> = one.iter().filter(|name| other.contains(name)).collect();
    match common.is_empty() {
        true => one.into(),
        false => common.into_iter().cloned().collect(),
    }
}

/// Whether a key that was entered for `destination` may still go there. The address that the
/// configuration now names must be the one that its owner saw when the key was entered.
fn is_displaced(
    provider: &dyn Provider,
    destination: &Destination,
    has_endpoint: bool,
    rules: HostRules<'_>,
) -> bool {
    match rules.base_url {
        Some(base_url) if !has_endpoint => destination != base_url,
        _ if has_endpoint && rules.any_host => false,
        _ => {
            destination.scheme != Scheme::Https
                || !provider.about().destinations.knows(&destination.host)
        }
    }
}
