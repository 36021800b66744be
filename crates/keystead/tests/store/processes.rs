//! Several processes on one PostgreSQL: one installs, each hears of the others' changes.

use std::time::Duration;

use keystead::{
    custody::Custody,
    store::{Access, Change, Store},
};
use tokio::time::timeout;

use crate::bed::{ACTOR, Bed};

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_agree_on_one_installation() {
    let bed = Bed::postgres().await;
    let fresh = bed.another_unmigrated().await;
    let mut starting = Vec::new();
    for _ in 0..6 {
        let (url, root, clock) = (fresh.clone(), bed.root(), bed.clock.clone());
        starting.push(tokio::spawn(async move {
            let store = Store::open(&url, Access::Write, clock).await.unwrap();
            Custody::open(store, &root).await.unwrap()
        }));
    }
    let mut started = Vec::new();
    for process in starting {
        started.push(process.await.unwrap());
    }
    let made = started[0].create_organization(ACTOR, "One").await.unwrap();
    for process in &started {
        assert_eq!(
            process.store().organization(made.id).await.unwrap().name,
            "One"
        );
    }
}

#[tokio::test]
async fn a_change_reaches_every_process_within_a_second() {
    let bed = Bed::postgres().await;
    let there = bed.furnish().await;
    let store = Store::open(&bed.url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    let other = Custody::open(store, &bed.root()).await.unwrap();
    let mut heard = other.store().subscribe();
    let generation = other.store().generation();
    let watch = tokio::spawn(other.store().watch().await.unwrap().run());

    bed.clock.advance(Duration::from_secs(3600));
    bed.store()
        .set_key_disabled(ACTOR, there.organization, there.key.id, true)
        .await
        .unwrap();
    let change = timeout(Duration::from_secs(1), heard.recv())
        .await
        .expect("in time")
        .unwrap();
    assert_eq!(
        change,
        Change {
            object: there.key.id.to_string(),
            cut: true
        }
    );
    assert!(other.store().generation() > generation);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(other.store().confirmed_at(), bed.clock.now());
    watch.abort();
}

#[tokio::test]
async fn what_changed_while_a_process_started_is_heard() {
    let bed = Bed::postgres().await;
    let there = bed.furnish().await;
    let other = Store::open(&bed.url, Access::Write, bed.clock.clone())
        .await
        .unwrap();
    let mut heard = other.subscribe();
    bed.store()
        .set_key_disabled(ACTOR, there.organization, there.key.id, true)
        .await
        .unwrap();
    other.watch().await.unwrap();
    assert_eq!(heard.try_recv().unwrap().object, there.key.id.to_string());
}

#[tokio::test]
async fn a_process_that_hears_nothing_knows_it() {
    let bed = Bed::postgres().await;
    let store = bed.store().clone();
    let watch = tokio::spawn(store.watch().await.unwrap().run());
    let confirmed = store.confirmed_at();
    bed.behind_its_back("ALTER TABLE change_seq RENAME TO away")
        .await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    bed.clock.advance(Duration::from_secs(6));
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(
        store.confirmed_at() <= confirmed,
        "what was not read confirms nothing"
    );
    bed.behind_its_back("ALTER TABLE away RENAME TO change_seq")
        .await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(store.confirmed_at(), bed.clock.now());
    watch.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_openings_of_many_processes_neither_deadlock_nor_tear_the_log() {
    let bed = Bed::postgres().await;
    let there = bed.furnish().await;
    let mut working = Vec::new();
    for number in 0..8 {
        let store = Store::open(&bed.url, Access::Write, bed.clock.clone())
            .await
            .unwrap();
        let custody = Custody::open(store, &bed.root()).await.unwrap();
        let (organization, key) = (there.organization, there.key.id);
        working.push(tokio::spawn(async move {
            for turn in 0..10 {
                let off = (number + turn) % 2 == 0;
                custody
                    .store()
                    .set_key_disabled(ACTOR, organization, key, off)
                    .await
                    .unwrap();
                custody
                    .open_key(ACTOR, organization, key, "call")
                    .await
                    .unwrap();
            }
        }));
    }
    for worker in working {
        worker.await.unwrap();
    }
    let report = bed.store().verify_audit().await.unwrap();
    assert_eq!(report.faults, []);
    assert!(report.size > 80);
}
