//! What pages look up: sums by one thing, the newest attempts, rows of the audit log, keys in need.

use std::{collections::BTreeMap, time::Duration};

use keystead::{
    audit::{Action, AuditFilter, Event, Outcome},
    ids::{OrganizationId, RequestId},
    store::{
        AttemptEnd, AttemptFilter, AttemptPlace, Batch, Care, Figures, KeyStatus, UsageBy,
        UsageDays, UsageFilter, UsageGroup, UsageRow,
    },
};

use crate::{
    bed::{ACTOR, Bed, provider_key},
    on_both_stores,
    sums::{Dice, organizations},
};

on_both_stores!(
    shares_add_up_to_what_was_used,
    a_share_of_absurd_sums_stops_at_what_a_number_holds,
    the_newest_attempts_come_first_and_each_once,
    what_several_cores_carried_is_listed_as_it_ended,
    a_search_without_an_end_gives_up_and_goes_on,
    rows_of_the_log_are_found,
    keys_in_need_are_told_the_worst_first,
);

async fn shares_add_up_to_what_was_used(bed: Bed) {
    let [own, other] = organizations(&bed).await;
    let attempts = Dice(30).attempts(&bed, &[own, other], 900);
    let batch = Batch::from(attempts.clone());
    bed.store().append_usage(&batch).await.unwrap();
    let today = bed.clock.now().as_secs() / 86_400;
    let days = UsageDays {
        first: today - 1,
        last: today,
    };
    let row = attempts
        .iter()
        .find(|row| row.organization == own && row.key.is_some() && row.model.is_some())
        .unwrap();
    let filter = |set: &dyn Fn(&mut UsageFilter)| {
        let mut filter = UsageFilter::default();
        set(&mut filter);
        filter
    };
    let filters = [
        filter(&|_| ()),
        filter(&|it| it.provider = Some(row.provider.to_owned())),
        filter(&|it| it.application = Some(row.application)),
        filter(&|it| it.addon = Some(row.addon)),
        filter(&|it| it.key = row.key),
        filter(&|it| it.model = row.model.as_deref().map(str::to_owned)),
        filter(&|it| (it.addon, it.key) = (Some(row.addon), row.key)),
    ];
    let mut unpriced = 0;
    for filter in filters {
        let listed = bed
            .store()
            .usage(own, UsageBy::Day, days, &filter, None, 1_000);
        let listed = listed.await.unwrap().rows;
        let by_day = bed.store().usage_by_day(own, days, &filter).await.unwrap();
        for group in [
            UsageGroup::Provider,
            UsageGroup::Application,
            UsageGroup::AddOn,
            UsageGroup::Key,
            UsageGroup::Model,
        ] {
            let shares = bed.store().usage_shares(own, days, &filter, group, 100);
            let shares = shares.await.unwrap();
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for total in &listed {
                let name = match group {
                    UsageGroup::Provider => total.place.provider.clone(),
                    UsageGroup::Application => total.place.application.to_string(),
                    UsageGroup::AddOn => total.place.addon.to_string(),
                    UsageGroup::Key => total.place.key.map(|id| id.to_string()).unwrap_or_default(),
                    UsageGroup::Model => total.place.model.clone().unwrap_or_default(),
                };
                let tokens: BTreeMap<_, _> = total.sums.named().collect();
                *expected.entry(name).or_default() += tokens["input_tokens"];
            }
            let told = shares
                .iter()
                .map(|share| (share.name.clone(), share.figures.input_tokens));
            assert_eq!(told.collect::<BTreeMap<_, _>>(), expected, "{group:?}");
            assert!(shares.is_sorted_by_key(|share| std::cmp::Reverse(share.figures.requests)));

            let names: Vec<_> = shares.iter().map(|share| share.name.clone()).collect();
            let each = bed
                .store()
                .usage_by_day_of(own, days, &filter, group, &names);
            let mut rest = by_day.clone();
            let each = each.await.unwrap();
            if group == UsageGroup::Provider {
                let at_once = bed.store().usage_by_day_and_provider(own, days, &filter);
                assert_eq!(at_once.await.unwrap(), each);
            }
            for (day, share) in each {
                let of_day = rest.iter_mut().find(|(one, _)| *one == day).unwrap();
                of_day.1.take_off(&share.figures);
            }
            let nothing = |(_, left): &(i64, Figures)| *left == Figures::default();
            assert!(rest.iter().all(nothing), "{group:?}: {rest:?}");
        }
        let mut all = Figures::default();
        by_day.iter().for_each(|(_, figures)| all.add(figures));
        assert!(all.requests > 0, "{filter:?}");
        if all.cost() > all.cost_micro_usd {
            unpriced += 1;
        }
    }
    assert!(unpriced > 0);
    let nobody = OrganizationId::new(&bed.clock);
    let all = UsageFilter::default();
    assert!(
        bed.store()
            .usage_by_day(nobody, days, &all)
            .await
            .unwrap()
            .is_empty()
    );
    let none = bed
        .store()
        .usage_by_day_of(own, days, &all, UsageGroup::Key, &[]);
    assert!(none.await.unwrap().is_empty());
}

