//! What a token and an address stand for, looked up once and remembered until something changes.
//!
//! A [`Session`] joins the rows that a call's authority rests on with what every call needs of
//! them: the adapter, the destination, the buckets. [`Sessions`] is the cache of all threads;
//! [`News`](super::news::News) empties it of what a change touches. Absence is never cached.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32},
    },
};

use http::HeaderValue;
use keystead_providers::{Destination, HostRules, Provider, Scheme};
use keystead_vault::TokenHash;
use parking_lot::RwLock;

use super::{
    limiter::{Bucket, Limiter, Scope},
    news::Changed,
    plane::Places,
    refusal::Refusal,
};
use crate::{
    clock::Timestamp,
    ids::{ClientId, Handle, KeyId},
    net::pool::{UpstreamId, Upstreams},
    store::{Authority, Key},
};

/// The most sessions that are remembered; past it the cache starts anew.
const MOST: usize = 100_000;

/// A token at an address, with everything that a call needs.
#[derive(Debug)]
pub struct Session {
    /// The rows, as they were checked.
    pub authority: Authority,
    /// The key that the AddOn uses, if it has one.
    pub key: Option<SessionKey>,
    /// What the token, its subject, the AddOn and the application are charged to.
    pub buckets: [Bucket; 4],
}

/// The key of a session.
#[derive(Debug)]
pub struct SessionKey {
    /// Its row.
    pub row: Key,
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
    /// The calls that run with it now.
    pub running: Arc<AtomicU32>,
    /// What it is charged to.
    pub bucket: Bucket,
    /// Whether a provider refused it since the session was made; it is marked once.
    pub was_refused: AtomicBool,
}

/// By what a session is found.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SessionName {
    /// The token's hash.
    pub token: TokenHash,
    /// The application in the address.
    pub client_id: ClientId,
    /// The AddOn in the address.
    pub handle: Handle,
}

/// The sessions and the origins that all threads remember.
#[derive(Debug, Default)]
pub struct Sessions {
    shards: [RwLock<HashMap<SessionName, Arc<Session>>>; 16],
    origins: RwLock<HashMap<ClientId, Arc<Vec<String>>>>,
    running: RwLock<HashMap<KeyId, Arc<AtomicU32>>>,
}

impl Sessions {
    /// The remembered session, if it has not expired.
    #[must_use]
    pub fn find(&self, name: &SessionName, now: Timestamp) -> Option<Arc<Session>> {
        let session = self.shard(name).read().get(name).cloned()?;
        session.is_alive(now).then_some(session)
    }

    /// Remembers a session if `is_current` still says so under the lock: rows that were read
    /// before a change may be older than it, and the change's forgetting may be over.
    pub fn remember(
        &self,
        name: SessionName,
        session: &Arc<Session>,
        is_current: impl FnOnce() -> bool,
    ) -> bool {
        let mut shard = self.shard(&name).write();
        if !is_current() {
            return false;
        }
        if shard.len() >= MOST / self.shards.len() {
            shard.clear();
        }
        shard.insert(name, session.clone());
        true
    }

    /// The origins that an application lists, if they are remembered.
    #[must_use]
    pub fn origins(&self, client_id: ClientId) -> Option<Arc<Vec<String>>> {
        self.origins.read().get(&client_id).cloned()
    }

    /// Remembers an application's origins, as [`remember`](Self::remember) does.
    pub fn remember_origins(
        &self,
        client_id: ClientId,
        origins: Arc<Vec<String>>,
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
    pub fn forget(&self, changes: &[Changed]) {
        for shard in &self.shards {
            shard
                .write()
                .retain(|_, session| !changes.iter().any(|c| session.rests_on(*c)));
        }
        self.origins.write().clear();
    }

    /// Drops what has expired.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            shard.write().retain(|_, session| session.is_alive(now));
        }
        self.running
            .write()
            .retain(|_, running| Arc::strong_count(running) > 1);
    }

    /// The number of calls that run with a key, as one counter however many sessions use it.
    fn running(&self, key: KeyId) -> Arc<AtomicU32> {
        self.running.write().entry(key).or_default().clone()
    }

    fn shard(&self, name: &SessionName) -> &RwLock<HashMap<SessionName, Arc<Session>>> {
        &self.shards[usize::from(name.token.as_bytes()[0] & 15)]
    }
}

impl Session {
    /// Joins checked rows with what calls need of them.
    ///
    /// # Errors
    ///
    /// [`Refusal::Integrity`] when a row names a provider that does not exist.
    pub fn new(authority: Authority, parts: &SessionParts<'_>) -> Result<Self, Refusal> {
        let bucket = |scope, id| parts.limiter.bucket(scope, id);
        let buckets = [
            bucket(Scope::Token, authority.token.id.as_bytes()),
            bucket(
                Scope::Subject,
                first_half(authority.token.subject.as_bytes()),
            ),
            bucket(Scope::AddOn, authority.addon.id.as_bytes()),
            bucket(Scope::Application, authority.application.id.as_bytes()),
        ];
        let key = authority
            .key
            .clone()
            .map(|row| SessionKey::new(row, parts))
            .transpose()?;
        Ok(Self {
            authority,
            key,
            buckets,
        })
    }

    /// Whether the token still lives.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.authority.token.expires_at
    }

    /// Whether the session rests on what changed.
    #[must_use]
    pub fn rests_on(&self, changed: Changed) -> bool {
        let Authority {
            token,
            application,
            addon,
            key,
            ..
        } = &self.authority;
        match changed {
            Changed::Token(id) => token.id == id,
            Changed::ClientSecret(id) => token.secret == Some(id),
            Changed::Application(id) => application.id == id,
            Changed::Organization(id) => application.organization == id,
            Changed::AddOn(id) => addon.id == id,
            Changed::Key(id) => key.as_ref().is_some_and(|key| key.id == id),
            Changed::Everything => true,
            Changed::Other => false,
        }
    }
}

/// What sessions are made with.
#[derive(Clone, Copy, Debug)]
pub struct SessionParts<'a> {
    /// Where buckets come from.
    pub limiter: &'a Limiter,
    /// Where connections are numbered.
    pub upstreams: &'a Upstreams,
    /// For the counters of running calls.
    pub sessions: &'a Sessions,
    /// Where each provider is, as configured now.
    pub places: &'a Places,
}

impl SessionKey {
    fn new(row: Key, parts: &SessionParts<'_>) -> Result<Self, Refusal> {
        let provider = keystead_providers::by_name(&row.provider).ok_or(Refusal::Integrity)?;
        let destination = Arc::new(row.destination.clone());
        let rules = parts.places.rules(&row.provider);
        Ok(Self {
            is_displaced: is_displaced(provider, &destination, row.explicit_endpoint, rules),
            upstream: parts.upstreams.id(row.organization, &destination),
            running: parts.sessions.running(row.id),
            bucket: parts.limiter.bucket(Scope::Key, row.id.as_bytes()),
            host: HeaderValue::try_from(destination.authority()).map_err(|_| Refusal::Integrity)?,
            was_refused: AtomicBool::new(false),
            provider,
            destination,
            row,
        })
    }
}

/// Half of a 256-bit hash is still more than enough to keep subjects apart.
fn first_half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
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
