//! Alerts as operators meet them: raised by what passes, seen in the console, by command and in the API.

mod decoys;
mod quiet;
mod report;
mod webhooks;

use std::time::Duration;

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{Answer, Keystead, Scene, Store, eventually, on_each_store};

on_each_store!(
    an_application_that_is_called_from_elsewhere_is_told,
    a_budget_without_room_is_told,
    an_alert_is_seen_and_acknowledged,
);

const PATIENCE: Duration = Duration::from_secs(5);

async fn alerts(ks: &Keystead) -> Vec<Value> {
    let listed = ks.manage("GET", "/alerts?state=open", &Value::Null).await;
    listed["data"].as_array().unwrap().clone()
}

async fn kinds(ks: &Keystead) -> Vec<String> {
    let all = alerts(ks).await;
    all.iter().map(|alert| text(alert, "kind")).collect()
}

async fn an_application_that_is_called_from_elsewhere_is_told(store: Store) {
    let ks = Keystead::prepare(store)
        .set("server.trusted_proxies", "[\"127.0.0.0/8\"]")
        .set("watch.interval", "\"1s\"")
        .start()
        .await;
    let scene = Scene::within(ks, "openai").await;
    let from = async |address: &str| {
        let ask = scene
            .chat()
            .header("x-forwarded-for", address)
            .header("x-forwarded-proto", "https");
        scene.client().send(ask).await.expect(200);
    };
    let home = scene.ks.place.plant("address", "203.0.113.61");
    let neighbour = scene.ks.place.plant("address", "203.0.113.62");
    let elsewhere = scene.ks.place.plant("address", "198.51.100.63");
    for _ in 0..5 {
        from(&home).await;
        from(&neighbour).await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(kinds(&scene.ks).await, [""; 0], "that is where it lives");
    from(&elsewhere).await;
    eventually("an alert", PATIENCE, async || {
        kinds(&scene.ks).await == ["new_address_range"]
    })
    .await;
    let alert = alerts(&scene.ks).await.remove(0);
    assert_eq!(text(&alert, "object"), scene.app.id);
    from(&elsewhere).await;
    from(&home).await;
    let counted = alerts(&scene.ks).await.remove(0);
    assert_eq!(counted["count"], 1, "{counted}");
}

async fn a_budget_without_room_is_told(store: Store) {
    let scene = Scene::on(store).await;
    let path = format!("/applications/{}", scene.app.id);
    let limits = json!({"limits": {"budgets": ["1 requests/day"]}});
    scene.ks.manage("PATCH", &path, &limits).await;
    scene.client().send(scene.chat()).await.expect(200);
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(429, "budget_exhausted");
    eventually("an alert", PATIENCE, async || {
        kinds(&scene.ks).await.contains(&"budget_used".to_owned())
    })
    .await;
    let all = alerts(&scene.ks).await;
    let used = all.iter().find(|alert| alert["kind"] == "budget_used");
    assert_eq!(text(used.unwrap(), "object"), scene.app.id);
}

async fn an_alert_is_seen_and_acknowledged(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut admin, mut developer, mut auditor] = ks
        .sign_in([Role::Admin, Role::Developer, Role::Auditor])
        .await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    let page = admin.visit("/console/alerts").await.expect(200);
    assert!(page.says("Nothing to look at"), "{}", page.words());
    scene.ks.expects_errors("alert: key_echoed");
    let says = format!("you sent {}", scene.key.secret);
    let echo = Answer::bytes("text/plain", says);
    scene
        .ks
        .provider
        .openai()
        .on("POST /v1/chat/completions", echo);
    scene.client().send(scene.chat()).await.expect(200);
    eventually("an alert", PATIENCE, async || {
        kinds(&scene.ks).await == ["key_echoed"]
    })
    .await;

    for person in [&mut developer, &mut auditor] {
        let page = person.visit("/console/alerts").await.expect(200);
        assert!(page.says("A provider sent a key back") && page.says("Critical"));
        assert!(!page.offers("Acknowledge"), "it is for those who lead");
        person.visit("/console/alerts/rules").await.expect(403);
    }
    let overview = admin.visit("/console").await.expect(200);
    assert!(overview.says("1 to look at"), "{}", overview.words());
    let page = admin.visit("/console/alerts").await.expect(200);
    let id = text(&alerts(&scene.ks).await[0], "alert_id");
    let form = page.form(&format!("/console/alerts/{id}/acknowledge"));
    let seen = admin.submit(&form).await.expect(200);
    assert!(seen.says("Acknowledged") && seen.says("Nothing to look at"));
    let overview = admin.visit("/console").await.expect(200);
    assert!(!overview.says("1 to look at"), "{}", overview.words());

    let listed = scene.ks.command(&["alerts", "list", "--all", "--json"]);
    let listed = listed.run().await.json();
    assert_eq!(listed[0]["alert_id"], id.as_str(), "{listed}");
    let again = scene.ks.command(&["alerts", "acknowledge", &id, "--json"]);
    assert_eq!(again.run().await.json()["alert_id"], id.as_str());
    scene
        .ks
        .api(
            "POST",
            "/alerts/alt_00000000000070008000000000000000/acknowledge",
            &json!({}),
        )
        .await
        .expect(404);

    // Rules: off until somebody says otherwise.
    let page = admin.visit("/console/alerts/rules").await.expect(200);
    let form = page
        .form("/console/alerts/rules")
        .set("key_rotation_days", "30");
    admin.submit(&form).await.expect(200);
    let organization = scene.ks.manage("GET", "/organization", &Value::Null).await;
    let rules = &organization["alert_rules"];
    assert_eq!(*rules, json!({"key_rotation_days": 30, "freeze_on": []}));
    let wrong = json!({"alert_rules": {"freeze_on": ["panic"]}});
    let refused = scene.ks.api("PATCH", "/organization", &wrong).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
}
