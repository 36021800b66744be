//! `[store]` and `[root_key]`: where rows and the root key are kept.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    reader::{Fallback, Reader},
    value::Value,
};
use crate::{
    root::{self, Passphrase, RootKeyError},
    store::StoreUrl,
};

/// The `[store]` table.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Which database.
    pub url: StoreUrl,
    /// How old this process's knowledge of revocations may be before it refuses (PostgreSQL).
    pub max_staleness: Duration,
}

/// The `[root_key]` table: exactly one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKeySource {
    /// A file with the key itself.
    File(PathBuf),
    /// A file with a passphrase that the key is derived from.
    PassphraseFile(PathBuf),
}

impl StoreSettings {
    pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Self {
        let embedded = data_dir.join("db").join("keystead.db");
        let fallback = Fallback::derived(
            "sqlite:DATA_DIR/db/keystead.db",
            format!("sqlite:{}", embedded.display()),
        );
        let url = reader.secret(
            "store.url",
            Some(fallback),
            "The Data Store: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` \
             (`?sslmode=verify-full` for TLS). `store.url_file` names a file that holds it.",
        );
        Self {
            url: url.unwrap_or(StoreUrl::Sqlite(embedded)),
            max_staleness: reader.read(
                "store.max_staleness",
                "5s",
                "With PostgreSQL: a process that could not confirm for this long that it has seen \
                 every revocation refuses calls.",
            ),
        }
    }
}

impl RootKeySource {
    pub(super) fn read(reader: &mut Reader<'_>, data_dir: &Path) -> Self {
        const FILE: &str = "root_key.file";
        const PASSPHRASE: &str = "root_key.passphrase_file";
        let default = data_dir.join("root.key");
        let file = reader.read(
            FILE,
            Fallback::derived("DATA_DIR/root.key", default.display()),
            "File with the root key, mode 0600; made at the first start. Back it up apart from \
             the store: without it stored keys can't be read.",
        );
        let passphrase = reader.optional(
            PASSPHRASE,
            "File with a passphrase that the root key is derived from, in place of a key file. \
             `/dev/tty` asks at the terminal.",
        );
        match passphrase {
            Some(_) if reader.is_set(FILE) => {
                reader.conflict(PASSPHRASE, format!("excludes `{FILE}`; keep one"));
                Self::File(file)
            }
            Some(passphrase) => Self::PassphraseFile(passphrase),
            None => Self::File(file),
        }
    }
}

impl RootKeySource {
    /// What custody opens the store with; reads or asks for the passphrase if there is one.
    ///
    /// # Errors
    ///
    /// [`RootKeyError`] when no passphrase can be had.
    pub fn load(&self) -> Result<root::RootKeySource, RootKeyError> {
        Ok(match self {
            Self::File(path) => root::RootKeySource::File(path.clone()),
            Self::PassphraseFile(path) if path == Path::new("/dev/tty") => {
                root::RootKeySource::Passphrase(Passphrase::from_terminal()?)
            }
            Self::PassphraseFile(path) => {
                root::RootKeySource::Passphrase(Passphrase::from_file(path)?)
            }
        })
    }
}

impl Value for StoreUrl {
    const EXPECTED: &'static str = "`sqlite:PATH` or `postgres://…`";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
