//! Attempts leave the ledger by the day; their sums stay.

use std::{collections::BTreeSet, num::NonZeroU16, time::Duration};

use keystead::{
    alerts::{AlertKind, Finding},
    clock::Timestamp,
    ids::OrganizationId,
    store::{Batch, UsageRow},
};

use crate::{
    bed::{ACTOR, Bed},
    consents::agree,
    on_both_stores,
    sums::{Dice, in_the_store, organizations},
};

on_both_stores!(
    attempts_go_by_the_day_and_their_sums_stay,
    a_day_is_kept_to_its_first_microsecond,
    many_pages_go_at_once,
    what_is_old_goes_and_what_is_not_stays,
);

/// Each at its own age, to the day: sums by end user, findings, sessions.
async fn what_is_old_goes_and_what_is_not_stays(bed: Bed) {
    let there = bed.furnish().await;
    let (session, _) = bed.sign_in(&there).await;
    let organizations = organizations(&bed).await;
    let mut dice = Dice(7);
    let batch = Batch::from(dice.attempts(&bed, &organizations, 60));
    bed.store().append_usage(&batch).await.unwrap();
    let found = |object: &str| Finding::new(AlertKind::Panic, "process", &object);
    bed.store().raise(found("old"));
    bed.store().raise(found("open"));
    for alert in bed.store().alerts().await.unwrap() {
        if alert.object == "old" {
            bed.store()
                .acknowledge_alert(ACTOR, there.organization, true, alert.id)
                .await
                .unwrap();
        }
    }
    let counted = async |table: &str| {
        let text = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        bed.only(&text).await.parse::<u64>().unwrap()
    };
    let subjects = counted("usage_subjects").await;
    agree(&bed, &there).await;
    assert!(subjects > 0);

    bed.clock.advance(DAY * 40);
    bed.store().raise(found("new"));
    assert_eq!(bed.store().alerts().await.unwrap().len(), 3);
    let store = bed.store();
    assert_eq!(store.delete_old_subjects(days(60)).await.unwrap(), 0);
    let gone = store.delete_old_subjects(days(30)).await.unwrap();
    assert_eq!(gone, subjects);
    let ago = |days| bed.clock.now() - DAY * days;
    assert_eq!(store.delete_old_alerts(ago(40)).await.unwrap(), 0);
    assert_eq!(store.delete_old_alerts(ago(39)).await.unwrap(), 1);
    assert_eq!(counted("consents").await, 2);
    assert_eq!(store.delete_superseded_consents(ago(40)).await.unwrap(), 0);
    assert_eq!(store.delete_superseded_consents(ago(39)).await.unwrap(), 1);
    assert_eq!(store.delete_superseded_consents(ago(0)).await.unwrap(), 0);
    assert_eq!(counted("consents").await, 1, "the last word stays");
    let ended = bed.clock.now().since(session.ends_at);
    let before = bed.clock.now() - ended;
    assert_eq!(store.delete_ended_sessions(before).await.unwrap(), 0);
    assert_eq!(store.delete_ended_sessions(before + DAY).await.unwrap(), 1);
    assert_eq!(counted("sessions").await, 0);
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

const DAY: Duration = Duration::from_secs(86_400);

async fn attempts_go_by_the_day_and_their_sums_stay(bed: Bed) {
    let organizations = organizations(&bed).await;
    let mut dice = Dice(30);
    let first = today(&bed) - 3;
    for _ in 0..4 {
        let batch = Batch::from(dice.attempts(&bed, &organizations, 120));
        bed.store().append_usage(&batch).await.unwrap();
        bed.clock.advance(DAY);
    }
    let sums = in_the_store(&bed.url).await;
    let whole = attempts(&bed, organizations, first).await;
    assert!(whole[..7].iter().all(|day| *day > 0), "{whole:?}");

    for kept in [5_u16, 2, 2, 1] {
        let gone = bed.store().thin_ledger(days(kept)).await.unwrap();

        let left = attempts(&bed, organizations, first).await;
        let cut = usize::try_from(today(&bed) - i64::from(kept) - first).unwrap();
        assert!(left[..cut].iter().all(|day| *day == 0), "{kept}: {left:?}");
        assert_eq!(left[cut..], whole[cut..], "{kept}");
        assert_eq!(in_the_store(&bed.url).await, sums, "sums stay");
        let again = bed.store().thin_ledger(days(kept)).await.unwrap();
        assert!(again == 0, "{kept}: {gone} pages went, and {again} later");
        // What is gone can't be added up any more, and is not.
        bed.store().rebuild_usage().await.unwrap();
        assert_eq!(in_the_store(&bed.url).await, sums, "sums stay");
    }
    bed.clock.advance(DAY * 9);
    assert!(bed.store().thin_ledger(days(1)).await.unwrap() > 0);
    assert!(
        attempts(&bed, organizations, first)
            .await
            .iter()
            .all(|day| *day == 0)
    );
    assert_eq!(in_the_store(&bed.url).await, sums, "sums stay");
}

async fn a_day_is_kept_to_its_first_microsecond(bed: Bed) {
    let organization = organizations(&bed).await[0];
    let mut dice = Dice(31);
    let midnight = Timestamp::from_micros((today(&bed) - 2) * 86_400_000_000);
    for at in [midnight, midnight - Duration::from_micros(1)] {
        let row = UsageRow {
            at,
            ..dice.attempt(&bed, organization)
        };
        let batch = Batch::from(vec![row]);
        bed.store().append_usage(&batch).await.unwrap();
    }

    assert_eq!(bed.store().thin_ledger(days(2)).await.unwrap(), 1);

    let before = bed.store().attempts(organization, today(&bed) - 3).await;
    assert!(before.unwrap().is_empty());
    let left = bed.store().attempts(organization, today(&bed) - 2).await;
    assert_eq!(left.unwrap()[0].at, midnight);
}

async fn many_pages_go_at_once(bed: Bed) {
    let organization = organizations(&bed).await[0];
    let mut dice = Dice(32);
    let mut pages = 0;
    for _ in 0..90 {
        let attempts = dice.attempts(&bed, &[organization], 4);
        let days = attempts.iter().map(|row| row.at.as_secs() / 86_400);
        pages += days.collect::<BTreeSet<_>>().len();
        let batch = Batch::from(attempts);
        bed.store().append_usage(&batch).await.unwrap();
    }
    bed.clock.advance(DAY * 10);

    let gone = bed.store().thin_ledger(days(3)).await.unwrap();

    assert_eq!(usize::try_from(gone).unwrap(), pages);
    assert!(pages > 200, "more than go in one transaction: {pages}");
}

/// How many attempts there are of each day from `first` to today, of both organizations.
async fn attempts(bed: &Bed, organizations: [OrganizationId; 2], first: i64) -> Vec<usize> {
    let mut counts = Vec::new();
    for day in first..=today(bed) {
        let mut count = 0;
        for organization in organizations {
            count += bed.store().attempts(organization, day).await.unwrap().len();
        }
        counts.push(count);
    }
    counts
}

fn days(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn today(bed: &Bed) -> i64 {
    bed.clock.now().as_secs() / 86_400
}
