//! The drill: the machine is lost, and the store comes back from its backup elsewhere. The commands are
//! those of docs/runbooks/recovery.md, run in their order.

mod disk;
mod tombstones;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

use crate::harness::database::connect;
use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Scene, Store, eventually, on_each_store, within};

on_each_store!(
    a_lost_machine_comes_back_from_its_backup,
    a_backup_names_what_is_wrong_with_it,
    the_root_key_changes_and_keys_still_work,
    a_key_owner_gets_another_key_and_no_call_fails,
    an_end_user_is_exported_and_erased,
);

const RUNBOOK: &str = include_str!("../../../docs/runbooks/recovery.md");

/// The lines of shell under one head of the runbook.
fn commands(head: &str) -> Vec<&'static str> {
    let (_, rest) = RUNBOOK
        .split_once(&format!("\n## {head}\n"))
        .unwrap_or_else(|| panic!("the runbook has no {head:?}"));
    let section = rest.split("\n## ").next().unwrap_or(rest);
    let mut lines = Vec::new();
    for block in section.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        lines.extend(block.lines().filter(|line| !line.is_empty()));
    }
    assert!(!lines.is_empty(), "the runbook's {head:?} has commands");
    lines
}

/// Runs a line of the runbook, its names standing for the test's own files.
async fn run(ks: &Keystead, line: &str) -> Value {
    let place = |word: &str| {
        let word = word.replace("DATA_DIR", &ks.data_dir().display().to_string());
        match word.as_str() {
            "keystead.backup" | "root.key" => ks
                .place
                .path()
                .join("away")
                .join(word)
                .display()
                .to_string(),
            _ => word,
        }
    };
    let words: Vec<_> = line
        .split_whitespace()
        .take_while(|word| *word != "#")
        .map(place)
        .collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["keystead", "serve"] => {
            ks.start_again().await;
            Value::Null
        }
        ["keystead", rest @ ..] => {
            let said = ks.local_command(&[rest, &["--json"]].concat());
            within(Duration::from_secs(60), line, said.run())
                .await
                .json()
        }
        [program, rest @ ..] => {
            let status = Command::new(program).args(rest).status();
            assert!(status.unwrap().success(), "{line}");
            Value::Null
        }
        [] => Value::Null,
    }
}

/// Everything that was on the machine is gone.
async fn lose(ks: &Keystead) {
    fs::remove_dir_all(ks.data_dir()).unwrap();
    if ks.store == Store::Postgres {
        let mut database = connect(&ks.store_url).await;
        let lost = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
        database.execute(lost).await.unwrap();
        database.close().await.unwrap();
    }
}

