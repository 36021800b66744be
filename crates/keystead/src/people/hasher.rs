//! Where Argon2id runs: two threads of low priority with a short queue before them.
//!
//! One password costs as much as thousands of calls through the proxy. So however many are tried at
//! once, two are worked on, when nothing else wants the processor; some wait; and the rest are told to
//! come back. The data plane does not notice.

use std::{fmt, sync::Arc, thread};

use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use super::Password;
use crate::store::PasswordCost;

/// The queue is full: whoever asks is told to come back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many people sign in at this moment")]
pub(super) struct Busy;

/// Makes hashes of passwords. Its threads end when it is dropped.
pub(super) struct Hasher {
    queue: mpsc::Sender<Job>,
}

struct Job {
    password: Arc<Password>,
    cost: PasswordCost,
    salt: Vec<u8>,
    answer: oneshot::Sender<Zeroizing<[u8; 32]>>,
}

const THREADS: usize = 2;
/// About half a second's work.
const QUEUE: usize = 32;
/// How much less than others the threads want the processor.
const NICENESS: i32 = 10;

impl Hasher {
    /// Starts the threads.
    pub(super) fn start() -> Self {
        let (queue, jobs) = mpsc::channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..THREADS {
            let jobs = jobs.clone();
            let started = thread::Builder::new()
                .name("passwords".to_owned())
                .spawn(move || work(&jobs));
            if let Err(error) = started {
                // With one thread it goes on slower; with none, sign-ins are told to come back.
                tracing::error!(%error, "A thread for passwords could not be started");
            }
        }
        Self { queue }
    }

    /// What Argon2id makes of a password.
    pub(super) async fn derive(
        &self,
        password: impl Into<Arc<Password>>,
        cost: PasswordCost,
        salt: Vec<u8>,
    ) -> Result<Zeroizing<[u8; 32]>, Busy> {
        let (answer, derived) = oneshot::channel();
        let job = Job {
            password: password.into(),
            cost,
            salt,
            answer,
        };
        self.queue.try_send(job).map_err(|_| Busy)?;
        derived.await.map_err(|_| Busy)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(..)")
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    // Of this thread alone, on Linux. Where it is refused the queue still bounds what is done.
    _ = rustix::process::setpriority_process(None, NICENESS);
    loop {
        // Whoever holds the lock waits for the next job; the other waits for the lock.
        let next = jobs.lock().blocking_recv();
        let Some(job) = next else { return };
        // Nobody waits for the answer any more: the client hung up.
        if job.answer.is_closed() {
            continue;
        }
        if let Some(derived) = derive(&job.password, job.cost, &job.salt) {
            _ = job.answer.send(derived);
        }
    }
}

/// `None` for a cost that Argon2id can't have, or that would cost all memory: the row was checked, so
/// none was written.
fn derive(password: &Password, cost: PasswordCost, salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    if cost.memory_kib > 1024 * 1024 || cost.passes > 100 || cost.lanes > 16 {
        return None;
    }
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut derived = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.expose().as_bytes(), salt, &mut derived[..])
        .ok()?;
    Some(derived)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    fn password(text: &str) -> Password {
        Password::claimed(Zeroizing::new(text.to_owned()))
    }

    #[tokio::test]
    async fn password_salt_and_cost_decide_the_hash() {
        let hasher = Hasher::start();
        let derive = async |text, cost, salt| {
            let derived = hasher.derive(password(text), cost, vec![salt; 16]).await;
            *derived.unwrap()
        };
        let first = derive("twelve small tables", CHEAP, 7).await;
        assert_eq!(first, derive("twelve small tables", CHEAP, 7).await);
        assert_ne!(first, derive("twelve small table", CHEAP, 7).await);
        assert_ne!(first, derive("twelve small tables", CHEAP, 8).await);
        let dearer = PasswordCost { passes: 2, ..CHEAP };
        assert_ne!(first, derive("twelve small tables", dearer, 7).await);
    }

    #[tokio::test]
    async fn more_than_the_queue_holds_is_told_to_come_back() {
        let hasher = Arc::new(Hasher::start());
        let slow = PasswordCost {
            memory_kib: 19 * 1024,
            passes: 20,
            lanes: 1,
        };
        let asked: Vec<_> = (0..QUEUE + THREADS + 20)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move {
                    let derived = hasher.derive(password("x"), slow, vec![1; 16]).await;
                    derived.is_err()
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let mut busy = 0;
        for one in asked {
            if one.is_finished() {
                busy += usize::from(one.await.unwrap());
            } else {
                one.abort();
            }
        }
        assert!((1..=QUEUE + 20).contains(&busy), "{busy}");
        // What was given up is not worked on, so there is room again soon.
        for _ in 0..1_000 {
            let derived = hasher.derive(password("x"), CHEAP, vec![1; 16]).await;
            if derived.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the queue stays full");
    }
}
