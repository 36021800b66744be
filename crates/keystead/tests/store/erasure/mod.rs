//! What is erased is gone from every table, the log still verifies, the receipt is genuine; and a backup
//! from before, restored with its tombstones, erases it again.

mod tombstones;

use std::time::Duration;

use keystead::{
    audit::BadNote,
    backup,
    custody::{Custody, CustodyError},
    erasure::{Erasure, Place, Receipt, read_receipt},
    ids::TokenId,
    net::{Connector, address::AddressRules, sink::SinkPlace},
    store::{
        Batch, Email, Erasing, NewConsent, NewDecoy, Role, StoreError, Subject, UsageRow,
        VaultHolder,
    },
};
use keystead_vault::random;

use self::tombstones::{left_by, restored};
use crate::{
    bed::{ACTOR, Bed, Furnished, canary, hex},
    connect_links::entered,
    grants::Granted,
    on_both_stores,
    own_keys::{Own, subject_of, wanting},
};

on_both_stores!(
    an_end_user_is_gone_from_every_table,
    an_account_is_gone_from_every_table,
    the_only_owner_stays,
    an_application_and_an_organization_go_with_all_that_is_theirs,
    own_keys_go_with_their_holder,
    what_an_account_is_to_applications_is_exported,
    a_receipt_is_believed_as_it_was_signed,
);

fn erasure(bed: &Bed) -> Erasure {
    let rules = AddressRules {
        allow_private: false,
        own: Vec::new(),
    };
    let connector = Connector::new(rules, Duration::from_secs(1));
    let place = SinkPlace::File(bed.folder.join("erasures.jsonl"));
    Erasure::new(bed.custody.clone(), Place::new(place, None, connector))
}

async fn erase(bed: &Bed, erasing: Erasing) -> Receipt {
    erasure(bed).erase(ACTOR, None, erasing).await.unwrap()
}

/// An end user with a token, a bound object and an attempt in the ledger, and another one beside.
async fn end_user(bed: &Bed, there: &Furnished) -> Subject {
    let mut made = Vec::new();
    for uid in ["one", "other"] {
        let uid = canary("uid", format!("{uid}-{}", hex(random::<8>())), bed);
        let hash = bed
            .custody
            .subject(&there.application, "host", "", &uid)
            .await
            .unwrap();
        let rows: Vec<_> = (0..3).map(|_| attempt(bed, there, hash)).collect();
        bed.store().append_usage(&Batch::from(rows)).await.unwrap();
        bind(bed, there, hash).await;
        made.push(Subject {
            organization: there.organization,
            application: there.application.id,
            hash,
        });
    }
    made.swap_remove(0)
}

/// An object at the provider that is theirs.
async fn bind(bed: &Bed, there: &Furnished, hash: keystead_vault::SubjectHash) {
    bed.behind_its_back(&format!(
        "INSERT INTO bindings (application_id, addon_id, key_id, object, organization_id, subject,
             expires_at, mac)
         VALUES ('{}', '{}', '{}', {}, '{}', {}, 9000000000000000, {})",
        there.application.id,
        there.addon.id,
        there.key.id,
        blob(bed, hash.as_bytes()),
        there.organization,
        blob(bed, hash.as_bytes()),
        blob(bed, &[0; 32]),
    ))
    .await;
}

fn attempt(bed: &Bed, there: &Furnished, subject: keystead_vault::SubjectHash) -> UsageRow {
    UsageRow {
        token: Some(TokenId::new(&bed.clock)),
        subject: Some(subject),
        ..crate::ledger::attempt(bed, there)
    }
}

/// Bytes as either database reads them in a statement.
fn blob(bed: &Bed, bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match bed.url {
        keystead::store::StoreUrl::Sqlite(_) => format!("X'{text}'"),
        keystead::store::StoreUrl::Postgres(_) => format!("'\\x{text}'::bytea"),
    }
}

/// In how many places of the database a value stands, whatever the table and the column.
async fn found_in(bed: &Bed, value: &[u8]) -> usize {
    let file = bed.folder.join(format!("searched-{}", hex(random::<4>())));
    backup::make(bed.store(), &file).await.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    bytes
        .windows(value.len())
        .filter(|window| *window == value)
        .count()
}

