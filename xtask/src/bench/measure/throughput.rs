//! CPU time a request, with as many requests as the connections allow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::{all, connections, micros};
use crate::bench::subject::Running;
use crate::failed::Failed;

/// How hard and how long.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Load {
    pub(in crate::bench) connections: usize,
    pub(in crate::bench) warm_up: Duration,
    pub(in crate::bench) span: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Throughput {
    /// Of the proxy, all its threads and the kernel's work for it, in microseconds.
    pub(in crate::bench) cpu_per_request: f64,
    /// The same by the names of its threads.
    pub(in crate::bench) by_thread: BTreeMap<String, f64>,
    pub(in crate::bench) requests_per_second: f64,
}

/// Each connection sends its next request when it has the last one's answer; the requests are
/// taken in turn.
pub(in crate::bench) async fn measure(
    running: &Running,
    requests: Vec<Vec<u8>>,
    load: Load,
) -> Result<Throughput, Failed> {
    let requests: Arc<[Vec<u8>]> = requests.into();
    let sent = Arc::new(AtomicUsize::new(0));
    let answered = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::with_capacity(load.connections);
    for mut connection in connections(running.port, load.connections).await? {
        let (requests, sent) = (Arc::clone(&requests), Arc::clone(&sent));
        let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            while !stop.load(Relaxed) {
                let turn = sent.fetch_add(1, Relaxed) % requests.len();
                connection.call(&requests[turn]).await?;
                answered.fetch_add(1, Relaxed);
            }
            Ok(())
        }));
    }

    tokio::time::sleep(load.warm_up).await;
    let process = running.process()?;
    let (before, first) = (process.cpu()?, answered.load(Relaxed));
    let began = std::time::Instant::now();
    tokio::time::sleep(load.span).await;
    let (after, last) = (process.cpu()?, answered.load(Relaxed));
    let span = began.elapsed();
    stop.store(true, Relaxed);
    all(tasks).await?;

    if first == last {
        return Err(Failed::new("no request was answered in the time measured"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
    let requests = (last - first) as f64;
    Ok(Throughput {
        cpu_per_request: micros(after.since(&before)) / requests,
        by_thread: after
            .by_thread_since(&before)
            .into_iter()
            .map(|(name, cpu)| (name, micros(cpu) / requests))
            .collect(),
        requests_per_second: requests / span.as_secs_f64(),
    })
}
