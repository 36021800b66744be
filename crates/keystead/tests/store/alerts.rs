//! Alerts: one a finding, open until somebody says that they saw it; and the rules that raise them.

use std::time::Duration;

use keystead::{
    alerts::{AlertKind, AlertRules, Finding},
    audit::Actor,
    clock::Timestamp,
    ids::RequestId,
    limits::{Budget, RowLimits},
    store::{
        Alert, AlertFilter, ApplicationChange, Batch, OrganizationChange, Prefix, Range, Refused,
        Units, UsageRow,
    },
    watch,
};

use crate::{
    bed::{ACTOR, Bed, Furnished},
    on_both_stores,
};

on_both_stores!(
    an_alert_is_open_until_somebody_saw_it,
    nobody_sees_the_alerts_of_others,
    quiet_traffic_raises_nothing,
    a_burst_of_refused_calls_is_told_once_an_hour,
    use_far_over_the_days_before_is_told_once_a_day,
    a_budget_is_told_at_four_fifths_and_when_it_is_used_up,
    a_key_is_old_after_its_rotation_age,
    a_key_is_unused_after_ninety_days,
    an_address_range_is_new_once,
);

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

async fn found(bed: &Bed) -> Vec<(AlertKind, String, u64)> {
    let alerts = bed.store().alerts().await.unwrap();
    let told = |alert: Alert| (alert.kind, alert.object, alert.count);
    let mut told: Vec<_> = alerts.into_iter().map(told).collect();
    told.sort();
    told
}

async fn look(bed: &Bed) -> Vec<(AlertKind, String, u64)> {
    watch::look(bed.store()).await.unwrap();
    found(bed).await
}

fn attempt(bed: &Bed, there: &Furnished) -> UsageRow {
    UsageRow {
        request: RequestId::new(&bed.clock),
        attempt: 1,
        at: bed.clock.now(),
        application: there.application.id,
        addon: there.addon.id,
        key: Some(there.key.id),
        provider: "openai",
        operation: "chat.completions",
        outcome: "answered",
        status: Some(200),
        units: Units {
            input_tokens: Some(1),
            output_tokens: Some(0),
            ..Units::default()
        },
        ..UsageRow::blank(there.organization)
    }
}

pub(crate) async fn use_it(bed: &Bed, there: &Furnished, times: usize) {
    let rows: Vec<_> = (0..times).map(|_| attempt(bed, there)).collect();
    bed.store().append_usage(&Batch::from(rows)).await.unwrap();
}

