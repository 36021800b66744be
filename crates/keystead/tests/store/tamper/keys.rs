//! Sealed records moved about, and what they are bound to.

use std::time::Duration;

use keystead::{
    custody::{Custody, CustodyError},
    store::KeyStatus,
};

use super::{assert_alert, assert_key_stays_sealed, assert_look_up_refused, edit, swap};
use crate::{
    bed::{ACTOR, Bed, provider_key},
    on_both_stores,
};

on_both_stores!(
    two_key_records_swapped,
    two_data_keys_swapped,
    two_group_keys_swapped,
    an_older_version_put_in_the_newer_ones_place,
    an_endpoint_changed,
    an_organization_key_swapped,
    a_system_key_swapped,
);

async fn two_key_records_swapped(bed: Bed) {
    let there = bed.furnish().await;
    let (other, _) = bed.add_key(&there.application).await;
    swap(
        &bed,
        "key_versions",
        "record",
        "key_id",
        there.key.id,
        other.id,
    )
    .await;
    assert_key_stays_sealed(&bed, &there, "key_versions").await;
}

async fn two_data_keys_swapped(bed: Bed) {
    let there = bed.furnish().await;
    let (other, _) = bed.add_key(&there.application).await;
    swap(
        &bed,
        "version_slots",
        "record",
        "key_id",
        there.key.id,
        other.id,
    )
    .await;
    assert_key_stays_sealed(&bed, &there, "version_slots").await;
}

async fn two_group_keys_swapped(bed: Bed) {
    let there = bed.furnish().await;
    let (other, _) = bed.add_key(&there.application).await;
    swap(
        &bed,
        "key_slots",
        "record",
        "key_id",
        there.key.id,
        other.id,
    )
    .await;
    assert_key_stays_sealed(&bed, &there, "key_slots").await;
}

async fn an_older_version_put_in_the_newer_ones_place(bed: Bed) {
    let there = bed.furnish().await;
    let secret = provider_key("sk-test-the-newer-one-0000");
    let overlap = Duration::from_secs(3600);
    let rotated = bed.custody.rotate_key(
        ACTOR,
        there.organization,
        there.key.id,
        secret,
        KeyStatus::Valid,
        overlap,
    );
    rotated.await.unwrap();
    for table in ["key_versions", "version_slots"] {
        edit(
            &bed,
            format!(
                "UPDATE {table} SET record = (SELECT record FROM {table} WHERE n = 1) WHERE n = 2"
            ),
        )
        .await;
    }
    assert_key_stays_sealed(&bed, &there, "version_slots").await;
    edit(
        &bed,
        format!("UPDATE keys SET version = 1 WHERE id = '{}'", there.key.id),
    )
    .await;
    assert_key_stays_sealed(&bed, &there, "keys").await;
}

async fn an_endpoint_changed(bed: Bed) {
    let there = bed.furnish().await;
    edit(
        &bed,
        format!(
            "UPDATE keys SET host = 'evil.example' WHERE id = '{}'",
            there.key.id
        ),
    )
    .await;
    assert_look_up_refused(&bed, &there, "keys", there.key.id).await;
    assert_key_stays_sealed(&bed, &there, "keys").await;
}

async fn an_organization_key_swapped(bed: Bed) {
    let there = bed.furnish().await;
    let other = bed
        .custody
        .create_organization(ACTOR, "Other")
        .await
        .unwrap()
        .id;
    swap(
        &bed,
        "organizations",
        "key_record",
        "id",
        there.organization,
        other,
    )
    .await;
    let opened = bed
        .custody
        .open_key(ACTOR, there.organization, there.key.id, "call")
        .await;
    let Err(CustodyError::Store(error)) = opened else {
        panic!("{opened:?}")
    };
    assert_alert(&bed, error, "organizations", there.organization).await;
}

async fn a_system_key_swapped(bed: Bed) {
    bed.furnish().await;
    swap(&bed, "system_keys", "record", "name", "row-mac", "email").await;
    let again = Custody::open(bed.store().clone(), &bed.root())
        .await
        .unwrap_err();
    let CustodyError::Store(error) = again else {
        panic!("{again:?}")
    };
    assert_alert(&bed, error, "system_keys", "row-mac").await;
}
