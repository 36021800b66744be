//! Memory of an open stream, with a thousand of them open.

use std::time::Duration;

use super::{all, connections};
use crate::bench::client::Connection;
use crate::bench::request;
use crate::bench::subject::Running;
use crate::failed::Failed;

const STREAMS: usize = 1_000;

/// Kibibytes a stream, on connections that each served so many requests before.
pub(in crate::bench) async fn measure(running: &Running, before: usize) -> Result<f64, Failed> {
    // What the first calls set up once is not a stream's.
    let call = running.request(request::JSON);
    let mut warm_up = Connection::open(running.port).await?;
    for _ in 0..50 {
        warm_up.call(&call).await?;
    }
    drop(warm_up);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let empty = running.process()?.memory()?;

    let mut tasks = Vec::with_capacity(STREAMS);
    for mut connection in connections(running.port, STREAMS).await? {
        let call = call.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..before {
                connection.call(&call).await?;
            }
            Ok(connection)
        }));
    }
    // Silent after its first event, so that what is counted is a stream's own and no chunk's.
    let stream = running.request(&request::stream(2, 600_000));
    let mut open = Vec::with_capacity(STREAMS);
    for mut connection in all(tasks).await? {
        connection.begin(&stream).await?;
        open.push(connection);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let full = running.process()?.memory()?;
    drop(open);
    #[expect(clippy::cast_precision_loss, reason = "below a few gigabytes")]
    let bytes = full.saturating_sub(empty) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let streams = STREAMS as f64;
    Ok(bytes / 1_024.0 / streams)
}
