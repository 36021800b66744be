//! Gives signed checkpoints of the audit log to a place outside the store.

use std::time::Duration;

use serde_json::json;
use tokio::time::MissedTickBehavior;

use crate::{
    alerts::{AlertKind, Finding},
    custody::Custody,
    manage::time::rfc3339,
    net::sink::Sink,
};

/// Looks every `interval` whether the log has grown, for ever. What could not be given is made anew the
/// next time: a later checkpoint says all that an earlier one did.
pub(super) async fn run(custody: Custody, sink: Sink, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut given = None;
    loop {
        ticks.tick().await;
        let made = match custody.checkpoint().await {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(%error, "The audit log could not be signed");
                continue;
            }
        };
        if given == Some(made.head.size) {
            continue;
        }
        let root: String = made
            .head
            .root
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let line = json!({
            "at": rfc3339(custody.store().clock().now()),
            "size": made.head.size,
            "root": root,
            "note": made.note,
        });
        match sink.put(&line.to_string()).await {
            Ok(()) => given = Some(made.head.size),
            Err(error) => {
                tracing::warn!(%error, "A checkpoint of the audit log could not be given away");
                let store = custody.store();
                store.raise(Finding::new(
                    AlertKind::CheckpointNotKept,
                    "audit",
                    &"audit.checkpoints",
                ));
            }
        }
    }
}
