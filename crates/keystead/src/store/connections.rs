//! Connections to the database: how they are set, and the file that SQLite's are to.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::{AnyPool, AssertSqlSafe, Connection as _, Executor as _, any::AnyPoolOptions};

use super::{StoreError, lock::WriterLock};

/// `synchronous=FULL`: in WAL mode the lesser NORMAL may lose what was committed last when the
/// machine loses power, and a commit here means that someone was told "done". What SQLite sorts beside its
/// cache stays in memory: no folder for temporary files may be written.
pub(super) const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON; \
    PRAGMA temp_store = MEMORY";
pub(super) const SQLITE_READER: &str = "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; \
    PRAGMA temp_store = MEMORY";
/// A server may have been set to acknowledge before it has written; here it may not. What a line that died left
/// begun is let go of before those who wait for it give up: every change of authority is behind one row.
pub(super) const POSTGRES_SESSION: &str = "SET synchronous_commit = on; SET lock_timeout = '10s'; \
    SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '5s'";

/// Whoever migrates may take long; whoever waits for them waits for a minute.
pub(super) const POSTGRES_MIGRATION: &str = "SET synchronous_commit = on; SET lock_timeout = '60s'";

const NOT_IN_URL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

/// How long a connection that was idle may take to say that it is there.
const SILENCE: Duration = Duration::from_secs(1);

/// Connections that are set by these statements, so many at most.
pub(super) async fn pool(
    address: &str,
    size: u32,
    session: impl Into<Arc<str>>,
) -> Result<AnyPool, StoreError> {
    let session: Arc<str> = session.into();
    let silence: Arc<Mutex<Option<Instant>>> = Arc::default();
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(5))
        // Bounded, which sqlx's own test is not: after a database moved, each connection of before
        // would take whoever draws it all of the five seconds.
        .test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let silence = silence.clone();
            Box::pin(async move {
                // An error, so that it is dropped: a silent peer can't be taken leave of.
                let silent = || io::Error::new(io::ErrorKind::TimedOut, "a connection is silent");
                // Where one was silent, those that nobody has used since are not waited for in turn.
                let unused_since = Instant::now().checked_sub(about.idle_for);
                if silence.lock().is_some_and(|at| unused_since < Some(at)) {
                    return Err(silent().into());
                }
                match tokio::time::timeout(SILENCE, connection.ping()).await {
                    Ok(said) => said.map(|()| true),
                    Err(_) => {
                        *silence.lock() = Some(Instant::now());
                        Err(silent().into())
                    }
                }
            })
        })
        .after_connect(move |connection, _| {
            let session = AssertSqlSafe(session.to_string());
            Box::pin(async move {
                connection.execute(session).await?;
                Ok(())
            })
        })
        .connect(address)
        .await?;
    Ok(pool)
}

/// The file as an address. `mode=rw`: a file that is not there is not made here.
pub(super) fn sqlite_address(path: &Path) -> Result<String, StoreError> {
    let path = std::path::absolute(path).map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })?;
    let place = utf8_percent_encode(&path.to_string_lossy(), NOT_IN_URL).to_string();
    Ok(format!("sqlite://{place}?mode=rw"))
}

/// Makes folder and file where they are missing, for this user alone, and takes the lock.
pub(super) fn prepare_file(path: &Path) -> Result<WriterLock, StoreError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| StoreError::File {
            path: folder.to_owned(),
            source,
        })?;
    let lock = WriterLock::take(folder)?;
    // SQLite gives its write-ahead log the mode of the database file.
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })?;
    Ok(lock)
}