async fn a_share_of_absurd_sums_stops_at_what_a_number_holds(bed: Bed) {
    let [own, _] = organizations(&bed).await;
    let mut attempts = Dice(31).attempts(&bed, &[own], 40);
    for row in &mut attempts {
        row.units.input_tokens = Some(u64::MAX);
        row.takes_back = false;
    }
    let batch = Batch::from(attempts);
    bed.store().append_usage(&batch).await.unwrap();
    let today = bed.clock.now().as_secs() / 86_400;
    let days = UsageDays {
        first: today - 3,
        last: today,
    };
    let all = UsageFilter::default();
    let shares = bed
        .store()
        .usage_shares(own, days, &all, UsageGroup::Provider, 9);
    let shares = shares.await.unwrap();
    assert_eq!(shares.len(), 2);
    assert!(
        shares
            .iter()
            .all(|share| share.figures.input_tokens == i64::MAX as u64)
    );
}

/// An attempt that ended so many seconds ago, and took some.
fn ended(bed: &Bed, organization: OrganizationId, ago: u64, took: u64) -> UsageRow {
    UsageRow {
        request: RequestId::new(&bed.clock),
        attempt: 1,
        at: bed.clock.now() - Duration::from_secs(ago + took),
        duration_us: took * 1_000_000,
        provider: "openai",
        operation: "chat.completions",
        outcome: "answered",
        status: Some(200),
        ..UsageRow::blank(organization)
    }
}

async fn the_newest_attempts_come_first_and_each_once(bed: Bed) {
    let [own, other] = organizations(&bed).await;
    let mut dice = Dice(32);
    // Pages are written as time goes by; each holds what ended in its own moment, long or short.
    let mut expected = Vec::new();
    for moment in (0..40).rev() {
        let mut rows = Vec::new();
        for second in 0..dice.roll(6) {
            let mut row = ended(&bed, own, moment * 10 + second, dice.roll(900));
            row.status = Some([200, 404, 503][usize::try_from(dice.roll(3)).unwrap()]);
            row.application = [u8::try_from(dice.roll(3)).unwrap(); 16].into();
            rows.push(row);
        }
        rows.push(ended(&bed, other, moment * 10, 1));
        let taken_back = UsageRow {
            takes_back: true,
            ..ended(&bed, own, moment * 10, 2)
        };
        expected.extend(rows.iter().filter(|row| row.organization == own).cloned());
        rows.push(taken_back);
        bed.store().append_usage(&Batch::from(rows)).await.unwrap();
    }
    expected.sort_by_key(|row| std::cmp::Reverse(row.ended_at()));
    let since = bed.clock.now() - Duration::from_secs(200);
    let filters = [
        AttemptFilter::default(),
        AttemptFilter {
            application: Some([1; 16].into()),
            ..AttemptFilter::default()
        },
        AttemptFilter {
            end: Some(AttemptEnd::ProviderFailed),
            ..AttemptFilter::default()
        },
        AttemptFilter {
            since: Some(since),
            ..AttemptFilter::default()
        },
        AttemptFilter {
            before: Some(since),
            ..AttemptFilter::default()
        },
    ];
    for filter in filters {
        let fits = |row: &&UsageRow| {
            filter.application.is_none_or(|id| id == row.application)
                && filter.end.is_none_or(|end| end == AttemptEnd::of(*row))
                && filter.since.is_none_or(|since| row.ended_at() >= since)
                && filter.before.is_none_or(|before| row.ended_at() < before)
        };
        let wanted: Vec<_> = expected
            .iter()
            .filter(fits)
            .map(|row| row.request)
            .collect();
        assert!(wanted.len() > 5 && wanted.len() <= expected.len());
        for limit in [3, 50, 200] {
            let mut found = Vec::new();
            let mut after: Option<AttemptPlace> = None;
            loop {
                let page = bed
                    .store()
                    .recent_attempts(own, &filter, after.as_ref(), limit);
                let page = page.await.unwrap();
                assert!(page.attempts.len() <= usize::from(limit));
                found.extend(page.attempts.iter().map(|row| row.request));
                let Some(next) = page.next else { break };
                after = Some(next.to_string().parse().unwrap());
            }
            assert_eq!(found, wanted, "{filter:?} by {limit}");
        }
    }
}

