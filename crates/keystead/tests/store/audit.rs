//! Verification finds what was done to the log, and to the rows it speaks of.

use std::{collections::HashSet, time::Duration};

use keystead::{
    audit::{
        Action, AuditFault, BadProof, Event, Field, Outcome, Proof, TreeHead, merkle::Frontier,
    },
    custody::Custody,
    ids::EventId,
    store::{Access, Store, StoreError},
};

use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
};

on_both_stores!(
    a_log_that_nobody_touched_has_no_fault,
    an_edited_row_is_named,
    an_edited_row_with_a_fitting_leaf_is_named,
    a_removed_row_is_named,
    two_rows_exchanged_are_named,
    a_shortened_log_is_found,
    an_edited_head_stops_all_openings,
    an_older_row_put_back_is_found,
    a_deleted_object_put_back_is_found,
    an_object_removed_or_edited_is_found,
    a_process_that_only_reads_verifies,
    a_checkpoint_is_signed_and_names_size_and_root,
    a_checkpoint_that_was_kept_shows_a_log_that_was_cut_off_or_put_back,
    every_row_is_proven_by_its_path,
    rows_that_come_at_once_are_all_there_in_few_commits,
);

async fn faults(bed: &Bed) -> Vec<(&'static str, String, &'static str)> {
    let report = bed.store().verify_audit().await.unwrap();
    let named = |fault: AuditFault| (fault.table, fault.row, fault.fault);
    report.faults.into_iter().map(named).collect()
}

async fn some_rows(bed: &Bed) -> crate::bed::Furnished {
    let there = bed.furnish().await;
    for number in 0..5 {
        let event = Event::new(ACTOR, Action::KeyOpened, &there.key.id)
            .within(there.organization)
            .outcome(Outcome::Denied)
            .with(Field::Version, &number);
        bed.store().audit(event).await.unwrap();
    }
    there
}

async fn a_log_that_nobody_touched_has_no_fault(bed: Bed) {
    let there = some_rows(&bed).await;
    let store = bed.store();
    store
        .set_key_disabled(ACTOR, there.organization, there.key.id, true)
        .await
        .unwrap();
    store
        .remove_addon(ACTOR, there.organization, there.addon.id)
        .await
        .unwrap();
    let hash = there.token.lookup();
    store
        .revoke_token(ACTOR, there.organization, there.application.id, &hash)
        .await
        .unwrap();
    assert_eq!(faults(&bed).await, []);
    let log = store
        .audit_events(there.organization, 0, 1000)
        .await
        .unwrap();
    let report = store.verify_audit().await.unwrap();
    assert_eq!(report.size, log.len() as u64);
    assert_eq!(
        log.iter().map(|event| event.seq).collect::<Vec<_>>(),
        (1..=report.size).collect::<Vec<_>>()
    );
}

async fn an_edited_row_is_named(bed: Bed) {
    some_rows(&bed).await;
    for (column, value) in [
        ("actor", "'acc_00000000000070008000000000000000'"),
        ("object", "'key_00000000000070008000000000000000'"),
        ("outcome", "'done'"),
        ("action", "'test.other'"),
        ("detail", "'{}'"),
        ("at", "at + 1"),
        ("organization_id", "NULL"),
        ("object_version", "9"),
    ] {
        let seq = 11;
        bed.behind_its_back(&format!(
            "CREATE TABLE kept AS SELECT * FROM audit_events WHERE seq = {seq}"
        ))
        .await;
        bed.behind_its_back(&format!(
            "UPDATE audit_events SET {column} = {value} WHERE seq = {seq}"
        ))
        .await;
        let found = faults(&bed).await;
        assert_eq!(
            found[0],
            ("audit_events", seq.to_string(), "altered"),
            "{column}"
        );
        bed.behind_its_back(&format!("DELETE FROM audit_events WHERE seq = {seq}"))
            .await;
        bed.behind_its_back("INSERT INTO audit_events SELECT * FROM kept")
            .await;
        bed.behind_its_back("DROP TABLE kept").await;
        assert_eq!(faults(&bed).await, [], "{column} put right again");
    }
}

