//! Decoys: answered as any wrong credential, and told.

use std::time::Duration;

use keystead::store::Role;
use serde_json::{Value, json};

use crate::harness::setup::text;
use crate::harness::{Ask, Keystead, Reply, Scene, Store, eventually, on_each_store, planted};

on_each_store!(a_decoy_is_answered_as_any_wrong_credential_and_told);

const PATIENCE: Duration = Duration::from_secs(5);

async fn used(ks: &Keystead) -> Vec<(String, u64)> {
    let alerts = ks.manage("GET", "/alerts", &Value::Null).await;
    let all = alerts["data"].as_array().unwrap().clone();
    let decoys = all
        .iter()
        .filter(|alert| alert["kind"] == "honeytoken_used");
    decoys
        .map(|alert| (text(alert, "object"), alert["count"].as_u64().unwrap()))
        .collect()
}

/// What a client can tell an answer by: everything but its own name and the time.
fn seen(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    assert!(matches!(reply.status, 401 | 403), "{}", reply.text());
    let id = reply.header("x-keystead-request-id").unwrap().to_owned();
    let named = |text: &str| text.replace(&id, "ID");
    let headers = reply.headers.iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), named(value.to_str().unwrap())));
    (reply.status, headers.collect(), named(&reply.text()))
}

async fn a_decoy_is_answered_as_any_wrong_credential_and_told(store: Store) {
    let ks = Keystead::prepare(store).init().await;
    let [mut admin, mut developer] = ks.sign_in([Role::Admin, Role::Developer]).await;
    ks.start_again().await;
    let scene = Scene::within(ks, "openai").await;
    scene.ks.expects_errors("alert: honeytoken_used");
    // Where the SDKs put a key, one after the other.
    let headers = [
        ("authorization", "Bearer "),
        ("x-api-key", ""),
        ("api-key", ""),
        ("authorization", "DeepL-Auth-Key "),
    ];
    let present_in = async |(name, before): (&str, &str), credential: &str| {
        let path = format!("{}/v1/models", scene.addon.path);
        let ask = Ask::get(path).header(name, format!("{before}{credential}"));
        scene.client().send(ask.secret()).await
    };
    let present = async |credential: &str| present_in(headers[0], credential).await;
    let wrong = [
        format!("kst1_{}", "A".repeat(51)),
        planted::key("openai"),
        "nothing".to_owned(),
    ];
    for credential in &wrong {
        present(credential).await.expect(401);
    }
    scene.client().send(scene.chat()).await.expect(200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(used(&scene.ks).await, [], "nobody used a decoy");

    for (form, like) in [("access_token", 0), ("openai", 1), ("deepl", 2)] {
        let ask = Ask::post("/api/v1/decoys")
            .bearer(&scene.ks.api_token)
            .json(&json!({"name": "the wiki", "form": form, "application_id": scene.app.id}))
            .secret();
        let made = scene.client().send(ask).await.expect(201).json();
        let decoy = scene.ks.place.plant("decoy", text(&made, "decoy"));
        let id = text(&made, "decoy_id");
        let wrong_credential = wrong[like].clone();
        let answers = [present(&wrong_credential).await, present(&decoy).await];
        let [refused, answer] = answers.each_ref().map(seen);
        assert_eq!(answer, refused, "{form}");
        eventually("an alert", PATIENCE, async || {
            used(&scene.ks).await.contains(&(id.clone(), 1))
        })
        .await;
        for (number, header) in headers.into_iter().enumerate().skip(1) {
            let wrong = seen(&present_in(header, &wrong_credential).await);
            assert_eq!(seen(&present_in(header, &decoy).await), wrong, "{form}");
            eventually("it counts", PATIENCE, async || {
                let count = number as u64 + 1;
                used(&scene.ks).await.contains(&(id.clone(), count))
            })
            .await;
        }
        let path = format!("/decoys/{id}");
        scene
            .ks
            .api("DELETE", &path, &Value::Null)
            .await
            .expect(204);
        present(&decoy).await.expect(401);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(used(&scene.ks).await.contains(&(id, 4)), "forgotten");
    }

    developer.visit("/console/alerts/decoys").await.expect(403);
    let page = admin.visit("/console/alerts/decoys").await;
    assert!(page.status == 200 || page.status == 303, "{}", page.words());
    let verified = scene.ks.local_command(&["audit", "verify", "--json"]);
    assert_eq!(verified.run().await.json()["ok"], true);
}