/// A batch has a part of each core.
async fn what_several_cores_carried_is_listed_as_it_ended(bed: Bed) {
    let [own, _] = organizations(&bed).await;
    let rows: Vec<_> = (0..60).map(|ago| ended(&bed, own, ago, 1)).collect();
    let of_core = |core| rows.iter().skip(core).step_by(3).rev().cloned().collect();
    let batch = Batch {
        parts: [0, 1, 2].map(of_core).into(),
        ..Batch::default()
    };
    for _ in 0..2 {
        bed.store().append_usage(&batch).await.unwrap();
    }

    let any = AttemptFilter::default();
    let listed = bed.store().recent_attempts(own, &any, None, 100);
    let listed = listed.await.unwrap().attempts;
    let listed: Vec<_> = listed.iter().map(|row| row.request).collect();
    let expected: Vec<_> = rows.iter().map(|row| row.request).collect();
    assert_eq!(listed, expected);
}

async fn a_search_without_an_end_gives_up_and_goes_on(bed: Bed) {
    let [own, _] = organizations(&bed).await;
    let old = UsageRow {
        key: Some([9; 16].into()),
        ..ended(&bed, own, 30, 1)
    };
    bed.store()
        .append_usage(&Batch::from(vec![old.clone()]))
        .await
        .unwrap();
    for part in 0..5 {
        let rows: Vec<_> = (0..5_000).map(|_| ended(&bed, own, 20 - part, 1)).collect();
        bed.store().append_usage(&Batch::from(rows)).await.unwrap();
    }
    for page in 0..120 {
        let rows = vec![ended(&bed, own, 5, 1 + page)];
        bed.store().append_usage(&Batch::from(rows)).await.unwrap();
    }
    let filter = AttemptFilter {
        key: old.key,
        ..AttemptFilter::default()
    };
    let (mut after, mut asked, mut found) = (None, 0, Vec::new());
    loop {
        let page = bed
            .store()
            .recent_attempts(own, &filter, after.as_ref(), 10);
        let page = page.await.unwrap();
        asked += 1;
        found.extend(page.attempts.iter().map(|row| row.request));
        assert!(page.back_to.is_some() && page.looked_at <= 25_000);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found, asked), (vec![old.request], 2));
}