async fn a_lost_machine_comes_back_from_its_backup(store: Store) {
    let prepared = Keystead::prepare(store);
    let away = prepared.place().path().join("away");
    fs::create_dir(&away).unwrap();
    let tombstones = format!("\"{}\"", away.join("erasures.jsonl").display());
    let ks = prepared
        .set("erasure.tombstones", &tombstones)
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let ks = &scene.ks;
    ks.place.allow("away/root.key");
    let root_key = ks.data_dir().join("root.key");
    fs::copy(root_key, away.join("root.key")).unwrap();

    // Load, and things that must stay as they are.
    let (erased, stays) = (ks.uid(), ks.uid());
    for uid in [&erased, &stays] {
        let token = ks.token_for(&scene.app, uid).await;
        let ask = scene
            .addon
            .ask("POST", "/v1/chat/completions", "openai", &token);
        scene
            .client()
            .send(ask.json(&scene.chat_body()))
            .await
            .expect(200);
    }
    let path = format!("/applications/{}/client-secrets", scene.app.id);
    let spare = ks.api("POST", &path, &Value::Null).await.expect(201).json();
    let revoked = ks
        .place
        .plant("client_secret", text(&spare, "client_secret"));
    let id = text(&spare, "secret_id");
    ks.api("DELETE", &format!("{path}/{id}"), &Value::Null)
        .await
        .expect(204);

    let used = async |uid: &str| {
        let question = json!({"application_id": scene.app.id, "uid": uid});
        let used = ks.manage("POST", "/usage/subject", &question).await;
        used["data"].as_array().map_or(0, Vec::len)
    };
    eventually(
        "the books are written",
        Duration::from_secs(10),
        async || used(&erased).await == 1 && used(&stays).await == 1,
    )
    .await;

    let doctor = ks.local_command(&["doctor", "--json"]).run().await.json();
    let said = |name: &str| {
        let checks = doctor["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap()["state"].clone()
    };
    assert_eq!(
        (said("tombstones"), said("checkpoints")),
        (json!("good"), json!("warning"))
    );
    for line in commands("Every day") {
        run(ks, line).await;
    }
    // After the backup: what it does not know.
    let subject = json!({"application_id": scene.app.id, "uid": erased});
    let receipt = ks.manage("POST", "/subjects/erase", &subject).await;
    assert_eq!(receipt["erased"]["attempts"], 1);

    ks.kill();
    lose(ks).await;
    for line in commands("When the machine is lost") {
        run(ks, line).await;
    }

    // Tokens have ended, keys work, revoked stays revoked, erased stays erased.
    scene.client().send(scene.chat()).await.expect(401);
    let token = ks.token(&scene.app).await;
    let ask = scene
        .addon
        .ask("POST", "/v1/chat/completions", "openai", &token);
    scene
        .client()
        .send(ask.json(&scene.chat_body()))
        .await
        .expect(200);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", scene.app.client_id.as_str()),
        ("client_secret", &revoked),
        ("uid", "u"),
    ];
    let refused = Ask::post("/oauth/token").form(&fields).secret();
    scene.client().send(refused).await.expect(401);
    assert_eq!(used(&erased).await, 0);
    assert_eq!(used(&stays).await, 1);
    let verified = ks
        .local_command(&["audit", "verify", "--json"])
        .run()
        .await
        .json();
    assert_eq!(verified["faults"], json!([]), "{verified}");
    // The drill may be done again: the same file elsewhere, or here, once this is lost as well.
    let again = ks.local_command(&[
        "restore",
        &away.join("keystead.backup").display().to_string(),
        "--json",
    ]);
    let refused = again.run().await.failure(1);
    let expected = match store {
        Store::Sqlite => "store_locked",
        Store::Postgres => "store_not_empty",
    };
    assert_eq!(refused["code"], expected);
}

async fn a_backup_names_what_is_wrong_with_it(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let file = ks.place.path().join("a.backup");
    let name = file.display().to_string();
    let made = ks
        .local_command(&["backup", "--out", &name, "--json"])
        .run()
        .await
        .json();
    assert_eq!(made["bytes"], fs::metadata(&file).unwrap().len());
    let taken = ks
        .local_command(&["backup", "--out", &name, "--json"])
        .run()
        .await;
    assert_eq!(taken.failure(1)["code"], "backup_exists");
    let nowhere = ks
        .local_command(&["backup", "--out", "/proc/none/x", "--json"])
        .run()
        .await;
    assert_eq!(nowhere.failure(1)["code"], "backup_file");

    ks.kill();
    let key = ks.data_dir().join("root.key");
    let right = fs::read(&key).unwrap();
    lose(ks).await;
    fs::create_dir(ks.data_dir()).unwrap();
    let restore = |file: &Path| {
        let file = file.display().to_string();
        ks.local_command(&["restore", &file, "--without-tombstones", "--json"])
    };
    assert_eq!(
        restore(&file).run().await.failure(78)["code"],
        "root_key_missing"
    );
    ks.place.allow("data/root.key");
    private(&key, "0".repeat(64).as_bytes());
    assert_eq!(
        restore(&file).run().await.failure(78)["code"],
        "root_key_mismatch"
    );
    private(&key, &right);
    let without = ks.local_command(&["restore", &name, "--json"]).run().await;
    assert_eq!(without.failure(1)["code"], "tombstones_missing");
    let whole = fs::read(&file).unwrap();
    let bad = ks.place.path().join("bad.backup");
    for (bytes, code) in [
        (&whole[..whole.len() / 2], "backup_damaged"),
        (b"SQLite format 3\0 and so on".as_slice(), "backup_not_one"),
    ] {
        fs::write(&bad, bytes).unwrap();
        assert_eq!(restore(&bad).run().await.failure(1)["code"], code);
    }
    let done = restore(&file).run().await.json();
    assert_eq!(done["audit"]["faults"], json!([]));
    ks.local_command(&["restored", "enable", "--json"])
        .run()
        .await
        .json();
    ks.start_again().await;
    let token = ks.token(&scene.app).await;
    let ask = scene.addon.ask("GET", "/v1/models", "openai", &token);
    scene.client().send(ask).await.expect(200);
}

