//! What is over goes: expired tokens, sessions and bindings, changes that everybody has heard of, the secrets
//! of retired key versions, and attempts that are older than the ledger is to be.

use std::{num::NonZeroU16, time::Duration};

use crate::{
    alerts::{AlertKind, Finding},
    clock::Clock,
    config::Retention,
    connect::Connect,
    custody::Custody,
    hardening,
    management::Metrics,
    store::Store,
};

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(60);

/// How often links are looked at that nobody confirmed.
const ENDED_LINKS: Duration = Duration::from_secs(15);

/// How often the ledger is looked at; what goes there is whole days.
const HOUR: Duration = Duration::from_secs(3_600);

/// So many attempts leave enough behind to be worth the some milliseconds that giving it back takes.
const BURST: u64 = 1_000;

/// How long the row of an expired token or link stays, so that what it did can still be told.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Raises an alert for panics: a defect that ended a request must not stay a number.
pub(super) async fn report_panics(store: Store, metrics: Metrics) {
    let mut known = metrics.panics();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        if metrics.panics() > known {
            known = metrics.panics();
            store.raise(Finding::new(AlertKind::Panic, "process", &"request"));
        }
    }
}

/// Gives memory back in the first quiet quarter of a second after a burst.
pub(super) async fn give_back_memory(metrics: Metrics) {
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut last, mut given_back) = (0, 0);
    loop {
        ticks.tick().await;
        let now = metrics.attempts();
        if now == last && now - given_back >= BURST {
            hardening::give_back_memory();
            given_back = now;
        }
        last = now;
    }
}

/// Ends the connect links that nobody confirmed: what was entered with them is not kept a minute longer.
pub(super) async fn end_links(connect: Connect) {
    let mut ticks = tokio::time::interval(ENDED_LINKS);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(problem) = connect.end_overdue_links().await {
            tracing::warn!(
                code = problem.code(),
                "Links that are over could not be ended"
            );
        }
    }
}

/// Goes on with organizations' other keys that a process began and did not finish.
pub(super) async fn finish_rotations(custody: Custody) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = custody.finish_rotations().await {
            tracing::warn!(%error, "The change of an organization's key could not be finished");
        }
    }
}

/// Cleans up for ever. A store that is away is asked again the next time.
pub(super) async fn run(store: Store, clock: Clock, retention: Retention) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tokens = store.delete_expired_tokens(clock.now() - KEPT).await;
        let sessions = match retention.sessions {
            Some(kept) => store.delete_ended_sessions(clock.now() - days(kept)).await,
            None => Ok(0),
        };
        let subjects = match retention.subjects {
            Some(kept) => store.delete_old_subjects(kept).await,
            None => Ok(0),
        };
        let consents = match retention.consents {
            Some(kept) => {
                let before = clock.now() - days(kept);
                store.delete_superseded_consents(before).await
            }
            None => Ok(0),
        };
        let alerts = match retention.alerts {
            Some(kept) => store.delete_old_alerts(clock.now() - days(kept)).await,
            None => Ok(0),
        };
        let codes = store.delete_ended_codes(clock.now() - KEPT).await;
        let families = store.delete_ended_families(clock.now() - KEPT).await;
        let links = store.delete_ended_links(clock.now() - KEPT).await;
        let connected = store.delete_ended_connect_links(clock.now() - KEPT).await;
        let tickets = store.delete_expired_tickets().await;
        let bindings = store.delete_expired_bindings().await;
        let changes = store.delete_old_changes().await;
        let versions = store.destroy_retired_versions().await;
        let answers = store.delete_old_answers().await;
        let refused = match retention.refusals {
            Some(kept) => store.delete_old_refused(clock.now() - days(kept)).await,
            None => Ok(0),
        };
        let deliveries = store.delete_old_deliveries(clock.now() - KEPT * 30).await;
        for outcome in [
            tokens, sessions, codes, families, links, connected, tickets, bindings, changes,
            versions, answers, refused, subjects, consents, alerts, deliveries,
        ] {
            if let Err(error) = outcome {
                tracing::warn!(%error, "What has expired could not be deleted");
            }
        }
    }
}

fn days(count: NonZeroU16) -> Duration {
    Duration::from_secs(u64::from(count.get()) * 24 * 3_600)
}

/// Keeps so many days of the ledger, for ever.
pub(super) async fn thin_ledger(store: Store, kept: NonZeroU16) {
    let mut ticks = tokio::time::interval(HOUR);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.thin_ledger(kept).await {
            Ok(0) => {}
            Ok(pages) => tracing::info!(pages, "Old attempts left the usage ledger"),
            Err(error) => tracing::warn!(%error, "Old attempts could not be deleted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        custody::Custody,
        root::RootKeySource,
        store::{Access, StoreUrl},
    };

    #[tokio::test]
    async fn a_panic_is_an_alert_and_quiet_is_none() {
        let name = format!("keystead-panics-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let url = StoreUrl::Sqlite(folder.join("db/keystead.db"));
        let store = Store::open(&url, Access::Write, Clock::system())
            .await
            .unwrap();
        let root = RootKeySource::File(folder.join("root.key"));
        let custody = Custody::open(store.clone(), &root).await.unwrap();
        let metrics = Metrics::new();
        let watching = tokio::spawn(report_panics(store.clone(), metrics.clone()));
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert!(store.alerts().await.unwrap().is_empty());
        metrics.panicked();
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let alerts = store.alerts().await.unwrap();
        assert_eq!(alerts[0].kind, AlertKind::Panic);
        watching.abort();
        drop(custody);
        store.close().await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