async fn an_end_user_is_gone_from_every_table(bed: Bed) {
    let there = bed.furnish().await;
    let subject = end_user(&bed, &there).await;
    assert!(found_in(&bed, subject.hash.as_bytes()).await >= 3);
    let receipt = erase(&bed, Erasing::Subject(subject.clone())).await;
    assert_eq!(found_in(&bed, subject.hash.as_bytes()).await, 0);
    assert_eq!((receipt.erased.attempts, receipt.erased.bindings), (3, 1));
    // What was used stays in the books, and so does the other one.
    let day = bed.clock.now().as_secs().div_euclid(86_400);
    let attempts = bed.store().attempts(there.organization, day).await.unwrap();
    assert_eq!(attempts.len(), 6);
    let named = attempts.iter().filter(|one| one.subject.is_some());
    assert_eq!(named.count(), 3);
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
    assert!(bed.store().alerts().await.unwrap().is_empty());
}

async fn an_account_is_gone_from_every_table(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    bed.sign_in(&there).await;
    let account = there.founded.account.id;
    second_owner(&bed, &there).await;
    let before = bed.store().account(account).await.unwrap();
    let email = bed.custody.email_of(&before).await.unwrap();
    erase(&bed, Erasing::Account(account)).await;

    assert!(
        bed.custody
            .account_by_email(&email)
            .await
            .unwrap()
            .is_none()
    );
    let gone = bed.store().account(account).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    assert!(bed.store().grant(granted.id()).await.unwrap().is_none());
    let report = bed.store().verify_audit().await.unwrap();
    assert_eq!(report.faults, []);
    // The address may have an account again, and it is another one.
    let new = keystead::custody::NewAccount {
        email,
        organization: there.organization,
        role: Role::Developer,
    };
    let again = bed.custody.create_account(ACTOR, new).await.unwrap();
    assert_ne!(again.id, account);
}

async fn second_owner(bed: &Bed, there: &Furnished) {
    let address = format!("second.{}@example.org", hex(random::<8>()));
    let email = canary("email", address, bed);
    let new = keystead::custody::NewAccount {
        email: Email::parse(&email).unwrap(),
        organization: there.organization,
        role: Role::Owner,
    };
    bed.custody.create_account(ACTOR, new).await.unwrap();
}

async fn the_only_owner_stays(bed: Bed) {
    let there = bed.furnish().await;
    let erasing = Erasing::Account(there.founded.account.id);
    let refused = erasure(&bed).erase(ACTOR, None, erasing).await.unwrap_err();
    assert!(refused.to_string().contains("needs an owner"), "{refused}");
    assert!(
        !bed.folder.join("erasures.jsonl").exists(),
        "what was refused leaves no tombstone"
    );
}

async fn an_application_and_an_organization_go_with_all_that_is_theirs(bed: Bed) {
    let there = bed.furnish().await;
    Granted::new(&bed, &there).await;
    let subject = end_user(&bed, &there).await;
    bed.sign_in(&there).await;
    watched(&bed, &there).await;
    let erasing = Erasing::Application(there.organization, there.application.id);
    let receipt = erase(&bed, erasing).await;
    assert_eq!((receipt.erased.applications, receipt.erased.keys), (1, 1));
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
    let missing = bed
        .custody
        .open_key(ACTOR, there.organization, there.key.id, "test")
        .await;
    assert!(missing.is_err());

    let receipt = erase(&bed, Erasing::Organization(there.organization)).await;
    assert_eq!(receipt.erased.memberships, 1);
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
    assert_eq!(found_in(&bed, subject.hash.as_bytes()).await, 0);
    assert_eq!(found_in(&bed, b"Analytical Engines").await, 0);
    let tables = bed
        .only("SELECT CAST(COUNT(*) AS TEXT) FROM usage_days")
        .await;
    assert_eq!(tables, "0");
}