/// Someone who knows the format makes canonical bytes and leaf fit; they lack the row's MAC.
async fn an_edited_row_with_a_fitting_leaf_is_named(bed: Bed) {
    some_rows(&bed).await;
    bed.behind_its_back(
        "UPDATE audit_events SET
             detail = (SELECT detail FROM audit_events WHERE seq = 12),
             id = 'evt_00000000000070008000000000000000',
             canonical = (SELECT canonical FROM audit_events WHERE seq = 12),
             leaf_hash = (SELECT leaf_hash FROM audit_events WHERE seq = 12),
             mac = (SELECT mac FROM audit_events WHERE seq = 12)
         WHERE seq = 11",
    )
    .await;
    assert_eq!(
        faults(&bed).await[0],
        ("audit_events", "11".to_owned(), "altered")
    );
}

async fn a_removed_row_is_named(bed: Bed) {
    some_rows(&bed).await;
    bed.behind_its_back("DELETE FROM audit_events WHERE seq = 11")
        .await;
    let found = faults(&bed).await;
    assert_eq!(found[0], ("audit_events", "11".to_owned(), "missing"));
    assert!(
        found.contains(&("audit_head", "1".to_owned(), "other_root")),
        "{found:?}"
    );
}

async fn two_rows_exchanged_are_named(bed: Bed) {
    some_rows(&bed).await;
    bed.behind_its_back("UPDATE audit_events SET seq = -11 WHERE seq = 11")
        .await;
    bed.behind_its_back("UPDATE audit_events SET seq = 11 WHERE seq = 12")
        .await;
    bed.behind_its_back("UPDATE audit_events SET seq = 12 WHERE seq = -11")
        .await;
    assert_eq!(
        faults(&bed).await[0],
        ("audit_events", "11".to_owned(), "altered")
    );
}

async fn a_shortened_log_is_found(bed: Bed) {
    some_rows(&bed).await;
    bed.behind_its_back("DELETE FROM audit_events WHERE seq > 10")
        .await;
    assert_eq!(
        faults(&bed).await[0],
        ("audit_head", "1".to_owned(), "rows_missing")
    );
}

async fn an_edited_head_stops_all_openings(bed: Bed) {
    let there = some_rows(&bed).await;
    bed.behind_its_back("UPDATE audit_head SET size = size - 1")
        .await;
    assert!(
        faults(&bed)
            .await
            .contains(&("audit_head", "1".to_owned(), "altered"))
    );
    let opened = bed
        .custody
        .open_key(ACTOR, there.organization, there.key.id, "call")
        .await;
    assert!(opened.is_err(), "what can't be logged is not opened");
    let alerts = bed.store().alerts().await.unwrap();
    assert!(
        alerts.iter().any(|alert| alert.place == "audit_head"),
        "{alerts:?}"
    );
}

async fn an_older_row_put_back_is_found(bed: Bed) {
    let there = some_rows(&bed).await;
    let id = there.key.id;
    bed.behind_its_back("CREATE TABLE kept AS SELECT * FROM keys")
        .await;
    bed.store()
        .set_key_disabled(ACTOR, there.organization, id, true)
        .await
        .unwrap();
    assert_eq!(faults(&bed).await, []);
    bed.behind_its_back(
        "UPDATE keys SET disabled = (SELECT disabled FROM kept),
             row_version = (SELECT row_version FROM kept), mac = (SELECT mac FROM kept)",
    )
    .await;
    bed.store()
        .key(there.organization, id)
        .await
        .expect("each row by itself is genuine");
    assert_eq!(
        faults(&bed).await,
        [("keys", id.to_string(), "older_version")]
    );
}

async fn a_deleted_object_put_back_is_found(bed: Bed) {
    let there = some_rows(&bed).await;
    let id = there.addon.id;
    bed.behind_its_back("CREATE TABLE kept AS SELECT * FROM addons")
        .await;
    bed.store()
        .remove_addon(ACTOR, there.organization, id)
        .await
        .unwrap();
    bed.behind_its_back("INSERT INTO addons SELECT * FROM kept")
        .await;
    assert_eq!(faults(&bed).await, [("addons", id.to_string(), "put_back")]);
}

