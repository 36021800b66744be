//! What was given away can't be taken back: checkpoints, proofs, exports.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{log, run};
use crate::harness::database::connect;
use crate::harness::{Ask, Keystead, Scene, Store, eventually, on_each_store, planted};

on_each_store!(
    a_store_that_was_put_back_is_shown_by_what_was_kept,
    an_entry_is_proven_to_someone_who_has_no_store,
    the_log_is_taken_away_as_lines,
);

/// All of it agrees with itself; only the file outside knows better.
async fn a_store_that_was_put_back_is_shown_by_what_was_kept(store: Store) {
    let scene = Scene::within(
        Keystead::prepare(store)
            .set("audit.checkpoint_interval", "\"1s\"")
            .start()
            .await,
        "openai",
    )
    .await;
    let ks = &scene.ks;
    let kept = ks.data_dir().join("checkpoints.jsonl");
    let sizes = || -> Vec<u64> {
        let text = fs::read_to_string(&kept).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|line: Value| line["size"].as_u64().unwrap())
            .collect()
    };
    let size = async || log(ks).await.last().unwrap()["seq"].as_u64().unwrap();
    let before = size().await;
    let patience = Duration::from_secs(10);
    eventually("a checkpoint", patience, async || sizes().contains(&before)).await;
    let mut database = connect(&ks.store_url).await;
    for table in ["audit_events", "audit_head"] {
        run(
            &mut database,
            &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"),
        )
        .await;
    }
    let denied = Ask::post("/api/v1/audit/export").bearer(&ks.api_token);
    ks.client().send(denied).await.expect(200);
    let after = size().await;
    assert!(after > before);
    eventually("the next", patience, async || sizes().contains(&after)).await;
    let path = kept.display().to_string();
    let verify = ["audit", "verify", "--json", "--checkpoint", &path];
    let told = ks.local_command(&verify).run().await.json();
    assert_eq!(
        (&told["ok"], told["checkpoints"].as_u64().unwrap() >= 2),
        (&json!(true), true)
    );

    ks.terminate();
    ks.ended(patience).await;
    for table in ["audit_events", "audit_head"] {
        run(&mut database, &format!("DELETE FROM {table}")).await;
        run(
            &mut database,
            &format!("INSERT INTO {table} SELECT * FROM kept_{table}"),
        )
        .await;
    }
    let alone = ks.local_command(&["audit", "verify", "--json"]).run().await;
    assert_eq!(alone.json()["size"], before, "it agrees with itself");
    let told = ks.local_command(&verify).run().await.expect(1).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let fault = json!({"table": "checkpoints", "row": after.to_string(), "fault": "truncated"});
    assert!(
        told["faults"].as_array().unwrap().contains(&fault),
        "{told}"
    );

    // Nor does a note help that somebody else wrote.
    let text = fs::read_to_string(&kept).unwrap();
    let forged = text.replace(&format!("\\n{after}\\n"), &format!("\\n{before}\\n"));
    let file = ks.place.path().join("forged.jsonl");
    fs::write(&file, forged).unwrap();
    let file = file.display().to_string();
    let said = ks.local_command(&["audit", "verify", "--json", "--checkpoint", &file]);
    assert_eq!(said.run().await.failure(1)["code"], "bad_checkpoint");
}

