//! CPU time of a mebibyte in either direction.

use std::time::Duration;

use super::throughput::{self, Load};
use crate::bench::request;
use crate::bench::subject::Running;
use crate::failed::Failed;

/// In microseconds a request.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Bodies {
    pub(in crate::bench) up: f64,
    pub(in crate::bench) down: f64,
}

pub(in crate::bench) async fn measure(running: &Running, span: Duration) -> Result<Bodies, Failed> {
    let load = Load {
        connections: 4,
        warm_up: span / 4,
        span,
    };
    let up = vec![running.request(&request::large_call())];
    let down = vec![running.request(request::LARGE_ANSWER)];
    Ok(Bodies {
        up: throughput::measure(running, up, load)
            .await?
            .cpu_per_request,
        down: throughput::measure(running, down, load)
            .await?
            .cpu_per_request,
    })
}