/// The vault, its key, the keys in it and what applications may do with them: here, and in a backup from
/// before that is restored with its tombstones.
async fn own_keys_go_with_their_holder(bed: Bed) {
    let there = bed.furnish().await;
    second_owner(&bed, &there).await;
    wanting(&bed, &there.application, "own", "openai").await;
    let subject = end_user(&bed, &there).await;
    let account = there.founded.account.id;
    let user = VaultHolder::Subject {
        organization: subject.organization,
        application: subject.application,
        subject: subject.hash,
    };
    let as_account = as_end_user(&bed, &there).await;
    let user = Own::new(&bed, user).await;
    let person = Own::new(&bed, VaultHolder::Account(account)).await;
    user.give(&bed, &there.application, subject.hash).await;
    person.give(&bed, &there.application, as_account).await;
    let file = bed.folder.join("backup");
    backup::make(bed.store(), &file).await.unwrap();

    for (own, erasing) in [
        (&user, Erasing::Subject(subject.clone())),
        (&person, Erasing::Account(account)),
    ] {
        opens(&bed.custody, own).await.unwrap();
        let sealed = own.vault.key_record.clone();
        assert_eq!(found_in(&bed, &sealed).await, 1);
        let receipt = erase(&bed, erasing).await;
        assert_eq!((receipt.erased.keys, receipt.erased.grants), (1, 1));
        assert_eq!(found_in(&bed, &sealed).await, 0, "the key over them");
        is_gone(&bed.custody, own).await;
        for table in ["key_slots", "key_versions", "version_slots"] {
            let id = own.key.id;
            let left = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE key_id = '{id}'");
            assert_eq!(bed.only(&left).await, "0", "{table}");
        }
    }
    let left = "SELECT CAST(COUNT(*) AS TEXT) FROM key_grants";
    assert_eq!(bed.only(left).await, "0");
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);

    let custody = restored(&bed, &file, Some(&left_by(&bed))).await;
    for own in [&user, &person] {
        is_gone(&custody, own).await;
    }
    assert_eq!(custody.store().verify_audit().await.unwrap().faults, []);
    // Without them it is what the receipt says that it would be.
    let without = restored(&bed, &file, None).await;
    opens(&without, &user).await.unwrap();
}

