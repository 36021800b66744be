//! What the security report says of a set-up: what is weak, until it is mended.

use std::time::Duration;

use keystead::{
    clock::Timestamp,
    ids::BackupId,
    manage::posture::{self, Verdict},
    store::{AddOnChange, ApplicationChange, KeyStatus, LastBackup, Operations, Store, Weakness},
};

use crate::{
    alerts::{DAY, budget, use_it},
    bed::{ACTOR, Bed, Furnished, provider_key},
    on_both_stores,
};

on_both_stores!(
    a_key_that_needs_care_is_told_until_it_has_it,
    an_addon_that_may_too_much_is_told_until_it_may_less,
    an_application_that_is_wide_open_is_told_until_it_is_not,
    a_token_without_an_end_is_told_until_it_is_revoked,
    a_backup_is_told_by_its_age,
    a_schema_of_another_program_is_told,
);

/// The objects that have a weakness.
async fn weak(bed: &Bed, there: &Furnished, weakness: Weakness) -> Vec<String> {
    let organization = bed.store().organization(there.organization).await.unwrap();
    let found = bed.store().weaknesses(&organization).await.unwrap();
    let (_, objects) = found.into_iter().find(|(one, _)| *one == weakness).unwrap();
    objects
}

async fn a_key_that_needs_care_is_told_until_it_has_it(bed: Bed) {
    let there = bed.furnish().await;
    let (store, organization, key) = (bed.store(), there.organization, there.key.id);
    let is = async |weakness, expected: bool, why| {
        let expected = expected.then(|| key.to_string());
        let found = weak(&bed, &there, weakness).await;
        assert_eq!(found, Vec::from_iter(expected), "{weakness:?}: {why}");
    };
    let of_keys = [
        Weakness::KeyRefused,
        Weakness::KeyUnchecked,
        Weakness::KeyOld,
        Weakness::KeyUnused,
    ];
    for weakness in of_keys {
        is(weakness, false, "it is new, and works").await;
    }
    for (status, refused, unchecked) in [
        (KeyStatus::Wrong, true, false),
        (KeyStatus::NoCredit, true, false),
        (KeyStatus::Unchecked, false, true),
        (KeyStatus::Valid, false, false),
    ] {
        let noted = store.set_key_status(organization, key, status);
        noted.await.unwrap();
        is(Weakness::KeyRefused, refused, "by its status").await;
        is(Weakness::KeyUnchecked, unchecked, "by its status").await;
    }
    bed.clock.advance(89 * DAY);
    is(Weakness::KeyOld, false, "ninety days are not over").await;
    is(Weakness::KeyUnused, false, "ninety days are not over").await;
    bed.clock.advance(2 * DAY);
    is(Weakness::KeyOld, true, "nobody rotated it").await;
    is(Weakness::KeyUnused, true, "nobody used it").await;
    use_it(&bed, &there, 1).await;
    is(Weakness::KeyUnused, false, "it was used").await;
    let other = provider_key("sk-test-another-one-of-the-same-length");
    let rotated = bed.custody.rotate_key(
        ACTOR,
        organization,
        key,
        other,
        KeyStatus::Valid,
        Duration::ZERO,
    );
    rotated.await.unwrap();
    is(Weakness::KeyOld, false, "it was rotated").await;
    bed.clock.advance(91 * DAY);
    is(Weakness::KeyOld, true, "so is the new version now").await;
    let disabled = store.set_key_disabled(ACTOR, organization, key, true);
    disabled.await.unwrap();
    for weakness in of_keys {
        is(weakness, false, "it is disabled").await;
    }
}

async fn an_addon_that_may_too_much_is_told_until_it_may_less(bed: Bed) {
    let there = bed.furnish().await;
    let addon = there.addon.id;
    let change = async |change: AddOnChange| {
        let changed = bed
            .store()
            .update_addon(ACTOR, there.organization, addon, change);
        changed.await.unwrap();
    };
    let any_operation = |wide| AddOnChange {
        operations: Some(match wide {
            true => Operations::All,
            false => Operations::Default,
        }),
        ..AddOnChange::default()
    };
    let gated = |wide: bool| AddOnChange {
        allow: Some(wide.then(|| "background".to_owned()).into_iter().collect()),
        ..AddOnChange::default()
    };
    let any_model = |wide: bool| AddOnChange {
        models: Some((!wide).then(|| "gpt-5".to_owned()).into_iter().collect()),
        ..AddOnChange::default()
    };
    let ways: [(_, &dyn Fn(bool) -> AddOnChange); 3] = [
        (Weakness::AnyOperation, &any_operation),
        (Weakness::GatedFeatures, &gated),
        (Weakness::AnyModel, &any_model),
    ];
    for (weakness, way) in ways {
        assert_eq!(weak(&bed, &there, weakness).await, [""; 0], "{weakness:?}");
        change(way(true)).await;
        let found = weak(&bed, &there, weakness).await;
        assert_eq!(found, [addon.to_string()], "{weakness:?}");
        change(way(false)).await;
        assert_eq!(weak(&bed, &there, weakness).await, [""; 0], "{weakness:?}");
    }
}