async fn an_entry_is_proven_to_someone_who_has_no_store(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let entry = log(ks).await.swap_remove(2);
    let id = entry["event_id"].as_str().unwrap();
    let file = ks.place.path().join("proof").display().to_string();
    let prove = ["audit", "prove", id, "--out", &file];
    ks.local_command(&prove).run().await.expect(0);
    ks.local_command(&prove).run().await.expect(1); // It overwrites nothing.
    let made = ks.local_command(&["audit", "checkpoint", "--json"]);
    let made = made.run().await.json();
    let verifier = made["verifier"].as_str().unwrap();
    assert!(
        made["note"]
            .as_str()
            .unwrap()
            .contains(verifier.split('+').next().unwrap())
    );

    let check = [
        "audit",
        "verify",
        "--json",
        "--proof",
        &file,
        "--verifier",
        verifier,
    ];
    let told = ks.command(&check).run().await.json();
    assert_eq!((&told["ok"], &told["seq"]), (&json!(true), &entry["seq"]));
    let own = ks.local_command(&["audit", "verify", "--json", "--proof", &file]);
    assert_eq!(
        own.run().await.json(),
        told,
        "as this installation says itself"
    );

    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("index 2", "index 1")).unwrap();
    let told = ks.command(&check).run().await.expect(1).stdout;
    assert!(told.contains("not in the log"), "{told}");
    let unknown = format!("evt_{}", planted::hex(32));
    let said = ks.local_command(&["audit", "prove", &unknown, "--json"]);
    assert_eq!(said.run().await.failure(1)["code"], "not_found");
}

async fn the_log_is_taken_away_as_lines(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let rows = log(ks).await;
    let said = ks.command(&["audit", "export"]).run().await.expect(0);
    let lines = said.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[..rows.len()], rows);
    let last = lines.last().unwrap();
    assert_eq!(last["action"], "audit.exported", "the log says who took it");
    let file = ks.place.path().join("log.jsonl");
    let path = file.display().to_string();
    let told = ks.command(&["audit", "export", "--json", "--out", &path]);
    let told = told.run().await.json();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(told["entries"], text.lines().count());
    // No API token, no log.
    let stranger = ks
        .command(&["audit", "export", "--json"])
        .env("KEYSTEAD_API_TOKEN", "ksa1_x");
    assert_eq!(stranger.run().await.failure(1)["code"], "unauthenticated");
}

#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Vec<(String, String)>>>, Arc<Mutex<u16>>);

/// An address is told again until it says that it has it, and its silence is an alert.
#[tokio::test]
async fn a_checkpoint_is_posted_until_it_is_taken() {
    let keeper = Keeper::default();
    *keeper.1.lock() = 503;
    let take = async |State(keeper): State<Keeper>, headers: HeaderMap, body: String| {
        let shown = headers["authorization"].to_str().unwrap().to_owned();
        keeper.0.lock().push((shown, body));
        StatusCode::from_u16(*keeper.1.lock()).unwrap()
    };
    let router = Router::new()
        .route("/keep", post(take))
        .with_state(keeper.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/keep", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let secret = format!("Bearer {}", planted::hex(32));
    let ks = Keystead::prepare(Store::Sqlite)
        .set("audit.checkpoint_interval", "\"1s\"")
        .set("audit.checkpoints", &format!("\"{address}\""))
        .set("audit.checkpoints_authorization", &format!("\"{secret}\""))
        .start()
        .await;
    ks.expects_errors("alert: checkpoint_not_kept");
    let patience = Duration::from_secs(10);
    eventually("it is told again", patience, async || {
        keeper.0.lock().len() >= 2
    })
    .await;
    let mut database = connect(&ks.store_url).await;
    eventually("an alert", patience, async || {
        let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM alerts")
            .fetch_all(&mut database)
            .await
            .unwrap();
        kinds.contains(&"checkpoint_not_kept".to_owned())
    })
    .await;
    *keeper.1.lock() = 204;
    keeper.0.lock().clear();
    eventually("it is taken", patience, async || {
        !keeper.0.lock().is_empty()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let heard = keeper.0.lock().clone();
    assert_eq!(heard.len(), 1, "once, while nothing happens");
    let (shown, line) = &heard[0];
    assert_eq!(*shown, secret);
    let line: Value = serde_json::from_str(line).unwrap();
    let verifier = ks.local_command(&["audit", "checkpoint", "--json"]);
    let verifier = verifier.run().await.json()["verifier"]
        .as_str()
        .unwrap()
        .to_owned();
    let verifier: keystead::audit::Verifier = verifier.parse().unwrap();
    let head = verifier.open(line["note"].as_str().unwrap()).unwrap();
    assert_eq!(line["size"], head.size);
}
