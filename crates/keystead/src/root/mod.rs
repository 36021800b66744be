//! The root key: the one key that is not in the store.
//!
//! It wraps and unwraps the few keys below it and does nothing else, so that it can live outside
//! this process: a KMS or an HSM is one more file here. It is made once, on an installation's first
//! start, and never silently again: a store whose root key is missing or wrong is refused, because
//! a new one would open nothing that is sealed.

mod error;
mod file;
mod local;
mod next;
pub mod passphrase;
mod private;

use std::{fmt, path::PathBuf, pin::Pin};

use keystead_vault::{Context, OpenError};
use zeroize::Zeroizing;

use crate::store::{Installation, PassphraseParameters};

pub use self::{
    error::RootKeyError,
    next::{next_file, settle},
    passphrase::Passphrase,
};

/// Wraps and unwraps keys. The only thing that is ever asked of a root key.
pub trait RootKey: fmt::Debug + Send + Sync {
    /// Seals a key into a record that opens under the same context alone.
    fn wrap<'a>(&'a self, context: &'a Context<'a>, key: &'a [u8]) -> Answer<'a, Vec<u8>>;

    /// Opens such a record.
    fn unwrap<'a>(
        &'a self,
        context: &'a Context<'a>,
        record: &'a [u8],
    ) -> Answer<'a, Zeroizing<Vec<u8>>>;
}

/// What a root key says in its own time: boxed, because the trait is used as an object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, WrapError>> + Send + 'a>>;

/// Why a root key did not wrap or unwrap.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// The record is not this root key's, or not as it was sealed.
    #[error(transparent)]
    Refused(#[from] OpenError),
}

/// Where the root key comes from.
#[derive(Debug)]
pub enum RootKeySource {
    /// A file that holds it; made on first start.
    File(PathBuf),
    /// A passphrase that it is derived from.
    Passphrase(Passphrase),
}

/// A root key, and how it was derived if it was: a fresh installation writes that down.
#[derive(Debug)]
pub(crate) struct OpenedRoot {
    pub(crate) key: Box<dyn RootKey>,
    pub(crate) passphrase: Option<PassphraseParameters>,
}

impl RootKeySource {
    /// Finds the installation's root key; for a fresh one, makes it.
    ///
    /// Whether it is the right one, the key-check tells, not this.
    pub(crate) async fn open(
        &self,
        installation: Option<&Installation>,
    ) -> Result<OpenedRoot, RootKeyError> {
        let derived = installation.map(|installation| installation.passphrase.as_ref());
        match (self, derived) {
            (Self::File(path), None) => Ok(OpenedRoot::local(file::read_or_make(path)?)),
            (Self::File(path), Some(None)) => Ok(OpenedRoot::local(file::read(path)?)),
            (Self::Passphrase(passphrase), None) => {
                let parameters = passphrase.fresh_parameters()?;
                let key = passphrase.derive(&parameters).await?;
                Ok(OpenedRoot {
                    passphrase: Some(parameters),
                    ..OpenedRoot::local(key)
                })
            }
            (Self::Passphrase(passphrase), Some(Some(parameters))) => {
                Ok(OpenedRoot::local(passphrase.derive(parameters).await?))
            }
            (Self::File(_), Some(Some(_))) => Err(RootKeyError::OtherSource {
                configured: "file",
                needed: "passphrase",
            }),
            (Self::Passphrase(_), Some(None)) => Err(RootKeyError::OtherSource {
                configured: "passphrase",
                needed: "file",
            }),
        }
    }
}

impl OpenedRoot {
    fn local(key: keystead_vault::SealingKey) -> Self {
        crate::hardening::lock(key.expose());
        Self {
            key: Box::new(local::LocalRootKey::new(key)),
            passphrase: None,
        }
    }
}
