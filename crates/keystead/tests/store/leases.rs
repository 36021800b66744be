//! A budget is never leased beyond what is left of it, to however many processes; what a process
//! that is gone held is free again.

use std::time::Duration;

use keystead::{
    clock::Timestamp,
    ids::RequestId,
    limits::{CounterName, Holder, LeaseUse, Leased, Period, Unit},
    store::{Batch, ProcessId, Units, UsageRow},
};

use crate::{
    bed::{Bed, Furnished},
    on_both_stores,
};

on_both_stores!(
    never_more_than_is_left_is_leased,
    use_moves_from_the_lease_to_the_ledger_at_once,
    a_batch_that_is_sent_twice_is_used_once,
    what_a_killed_process_held_is_free_after_a_minute,
    each_holder_has_sums_of_its_own,
);

fn name(bed: &Bed, there: &Furnished, unit: Unit, holder: Holder) -> CounterName {
    CounterName {
        organization: there.organization,
        holder,
        unit,
        period: Period::Day,
        window: Period::Day.window(bed.clock.now()),
    }
}

fn until(bed: &Bed) -> Timestamp {
    bed.clock.now() + Duration::from_secs(60)
}

async fn lease(bed: &Bed, process: ProcessId, name: &CounterName, need: i64) -> Leased {
    let leased = bed
        .store()
        .lease_budget(process, name, 100, need, until(bed));
    leased.await.unwrap()
}

fn attempt(bed: &Bed, there: &Furnished, tokens: u64) -> UsageRow {
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
        units: Units {
            input_tokens: Some(tokens),
            output_tokens: Some(0),
            ..Units::default()
        },
        ..UsageRow::blank(there.organization)
    }
}

async fn never_more_than_is_left_is_leased(bed: Bed) {
    let there = bed.furnish().await;
    let name = name(&bed, &there, Unit::Requests, Holder::AddOn(there.addon.id));
    let processes = [
        ProcessId::random(),
        ProcessId::random(),
        ProcessId::random(),
    ];
    let mut leased = 0;
    // Small wishes, in turn: the first ones get more than they need, the last one nothing.
    for turn in 0..200 {
        let said = lease(&bed, processes[turn % 3], &name, 1).await;
        leased += said.extra;
        assert!(leased <= 100, "turn {turn}: {said:?}");
        if said.extra == 0 {
            break;
        }
    }
    assert_eq!(leased, 100, "all of it can be had");
    let said = lease(&bed, processes[0], &name, 1).await;
    assert_eq!((said.extra, said.used), (0, 0));

    // And at once: whoever asks last finds nothing left.
    let other = CounterName {
        unit: Unit::Tokens,
        ..name
    };
    let asking = (0..40).map(|turn| {
        let (store, process, until) = (bed.store().clone(), processes[turn % 3], until(&bed));
        tokio::spawn(async move {
            let leased = store.lease_budget(process, &other, 100, 7, until).await;
            leased.unwrap().extra
        })
    });
    let mut all = 0;
    for asked in asking.collect::<Vec<_>>() {
        all += asked.await.unwrap();
    }
    assert!((93..=100).contains(&all), "{all}");
}

async fn use_moves_from_the_lease_to_the_ledger_at_once(bed: Bed) {
    let there = bed.furnish().await;
    let name = name(&bed, &there, Unit::Tokens, Holder::Key(there.key.id));
    let (own, other) = (ProcessId::random(), ProcessId::random());
    assert_eq!(lease(&bed, own, &name, 60).await.extra, 60);
    let batch = Batch {
        process: own,
        leases: vec![LeaseUse { name, amount: 25 }],
        ..Batch::from(vec![attempt(&bed, &there, 25)])
    };
    bed.store().append_usage(&batch).await.unwrap();

    assert_eq!(bed.store().budget_state(&name).await.unwrap(), (25, 35));
    let said = lease(&bed, other, &name, 40).await;
    assert_eq!((said.extra, said.used, said.elsewhere), (40, 25, 35));
    assert_eq!(lease(&bed, other, &name, 1).await.extra, 0);

    // A call that used more than was leased leaves no lease, and never a negative one.
    let batch = Batch {
        process: own,
        leases: vec![LeaseUse { name, amount: 50 }],
        ..Batch::from(vec![attempt(&bed, &there, 50)])
    };
    bed.store().append_usage(&batch).await.unwrap();
    assert_eq!(bed.store().budget_state(&name).await.unwrap(), (75, 40));
    let give_back = [LeaseUse { name, amount: 40 }];
    bed.store().shrink_leases(other, &give_back).await.unwrap();
    assert_eq!(lease(&bed, own, &name, 25).await.extra, 25);
    assert_eq!(lease(&bed, own, &name, 1).await.extra, 0);
}

