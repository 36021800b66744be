//! Tombstones: nothing is erased before its own is written, and a backup from before that is restored with
//! them erases again what they name.

use std::{fs, path::Path};

use keystead::{
    backup::{self, BackupError},
    custody::Custody,
    erasure::ErasureError,
    store::{Access, Erasing, NewApplication, Store},
};

use super::{end_user, erase, erasure, found_in, second_owner};
use crate::{
    bed::{ACTOR, Bed, hex},
    on_both_stores,
};

on_both_stores!(
    a_restored_backup_erases_again,
    a_tombstone_that_was_edited_is_refused,
    nothing_is_erased_without_its_tombstone,
    a_restore_from_long_ago_and_erasing_twice_are_no_harm,
);

async fn a_restored_backup_erases_again(bed: Bed) {
    let there = bed.furnish().await;
    let subject = end_user(&bed, &there).await;
    second_owner(&bed, &there).await;
    let account = there.founded.account.id;
    let file = bed.folder.join("backup");
    backup::make(bed.store(), &file).await.unwrap();
    erase(&bed, Erasing::Subject(subject.clone())).await;
    erase(&bed, Erasing::Account(account)).await;

    let custody = restored(&bed, &file, Some(&left_by(&bed))).await;
    let searched = bed.folder.join("searched");
    backup::make(custody.store(), &searched).await.unwrap();
    let bytes = fs::read(&searched).unwrap();
    let hash = subject.hash;
    assert!(!bytes.windows(32).any(|window| window == hash.as_bytes()));
    assert!(custody.store().account(account).await.is_err());
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);

    let without = restored(&bed, &file, None).await;
    assert!(without.store().account(account).await.is_ok());
}

async fn a_tombstone_that_was_edited_is_refused(bed: Bed) {
    let there = bed.furnish().await;
    let subject = end_user(&bed, &there).await;
    let file = bed.folder.join("backup");
    backup::make(bed.store(), &file).await.unwrap();
    erase(&bed, Erasing::Subject(subject.clone())).await;
    let whole = left_by(&bed);
    let url = bed.another_unmigrated().await;
    let other = whole.replace(&hex(*subject.hash.as_bytes()), &"0".repeat(64));
    for edited in [other.as_str(), "nonsense\n", "{}\n"] {
        let refused =
            backup::restore(&file, &url, &bed.root(), Some(edited), bed.clock.clone()).await;
        assert!(
            matches!(refused, Err(BackupError::Tombstone(_))),
            "{refused:?}"
        );
    }
    // A last line that was cut off was never acknowledged; another installation's is not for us.
    let cut = format!("{whole}{}", &whole[..40]);
    let done = backup::restore(&file, &url, &bed.root(), Some(&cut), bed.clock.clone()).await;
    assert_eq!(done.unwrap().tombstones, 1);
}

async fn nothing_is_erased_without_its_tombstone(bed: Bed) {
    let there = bed.furnish().await;
    let subject = end_user(&bed, &there).await;
    fs::create_dir(bed.folder.join("erasures.jsonl")).unwrap();
    let before = found_in(&bed, subject.hash.as_bytes()).await;
    let erasing = Erasing::Subject(subject.clone());
    let refused = erasure(&bed).erase(ACTOR, None, erasing).await;
    assert!(matches!(refused, Err(ErasureError::Place(_))));
    assert_eq!(found_in(&bed, subject.hash.as_bytes()).await, before);
}

async fn a_restore_from_long_ago_and_erasing_twice_are_no_harm(bed: Bed) {
    let there = bed.furnish().await;
    let early = bed.folder.join("early");
    backup::make(bed.store(), &early).await.unwrap();
    let subject = end_user(&bed, &there).await;
    let new = NewApplication {
        name: "Later".to_owned(),
        ..NewApplication::default()
    };
    let (later, _) = bed
        .custody
        .create_application(ACTOR, there.organization, new)
        .await
        .unwrap();
    erase(&bed, Erasing::Subject(subject.clone())).await;
    erase(&bed, Erasing::Subject(subject)).await;
    erase(&bed, Erasing::Application(there.organization, later.id)).await;
    // The early backup knows neither of them.
    let custody = restored(&bed, &early, Some(&left_by(&bed))).await;
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
    let opened = custody
        .open_key(ACTOR, there.organization, there.key.id, "test")
        .await;
    assert!(opened.unwrap().key.expose() == there.plaintext);
}

/// The tombstones that a bed's erasures left.
pub(super) fn left_by(bed: &Bed) -> String {
    fs::read_to_string(bed.folder.join("erasures.jsonl")).unwrap()
}

/// A store made from a backup, with these tombstones.
pub(super) async fn restored(bed: &Bed, file: &Path, with: Option<&str>) -> Custody {
    let url = bed.another_unmigrated().await;
    backup::restore(file, &url, &bed.root(), with, bed.clock.clone())
        .await
        .unwrap();
    let store = Store::open(&url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    Custody::open(store, &bed.root()).await.unwrap()
}
