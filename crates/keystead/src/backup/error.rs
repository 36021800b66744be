//! Why there is no backup, or why one was not restored.

use std::{io, path::PathBuf};

use crate::{custody::CustodyError, erasure::BadTombstone, store::StoreError};

/// Why a backup was not made or not restored. Whatever it is, the store is as it was before, and there
/// is no file of the name asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A backup never takes another one's place.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },

    /// The file can't be written or read. Typically a disk that is full.
    #[error("{} could not be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },

    /// The file is something else.
    #[error("this is no backup of Keystead's")]
    NotOne,

    /// A newer Keystead made it.
    #[error("the backup has {what} {found}, newer than this program's {known}")]
    Newer {
        /// `format` or `schema`.
        what: &'static str,
        /// The backup's.
        found: i64,
        /// This program's.
        known: i64,
    },

    /// It is not as it was written: cut off, changed, put together from several.
    #[error("the backup is damaged at its frame {frame}: {reason}")]
    Damaged {
        /// Which frame; the first is 0.
        frame: u64,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// Its tables are not those of the schema that it says it has.
    #[error("the backup's table `{table}` is not as schema {schema} has it")]
    OtherTables {
        /// The table.
        table: String,
        /// The schema.
        schema: i64,
    },

    /// The store that it is for has a schema newer than the backup's.
    #[error(
        "the store has schema {found} already, the backup {wanted}: restore an older backup into a \
         database that has no tables yet"
    )]
    SchemaThere {
        /// The store's.
        found: i64,
        /// The backup's.
        wanted: i64,
    },

    /// A tombstone was edited, so what it would erase is not known.
    #[error(transparent)]
    Tombstone(#[from] BadTombstone),

    /// The root key, or what it opens.
    #[error(transparent)]
    Custody(#[from] CustodyError),

    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// The stable word, for scripts; `None` where the store or the root key has one of its own.
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Exists { .. } => "backup_exists",
            Self::File { .. } => "backup_file",
            Self::NotOne => "backup_not_one",
            Self::Newer { .. } => "backup_newer",
            Self::Damaged { .. } => "backup_damaged",
            Self::OtherTables { .. } => "backup_other_tables",
            Self::SchemaThere { .. } => "backup_schema_there",
            Self::Tombstone(_) => "tombstones_damaged",
            Self::Custody(_) | Self::Store(_) => return None,
        })
    }
}