async fn a_batch_that_is_sent_twice_is_used_once(bed: Bed) {
    let there = bed.furnish().await;
    let name = name(&bed, &there, Unit::Tokens, Holder::Organization);
    let process = ProcessId::random();
    lease(&bed, process, &name, 50).await;
    let batch = Batch {
        process,
        leases: vec![LeaseUse { name, amount: 10 }],
        ..Batch::from(vec![attempt(&bed, &there, 10)])
    };
    for _ in 0..3 {
        bed.store().append_usage(&batch).await.unwrap();
    }
    assert_eq!(bed.store().budget_state(&name).await.unwrap(), (10, 40));
}

async fn what_a_killed_process_held_is_free_after_a_minute(bed: Bed) {
    let there = bed.furnish().await;
    let name = name(&bed, &there, Unit::Requests, Holder::AddOn(there.addon.id));
    let (killed, alive) = (ProcessId::random(), ProcessId::random());
    lease(&bed, killed, &name, 80).await;
    lease(&bed, alive, &name, 15).await;
    bed.clock.advance(Duration::from_secs(30));
    bed.store().renew_leases(alive, until(&bed)).await.unwrap();
    assert_eq!(lease(&bed, alive, &name, 10).await.extra, 0);

    bed.clock.advance(Duration::from_secs(31));
    assert_eq!(lease(&bed, alive, &name, 85).await.extra, 85);
    bed.store().delete_old_leases(alive).await.unwrap();
    assert_eq!(bed.store().budget_state(&name).await.unwrap(), (0, 100));

    // One that only slept finds its lease gone, and holds on to what its calls have.
    let held = [LeaseUse { name, amount: 3 }];
    bed.store()
        .replace_leases(killed, &held, until(&bed))
        .await
        .unwrap();
    assert_eq!(lease(&bed, killed, &name, 1).await.extra, 0);
}

async fn each_holder_has_sums_of_its_own(bed: Bed) {
    let there = bed.furnish().await;
    let subject = [7; 32];
    let mut row = attempt(&bed, &there, 5);
    row.subject = Some(keystead_vault::SubjectHash::from_bytes(subject));
    row.cost_micro_usd = Some(1_500_000);
    row.units.characters = Some(40);
    row.units.images = Some(2);
    row.units.credits_milli = Some(6_500);
    let batch = Batch::from(vec![row, attempt(&bed, &there, 8)]);
    bed.store().append_usage(&batch).await.unwrap();
    let (application, addon) = (there.application.id, there.addon.id);
    for (holder, requests, tokens) in [
        (Holder::Organization, 2, 13),
        (Holder::Application(application), 2, 13),
        (Holder::AddOn(addon), 2, 13),
        (Holder::Key(there.key.id), 2, 13),
        (Holder::Subject(application, subject), 1, 5),
        (Holder::AddOnSubject(addon, subject), 1, 5),
        (Holder::Subject(application, [8; 32]), 0, 0),
        (Holder::AddOn([1; 16].into()), 0, 0),
    ] {
        let used = async |unit| {
            let name = name(&bed, &there, unit, holder);
            bed.store().budget_state(&name).await.unwrap().0
        };
        assert_eq!(used(Unit::Requests).await, requests, "{holder:?}");
        assert_eq!(used(Unit::Tokens).await, tokens, "{holder:?}");
    }
    for (unit, amount) in [
        (Unit::Characters, 40),
        (Unit::Images, 2),
        (Unit::Credits, 6_500),
        (Unit::Money, 1_500_000),
    ] {
        let day = name(&bed, &there, unit, Holder::Organization);
        assert_eq!(bed.store().budget_state(&day).await.unwrap().0, amount);
        let month = CounterName {
            period: Period::Month,
            window: Period::Month.window(bed.clock.now()),
            ..day
        };
        assert_eq!(bed.store().budget_state(&month).await.unwrap().0, amount);
        let tomorrow = Period::Day.window(bed.clock.now() + Duration::from_secs(86_400));
        let next = CounterName {
            window: tomorrow,
            ..day
        };
        assert_eq!(bed.store().budget_state(&next).await.unwrap().0, 0);
    }
}