async fn rows_of_the_log_are_found(bed: Bed) {
    let there = bed.furnish().await;
    let began = bed.clock.now();
    let day = Duration::from_secs(86_400);
    for number in 0..30 {
        if number % 10 == 0 {
            bed.clock.advance(day);
        }
        let action = [
            Action::PasskeyUsed,
            Action::PasskeyRenamed,
            Action::TotpUsed,
        ][number % 3];
        let event = Event::new(ACTOR, action, &number)
            .within(there.organization)
            .outcome(if number % 2 == 0 {
                Outcome::Done
            } else {
                Outcome::Denied
            });
        bed.store().audit(event).await.unwrap();
    }
    let find = async |filter: AuditFilter, before, limit| {
        let found = bed
            .store()
            .find_audit_events(there.organization, &filter, before, limit);
        let found = found.await.unwrap();
        let objects: Vec<_> = found
            .events
            .iter()
            .map(|event| event.object.clone())
            .collect();
        (objects, found.next)
    };
    let all = AuditFilter::default;
    let (newest, next) = find(all(), None, 3).await;
    assert_eq!(newest, ["29", "28", "27"]);
    let (following, _) = find(all(), next, 2).await;
    assert_eq!(following, ["26", "25"]);
    let text = |text: &str| Some(text.to_owned());
    let wanted = AuditFilter {
        action: text("passkey."),
        outcome: text("denied"),
        ..all()
    };
    let (found, next) = find(wanted, None, 100).await;
    let expected: Vec<_> = (0..30)
        .rev()
        .filter(|number| number % 3 != 2 && number % 2 == 1)
        .map(|number: usize| number.to_string())
        .collect();
    assert_eq!((found, next), (expected, None));
    let of_object = AuditFilter {
        object: text("7"),
        actor: text("operator"),
        ..all()
    };
    assert_eq!(find(of_object, None, 9).await.0, ["7"]);
    let none = AuditFilter {
        actor: text("nobody"),
        ..all()
    };
    assert_eq!(find(none, None, 9).await, (vec![], None));
    // The second of three days.
    let of_day = AuditFilter {
        since: Some(began + day * 2),
        until: Some(began + day * 3),
        ..all()
    };
    let expected: Vec<_> = (10..20).rev().map(|number| number.to_string()).collect();
    assert_eq!(find(of_day, None, 100).await.0, expected);
    let other = bed
        .custody
        .create_organization(ACTOR, "Other")
        .await
        .unwrap();
    let found = bed
        .store()
        .find_audit_events(other.id, &all(), None, 100)
        .await
        .unwrap();
    assert!(
        found
            .events
            .iter()
            .all(|event| event.organization == Some(other.id))
    );
}

async fn keys_in_need_are_told_the_worst_first(bed: Bed) {
    let there = bed.furnish().await;
    let (old, _) = bed.add_key(&there.application).await;
    let (disabled, _) = bed.add_key(&there.application).await;
    bed.store()
        .set_key_disabled(ACTOR, there.organization, disabled.id, true)
        .await
        .unwrap();
    let in_need = async || {
        let (found, count) = bed
            .store()
            .keys_in_need(there.organization, 2)
            .await
            .unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.key.id, one.why)).collect();
        (found, count)
    };
    assert_eq!(in_need().await, (vec![], 0));

    bed.clock.advance(Duration::from_secs(91 * 86_400));
    let (wrong, _) = bed.add_key(&there.application).await;
    let status = KeyStatus::Wrong;
    bed.store()
        .set_key_status(there.organization, wrong.id, status)
        .await
        .unwrap();
    // Rotated just now, so no longer old; but nobody uses it.
    let fresh = provider_key("sk-test-0123456789abcdef");
    let rotated = bed.custody.rotate_key(
        ACTOR,
        there.organization,
        there.key.id,
        fresh,
        KeyStatus::Valid,
        Duration::ZERO,
    );
    rotated.await.unwrap();
    let unused = there.key.id;
    assert_eq!(
        in_need().await,
        (vec![(wrong.id, Care::Refused), (old.id, Care::Old)], 3)
    );
    let used = UsageRow {
        key: Some(unused),
        ..ended(&bed, there.organization, 1, 1)
    };
    bed.store()
        .append_usage(&Batch::from(vec![used]))
        .await
        .unwrap();
    assert_eq!(in_need().await.1, 2);
    let other = bed
        .custody
        .create_organization(ACTOR, "Other")
        .await
        .unwrap();
    let (found, count) = bed.store().keys_in_need(other.id, 9).await.unwrap();
    assert!(found.is_empty() && count == 0);
}
