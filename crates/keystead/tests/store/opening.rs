//! A store opens under its own root key alone, in one writing process, at a schema it knows.

use std::{fs, os::unix::fs::PermissionsExt as _};

use keystead::{
    custody::{Custody, CustodyError},
    root::{Passphrase, RootKeySource},
    store::{Access, Store, StoreError, StoreUrl},
};
use zeroize::Zeroizing;

use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
};

on_both_stores!(
    a_store_opens_again_under_its_root_key,
    a_missing_root_key_is_never_made_anew,
    another_root_key_is_refused,
    a_root_key_that_others_can_read_is_refused,
    a_key_file_without_a_store_is_adopted,
    a_passphrase_opens_what_it_sealed,
    a_newer_schema_is_refused,
    nothing_is_made_by_a_process_that_only_reads,
    a_sealed_store_answers_nothing,
);

async fn reopen(bed: &Bed, root: &RootKeySource) -> Result<Custody, &'static str> {
    let store = Store::open(&bed.url, Access::Read, bed.clock.clone())
        .await
        .unwrap();
    Custody::open(store, root)
        .await
        .map_err(|error| match error {
            CustodyError::RootKey(error) => error.code(),
            other => panic!("{other:?}"),
        })
}

fn passphrase(text: &str) -> RootKeySource {
    RootKeySource::Passphrase(Passphrase::new(Zeroizing::new(text.to_owned())))
}

async fn a_store_opens_again_under_its_root_key(bed: Bed) {
    let there = bed.furnish().await;
    let again = reopen(&bed, &bed.root()).await.unwrap();
    let key = again
        .store()
        .key(there.organization, there.key.id)
        .await
        .unwrap();
    assert_eq!(key.last4, there.key.last4);
    let email = again.email_of(&there.founded.account).await.unwrap();
    assert_eq!(
        email.expose(),
        bed.custody
            .email_of(&there.founded.account)
            .await
            .unwrap()
            .expose()
    );
    let subject = async |custody: &Custody| {
        *custody
            .subject(&there.application, "uid", "", "someone")
            .await
            .unwrap()
            .as_bytes()
    };
    assert_eq!(subject(&again).await, subject(&bed.custody).await);
}

async fn a_missing_root_key_is_never_made_anew(bed: Bed) {
    let path = bed.folder.join("root.key");
    fs::rename(&path, bed.folder.join("away")).unwrap();
    assert_eq!(
        reopen(&bed, &bed.root()).await.unwrap_err(),
        "root_key_missing"
    );
    assert!(!path.exists());
}

async fn another_root_key_is_refused(bed: Bed) {
    let path = bed.folder.join("root.key");
    fs::write(&path, "0123456789abcdef".repeat(4)).unwrap();
    assert_eq!(
        reopen(&bed, &bed.root()).await.unwrap_err(),
        "root_key_mismatch"
    );
    assert_eq!(
        reopen(&bed, &passphrase("correct horse"))
            .await
            .unwrap_err(),
        "root_key_other_source"
    );
}

async fn a_root_key_that_others_can_read_is_refused(bed: Bed) {
    let path = bed.folder.join("root.key");
    for mode in [0o640, 0o604] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            reopen(&bed, &bed.root()).await.unwrap_err(),
            "root_key_permissions"
        );
    }
}

async fn a_key_file_without_a_store_is_adopted(bed: Bed) {
    let fresh = bed.another().await;
    let custody = Custody::open(fresh.store, &bed.root()).await.unwrap();
    custody.create_organization(ACTOR, "Second").await.unwrap();
}

async fn a_passphrase_opens_what_it_sealed(bed: Bed) {
    let fresh = bed.another().await;
    let (url, clock) = (fresh.url, bed.clock.clone());
    let custody = Custody::open(fresh.store, &passphrase("correct horse battery"))
        .await
        .unwrap();
    let made = custody.create_organization(ACTOR, "Second").await.unwrap();

    let open = async |source: &RootKeySource| {
        let store = Store::open(&url, Access::Read, clock.clone())
            .await
            .unwrap();
        Custody::open(store, source).await
    };
    let again = open(&passphrase("correct horse battery")).await.unwrap();
    assert_eq!(
        again.store().organization(made.id).await.unwrap().name,
        "Second"
    );
    for (source, code) in [
        (passphrase("correct horse batterz"), "root_key_mismatch"),
        (bed.root(), "root_key_other_source"),
    ] {
        match open(&source).await.unwrap_err() {
            CustodyError::RootKey(error) => assert_eq!(error.code(), code),
            other => panic!("{other:?}"),
        }
    }
}

async fn a_newer_schema_is_refused(bed: Bed) {
    let schema = Store::schema(&bed.url).await.unwrap();
    assert_eq!(schema.found, schema.known);
    bed.custody.store().close().await;
    let (url, clock) = (bed.url.clone(), bed.clock.clone());
    let last = schema.known;
    bed.behind_its_back(&format!(
        "UPDATE _sqlx_migrations SET version = 999 WHERE version = {last}"
    ))
    .await;
    drop(bed);
    for access in [Access::Write, Access::Read] {
        let refused = Store::open(&url, access, clock.clone()).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::NewerSchema { found: 999, .. }),
            "{refused:?}"
        );
    }
}

async fn nothing_is_made_by_a_process_that_only_reads(bed: Bed) {
    let fresh = bed.another().await;
    let path = bed.folder.join("not-made.key");
    let store = Store::open(&fresh.url, Access::Read, bed.clock.clone())
        .await
        .unwrap();
    let refused = Custody::open(store, &RootKeySource::File(path.clone()))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, CustodyError::Store(StoreError::ReadOnly)),
        "{refused:?}"
    );
    assert!(!path.exists());
}

async fn a_sealed_store_answers_nothing(bed: Bed) {
    let there = bed.furnish().await;
    let sealed = Store::open(&bed.url, Access::Read, bed.clock.clone())
        .await
        .unwrap();
    let key = sealed
        .key(there.organization, there.key.id)
        .await
        .unwrap_err();
    assert!(matches!(key, StoreError::Sealed), "{key:?}");
}

#[tokio::test]
async fn a_second_writer_on_the_same_file_is_refused_by_name() {
    let bed = Bed::sqlite().await;
    let refused = Store::open(&bed.url, Access::Write, bed.clock.clone())
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains(&format!("(process {})", std::process::id())),
        "{text}"
    );
    Store::open(&bed.url, Access::Read, bed.clock.clone())
        .await
        .expect("reading is no writing");

    let (url, clock) = (bed.url.clone(), bed.clock.clone());
    bed.store().close().await;
    drop(bed);
    Store::open(&url, Access::Write, clock)
        .await
        .expect("the lock ends with its store");
}

#[tokio::test]
async fn a_sqlite_store_is_for_its_user_alone() {
    let bed = Bed::sqlite().await;
    bed.furnish().await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bed.folder.join("db")), 0o700);
    let files: Vec<_> = fs::read_dir(bed.folder.join("db"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(
        files.len() >= 3,
        "database, write-ahead log and lock: {files:?}"
    );
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_read() {
    let bed = Bed::sqlite().await;
    let url = StoreUrl::Sqlite(bed.folder.join("elsewhere/keystead.db"));
    let refused = Store::open(&url, Access::Read, bed.clock.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Absent { .. }), "{refused:?}");
    assert!(!bed.folder.join("elsewhere").exists());
}
