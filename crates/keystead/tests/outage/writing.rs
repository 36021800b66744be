//! The line dies while the store is written to: nobody knows whether it has what was sent.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::{BACK, POLL, counted, scene_that_lasts, warm, works_again};
use crate::harness::database::connect;
use crate::harness::{Keystead, Line, Relay, Scene, Store, eventually, within};

/// The store takes the rows and its answer is lost: they are sent again, and count once.
#[tokio::test(flavor = "multi_thread")]
async fn usage_whose_writing_was_not_confirmed_counts_once() {
    let (scene, relay) = scene_that_lasts().await;
    warm(&scene).await;
    counted(&scene, 1).await;

    relay.set(Line::LosesCommits);
    for _ in 0..10 {
        scene.client().send(scene.chat()).await.expect(200);
    }
    let mut database = connect(&scene.ks.store_url).await;
    let mut stored = async || -> i64 {
        let sum = "SELECT CAST(SUM(attempts) AS BIGINT) FROM usage_pages";
        sqlx::query_scalar(sum)
            .fetch_one(&mut database)
            .await
            .unwrap()
    };
    eventually("some are written", BACK, async || stored().await > 1).await;
    relay.set(Line::Cut);
    for _ in 0..10 {
        scene.client().send(scene.chat()).await.expect(200);
    }
    relay.set(Line::Open);

    works_again(&scene).await;
    counted(&scene, 22).await;
    assert_eq!(stored().await, 22, "a batch that was sent twice is one");
    scene.ks.terminate();
    scene.ks.ended(BACK).await;
    scene.ks.start_again().await;
    counted(&scene, 22).await;
}

/// The database moves while something is being written, of which nobody will ever say that it was.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_being_written_when_the_database_moved_is_written_once() {
    let (scene, relay) = scene_that_lasts().await;
    warm(&scene).await;
    counted(&scene, 1).await;
    relay.set(Line::LosesCommits);
    scene.client().send(scene.chat()).await.expect(200);
    tokio::time::sleep(POLL).await;
    relay.set(Line::Moved);

    counted(&scene, 2).await;
}

/// The line dies in the middle of what locks others out: they wait for seconds, not for the server to find out.
#[tokio::test(flavor = "multi_thread")]
async fn what_stays_begun_locks_others_out_for_seconds() {
    let (scene, relay) = scene_that_lasts().await;
    warm(&scene).await;
    counted(&scene, 1).await;
    let path = |action| format!("/addons/{}/{action}", scene.addon.id);
    relay.set(Line::DiesAtCommits);
    scene.client().send(scene.chat()).await.expect(200);
    let (disable, body) = (path("disable"), json!({}));
    let change = scene.ks.api("POST", &disable, &body);
    assert!(timeout(POLL, change).await.is_err(), "it was committed");
    relay.set(Line::Open);

    let enable = path("enable");
    let change = scene.ks.api("POST", &enable, &body);
    assert_eq!(within(BACK, "a change", change).await.status, 200);
    counted(&scene, 2).await;
}

/// A client leaves while the store is asked for more of a budget: what it then gives is not lost to all.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_gives_to_who_has_left_comes_back() {
    let relay = Relay::to_postgres();
    let ks = Keystead::prepare(Store::Postgres)
        .behind(&relay)
        .start()
        .await;
    // An eighth of it is one, so that each call has to ask.
    let limits = json!({"limits": {"budgets": ["8 requests/day"]}});
    let scene = Scene::furnished(ks, "openai", json!({}), limits).await;
    warm(&scene).await;
    relay.set(Line::Frozen);
    let client = scene.client();
    let left = timeout(POLL / 3, client.try_send(scene.chat())).await;
    assert!(left.is_err(), "it was not asked");
    relay.set(Line::Open);

    let meant = json!({ "addon_id": scene.addon.id });
    let patience = Duration::from_secs(20);
    eventually("nothing is reserved", patience, async || {
        let told = scene.ks.manage("POST", "/limits/check", &meant).await;
        let rules = told["rules"].as_array().unwrap();
        let budget = rules.iter().find(|rule| rule["counts"] == "budget");
        budget.unwrap()["reserved"] == "0"
    })
    .await;
}