async fn an_object_removed_or_edited_is_found(bed: Bed) {
    let there = some_rows(&bed).await;
    let (addon, application) = (there.addon.id.to_string(), there.application.id.to_string());
    bed.behind_its_back("DELETE FROM addons").await;
    bed.behind_its_back("UPDATE applications SET name = 'Other'")
        .await;
    let found = faults(&bed).await;
    assert!(found.contains(&("addons", addon, "missing")), "{found:?}");
    assert!(
        found.contains(&("applications", application, "altered")),
        "{found:?}"
    );
}

async fn a_process_that_only_reads_verifies(bed: Bed) {
    some_rows(&bed).await;
    let store = Store::open(&bed.url, Access::Read, bed.clock.clone())
        .await
        .unwrap();
    let reader = Custody::open(store, &bed.root()).await.unwrap();
    assert_eq!(reader.store().verify_audit().await.unwrap().faults, []);
    bed.behind_its_back("UPDATE applications SET name = 'Other'")
        .await;
    assert_eq!(reader.store().verify_audit().await.unwrap().faults.len(), 1);
    let event = Event::new(ACTOR, Action::KeyOpened, &"x");
    assert!(
        reader.store().audit(event).await.is_err(),
        "it may not write"
    );
}

async fn a_checkpoint_is_signed_and_names_size_and_root(bed: Bed) {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    some_rows(&bed).await;
    let checkpoint = bed.custody.checkpoint().await.unwrap();
    let report = bed.store().verify_audit().await.unwrap();

    let (text, signature) = checkpoint.note.split_once("\n\n").unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let [name, size, root] = lines[..] else {
        panic!("{text}")
    };
    assert_eq!(
        (size, root),
        (
            &*report.size.to_string(),
            &*BASE64_STANDARD.encode(report.root)
        )
    );

    let text_of_verifier = bed.custody.verifier().to_string();
    let mut verifier = text_of_verifier.splitn(3, '+');
    assert_eq!(verifier.next(), Some(name));
    let id = verifier.next().unwrap();
    let public = BASE64_STANDARD.decode(verifier.next().unwrap()).unwrap();
    let signature = signature
        .trim_end()
        .strip_prefix(&format!("\u{2014} {name} "))
        .unwrap();
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    assert_eq!(
        signature[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
        id
    );
    let key = UnparsedPublicKey::new(&ED25519, &public[1..]);
    key.verify(format!("{text}\n").as_bytes(), &signature[4..])
        .unwrap();

    bed.store()
        .audit(Event::new(ACTOR, Action::KeyOpened, &"x"))
        .await
        .unwrap();
    assert_ne!(
        bed.custody.checkpoint().await.unwrap().note,
        checkpoint.note
    );
    let again = Custody::open(bed.store().clone(), &bed.root())
        .await
        .unwrap();
    assert_eq!(
        again.verifier().open(&checkpoint.note).unwrap(),
        checkpoint.head
    );
}

async fn a_checkpoint_that_was_kept_shows_a_log_that_was_cut_off_or_put_back(bed: Bed) {
    some_rows(&bed).await;
    let store = bed.store();
    let empty = TreeHead {
        origin: bed.custody.verifier().origin().to_owned(),
        size: 0,
        root: Frontier::default().root(),
    };
    let early = bed.custody.checkpoint().await.unwrap().head;
    let more = async || {
        let event = Event::new(ACTOR, Action::KeyOpened, &"x");
        store.audit(event).await.unwrap();
    };
    more().await;
    let late = bed.custody.checkpoint().await.unwrap().head;
    let kept = [empty, early.clone(), late.clone()];
    let report = store.verify_audit_against(&kept).await.unwrap();
    assert_eq!(report.faults, [], "it goes on from all of them");

    // The whole store as it was at the earlier one, which agrees with itself.
    let past = TreeHead {
        size: late.size + 3,
        ..late.clone()
    };
    let other = TreeHead {
        root: [0; 32],
        ..early.clone()
    };
    for (head, row, fault) in [
        (past, late.size + 3, "truncated"),
        (other, early.size, "rewritten"),
    ] {
        let report = store.verify_audit_against(&[late.clone(), head]).await;
        let faults = report.unwrap().faults;
        let found: Vec<_> = faults
            .iter()
            .map(|one| (one.table, one.row.clone(), one.fault))
            .collect();
        assert_eq!(found, [("checkpoints", row.to_string(), fault)]);
    }
}

async fn every_row_is_proven_by_its_path(bed: Bed) {
    let there = some_rows(&bed).await;
    let (store, verifier) = (bed.store(), bed.custody.verifier());
    let rows = store.audit_events(there.organization, 0, 100).await;
    let rows = rows.unwrap();
    assert!(rows.len() > 5);
    let mut proofs = Vec::new();
    for row in &rows {
        let proof = bed.custody.prove(row.id).await.unwrap();
        let proof = Proof::parse(&proof.to_text()).unwrap();
        assert_eq!(proof.index + 1, row.seq);
        assert_eq!(
            proof.verify(&verifier).unwrap().size,
            proof_size(&bed).await
        );
        proofs.push(proof);
    }
    let [first, second, ..] = &proofs[..] else {
        panic!("more than one")
    };
    let exchanged = Proof {
        row: second.row.clone(),
        ..first.clone()
    };
    assert_eq!(exchanged.verify(&verifier), Err(BadProof::NotIncluded));
    let elsewhere = Proof {
        index: second.index,
        ..first.clone()
    };
    assert_eq!(elsewhere.verify(&verifier), Err(BadProof::NotIncluded));

    // What is not what Keystead wrote is not proven.
    let seq = rows[0].seq;
    bed.behind_its_back(&format!(
        "UPDATE audit_events SET actor = 'operator', action = 'key.shown' WHERE seq = {seq}"
    ))
    .await;
    assert!(bed.custody.prove(rows[0].id).await.is_err());
    assert!(bed.custody.prove(rows[1].id).await.is_ok());
    let unknown = EventId::new(&bed.clock);
    assert!(bed.custody.prove(unknown).await.is_err());
}

async fn proof_size(bed: &Bed) -> u64 {
    bed.custody.checkpoint().await.unwrap().head.size
}

/// What opens keys waits for its row to be durable; many wait for one commit.
async fn rows_that_come_at_once_are_all_there_in_few_commits(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let before = proof_size(&bed).await;
    let event = |number: usize| {
        Event::new(ACTOR, Action::KeyOpened, &there.key.id)
            .within(there.organization)
            .with(Field::Version, &number)
    };
    let many = (0..300).map(|number| {
        let (store, event) = (store.clone(), event(number));
        tokio::spawn(async move { store.audit(event).await })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    assert_eq!(proof_size(&bed).await, before + 300);
    // Nobody waits for these any more, and they are written all the same.
    let mut left = 0;
    for number in 300..310 {
        let waits = store.audit(event(number));
        let outcome = tokio::time::timeout(Duration::ZERO, waits).await;
        left += u32::from(outcome.is_err());
    }
    assert!(left > 0, "each was written before it could be left");
    store.audit(event(310)).await.unwrap();
    let rows = store.audit_events(there.organization, 0, 1_000).await;
    let noted: Vec<_> = rows
        .unwrap()
        .into_iter()
        .filter(|row| row.action == Action::KeyOpened.word())
        .map(|row| row.detail)
        .collect();
    let distinct: HashSet<_> = noted.iter().collect();
    assert_eq!((noted.len(), distinct.len()), (311, 311), "each once");
    assert_eq!(store.verify_audit().await.unwrap().faults, []);

    // A log that can't take rows refuses each of them by itself.
    bed.behind_its_back("UPDATE audit_head SET size = size + 1")
        .await;
    let (one, other) = tokio::join!(store.audit(event(0)), store.audit(event(1)));
    for outcome in [one, other] {
        assert!(
            matches!(outcome, Err(StoreError::Tampered { .. })),
            "{outcome:?}"
        );
    }
}
