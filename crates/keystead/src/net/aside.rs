//! Work that waits for a disk or for the system's resolver, on a thread beside those that serve.

use std::{future, panic};

use tokio::task;

/// Does `work` on a thread that may wait, and gives what comes of it. Its panic goes on here.
///
/// A runtime that is shut down takes no more work while tasks on it still run. Then this never returns:
/// whoever asked is dropped in the next moment, and a stop must not look like a disk or a name that failed.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            Err(_stopped) => future::pending().await,
        },
    }
}