async fn an_application_that_is_wide_open_is_told_until_it_is_not(bed: Bed) {
    let there = bed.furnish().await;
    let application = there.application.id;
    let change = async |change: ApplicationChange| {
        let changed =
            bed.store()
                .update_application(ACTOR, there.organization, application, change);
        changed.await.unwrap();
    };
    let origin = |origin: &str| ApplicationChange {
        origins: Some(vec![origin.to_owned()]),
        ..ApplicationChange::default()
    };
    let plain = async || weak(&bed, &there, Weakness::PlainOrigin).await;
    assert_eq!(plain().await, [""; 0], "it lists none");
    change(origin("http://localhost:3000")).await;
    assert_eq!(plain().await, [application.to_string()]);
    change(origin("https://shop.example")).await;
    assert_eq!(plain().await, [""; 0]);

    let unbounded = async || weak(&bed, &there, Weakness::NoBudget).await;
    assert_eq!(unbounded().await, [application.to_string()]);
    change(ApplicationChange {
        limits: Some(budget("10 USD/day")),
        ..ApplicationChange::default()
    })
    .await;
    assert_eq!(unbounded().await, [""; 0]);
}

async fn a_token_without_an_end_is_told_until_it_is_revoked(bed: Bed) {
    let there = bed.furnish().await;
    let token = there.founded.api_token.id;
    let endless = async || weak(&bed, &there, Weakness::EndlessApiToken).await;
    assert_eq!(endless().await, [token.to_string()]);
    let revoked = bed
        .store()
        .revoke_api_token(ACTOR, there.organization, token);
    revoked.await.unwrap();
    assert_eq!(endless().await, [""; 0]);
}

async fn check(bed: &Bed, name: &str) -> (Verdict, String, Vec<String>) {
    let checks = posture::of_store(bed.store()).await.unwrap();
    let found = checks.into_iter().find(|check| check.name == name);
    let found = found.unwrap();
    (found.state, found.advice, found.objects)
}

async fn a_backup_is_told_by_its_age(bed: Bed) {
    bed.furnish().await;
    let (state, advice, objects) = check(&bed, "backups").await;
    assert_eq!((state, objects), (Verdict::Warning, vec![]));
    assert!(advice.contains("None was made"), "{advice}");

    let made = |made_at: Timestamp| LastBackup {
        id: BackupId::new(&bed.clock),
        made_at,
    };
    let first = made(bed.clock.now());
    Store::note_backup(&bed.url, first).await.unwrap();
    let (state, _, objects) = check(&bed, "backups").await;
    assert_eq!(
        (state, objects),
        (Verdict::Good, vec![first.id.to_string()])
    );
    bed.clock.advance(8 * DAY);
    let (state, advice, _) = check(&bed, "backups").await;
    assert_eq!(state, Verdict::Warning);
    assert!(advice.contains("8 days old"), "{advice}");
    let second = made(bed.clock.now());
    Store::note_backup(&bed.url, second).await.unwrap();
    let (state, _, objects) = check(&bed, "backups").await;
    assert_eq!(
        (state, objects),
        (Verdict::Good, vec![second.id.to_string()])
    );
    assert_eq!(bed.store().last_backup().await.unwrap(), Some(second));
}

async fn a_schema_of_another_program_is_told(bed: Bed) {
    let state = async || check(&bed, "migrations").await.0;
    assert_eq!(state().await, Verdict::Good);
    let newer = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1";
    bed.behind_its_back(newer).await;
    assert_eq!(state().await, Verdict::Bad);
    let known = "UPDATE _sqlx_migrations SET version = 1 WHERE version = 9999";
    bed.behind_its_back(known).await;
    assert_eq!(state().await, Verdict::Good);
}
