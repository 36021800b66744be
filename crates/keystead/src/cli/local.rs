//! What commands on this machine work with: configuration, store and root key.

use super::{
    Global,
    failure::{Failure, chain},
};
use crate::{
    clock::Clock,
    config::{Config, RootKeySource},
    custody::{Custody, CustodyError},
    root::RootKeyError,
    store::{Access, Store, StoreError},
};

/// This machine's installation.
pub(super) struct Local {
    pub(super) config: Config,
}

impl Local {
    pub(super) fn new(global: &Global) -> Result<Self, Failure> {
        Ok(Self {
            config: global.resolve()?.config,
        })
    }

    /// Whether there is no root key yet, so that the next command that writes makes one.
    pub(super) fn needs_root_key(&self) -> bool {
        match &self.config.root_key {
            RootKeySource::File(path) => !path.exists(),
            RootKeySource::PassphraseFile(_) => false,
        }
    }

    /// The store, not yet opened with the root key.
    pub(super) async fn store(&self, access: Access) -> Result<Store, Failure> {
        Ok(Store::open(&self.config.store.url, access, Clock::system()).await?)
    }

    /// The store with its root key.
    pub(super) async fn custody(&self, access: Access) -> Result<Custody, Failure> {
        let source = self.config.root_key.load()?;
        let store = self.store(access).await?;
        Ok(Custody::open(store, &source).await?)
    }
}

/// Where the root key is, and what to do if it was just made.
pub(super) fn root_key(config: &Config, is_new: bool) -> String {
    match &config.root_key {
        RootKeySource::File(path) if is_new => {
            let path = path.display();
            format!("made at {path}. Keep a copy elsewhere: without it stored keys can't be read")
        }
        RootKeySource::File(path) => path.display().to_string(),
        RootKeySource::PassphraseFile(_) => "from a passphrase".to_owned(),
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::caused(&error);
        match error {
            StoreError::Locked { .. } => failure
                .coded("store_locked")
                .hint("stop that process first, or use the API while it runs"),
            StoreError::NewerSchema { .. } => failure
                .coded("schema_newer")
                .hint("run the version that migrated it, or a later one"),
            StoreError::OlderSchema { .. } => failure
                .coded("schema_older")
                .hint("`keystead db migrate`, or a start of the server"),
            StoreError::Absent { .. } => failure
                .coded("store_absent")
                .hint("`keystead init` makes one; --data-dir says where"),
            StoreError::NotEmpty => failure.coded("store_not_empty").hint(
                "name a fresh place with --data-dir or `store.url`; what is there stays as it is",
            ),
            StoreError::InUse => failure.coded("store_in_use"),
            StoreError::NothingInstalled => failure.coded("store_fresh"),
            StoreError::Conflict { code, .. } => failure.coded(code),
            StoreError::NotFound { .. } => failure.coded("not_found"),
            StoreError::Tampered { .. } => failure.coded("tampered"),
            _ => failure.coded("store"),
        }
    }
}

impl From<RootKeyError> for Failure {
    fn from(error: RootKeyError) -> Self {
        let failure = Self::configuration(error.code(), chain(&error));
        match error {
            RootKeyError::Missing { .. }
            | RootKeyError::Mismatch
            | RootKeyError::Malformed { .. }
            | RootKeyError::OtherSource { .. } => failure.hint(
                "without its root key nothing in the store can be read: restore the key from its \
                 backup, or correct `root_key` in the settings; if `keystead rekey` was interrupted, \
                 run it again",
            ),
            _ => failure,
        }
    }
}

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        match error {
            CustodyError::RootKey(error) => error.into(),
            CustodyError::Store(error) => error.into(),
            error => Self::caused(&error).coded("root_key"),
        }
    }
}
