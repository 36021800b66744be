//! What has changed in the store since a thread last looked.
//!
//! The store counts its changes before the call that made one returns. Every call through the
//! proxy compares that count with what it has acted upon, so a revocation holds for the very next
//! call; what it costs when nothing changed is two loads.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{open::OpenedKeys, session::Sessions};
use crate::{
    ids::{
        AddOnId, ApplicationId, ClientSecretId, FamilyId, GrantId, KeyGrantId, KeyId,
        OrganizationId, TokenId,
    },
    store::{Change, Store, SubjectName},
};

/// An object that changed, as far as the data plane knows its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Changed {
    /// A tenant.
    Organization(OrganizationId),
    /// A host application.
    Application(ApplicationId),
    /// An AddOn.
    AddOn(AddOnId),
    /// A provider key.
    Key(KeyId),
    /// An access token.
    Token(TokenId),
    /// A client secret, and so the tokens minted with it.
    ClientSecret(ClientSecretId),
    /// All tokens that came of one authorization code.
    Family(FamilyId),
    /// What a person lets an application do, and so the tokens that rest on it.
    Grant(GrantId),
    /// What a person lets an application use of their own keys.
    KeyGrant(KeyGrantId),
    /// What is known of one end user.
    Subject(SubjectName),
    /// It is not known what: everything must be read again.
    Everything,
    /// Something that no call rests on.
    Other,
}

impl Changed {
    /// Reads the object's id by its prefix.
    #[must_use]
    pub fn read(change: &Change) -> Self {
        let text = change.object.as_str();
        if text == Change::EVERYTHING {
            return Self::Everything;
        }
        if let Some(subject) = change.subject() {
            return Self::Subject(subject);
        }
        match text.split_inclusive('_').next() {
            Some(OrganizationId::PREFIX) => {
                text.parse().map_or(Self::Everything, Self::Organization)
            }
            Some(ApplicationId::PREFIX) => text.parse().map_or(Self::Everything, Self::Application),
            Some(AddOnId::PREFIX) => text.parse().map_or(Self::Everything, Self::AddOn),
            Some(KeyId::PREFIX) => text.parse().map_or(Self::Everything, Self::Key),
            Some(TokenId::PREFIX) => text.parse().map_or(Self::Everything, Self::Token),
            Some(ClientSecretId::PREFIX) => {
                text.parse().map_or(Self::Everything, Self::ClientSecret)
            }
            Some(FamilyId::PREFIX) => text.parse().map_or(Self::Everything, Self::Family),
            Some(KeyGrantId::PREFIX) => text.parse().map_or(Self::Everything, Self::KeyGrant),
            Some(GrantId::PREFIX) => text.parse().map_or(Self::Everything, Self::Grant),
            _ => Self::Other,
        }
    }
}

/// The changes that the shared caches have yet to act upon.
#[derive(Debug)]
pub(super) struct News {
    store: Store,
    feed: Mutex<Receiver<Change>>,
    acted_upon: AtomicU64,
}

impl News {
    /// Listens from now on.
    #[must_use]
    pub(super) fn new(store: &Store) -> Self {
        let feed = Mutex::new(store.subscribe());
        let acted_upon = AtomicU64::new(store.generation());
        Self {
            store: store.clone(),
            feed,
            acted_upon,
        }
    }

    /// The store's count of changes as it is this moment.
    #[must_use]
    pub(super) fn generation(&self) -> u64 {
        self.store.generation()
    }

    /// Makes the caches forget what has changed. The count that it returns is the one they are
    /// true for.
    pub(super) fn catch_up(&self, sessions: &Sessions, opened: &OpenedKeys) -> u64 {
        let generation = self.store.generation();
        if self.acted_upon.load(Ordering::Acquire) == generation {
            return generation;
        }
        let mut feed = self.feed.lock();
        let mut changes = Vec::new();
        loop {
            match feed.try_recv() {
                Ok(change) => changes.push(Changed::read(&change)),
                Err(TryRecvError::Lagged(_)) => changes.push(Changed::Everything),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        sessions.forget(&changes);
        opened.forget(&changes);
        self.acted_upon.fetch_max(generation, Ordering::AcqRel);
        generation
    }
}
