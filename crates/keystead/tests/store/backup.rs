//! A backup holds the whole store and no plaintext; a store that is restored from it works as the first
//! one did, on either database, and lets nobody in whom the backup's day let in.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use keystead::{
    backup::{self, BackupError},
    custody::{Custody, CustodyError},
    root::{RootKeyError, RootKeySource},
    store::{Access, Store, StoreError, StoreUrl, SuspendedKind},
};

use crate::{
    bed::{ACTOR, Bed, Furnished},
    connect_links::entered,
    grants::Granted,
    on_both_stores,
    own_keys::wanting,
};

on_both_stores!(
    a_restored_store_opens_its_keys_and_verifies,
    what_lets_somebody_in_waits_for_a_word,
    links_on_their_way_have_ended,
    what_was_revoked_stays_revoked,
    a_backup_is_of_one_moment,
    a_store_that_is_not_empty_is_refused,
    another_root_key_is_refused,
    a_damaged_backup_leaves_an_empty_store,
    a_second_restore_is_refused_and_a_third_store_takes_it,
    a_restore_that_was_cut_off_has_not_happened,
);

/// Makes a backup of the bed's store.
async fn back_up(bed: &Bed) -> PathBuf {
    let file = bed.folder.join("backup");
    backup::make(bed.store(), &file).await.unwrap();
    file
}

/// Where a fresh store of the other kind, and of the same, can be.
async fn both_kinds(bed: &Bed) -> [StoreUrl; 2] {
    let other = match bed.url {
        StoreUrl::Sqlite(_) => Bed::postgres_unmigrated().await,
        StoreUrl::Postgres(_) => StoreUrl::Sqlite(bed.folder.join("db3/keystead.db")),
    };
    [bed.another_unmigrated().await, other]
}

