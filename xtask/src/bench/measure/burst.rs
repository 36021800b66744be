//! Time to a stream's first byte while a thousand new connections come in a second.

use std::time::{Duration, Instant};

use super::{all, micros_since};
use crate::bench::client::Connection;
use crate::bench::request;
use crate::bench::statistics::{quantile, sorted};
use crate::bench::subject::Running;
use crate::failed::Failed;

/// One new connection each millisecond, for a second.
const CONNECTIONS: u32 = 1_000;

/// The slowest hundredth, in microseconds from the first packet of a new connection.
pub(in crate::bench) async fn measure(running: &Running) -> Result<f64, Failed> {
    // Long enough for all streams to be open together.
    let request = running.request(&request::stream(3, 600));
    let begin = tokio::time::Instant::now() + Duration::from_millis(20);
    let mut tasks = Vec::new();
    for turn in 0..CONNECTIONS {
        let (request, port) = (request.clone(), running.port);
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep_until(begin + Duration::from_millis(turn.into())).await;
            let began = Instant::now();
            let mut connection = Connection::open(port).await?;
            let answer = connection.begin(&request).await?;
            let time = micros_since(began);
            connection.finish(answer).await?;
            Ok(time)
        }));
    }
    Ok(quantile(&sorted(all(tasks).await?), 0.99))
}
