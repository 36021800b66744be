//! The ledger counts each attempt once; bindings belong to one subject; alerts are counted.

use std::{collections::BTreeMap, time::Duration};

use keystead::{
    alerts::{AlertKind, Finding},
    ids::RequestId,
    store::{Batch, Binding, Units, UsageBy, UsageDays, UsageFilter, UsageRow},
};

use crate::{
    bed::{Bed, Furnished},
    on_both_stores,
};

on_both_stores!(
    an_attempt_that_is_sent_twice_counts_once,
    an_object_belongs_to_one_subject,
    an_alert_that_is_raised_again_is_counted,
);

pub(crate) fn attempt(bed: &Bed, there: &Furnished) -> UsageRow {
    UsageRow {
        request: RequestId::new(&bed.clock),
        attempt: 1,
        at: bed.clock.now(),
        organization: there.organization,
        application: there.application.id,
        addon: there.addon.id,
        key: Some(there.key.id),
        key_version: Some(1),
        token: None,
        subject: None,
        provider: "openai",
        operation: "chat.completions",
        model: Some("gpt-5".into()),
        status: Some(200),
        outcome: "done",
        duration_us: 1_500_000,
        first_byte_us: Some(200_000),
        units: Units {
            input_tokens: Some(10),
            output_tokens: Some(5),
            ..Units::default()
        },
        is_estimated: false,
        cost_micro_usd: None,
        is_priced: false,
        takes_back: false,
        settles: None,
    }
}

async fn an_attempt_that_is_sent_twice_counts_once(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let rows: Vec<UsageRow> = (0..150).map(|_| attempt(&bed, &there)).collect();
    let batch = Batch::from(rows);
    store.append_usage(&batch).await.unwrap();
    store.append_usage(&batch).await.unwrap();
    store.append_usage(&Batch::default()).await.unwrap();
    bed.clock.advance(Duration::from_secs(86_400));
    let silent = UsageRow {
        units: Units::default(),
        ..attempt(&bed, &there)
    };
    let rows = vec![silent];
    store.append_usage(&Batch::from(rows)).await.unwrap();

    let today = bed.clock.now().as_secs() / 86_400;
    let days = UsageDays {
        first: today - 1,
        last: today,
    };
    let (by, all) = (UsageBy::Day, UsageFilter::default());
    let asked = store.usage(there.organization, by, days, &all, None, 9);
    let totals = asked.await.unwrap().rows;
    let told: Vec<_> = totals
        .iter()
        .map(|total| {
            let sums: BTreeMap<_, _> = total.sums.named().collect();
            let model = total.place.model.as_deref();
            (
                total.place.at,
                model,
                sums["attempts"],
                sums["input_tokens"],
            )
        })
        .collect();
    let model = Some("gpt-5");
    assert_eq!(told, [(today - 1, model, 150, 1500), (today, model, 1, 0)]);
    let other = bed
        .custody
        .create_organization(crate::bed::ACTOR, "Other")
        .await
        .unwrap()
        .id;
    let asked = store.usage(other, by, days, &all, None, 9).await;
    assert!(asked.unwrap().rows.is_empty());
}

async fn an_object_belongs_to_one_subject(bed: Bed) {
    let there = bed.furnish().await;
    let subject = async |uid| {
        bed.custody
            .subject(&there.application, "uid", "", uid)
            .await
            .unwrap()
    };
    let (one, two) = (subject("one").await, subject("two").await);
    let second = bed
        .install_addon(&there.application, &there.key, "second")
        .await;
    let binding = Binding {
        organization: there.organization,
        application: there.application.id,
        addon: there.addon.id,
        key: there.key.id,
        subject: one,
        kind: "response",
        object: "resp_0123456789".to_owned(),
        expires_at: bed.clock.now() + Duration::from_secs(60),
    };
    bed.store()
        .bind(std::slice::from_ref(&binding))
        .await
        .unwrap();
    let stolen = Binding {
        subject: two,
        ..binding.clone()
    };
    bed.store()
        .bind(std::slice::from_ref(&stolen))
        .await
        .unwrap();
    for (name, wanted, bound) in [
        ("its own", binding.clone(), true),
        ("another subject", stolen, false),
        (
            "another object",
            Binding {
                object: "resp_1".to_owned(),
                ..binding.clone()
            },
            false,
        ),
        (
            "another kind",
            Binding {
                kind: "file",
                ..binding.clone()
            },
            false,
        ),
        (
            "another AddOn",
            Binding {
                addon: second.id,
                ..binding.clone()
            },
            false,
        ),
    ] {
        assert_eq!(bed.store().bound(&wanted).await.unwrap(), bound, "{name}");
    }
    bed.clock.advance(Duration::from_secs(60));
    assert!(
        !bed.store().bound(&binding).await.unwrap(),
        "the provider has forgotten it"
    );
    assert_eq!(bed.store().delete_expired_bindings().await.unwrap(), 1);
}

async fn an_alert_that_is_raised_again_is_counted(bed: Bed) {
    let there = bed.furnish().await;
    for _ in 0..3 {
        let found = Finding::new(AlertKind::KeyEchoed, "proxy", &there.key.id);
        bed.store().raise(found);
        bed.clock.advance(Duration::from_secs(1));
    }
    let alerts = bed.store().alerts().await.unwrap();
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        (alerts[0].count, &*alerts[0].object),
        (3, &*there.key.id.to_string())
    );
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}
