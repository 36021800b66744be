//! The root key changes, and so do the keys of organizations and people; what they keep stays what it
//! was, and a change that was cut off is finished by doing it again.

use std::{fs, path::Path, time::Duration};

use keystead::{
    custody::{Custody, CustodyError, Rekeyed},
    root::{Passphrase, RootKeySource, next_file, settle},
    store::{Access, Store, StoreError, StoreUrl, VaultHolder},
};
use keystead_vault::random;
use zeroize::Zeroizing;

use crate::{
    bed::{ACTOR, Bed, Furnished, Shut, canary, hex},
    grants::Granted,
    on_both_stores,
    own_keys::Own,
};

on_both_stores!(
    another_root_key_opens_everything_and_the_old_one_nothing,
    a_passphrase_follows_a_file_and_a_file_a_passphrase,
    a_change_that_was_killed_is_finished_by_doing_it_again,
    another_process_is_in_the_way,
    what_nobody_wraps_anew_is_in_the_way,
    an_organization_gets_another_key,
    an_account_gets_another_key,
    vaults_get_another_key,
    a_rotation_that_was_stopped_goes_on,
    a_rotation_goes_on_under_another_root_key_and_from_a_backup,
    calls_go_on_while_a_key_is_changed,
);

async fn works(custody: &Custody, there: &Furnished) {
    let opened = custody
        .open_key(ACTOR, there.organization, there.key.id, "test")
        .await;
    assert!(opened.unwrap().key.expose() == there.plaintext);
    let account = custody
        .store()
        .account(there.founded.account.id)
        .await
        .unwrap();
    let email = custody.email_of(&account).await.unwrap();
    assert!(custody.account_by_email(&email).await.unwrap().is_some());
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
}

async fn closed(custody: Custody) {
    custody.store().close().await;
}

/// Changes the root key, and gives the store up.
async fn changed(custody: Custody, next: &RootKeySource) -> Rekeyed {
    let store = custody.store().clone();
    let done = custody.rekey(next).await.unwrap();
    store.close().await;
    done
}

async fn another_root_key_opens_everything_and_the_old_one_nothing(bed: Bed) {
    let there = bed.furnish().await;
    let subject = subject(&bed.custody, &there).await;
    let account = VaultHolder::Account(there.founded.account.id);
    let own = Own::new(&bed, account).await;
    let (old, next) = (bed.root(), RootKeySource::File(bed.folder.join("away")));
    let shut = bed.shut().await;
    let done = changed(shut.open(&old).await.unwrap(), &next).await;
    assert_eq!((done.organizations, done.accounts, done.vaults), (1, 1, 1));

    let refused = shut.open(&old).await.map(drop).unwrap_err();
    assert!(
        matches!(&refused, CustodyError::RootKey(error) if error.code() == "root_key_mismatch"),
        "{refused}"
    );
    let custody = shut.open(&next).await.unwrap();
    works(&custody, &there).await;
    assert_eq!(self::subject(&custody, &there).await, subject);
    let opened = custody
        .open_key(ACTOR, own.vault.id, own.key.id, "test")
        .await;
    assert!(opened.unwrap().key.expose() == own.plaintext);
}

async fn subject(custody: &Custody, there: &Furnished) -> Vec<u8> {
    let subject = custody
        .subject(&there.application, "host", "", "somebody")
        .await
        .unwrap();
    subject.as_bytes().to_vec()
}

async fn a_passphrase_follows_a_file_and_a_file_a_passphrase(bed: Bed) {
    let there = bed.furnish().await;
    let words = canary("passphrase", hex(random::<16>()), &bed);
    let words = || {
        let words = Zeroizing::new(words.clone());
        RootKeySource::Passphrase(Passphrase::new(words))
    };
    let shut = bed.shut().await;
    changed(shut.open(&shut.root()).await.unwrap(), &words()).await;
    let custody = shut.open(&words()).await.unwrap();
    works(&custody, &there).await;

    let file = RootKeySource::File(shut.folder.join("away"));
    changed(custody, &file).await;
    assert!(shut.open(&words()).await.is_err());
    works(&shut.open(&file).await.unwrap(), &there).await;
}

