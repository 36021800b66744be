//! Time from request to answer at a rate that leaves everybody idle most of the time.

use std::time::{Duration, Instant};

use super::{all, connections, micros_since};
use crate::bench::request;
use crate::bench::statistics::{quantile, sorted};
use crate::bench::subject::Running;
use crate::failed::Failed;

/// Requests a second.
const RATE: u32 = 300;

/// They take turns, so that no request waits for the one before.
const CONNECTIONS: u32 = 32;

/// In microseconds.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Latency {
    pub(in crate::bench) p50: f64,
    pub(in crate::bench) p99: f64,
}

pub(in crate::bench) async fn measure(
    running: &Running,
    span: Duration,
) -> Result<Latency, Failed> {
    let request = running.request(request::JSON);
    let gap = Duration::from_secs(1) / RATE;
    let begin = tokio::time::Instant::now() + Duration::from_millis(50);
    let end = begin + span;
    let mut tasks = Vec::new();
    for (mut connection, turn) in connections(running.port, CONNECTIONS as usize)
        .await?
        .into_iter()
        .zip(0..)
    {
        let request = request.clone();
        tasks.push(tokio::spawn(async move {
            // A connection's first request sets up what later ones find.
            connection.call(&request).await?;
            let mut times = Vec::new();
            let mut due = begin + gap * turn;
            while due < end {
                tokio::time::sleep_until(due).await;
                let sent = Instant::now();
                connection.call(&request).await?;
                times.push(micros_since(sent));
                due += gap * CONNECTIONS;
            }
            Ok(times)
        }));
    }
    let times = sorted(all(tasks).await?.concat());
    Ok(Latency {
        p50: quantile(&times, 0.5),
        p99: quantile(&times, 0.99),
    })
}