async fn an_alert_is_open_until_somebody_saw_it(bed: Bed) {
    let there = bed.furnish().await;
    let (store, organization) = (bed.store(), there.organization);
    let raise = || {
        let finding = Finding::new(AlertKind::KeyEchoed, "proxy", &there.key.id);
        store.raise(finding.within(organization));
    };
    let open = async || {
        store.alerts().await.unwrap();
        store.open_alerts(organization, false).await.unwrap()
    };
    raise();
    raise();
    assert_eq!(open().await, 1, "one alert, however often it is found");
    let filter = AlertFilter {
        with_installation: false,
        only_open: true,
    };
    let listed = async || {
        store
            .alerts_of(organization, filter, None, 9)
            .await
            .unwrap()
    };
    let alert = listed().await.remove(0);
    assert_eq!((alert.kind, alert.count), (AlertKind::KeyEchoed, 2));
    assert_eq!(alert.organization, Some(organization));

    let seen = store
        .acknowledge_alert(ACTOR, organization, false, alert.id)
        .await
        .unwrap();
    assert_eq!(seen.acknowledged_by.as_deref(), Some("operator"));
    assert_eq!((open().await, listed().await.len()), (0, 0));
    bed.clock.advance(Duration::from_secs(60));
    raise();
    assert_eq!(open().await, 1, "it was found again");
    let again = listed().await.remove(0);
    assert_eq!((again.id, again.count), (alert.id, 3));
    assert!(again.opened_at > alert.opened_at && again.first_at == alert.first_at);

    // Opened, seen, opened again: that much is on the log, and not each time that it was found.
    let events = store.audit_events(organization, 0, 99).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.object == alert.id.to_string())
        .map(|event| event.action.as_str())
        .collect();
    assert_eq!(told, ["alert.raised", "alert.acknowledged", "alert.raised"]);
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn nobody_sees_the_alerts_of_others(bed: Bed) {
    let there = bed.furnish().await;
    let other = bed.custody.create_organization(ACTOR, "Other");
    let other = other.await.unwrap().id;
    let store = bed.store();
    // Whose it is shows in the row that it is about.
    store.raise(Finding::new(AlertKind::Tampered, "keys", &there.key.id));
    store.raise(Finding::new(AlertKind::Panic, "process", &"request"));
    store.alerts().await.unwrap();
    let listed = async |organization, with_installation| {
        let filter = AlertFilter {
            with_installation,
            only_open: false,
        };
        let alerts = store
            .alerts_of(organization, filter, None, 9)
            .await
            .unwrap();
        alerts
            .into_iter()
            .map(|alert| alert.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed(there.organization, false).await,
        [AlertKind::Tampered]
    );
    assert_eq!(listed(other, false).await, []);
    assert_eq!(listed(other, true).await, [AlertKind::Panic]);
    assert_eq!(store.open_alerts(other, true).await.unwrap(), 1);
    let own = store.alerts().await.unwrap();
    let of_there = own.iter().find(|alert| alert.kind == AlertKind::Tampered);
    let id = of_there.unwrap().id;
    let stolen = store.acknowledge_alert(Actor::Operator, other, true, id);
    assert!(stolen.await.is_err(), "another's is unknown");
}

async fn quiet_traffic_raises_nothing(bed: Bed) {
    let there = bed.furnish().await;
    let change = ApplicationChange {
        limits: Some(budget("1000 requests/day")),
        ..ApplicationChange::default()
    };
    let (organization, application) = (there.organization, there.application.id);
    let limited = bed
        .store()
        .update_application(ACTOR, organization, application, change);
    limited.await.unwrap();
    for _ in 0..9 {
        use_it(&bed, &there, 200).await;
        refuse(&bed, &there, 20).await;
        assert_eq!(look(&bed).await, []);
        bed.clock.advance(DAY);
    }
}

pub(crate) fn budget(text: &str) -> RowLimits {
    let mut limits = RowLimits::default();
    let budget: Budget = text.parse().unwrap();
    limits.own.budgets.push(budget);
    limits
}

async fn refuse(bed: &Bed, there: &Furnished, count: u64) {
    let refused = Refused {
        of: Some((there.organization, there.application.id)),
        code: "rate_limited",
        count,
    };
    let refused = [refused];
    let added = bed.store().add_refused(bed.clock.now(), &refused);
    added.await.unwrap();
}

async fn a_burst_of_refused_calls_is_told_once_an_hour(bed: Bed) {
    let there = bed.furnish().await;
    bed.clock.advance(to_the_hour(bed.clock.now()));
    refuse(&bed, &there, 99).await;
    assert_eq!(look(&bed).await, []);
    refuse(&bed, &there, 1).await;
    let object = there.application.id.to_string();
    let once = [(AlertKind::RefusalsBurst, object.clone(), 1)];
    assert_eq!(look(&bed).await, once);
    bed.clock.advance(Duration::from_secs(120));
    assert_eq!(look(&bed).await, once, "it is the same burst");
    bed.clock.advance(Duration::from_secs(3_600));
    assert_eq!(look(&bed).await, once, "it is over");
    refuse(&bed, &there, 100).await;
    assert_eq!(look(&bed).await, [(AlertKind::RefusalsBurst, object, 2)]);
}

/// The time to the next whole hour, so that no burst of a test lies in two.
fn to_the_hour(now: Timestamp) -> Duration {
    Duration::from_secs(3_600 - now.as_secs().rem_euclid(3_600).unsigned_abs())
}

async fn use_far_over_the_days_before_is_told_once_a_day(bed: Bed) {
    let there = bed.furnish().await;
    for _ in 0..4 {
        use_it(&bed, &there, 50).await;
        bed.clock.advance(DAY);
    }
    use_it(&bed, &there, 150).await;
    assert_eq!(look(&bed).await, [], "three times is not far over");
    use_it(&bed, &there, 1).await;
    let object = there.application.id.to_string();
    let once = [(AlertKind::UsageUnusual, object, 1)];
    assert_eq!(look(&bed).await, once);
    bed.clock.advance(Duration::from_secs(120));
    use_it(&bed, &there, 1).await;
    assert_eq!(look(&bed).await, once);
}

async fn a_budget_is_told_at_four_fifths_and_when_it_is_used_up(bed: Bed) {
    let there = bed.furnish().await;
    let change = ApplicationChange {
        limits: Some(budget("10 requests/day")),
        ..ApplicationChange::default()
    };
    let (organization, application) = (there.organization, there.application.id);
    let limited = bed
        .store()
        .update_application(ACTOR, organization, application, change);
    limited.await.unwrap();
    let object = application.to_string();
    use_it(&bed, &there, 7).await;
    assert_eq!(look(&bed).await, []);
    use_it(&bed, &there, 1).await;
    let nearly = (AlertKind::BudgetNearlyUsed, object.clone(), 1);
    assert_eq!(look(&bed).await, std::slice::from_ref(&nearly));
    assert_eq!(
        look(&bed).await,
        std::slice::from_ref(&nearly),
        "once a day"
    );
    use_it(&bed, &there, 2).await;
    let used = (AlertKind::BudgetUsed, object.clone(), 1);
    assert_eq!(look(&bed).await, [used.clone(), nearly.clone()]);
    bed.clock.advance(DAY);
    assert_eq!(look(&bed).await, [used.clone(), nearly], "it begins anew");
    use_it(&bed, &there, 8).await;
    let again = (AlertKind::BudgetNearlyUsed, object, 2);
    assert_eq!(look(&bed).await, [used, again]);
}

async fn a_key_is_old_after_its_rotation_age(bed: Bed) {
    let there = bed.furnish().await;
    let rules = AlertRules {
        key_rotation_days: 7.try_into().unwrap(),
        ..AlertRules::default()
    };
    let change = OrganizationChange {
        alert_rules: Some(rules.clone()),
        ..OrganizationChange::default()
    };
    let changed = bed
        .store()
        .update_organization(ACTOR, there.organization, change);
    assert_eq!(changed.await.unwrap().alert_rules, rules);
    bed.clock.advance(6 * DAY);
    assert_eq!(look(&bed).await, []);
    bed.clock.advance(DAY);
    let once = [(AlertKind::KeyOld, there.key.id.to_string(), 1)];
    assert_eq!(look(&bed).await, once);
    bed.clock.advance(DAY);
    assert_eq!(look(&bed).await, once, "once of each version");
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_key_is_unused_after_ninety_days(bed: Bed) {
    let there = bed.furnish().await;
    let rules = AlertRules {
        key_rotation_days: 999.try_into().unwrap(),
        ..AlertRules::default()
    };
    let change = OrganizationChange {
        alert_rules: Some(rules),
        ..OrganizationChange::default()
    };
    let changed = bed
        .store()
        .update_organization(ACTOR, there.organization, change);
    changed.await.unwrap();
    bed.clock.advance(40 * DAY);
    use_it(&bed, &there, 1).await;
    bed.clock.advance(89 * DAY);
    assert_eq!(look(&bed).await, []);
    bed.clock.advance(DAY);
    let once = [(AlertKind::KeyUnused, there.key.id.to_string(), 1)];
    assert_eq!(look(&bed).await, once);
    bed.clock.advance(30 * DAY);
    assert_eq!(look(&bed).await, once);
}

async fn an_address_range_is_new_once(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, application) = (there.organization, there.application.id);
    let note = async |last: u8| {
        let prefix = Prefix::of([198, 51, last, 7].into());
        let noted = bed.store().note_range(organization, application, prefix);
        noted.await.unwrap()
    };
    assert_eq!(note(0).await, Range::Known, "the first is where it lives");
    assert_eq!(note(1).await, Range::New);
    assert_eq!(note(1).await, Range::Known);
    assert_eq!(note(0).await, Range::Known);
    for last in 2..16 {
        assert_eq!(note(last).await, Range::New);
    }
    assert_eq!(
        note(16).await,
        Range::OneOfMany,
        "it is called from anywhere"
    );
    // What is stored shows no address, and goes with the application.
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM address_ranges";
    assert_eq!(bed.only(count).await, "16");
    let deleted = bed
        .store()
        .delete_application(ACTOR, organization, application);
    deleted.await.unwrap();
    assert_eq!(bed.only(count).await, "0");
}