/// Where the root key is, as it would be found by whoever does it again.
async fn found(shut: &Shut, path: &Path) -> Custody {
    let (now, next) = (
        RootKeySource::File(path.to_owned()),
        RootKeySource::File(next_file(path)),
    );
    let store = Store::open(&shut.url, Access::Write, shut.clock.clone())
        .await
        .unwrap();
    if !Custody::fits(&store, &now).await.unwrap() {
        assert!(Custody::fits(&store, &next).await.unwrap());
    } else {
        let custody = Custody::open(store.clone(), &now).await.unwrap();
        custody.rekey(&next).await.unwrap();
    }
    store.close().await;
    drop(store);
    settle(path, "test").unwrap();
    shut.open(&now).await.unwrap()
}

async fn a_change_that_was_killed_is_finished_by_doing_it_again(bed: Bed) {
    let there = bed.furnish().await;
    let path = bed.folder.join("root.key");
    fs::write(
        bed.folder.join("leak-allow"),
        "root.key\nroot.key.next\nroot.key.before-test\naway\n",
    )
    .unwrap();
    let spare = bed.another_unmigrated().await;
    let bed = bed.shut().await;
    for killed_after in ["nothing", "the next key", "the store", "the old key's copy"] {
        let next = RootKeySource::File(next_file(&path));
        let custody = bed.open(&bed.root()).await.unwrap();
        let store = custody.store().clone();
        match killed_after {
            "nothing" => {}
            // As another installation makes one: it is there, and nothing is wrapped with it.
            "the next key" => {
                let other = Store::open(&spare, Access::Write, bed.clock.clone())
                    .await
                    .unwrap();
                Custody::open(other.clone(), &next).await.unwrap();
                other.close().await;
            }
            _ => {
                custody.clone().rekey(&next).await.unwrap();
            }
        }
        if killed_after == "the old key's copy" {
            _ = fs::remove_file(bed.folder.join("root.key.before-test"));
            fs::hard_link(&path, bed.folder.join("root.key.before-test")).unwrap();
        }
        drop(custody);
        store.close().await;
        drop(store);

        let custody = found(&bed, &path).await;
        works(&custody, &there).await;
        assert!(!next_file(&path).exists(), "killed after {killed_after}");
        assert!(bed.folder.join("root.key.before-test").exists());
        closed(custody).await;
        fs::remove_file(bed.folder.join("root.key.before-test")).unwrap();
    }
}