fn private(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn the_root_key_changes_and_keys_still_work(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let refused = ks
        .local_command(&["rekey", "--json"])
        .run()
        .await
        .failure(1);
    let expected = match store {
        Store::Sqlite => "store_locked",
        Store::Postgres => "store_in_use",
    };
    assert_eq!(refused["code"], expected);
    ks.kill();
    ks.place.allow("data/root.key");
    let old = fs::read(ks.data_dir().join("root.key")).unwrap();
    let mut tries = 0;
    let changed = loop {
        // PostgreSQL needs a moment to see that the server is gone.
        let said = ks.local_command(&["rekey", "--json"]).run().await;
        if said.code == 0 || tries == 100 {
            break said.json();
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(changed["organizations"], 1, "{changed}");
    let kept = changed["kept"].as_str().unwrap();
    let kept_name = Path::new(kept).file_name().unwrap().to_str().unwrap();
    ks.place.allow(&format!("data/{kept_name}"));
    assert_eq!(fs::read(kept).unwrap(), old);
    assert_ne!(fs::read(ks.data_dir().join("root.key")).unwrap(), old);
    ks.start_again().await;
    scene.client().send(scene.chat()).await.expect(200);
}

async fn a_key_owner_gets_another_key_and_no_call_fails(store: Store) {
    let scene = Scene::on(store).await;
    let calls = async {
        for _ in 0..40 {
            let token = scene.ks.token(&scene.app).await;
            let ask = scene.addon.ask("GET", "/v1/models", "openai", &token);
            scene.client().send(ask).await.expect(200);
        }
    };
    let changes = async {
        for account in [
            &["key-owner", "rotate", "--json"][..],
            &["key-owner", "rotate", "--account", "--json"],
        ] {
            for _ in 0..3 {
                scene.ks.command(account).run().await.json();
                // Forgets the opened key, so that the next call opens it anew.
                let path = format!("/keys/{}", scene.key.id);
                scene
                    .ks
                    .manage("PATCH", &path, &json!({"name": "renamed"}))
                    .await;
            }
        }
    };
    tokio::join!(calls, changes);
    let verified = scene
        .ks
        .local_command(&["audit", "verify", "--json"])
        .run()
        .await
        .json();
    assert_eq!(verified["faults"], json!([]), "{verified}");
}

async fn an_end_user_is_exported_and_erased(store: Store) {
    let scene = Scene::on(store).await;
    let ks = &scene.ks;
    let uid = ks.uid();
    let token = ks.token_for(&scene.app, &uid).await;
    let ask = || scene.addon.ask("GET", "/v1/models", "openai", &token);
    scene.client().send(ask()).await.expect(200);
    let who = ["--app", scene.app.id.as_str(), "--uid", &uid, "--json"];
    let export = ks
        .command(&[&["subject", "export"], &who[..]].concat())
        .run()
        .await
        .json();
    assert_eq!(
        export["data"]["tokens"].as_array().map(Vec::len),
        Some(1),
        "{export}"
    );

    let receipt = ks
        .command(&[&["subject", "erase"], &who[..]].concat())
        .run()
        .await
        .json();
    assert_eq!(receipt["erased"]["access_tokens"], 1, "{receipt}");
    scene.client().send(ask()).await.expect(401);
    let file = ks.place.path().join("receipt");
    fs::write(&file, receipt["receipt"].as_str().unwrap()).unwrap();
    let verifier = receipt["verifier"].as_str().unwrap();
    let name = file.display().to_string();
    let check = ["receipt", &name, "--verifier", verifier, "--json"];
    let said = ks.local_command(&check[..4]).run().await;
    said.expect(0);
    let export = ks
        .command(&[&["subject", "export"], &who[..]].concat())
        .run()
        .await
        .json();
    assert_eq!(export["data"]["tokens"], json!([]));
    assert_eq!(export["data"]["usage_subjects"], json!([]));
}
