//! What is weak is told first, in the console, in the API and by doctor, and what was mended is told no
//! more.

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::{Keystead, Scene, Store, on_each_store};

on_each_store!(
    what_automation_asks_of_a_set_up_is_answered_by_a_code,
    a_backup_is_known_of,
);

/// One check of a report.
fn found(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    found
        .unwrap_or_else(|| panic!("{name} in {report}"))
        .clone()
}

/// What doctor says of an installation with these settings.
async fn doctor(ks: &Keystead, settings: &[(&str, &str)]) -> Value {
    let mut command = ks.local_command(&["doctor", "--json"]);
    for (name, value) in settings {
        command = command.env(name, value);
    }
    let said = command.run().await;
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    let code = i32::from(told["ok"] != true);
    assert_eq!(said.code, code, "{told}");
    told
}

/// It ends with 1 where something has to be done, and with 0 where that was done.
async fn what_automation_asks_of_a_set_up_is_answered_by_a_code(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let danger = ("KEYSTEAD_DANGER__ALLOW_PRIVATE_UPSTREAMS", "false");
    let told = doctor(&ks, &[]).await;
    assert_eq!(found(&told, "danger")["state"], "warning", "{told}");
    assert_eq!(told["ok"], true, "whoever turned it on knows: {told}");
    let told = doctor(&ks, &[danger]).await;
    assert_eq!(found(&told, "danger")["state"], "good", "{told}");
    assert_eq!(found(&told, "plain_http")["state"], "good", "{told}");
    assert_eq!(found(&told, "migrations")["state"], "good", "{told}");
    assert_eq!(told["ok"], true, "{told}");
    let open = ("KEYSTEAD_SERVER__PUBLIC_URL", "http://keys.example");
    let told = doctor(&ks, &[danger, open]).await;
    assert_eq!(found(&told, "plain_http")["state"], "bad", "{told}");
    assert_eq!(told["checks"][0]["state"], "bad", "the failing first");
    assert_eq!(told["ok"], false);

    let mut database = crate::harness::database::connect(&ks.store_url).await;
    let older = "DELETE FROM _sqlx_migrations WHERE version = 8";
    sqlx::query(older).execute(&mut database).await.unwrap();
    let told = doctor(&ks, &[danger]).await;
    assert_eq!(found(&told, "migrations")["state"], "bad", "{told}");
    assert_eq!(found(&told, "store and root key")["state"], "bad", "{told}");
}

async fn a_backup_is_known_of(store: Store) {
    let ks = Keystead::start(store).await;
    let state = async || {
        let report = ks.manage("GET", "/security", &Value::Null).await;
        found(&report, "backups")
    };
    let none = state().await;
    assert_eq!(none["state"], "warning", "{none}");
    let file = ks.place.path().join("a.backup").display().to_string();
    let made = ks.local_command(&["backup", "--out", &file, "--json"]);
    let made = made.run().await.json();
    assert_eq!(made["noted"], true, "{made}");
    let told = state().await;
    assert_eq!(told["state"], "good", "{told}");
    assert_eq!(told["objects"], json!([made["backup_id"]]));
    let told = doctor(&ks, &[]).await;
    assert_eq!(found(&told, "backups")["state"], "good", "{told}");
    let verified = ks.local_command(&["audit", "verify", "--json"]);
    assert_eq!(verified.run().await.json()["ok"], true);
}

/// What is weak is told first, in the console, in the API and by doctor, and what was mended is told no
/// more.
#[tokio::test]
async fn the_security_report_tells_what_is_weak() {
    let ks = Keystead::prepare(Store::Sqlite).init().await;
    let [mut admin, mut developer] = ks.sign_in([Role::Admin, Role::Developer]).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let state = async |name: &str| {
        let report = scene.ks.manage("GET", "/security", &Value::Null).await;
        found(&report, name)
    };
    let budgets = state("budgets").await;
    assert_eq!(budgets["state"], "warning", "{budgets}");
    assert_eq!(budgets["objects"], json!([scene.app.id]));
    assert_eq!(
        state("danger").await["state"],
        "warning",
        "tests run with it"
    );
    assert_eq!(state("keys_old").await["state"], "good");
    let report = scene.ks.manage("GET", "/security", &Value::Null).await;
    let states: Vec<_> = report["checks"].as_array().unwrap().iter().collect();
    let order = |check: &&Value| match check["state"].as_str().unwrap() {
        "bad" => 0,
        "warning" => 1,
        _ => 2,
    };
    assert!(states.is_sorted_by_key(order), "{report}");
    assert_eq!(report["ok"], true, "nothing that must be done: {report}");

    let page = admin.visit("/console/security").await.expect(200);
    assert!(page.says("No danger.* setting is on") && page.says("To consider"));
    developer.visit("/console/security").await.expect(403);
    let limits = json!({"limits": {"budgets": ["10 USD/day"]}});
    scene.ks.manage("PATCH", "/organization", &limits).await;
    assert_eq!(state("budgets").await["state"], "good");
    let doctor = doctor(&scene.ks, &[]).await;
    assert_eq!(found(&doctor, "budgets")["state"], "good", "{doctor}");
    let page = admin.visit("/console/security.json").await.expect(200);
    let file: Value = serde_json::from_str(&page.text).unwrap();
    assert_eq!(found(&file, "budgets")["state"], "good", "{file}");
}
