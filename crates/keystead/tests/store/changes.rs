//! What changes is numbered, heard by who listens, and missed by nobody.

use keystead::store::Change;

use crate::{
    bed::{ACTOR, Bed},
    on_both_stores,
};

on_both_stores!(
    changes_are_numbered_and_heard,
    what_a_process_changed_itself_it_hears_once,
    old_changes_are_deleted_and_no_revocation_is_missed,
);

/// A second time would cut what began since: a key that was paused and enabled at once. The watch looks
/// while changes are made, so it sees some before their maker has told of them.
async fn what_a_process_changed_itself_it_hears_once(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let mut heard = store.subscribe();
    let watching = store.clone();
    let watch = tokio::spawn(async move {
        loop {
            watching.watch().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut times = 0;
    for made in 1..=500 {
        store
            .set_key_disabled(ACTOR, there.organization, there.key.id, made % 2 == 1)
            .await
            .unwrap();
        while let Ok(change) = heard.try_recv() {
            assert_eq!(change.object, there.key.id.to_string());
            times += 1;
        }
        assert_eq!(times, made);
    }
    watch.abort();
    store.watch().await.unwrap();
    assert!(heard.try_recv().is_err());
}

async fn changes_are_numbered_and_heard(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let (seq, generation) = (store.current_seq().await.unwrap(), store.generation());
    let mut heard = store.subscribe();

    bed.mint(&there.application, &there.secret).await;
    assert_eq!(
        store.current_seq().await.unwrap(),
        seq,
        "minting takes no number"
    );

    store
        .set_key_disabled(ACTOR, there.organization, there.key.id, true)
        .await
        .unwrap();
    store
        .revoke_token(
            ACTOR,
            there.organization,
            there.application.id,
            &there.token.lookup(),
        )
        .await
        .unwrap();
    assert_eq!(store.generation(), generation + 2);
    let first = heard.try_recv().expect("heard before the call returned");
    assert_eq!(
        first,
        Change {
            object: there.key.id.to_string(),
            cut: true
        }
    );

    let (now, changes) = store.changes_since(seq).await.unwrap();
    assert_eq!(now, seq + 2);
    assert_eq!(changes[0], first);
    assert!(changes[1].object.starts_with("tok_") && changes[1].cut);

    bed.behind_its_back(&format!("DELETE FROM changes WHERE seq = {now}"))
        .await;
    let (_, changes) = store.changes_since(seq).await.unwrap();
    assert_eq!(
        changes.last().unwrap().object,
        Change::EVERYTHING,
        "a gap is no silence"
    );
}

async fn old_changes_are_deleted_and_no_revocation_is_missed(bed: Bed) {
    let there = bed.furnish().await;
    let store = bed.store();
    let seq = store.current_seq().await.unwrap();
    store
        .set_key_disabled(ACTOR, there.organization, there.key.id, true)
        .await
        .unwrap();
    assert_eq!(store.delete_old_changes().await.unwrap(), 0);
    let (_, changes) = store.changes_since(seq).await.unwrap();
    assert_eq!(changes[0].object, there.key.id.to_string());

    bed.behind_its_back("UPDATE change_seq SET seq = seq + 10000")
        .await;
    assert!(store.delete_old_changes().await.unwrap() > 0);
    let (_, changes) = store.changes_since(seq).await.unwrap();
    assert_eq!(
        changes.last().unwrap().object,
        Change::EVERYTHING,
        "who missed it forgets everything"
    );
}
