//! What is measured, a file each. Every measurement has a fresh process to itself.

pub(super) mod bodies;
pub(super) mod burst;
pub(super) mod first_byte;
pub(super) mod memory;
pub(super) mod steady_rate;
pub(super) mod throughput;

use std::time::{Duration, Instant};

use super::client::Connection;
use crate::failed::{Failed, Trying as _};

/// Many connections, opened one after the other.
pub(super) async fn connections(port: u16, count: usize) -> Result<Vec<Connection>, Failed> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        open.push(Connection::open(port).await?);
    }
    Ok(open)
}

/// What each of some tasks came to; the first that failed fails all.
pub(super) async fn all<T: 'static>(
    tasks: Vec<tokio::task::JoinHandle<Result<T, Failed>>>,
) -> Result<Vec<T>, Failed> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.trying("a task of the load")??);
    }
    Ok(results)
}

/// Microseconds since then.
fn micros_since(began: Instant) -> f64 {
    micros(began.elapsed())
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
