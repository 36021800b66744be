//! Time to a stream's first byte, one stream at a time.

use std::time::Instant;

use super::micros_since;
use crate::bench::client::Connection;
use crate::bench::request;
use crate::bench::statistics::{quantile, sorted};
use crate::bench::subject::Running;
use crate::failed::Failed;

/// The median, in microseconds.
pub(in crate::bench) async fn measure(running: &Running, streams: usize) -> Result<f64, Failed> {
    /// Not counted: they set up what later ones find.
    const WARM_UP: usize = 10;

    let request = running.request(&request::stream(3, 4));
    let mut connection = Connection::open(running.port).await?;
    let mut times = Vec::with_capacity(streams);
    for number in 0..WARM_UP + streams {
        let sent = Instant::now();
        let answer = connection.begin(&request).await?;
        if number >= WARM_UP {
            times.push(micros_since(sent));
        }
        connection.finish(answer).await?;
    }
    Ok(quantile(&sorted(times), 0.5))
}
