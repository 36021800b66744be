//! A key opens after it was entered and after it was rotated, and its opening is audited first.

use std::time::Duration;

use keystead::{
    ids::OrganizationId,
    store::{KeyChange, KeyStatus},
};

use crate::{
    bed::{ACTOR, Bed, canary, provider_key},
    on_both_stores,
};

on_both_stores!(
    a_key_opens_as_it_was_entered,
    a_rotated_key_opens_anew_and_the_old_one_is_destroyed,
    a_deleted_key_leaves_nothing,
    a_key_that_cannot_be_audited_stays_sealed,
    a_key_is_renamed_and_opens_as_before,
    what_is_told_beside_a_key_is_its_own,
);

async fn a_key_opens_as_it_was_entered(bed: Bed) {
    let there = bed.furnish().await;
    let opened = bed
        .custody
        .open_key(ACTOR, there.organization, there.key.id, "call")
        .await
        .unwrap();
    assert_eq!(
        (opened.key.expose(), opened.version),
        (&*there.plaintext, 1)
    );
    assert_eq!(
        there.key.last4,
        there.plaintext[there.plaintext.len() - 4..]
    );
    let log = bed
        .store()
        .audit_events(there.organization, 0, 100)
        .await
        .unwrap();
    let last = log.last().unwrap();
    assert_eq!(
        (&*last.action, &*last.object),
        ("key.opened", &*there.key.id.to_string())
    );
    assert_eq!(last.detail, r#"{"reason":"call","version":"1"}"#);
}

async fn a_rotated_key_opens_anew_and_the_old_one_is_destroyed(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, id) = (there.organization, there.key.id);
    let fresh = canary("provider_key", "sk-test-rotated-4b7e1f90".to_owned(), &bed);
    let overlap = Duration::from_secs(60);
    let rotated = bed.custody.rotate_key(
        ACTOR,
        organization,
        id,
        provider_key(&fresh),
        KeyStatus::Unchecked,
        overlap,
    );
    let rotated = rotated.await.unwrap();
    assert_eq!((rotated.version, &*rotated.last4), (2, "1f90"));

    let opened = bed
        .custody
        .open_key(ACTOR, organization, id, "call")
        .await
        .unwrap();
    assert_eq!((opened.key.expose(), opened.version), (&*fresh, 2));
    let versions = async || bed.store().key_versions(organization, id).await.unwrap();
    assert_eq!(
        versions().await[0].retires_at,
        Some(bed.clock.now() + overlap)
    );
    assert_eq!(
        bed.store().destroy_retired_versions().await.unwrap(),
        0,
        "still in its overlap"
    );
    bed.clock.advance(overlap);
    assert_eq!(bed.store().destroy_retired_versions().await.unwrap(), 1);
    assert_eq!(
        versions()
            .await
            .iter()
            .map(|version| version.n)
            .collect::<Vec<_>>(),
        [2]
    );
    bed.custody
        .open_key(ACTOR, organization, id, "call")
        .await
        .unwrap();
}

async fn a_deleted_key_leaves_nothing(bed: Bed) {
    let there = bed.furnish().await;
    bed.store()
        .delete_key(ACTOR, there.organization, there.key.id)
        .await
        .unwrap();
    assert!(
        bed.custody
            .open_key(ACTOR, there.organization, there.key.id, "call")
            .await
            .is_err()
    );
    for table in ["key_slots", "key_versions", "version_slots"] {
        let left = bed.behind_its_back(&format!("DELETE FROM {table}")).await;
        assert_eq!(left.rows_affected(), 0, "{table}");
    }
}

async fn a_key_is_renamed_and_opens_as_before(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, id) = (there.organization, there.key.id);
    let change = KeyChange {
        name: Some("Writing, EU".to_owned()),
        ..KeyChange::default()
    };
    let renamed = bed
        .store()
        .change_key(ACTOR, organization, id, change)
        .await
        .unwrap();
    assert_eq!(renamed.name, "Writing, EU");
    let found = bed.store().key(organization, id).await.unwrap();
    assert_eq!((&*found.name, found.row_version), ("Writing, EU", 2));
    let opened = bed.custody.open_key(ACTOR, organization, id, "call").await;
    assert_eq!(opened.unwrap().key.expose(), &*there.plaintext);
}

async fn what_is_told_beside_a_key_is_its_own(bed: Bed) {
    let there = bed.furnish().await;
    let (organization, store) = (there.organization, bed.store());
    let (other, _) = bed.add_key(&there.application).await;
    let told = store
        .key_facts(organization, &[there.key.id, other.id])
        .await
        .unwrap();
    let (used, unused) = (told[&there.key.id], told[&other.id]);
    assert_eq!((used.addons, unused.addons), (1, 0));
    assert_eq!((used.last_used, unused.last_used), (None, None));
    assert_eq!(used.entered_at, there.key.created_at);
    let providers = store.keys_by_provider(organization).await.unwrap();
    assert_eq!(providers.values().sum::<u64>(), 2);
    assert_eq!(providers[&there.key.provider], 2);

    let stranger = OrganizationId::from_bytes([7; 16]);
    let nothing = store.key_facts(stranger, &[other.id]).await;
    assert!(nothing.unwrap().is_empty(), "another tenant's key");
}

async fn a_key_that_cannot_be_audited_stays_sealed(bed: Bed) {
    let there = bed.furnish().await;
    bed.behind_its_back("ALTER TABLE audit_events RENAME TO audit_events_away")
        .await;
    let refused = bed
        .custody
        .open_key(ACTOR, there.organization, there.key.id, "call")
        .await;
    assert!(refused.is_err());
    bed.behind_its_back("ALTER TABLE audit_events_away RENAME TO audit_events")
        .await;
    bed.custody
        .open_key(ACTOR, there.organization, there.key.id, "call")
        .await
        .unwrap();
}