/// Every table that names end users has one before, and none of them afterwards. Which tables those are, the
/// database says, so that one which is new is found; what is erased does not depend on the database.
#[tokio::test]
async fn no_table_that_names_end_users_is_forgotten() {
    let bed = Bed::sqlite().await;
    let there = bed.furnish().await;
    let addon = wanting(&bed, &there.application, "own", "openai").await;
    let hash = subject_of(&bed, &there).await;
    let (_, own) = entered(&bed, &there, &addon).await;
    own.give(&bed, &there.application, hash).await;
    let (store, application) = (bed.store(), &there.application);
    let account = there.founded.account.id;
    let scope = [there.addon.handle.clone()];
    let given = store.give_grant(ACTOR, application, account, hash, &scope);
    given.await.unwrap();
    let consent = NewConsent {
        account: None,
        subject: hash,
        version: 0,
        language: "en".to_owned(),
        hash: [9; 32],
    };
    store
        .add_consent(ACTOR, application, consent)
        .await
        .unwrap();
    let row = attempt(&bed, &there, hash);
    store.append_usage(&Batch::from(vec![row])).await.unwrap();
    bind(&bed, &there, hash).await;

    let tables = "SELECT group_concat(m.name, ' ') FROM sqlite_master m
        JOIN pragma_table_info(m.name) c ON c.name = 'subject' WHERE m.type = 'table'";
    let tables = bed.only(tables).await;
    let counts = async || {
        let mut counts = Vec::new();
        for table in tables.split(' ') {
            let count = format!(
                "SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE subject = {}",
                blob(&bed, hash.as_bytes())
            );
            counts.push((table, bed.only(&count).await));
        }
        counts
    };
    let before = counts().await;
    assert!(
        before.len() >= 8 && before.iter().all(|(_, count)| count != "0"),
        "{before:?}"
    );
    let subject = Subject {
        organization: there.organization,
        application: application.id,
        hash,
    };
    let receipt = erase(&bed, Erasing::Subject(subject)).await;
    let after = counts().await;
    assert!(after.iter().all(|(_, count)| count == "0"), "{after:?}");
    assert_eq!(found_in(&bed, hash.as_bytes()).await, 0);
    let gone = &receipt.erased;
    assert_eq!(
        (gone.consents, gone.grants, gone.keys, gone.access_tokens),
        (1, 2, 1, 1)
    );
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

/// Who the owner is to the application.
async fn as_end_user(bed: &Bed, there: &Furnished) -> keystead_vault::SubjectHash {
    let account = there.founded.account.id.to_string();
    let custody = &bed.custody;
    let subject = custody.subject(&there.application, "account", "", &account);
    subject.await.unwrap()
}

async fn opens(custody: &Custody, own: &Own) -> Result<(), CustodyError> {
    let opened = custody.open_key(ACTOR, own.vault.id, own.key.id, "test");
    assert!(opened.await?.key.expose() == own.plaintext);
    Ok(())
}

async fn is_gone(custody: &Custody, own: &Own) {
    assert!(
        custody
            .store()
            .vault_of(&own.holder)
            .await
            .unwrap()
            .is_none()
    );
    assert!(opens(custody, own).await.is_err());
}

/// All that is theirs: the vault's keys, and what they used as an end user of an application.
async fn what_an_account_is_to_applications_is_exported(bed: Bed) {
    let there = bed.furnish().await;
    wanting(&bed, &there.application, "own", "openai").await;
    Granted::new(&bed, &there).await;
    let account = there.founded.account.id;
    let hash = as_end_user(&bed, &there).await;
    let person = Own::new(&bed, VaultHolder::Account(account)).await;
    person.give(&bed, &there.application, hash).await;
    let rows: Vec<_> = (0..2).map(|_| attempt(&bed, &there, hash)).collect();
    bed.store().append_usage(&Batch::from(rows)).await.unwrap();
    let told = bed.store().rows_of_account(account).await.unwrap();
    for table in ["accounts", "grants", "vaults", "keys", "key_grants"] {
        assert_eq!(
            told[table].as_array().map(Vec::len),
            Some(1),
            "{table}: {told}"
        );
    }
    assert_eq!(told["keys"][0]["last4"], person.key.last4);
    assert_eq!(told["usage_subjects"][0]["attempts"], 2, "{told}");
    assert!(
        !told.to_string().contains(&there.key.id.to_string()),
        "the tenant's key"
    );
}

/// A webhook, and decoys of the tenant and of the application.
async fn watched(bed: &Bed, there: &Furnished) {
    let url = "https://hooks.example/".to_owned();
    let made = bed.custody.add_webhook(ACTOR, there.organization, url);
    made.await.unwrap();
    for application in [None, Some(there.application.id)] {
        let decoy = NewDecoy {
            organization: there.organization,
            application,
            name: "wiki".to_owned(),
            form: "openai".to_owned(),
        };
        bed.store().plant_decoy(ACTOR, decoy).await.unwrap();
    }
}

async fn a_receipt_is_believed_as_it_was_signed(bed: Bed) {
    let there = bed.furnish().await;
    let subject = end_user(&bed, &there).await;
    let receipt = erase(&bed, Erasing::Subject(subject)).await;
    let verifier = receipt.verifier.parse().unwrap();
    let said = read_receipt(&receipt.note, &verifier).unwrap();
    assert_eq!(said["kind"], "subject");
    assert_eq!(said["erased"]["attempts"], 3);
    let honest = said["not_erased"].to_string();
    assert!(honest.contains("backup") && honest.contains("root key"));
    let edited = receipt.note.replace("\"attempts\":3", "\"attempts\":4");
    assert_eq!(read_receipt(&edited, &verifier), Err(BadNote::Signature));
    // A tombstone is no receipt, though the same key signed it.
    let line: serde_json::Value = serde_json::from_str(left_by(&bed).trim()).unwrap();
    let note = line["note"].as_str().unwrap();
    assert_eq!(read_receipt(note, &verifier), Err(BadNote::Malformed));
}
