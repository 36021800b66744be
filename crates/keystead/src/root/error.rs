//! Why there is no root key. Each ends the program with exit code 78.

use std::{io, path::PathBuf};

/// Why there is no root key to go on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootKeyError {
    /// The file of the root key, or of its passphrase, is gone. A new key would open nothing.
    #[error("{} is missing: without the root key the store can't be opened", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },

    /// This is a root key, but not the one that the store was sealed with.
    #[error("the root key does not fit this store: it was sealed with another one")]
    Mismatch,

    /// Other users of the machine can read the file, or change it.
    #[error(
        "{} has mode {mode:04o}: what holds the root key is closed to group and others (chmod 600)",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },

    /// The file holds something else.
    #[error("{} is no root key: expected 64 hex digits", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },

    /// The file could not be read or made.
    #[error("{} could not be used for the root key", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// The configuration names one source of the root key, and the store was sealed with another.
    #[error("the store's root key comes from a {needed}, but a {configured} is configured")]
    OtherSource {
        /// What is configured.
        configured: &'static str,
        /// What the store needs.
        needed: &'static str,
    },

    /// Too short to seal a new store with.
    #[error(
        "a passphrase must have at least {} characters",
        super::Passphrase::SHORTEST
    )]
    PassphraseTooShort,

    /// There is neither a passphrase file nor a terminal to ask at, or nothing came from it.
    #[error("no passphrase was given")]
    NoPassphrase,

    /// The store's parameters of the derivation are nothing that Keystead would write.
    #[error("the store's passphrase parameters are not usable")]
    Parameters,
}

impl RootKeyError {
    /// The stable word, for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "root_key_missing",
            Self::Mismatch => "root_key_mismatch",
            Self::Permissions { .. } => "root_key_permissions",
            Self::Malformed { .. } => "root_key_malformed",
            Self::File { .. } => "root_key_unreadable",
            Self::OtherSource { .. } => "root_key_other_source",
            Self::PassphraseTooShort => "root_key_passphrase_short",
            Self::NoPassphrase => "root_key_passphrase_absent",
            Self::Parameters => "root_key_parameters",
        }
    }
}
