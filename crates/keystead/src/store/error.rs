//! Why the store did not answer.

use std::{path::PathBuf, sync::Arc};

use sqlx::migrate::MigrateError;

/// Why the store did not do what it was asked.
///
/// Texts name tables and ids, never what a row holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A row is not as Keystead wrote it: edited, swapped or inserted by someone else, or it was
    /// written under another installation's keys. An alert is raised with this error.
    #[error("`{id}` in table `{table}` failed its integrity check")]
    Tampered {
        /// The table.
        table: &'static str,
        /// The row's id, or what stands in its place.
        id: String,
    },

    /// There is no such object in this organization.
    #[error("no such {what}: `{id}`")]
    NotFound {
        /// What was looked for, as a word: `key`, `application`.
        what: &'static str,
        /// The id asked for.
        id: String,
    },

    /// The object as it is now does not allow this.
    #[error("{reason}")]
    Conflict {
        /// A stable word for the API.
        code: &'static str,
        /// What is in the way, for a person.
        reason: String,
    },

    /// Another process writes to this SQLite store.
    #[error("the store is in use by {process}; only one process may write to it ({})", lock.display())]
    Locked {
        /// Name and number of the process that holds the lock.
        process: String,
        /// The lock file.
        lock: PathBuf,
    },

    /// A newer Keystead has migrated this store; an older one would not know what it reads.
    #[error("the store has schema {found}, newer than this program's {known}")]
    NewerSchema {
        /// The schema in the store.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },

    /// The store's schema is older than this program's, and it was opened for reading.
    #[error(
        "the store has schema {found}, older than this program's {known}: run `keystead db migrate`"
    )]
    OlderSchema {
        /// The schema in the store; 0 when it has none.
        found: i64,
        /// The schema this program needs.
        known: i64,
    },

    /// A migration did not go through. Typically a lock that was not to be had in time.
    #[error("the store could not be migrated")]
    Migration(#[source] MigrateError),

    /// There is no store where one should be read.
    #[error("there is no store at {}", path.display())]
    Absent {
        /// Where it was expected.
        path: PathBuf,
    },

    /// Another process has this store open, and would go on with what it knows.
    #[error("another Keystead has this store open: stop every server first")]
    InUse,

    /// Another root key would open nothing of this table: its records would be lost.
    #[error(
        "table `{table}` holds records that the root key wraps, and nothing here knows how to wrap them anew"
    )]
    RecordsLeft {
        /// The table.
        table: String,
    },

    /// There is a database with Keystead's tables, and nothing in it.
    #[error("nothing was ever installed in this store")]
    NothingInstalled,

    /// A backup can be restored into an empty store alone.
    #[error("the store is not empty: a backup is restored into a fresh one")]
    NotEmpty,

    /// The database has a column of a type that Keystead's tables don't have.
    #[error("column `{column}` of table `{table}` is of a type that is none of Keystead's")]
    ForeignColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },

    /// Rows can't be checked yet: the root key was not presented ([`Custody::open`]).
    ///
    /// [`Custody::open`]: crate::custody::Custody::open
    #[error("the store is sealed: the root key was not presented")]
    Sealed,

    /// The store was opened for reading.
    #[error("the store was opened for reading only")]
    ReadOnly,

    /// The process is ending; what was asked may have happened or not.
    #[error("the process is stopping")]
    Stopping,

    /// A file of the store could not be used.
    #[error("{} could not be used", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },

    /// What was to be written in one commit with others could not be.
    #[error("the audit log could not be written")]
    Together(#[source] Arc<Self>),

    /// The database is away, full, or refuses. What was asked has not happened, unless the
    /// connection broke while it was being committed.
    #[error("the database did not answer as expected")]
    Database(#[from] sqlx::Error),
}

impl StoreError {
    pub(crate) fn not_found(what: &'static str, id: &impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    /// Whether it is an answer about a row, so that another row may get another one.
    pub(crate) fn is_about_a_row(&self) -> bool {
        match self {
            Self::Database(error) => matches!(error, sqlx::Error::Database(_)),
            Self::Tampered { .. } | Self::NotFound { .. } | Self::Conflict { .. } => true,
            _ => false,
        }
    }

    /// Whether the database refused a row because another has the same unique columns.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