async fn another_process_is_in_the_way(bed: Bed) {
    let there = bed.furnish().await;
    let next = RootKeySource::File(bed.folder.join("away"));
    let other = Store::open(&bed.url, Access::Write, bed.clock.clone()).await;
    match (&bed.url, other) {
        (StoreUrl::Sqlite(_), refused) => {
            assert!(matches!(refused, Err(StoreError::Locked { .. })));
        }
        (StoreUrl::Postgres(_), other) => {
            let other = other.unwrap();
            let refused = bed.custody.clone().rekey(&next).await;
            let refused = refused.unwrap_err();
            assert!(
                matches!(&refused, CustodyError::Store(StoreError::InUse)),
                "{refused}"
            );
            works(&bed.custody, &there).await;
            other.close().await;
            // The server needs a moment to see that it is gone.
            let mut tries = 0;
            while let Err(error) = bed.custody.clone().rekey(&next).await {
                tries += 1;
                assert!(tries < 100, "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// A table that came later, with a record that the root key wraps: changing the key would lose it.
async fn what_nobody_wraps_anew_is_in_the_way(bed: Bed) {
    let there = bed.furnish().await;
    let bytes = match bed.url {
        StoreUrl::Sqlite(_) => "BLOB",
        StoreUrl::Postgres(_) => "BYTEA",
    };
    bed.behind_its_back(&format!(
        "CREATE TABLE later (id TEXT PRIMARY KEY, key_record {bytes});
         INSERT INTO later SELECT id, key_record FROM organizations"
    ))
    .await;
    let next = RootKeySource::File(bed.folder.join("away"));
    let refused = bed.custody.clone().rekey(&next).await.unwrap_err();
    assert!(
        matches!(&refused, CustodyError::Store(StoreError::RecordsLeft { table }) if table == "later"),
        "{refused}"
    );
    works(&bed.custody, &there).await;
}

async fn an_organization_gets_another_key(bed: Bed) {
    let there = bed.furnish().await;
    let before = subject(&bed.custody, &there).await;
    let (second, _) = bed.add_key(&there.application).await;
    let old = bed
        .only("SELECT CAST(COUNT(DISTINCT record) AS TEXT) FROM key_slots")
        .await;
    assert_eq!(old, "2");
    let done = bed
        .custody
        .rotate_organization_key(ACTOR, there.organization)
        .await
        .unwrap();
    assert_eq!(done.group_keys, 2);
    works(&bed.custody, &there).await;
    let opened = bed
        .custody
        .open_key(ACTOR, there.organization, second.id, "test")
        .await;
    opened.unwrap();
    let other = open_beside(&bed).await;
    assert_eq!(subject(&other, &there).await, before, "subjects stay");
}

/// Custody that remembers nothing.
async fn open_beside(bed: &Bed) -> Custody {
    Custody::open(bed.store().clone(), &bed.root())
        .await
        .unwrap()
}

async fn an_account_gets_another_key(bed: Bed) {
    let there = bed.furnish().await;
    let account = there.founded.account.id;
    let old = bed.store().account(account).await.unwrap();
    let done = bed
        .custody
        .rotate_account_key(ACTOR, account)
        .await
        .unwrap();
    assert_eq!(done.records, 1, "the address");
    works(&bed.custody, &there).await;
    // What was read before does not open under the key that is there now.
    let stale = bed.custody.email_of(&old).await;
    assert!(stale.is_ok(), "its own row fits itself");
}

/// A person's with their account, those of an application's end users with its organization.
async fn vaults_get_another_key(bed: Bed) {
    let there = bed.furnish().await;
    let account = there.founded.account.id;
    let person = Own::new(&bed, VaultHolder::Account(account)).await;
    let user = VaultHolder::Subject {
        organization: there.organization,
        application: there.application.id,
        subject: bed
            .custody
            .subject(&there.application, "host", "", "somebody")
            .await
            .unwrap(),
    };
    let user = Own::new(&bed, user).await;
    let of_account = bed
        .custody
        .rotate_account_key(ACTOR, account)
        .await
        .unwrap();
    assert_eq!((of_account.vaults, of_account.group_keys), (1, 1));
    let organization = there.organization;
    let done = bed.custody.rotate_organization_key(ACTOR, organization);
    let done = done.await.unwrap();
    assert_eq!((done.vaults, done.group_keys), (1, 1));
    for own in [&person, &user] {
        let now = bed.store().vault_of(&own.holder).await.unwrap().unwrap();
        assert_ne!(now.key_record, own.vault.key_record);
        let id = own.key.id;
        let opened = bed.custody.open_key(ACTOR, now.id, id, "test").await;
        assert!(opened.unwrap().key.expose() == own.plaintext);
        // What was read before it changed seals under the key that it has now.
        own.add(&bed).await;
        let all = bed.store().own_keys(now.id).await.unwrap();
        assert_eq!(all.len(), 2);
        for key in all {
            let opened = bed.custody.open_key(ACTOR, now.id, key.id, "test").await;
            opened.unwrap();
        }
    }
    works(&bed.custody, &there).await;
}

/// Whatever was done before it stopped: the keys open, new ones are sealed, and it is finished later.
async fn a_rotation_that_was_stopped_goes_on(bed: Bed) {
    let there = bed.furnish().await;
    let organization = there.organization;
    for _ in 0..230 {
        bed.add_key(&there.application).await;
    }
    let counted = async |kind: &str| -> usize {
        let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM key_slots WHERE kind = '{kind}'");
        bed.only(&count).await.parse().unwrap()
    };
    let mut stopped_at = Vec::new();
    bed.custody
        .begin_rotation(ACTOR, organization)
        .await
        .unwrap();
    for patience in [5, 10, 20, 40] {
        let going_on = bed.custody.finish_rotations();
        _ = tokio::time::timeout(Duration::from_millis(patience), going_on).await;
        stopped_at.push(counted("next_organization").await);
        works(&bed.custody, &there).await;
        let (key, plaintext) = bed.add_key(&there.application).await;
        let opened = bed.custody.open_key(ACTOR, organization, key.id, "test");
        assert!(opened.await.unwrap().key.expose() == plaintext);
    }
    // Begun once more it is the same one.
    let done = bed.custody.rotate_organization_key(ACTOR, organization);
    done.await.unwrap();
    assert_eq!(counted("next_organization").await, 0, "{stopped_at:?}");
    assert_eq!(counted("organization").await, 235);
    let keys = bed.only("SELECT CAST(COUNT(DISTINCT record) AS TEXT) FROM key_slots");
    assert_eq!(keys.await, "235");
    bed.custody.finish_rotations().await.unwrap();
    works(&open_beside(&bed).await, &there).await;
    let old = "SELECT CAST(COUNT(*) AS TEXT) FROM organizations WHERE next_key_record IS NOT NULL";
    assert_eq!(bed.only(old).await, "0");
    assert!(bed.store().alerts().await.unwrap().is_empty());
}

async fn a_rotation_goes_on_under_another_root_key_and_from_a_backup(bed: Bed) {
    let there = bed.furnish().await;
    let organization = there.organization;
    bed.custody
        .begin_rotation(ACTOR, organization)
        .await
        .unwrap();
    let file = bed.folder.join("backup");
    keystead::backup::make(bed.store(), &file).await.unwrap();
    let url = bed.another_unmigrated().await;
    keystead::backup::restore(&file, &url, &bed.root(), None, bed.clock.clone())
        .await
        .unwrap();
    let store = Store::open(&url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    let custody = Custody::open(store, &bed.root()).await.unwrap();
    custody.finish_rotations().await.unwrap();
    works(&custody, &there).await;

    let (old, next) = (bed.root(), RootKeySource::File(bed.folder.join("away")));
    let shut = bed.shut().await;
    changed(shut.open(&old).await.unwrap(), &next).await;
    let custody = shut.open(&next).await.unwrap();
    works(&custody, &there).await;
    custody.finish_rotations().await.unwrap();
    works(&custody, &there).await;
    assert!(custody.store().alerts().await.unwrap().is_empty());
}

async fn calls_go_on_while_a_key_is_changed(bed: Bed) {
    let there = bed.furnish().await;
    Granted::new(&bed, &there).await;
    let (organization, key) = (there.organization, there.key.id);
    let mut callers = Vec::new();
    for _ in 0..3 {
        let custody = open_beside(&bed).await;
        let application = there.application.clone();
        callers.push(tokio::spawn(async move {
            for _ in 0..60 {
                let opened = custody.open_key(ACTOR, organization, key, "test").await;
                opened.unwrap();
                let fresh = Custody::clone(&custody);
                let made = fresh.subject(&application, "host", "", "somebody").await;
                made.unwrap();
            }
        }));
    }
    let adding = bed.custody.clone();
    let new = |number: u32| keystead::store::NewApplication {
        name: format!("number {number}"),
        ..Default::default()
    };
    for number in 0..15 {
        let rotated = bed.custody.rotate_organization_key(ACTOR, organization);
        let added = adding.create_application(ACTOR, organization, new(number));
        let (rotated, added) = tokio::join!(rotated, added);
        rotated.unwrap();
        let (application, _) = added.unwrap();
        let made = adding.subject(&application, "host", "", "somebody").await;
        made.unwrap();
    }
    for caller in callers {
        caller.await.unwrap();
    }
    let alerts = bed.store().alerts().await.unwrap();
    assert!(alerts.is_empty(), "{alerts:?}");
    works(&bed.custody, &there).await;
}