async fn open(bed: &Bed, url: &StoreUrl) -> Custody {
    let store = Store::open(url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    Custody::open(store, &bed.root()).await.unwrap()
}

async fn restored(bed: &Bed, file: &Path) -> Custody {
    let url = bed.another_unmigrated().await;
    backup::restore(file, &url, &bed.root(), None, bed.clock.clone())
        .await
        .unwrap();
    open(bed, &url).await
}

async fn opens(custody: &Custody, there: &Furnished) -> bool {
    let opened = custody
        .open_key(ACTOR, there.organization, there.key.id, "test")
        .await;
    opened.unwrap().key.expose() == there.plaintext
}

async fn a_restored_store_opens_its_keys_and_verifies(bed: Bed) {
    let there = bed.furnish().await;
    Granted::new(&bed, &there).await;
    bed.sign_in(&there).await;
    let file = back_up(&bed).await;
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = bed.store().verify_audit().await.unwrap();

    for url in both_kinds(&bed).await {
        let made = backup::restore(&file, &url, &bed.root(), None, bed.clock.clone())
            .await
            .unwrap();
        assert!(made.rows > before.size, "{made:?}");
        let custody = open(&bed, &url).await;
        assert!(opens(&custody, &there).await);
        let report = custody.store().verify_audit().await.unwrap();
        assert_eq!(report.faults, []);
        assert!(report.size > before.size, "the restore is told of");
        let email = custody.email_of(&there.founded.account).await.unwrap();
        assert!(custody.account_by_email(&email).await.unwrap().is_some());

        // And once more, from there: nothing is lost on the way.
        let again = file.with_extension("again");
        backup::make(custody.store(), &again).await.unwrap();
        let third = restored(&bed, &again).await;
        assert!(opens(&third, &there).await);
        assert_eq!(third.store().verify_audit().await.unwrap().faults, []);
        fs::remove_file(&again).unwrap();
        third.store().close().await;
        custody.store().close().await;
    }
}

async fn what_lets_somebody_in_waits_for_a_word(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let (_, session) = bed.sign_in(&there).await;
    let file = back_up(&bed).await;
    let custody = restored(&bed, &file).await;
    let store = custody.store();

    let client = &there.application.client_id;
    let lookup = store
        .authority(&there.token.lookup(), client, &there.addon.handle)
        .await;
    assert!(matches!(lookup, Ok(keystead::store::Lookup::Unknown)));
    let signed_in = store
        .signed_in(&session.lookup(), Duration::from_secs(60))
        .await;
    assert!(signed_in.unwrap().is_none());
    let secret = there.secret_token.lookup();
    let api = there.founded.token.lookup();
    assert!(
        store
            .client_by_secret(client, &secret)
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.api_caller(&api).await.unwrap().is_none());
    let grant = store.grant(granted.id()).await.unwrap().unwrap();
    let scope = [there.addon.handle.clone()];
    assert!(!grant.covers(&scope));

    let waiting = store.suspended().await.unwrap();
    let mut ids: Vec<_> = waiting.iter().map(|one| one.id.clone()).collect();
    ids.sort();
    let mut expected = vec![
        there.founded.api_token.id.to_string(),
        there.secret.id.to_string(),
        granted.id().to_string(),
    ];
    expected.sort();
    assert_eq!(ids, expected);

    store
        .enable_suspended(&[SuspendedKind::ClientSecret])
        .await
        .unwrap();
    assert!(
        store
            .client_by_secret(client, &secret)
            .await
            .unwrap()
            .is_some()
    );
    assert!(store.api_caller(&api).await.unwrap().is_none());
    store.enable_suspended(&SuspendedKind::ALL).await.unwrap();
    assert!(store.api_caller(&api).await.unwrap().is_some());
    let grant = store.grant(granted.id()).await.unwrap().unwrap();
    assert!(grant.covers(&scope));
    assert_eq!(store.suspended().await.unwrap(), []);
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

/// Somebody else may have it by now: nothing comes of it, nor of what was entered with it.
async fn links_on_their_way_have_ended(bed: Bed) {
    let there = bed.furnish().await;
    let addon = wanting(&bed, &there.application, "own", "openai").await;
    let (link, own) = entered(&bed, &there, &addon).await;
    let file = back_up(&bed).await;
    let url = bed.another_unmigrated().await;
    let restored = backup::restore(&file, &url, &bed.root(), None, bed.clock.clone())
        .await
        .unwrap();
    assert_eq!(
        restored.ended.get("connect_links"),
        Some(&1),
        "{restored:?}"
    );
    assert_eq!(restored.ended.get("tokens"), Some(&1), "{restored:?}");
    let custody = open(&bed, &url).await;
    let store = custody.store();
    let code = link.code.as_ref().unwrap();
    let found = store.connect_link_by_code(code).await.unwrap().unwrap();
    assert!(!found.is_open(bed.clock.now()));
    let confirmed = store.confirm_connect_link(ACTOR, link.clone()).await;
    assert!(confirmed.unwrap().is_none());
    assert!(store.own_keys(own.vault.id).await.unwrap().is_empty());
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn what_was_revoked_stays_revoked(bed: Bed) {
    let there = bed.furnish().await;
    let token = there.founded.api_token.id;
    let organization = there.organization;
    bed.store()
        .revoke_api_token(ACTOR, organization, token)
        .await
        .unwrap();
    let secret = there.secret.id;
    let file = back_up(&bed).await;
    let custody = restored(&bed, &file).await;
    let store = custody.store();
    // One that was suspended and then revoked is revoked.
    store
        .revoke_client_secret(ACTOR, organization, secret)
        .await
        .unwrap();
    store.enable_suspended(&SuspendedKind::ALL).await.unwrap();
    let api = there.founded.token.lookup();
    assert!(store.api_caller(&api).await.unwrap().is_none());
    let client = &there.application.client_id;
    let found = store
        .client_by_secret(client, &there.secret_token.lookup())
        .await;
    assert!(found.unwrap().is_none());
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

/// While somebody writes, the backup's log fits its head and its rows fit its log.
async fn a_backup_is_of_one_moment(bed: Bed) {
    let there = bed.furnish().await;
    let custody = bed.custody.clone();
    let application = there.application.clone();
    let writing = tokio::spawn(async move {
        loop {
            custody
                .store()
                .create_client_secret(ACTOR, application.organization, application.id)
                .await
                .map(drop)
                .unwrap_or_default();
            let opened = custody
                .open_key(ACTOR, there.organization, there.key.id, "test")
                .await;
            opened.unwrap();
        }
    });
    for number in 0..3 {
        let file = bed.folder.join(format!("backup-{number}"));
        backup::make(bed.store(), &file).await.unwrap();
        let custody = restored(&bed, &file).await;
        assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
        custody.store().close().await;
    }
    writing.abort();
}

async fn a_store_that_is_not_empty_is_refused(bed: Bed) {
    let there = bed.furnish().await;
    let file = back_up(&bed).await;
    let url = bed.another_unmigrated().await;
    let store = Store::open(&url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    let aside = RootKeySource::File(bed.folder.join("away"));
    let other = Custody::open(store.clone(), &aside).await.unwrap();
    drop(other);
    store.close().await;
    drop(store);
    let refused = backup::restore(&file, &url, &bed.root(), None, bed.clock.clone()).await;
    assert!(
        matches!(refused, Err(BackupError::Store(StoreError::NotEmpty))),
        "{refused:?}"
    );
    // What is there opens with its own key still.
    let store = Store::open(&url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    Custody::open(store, &aside).await.unwrap();
    assert!(opens(&bed.custody, &there).await);
}

async fn another_root_key_is_refused(bed: Bed) {
    bed.furnish().await;
    let file = back_up(&bed).await;
    let url = bed.another_unmigrated().await;
    let other = bed.folder.join("away");
    let missing = RootKeySource::File(other.clone());
    let refused = backup::restore(&file, &url, &missing, None, bed.clock.clone()).await;
    assert_eq!(root_key(refused), "root_key_missing");
    assert!(!other.exists(), "a root key was made");
    fs::write(&other, "0".repeat(64)).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = backup::restore(&file, &url, &missing, None, bed.clock.clone()).await;
    assert_eq!(root_key(refused), "root_key_mismatch");
    if let StoreUrl::Sqlite(path) = &url {
        assert!(!path.exists(), "refused before anything is made");
    }
}

fn root_key<T>(outcome: Result<T, BackupError>) -> &'static str {
    match outcome {
        Err(BackupError::Custody(CustodyError::RootKey(error))) => RootKeyError::code(&error),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was restored"),
    }
}

async fn a_damaged_backup_leaves_an_empty_store(bed: Bed) {
    let there = bed.furnish().await;
    let file = back_up(&bed).await;
    let whole = fs::read(&file).unwrap();
    let url = bed.another_unmigrated().await;
    let damaged = bed.folder.join("damaged");
    let last = whole.len() - 1;
    let mut tried = 0;
    for place in (0..whole.len()).step_by(997).chain([last]) {
        let mut edited = whole.clone();
        edited[place] ^= 0x20;
        for bytes in [&edited[..], &whole[..place]] {
            fs::write(&damaged, bytes).unwrap();
            let refused =
                backup::restore(&damaged, &url, &bed.root(), None, bed.clock.clone()).await;
            let code = refused.err().and_then(|error| error.code());
            let expected = [Some("backup_damaged"), Some("backup_not_one")];
            assert!(expected.contains(&code), "{code:?} at {place}");
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
    fs::write(&damaged, [&whole[..], &whole[..]].concat()).unwrap();
    let refused = backup::restore(&damaged, &url, &bed.root(), None, bed.clock.clone()).await;
    assert_eq!(refused.unwrap_err().code(), Some("backup_damaged"));

    backup::restore(&file, &url, &bed.root(), None, bed.clock.clone())
        .await
        .unwrap();
    assert!(opens(&open(&bed, &url).await, &there).await);
}

async fn a_second_restore_is_refused_and_a_third_store_takes_it(bed: Bed) {
    let there = bed.furnish().await;
    let file = back_up(&bed).await;
    let taken = backup::make(bed.store(), &file).await.unwrap_err();
    assert_eq!(taken.code(), Some("backup_exists"));
    let url = bed.another_unmigrated().await;
    let root = bed.root();
    let restore = || backup::restore(&file, &url, &root, None, bed.clock.clone());
    restore().await.unwrap();
    let again = restore().await;
    assert!(matches!(
        again,
        Err(BackupError::Store(StoreError::NotEmpty))
    ));
    let custody = open(&bed, &url).await;
    assert!(opens(&custody, &there).await);
    custody.store().close().await;

    // Two at once: one is first, and the other finds that it is not empty any more.
    let other = both_kinds(&bed).await[1].clone();
    let restore = || backup::restore(&file, &other, &root, None, bed.clock.clone());
    let (one, two) = tokio::join!(restore(), restore());
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let custody = open(&bed, &other).await;
    assert!(opens(&custody, &there).await);
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
}

/// Given up at whatever moment, as by a process that is killed: the store is empty, and takes the whole.
async fn a_restore_that_was_cut_off_has_not_happened(bed: Bed) {
    let there = bed.furnish().await;
    for _ in 0..20 {
        bed.add_key(&there.application).await;
    }
    let file = back_up(&bed).await;
    let url = bed.another_unmigrated().await;
    let root = bed.root();
    let restore = || backup::restore(&file, &url, &root, None, bed.clock.clone());
    let mut cut_off = 0;
    for patience in [2, 5, 10, 15, 20, 30, 40, 60] {
        let outcome = tokio::time::timeout(Duration::from_millis(patience), restore()).await;
        match outcome {
            Err(_) => cut_off += 1,
            // It was quick enough, or the one before was cut off when all was done; the others would find
            // what it left.
            Ok(Ok(_) | Err(BackupError::Store(StoreError::NotEmpty))) => break,
            Ok(Err(error)) => panic!("{error}"),
        }
        // The connection that was given up is put away on a thread of its own.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(cut_off > 0, "nothing was cut off");
    match restore().await {
        Ok(_) | Err(BackupError::Store(StoreError::NotEmpty)) => {}
        Err(error) => panic!("{error}"),
    }
    let custody = open(&bed, &url).await;
    assert!(opens(&custody, &there).await);
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
}
