//! What Keystead refuses is counted by minute, application and code, and no more of it is kept.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::database::connect;
use crate::harness::{Ask, Keystead, Scene, Store, eventually, on_each_store};

on_each_store!(refused_calls_and_sign_ins_are_counted);

async fn refused_calls_and_sign_ins_are_counted(store: Store) {
    let ks = Keystead::prepare(store).start().await;
    let scene = Scene::within(ks, "openai").await;
    let (ks, client) = (&scene.ks, scene.client());
    let models = json!({"models": ["another-model"]});
    ks.manage("PATCH", &format!("/addons/{}", scene.addon.id), &models)
        .await;
    for _ in 0..3 {
        let refused = client.send(scene.chat()).await;
        refused.refused(403, "model_not_allowed");
    }
    let path = format!("{}/v1/chat/completions", scene.addon.path);
    let stranger = Ask::post(path).bearer("kst1_x");
    client.send(stranger.json(&json!({}))).await.expect(401);
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &*scene.app.client_id),
        ("client_secret", "ksc1_wrong"),
        ("uid", "u"),
    ];
    client
        .send(Ask::post("/oauth/token").form(&fields))
        .await
        .expect(401);
    let mut tab = crate::harness::tab::Tab::new(ks);
    tab.get("/console/sign-in").await.expect(200);
    let wrong = [
        ("email", "nobody@mail.example"),
        ("password", "not the password"),
    ];
    tab.post("/console/sign-in", &wrong).await.expect(422);

    let patience = Duration::from_secs(15);
    let mut told = Value::Null;
    eventually("it is counted", patience, async || {
        told = ks
            .manage("GET", "/usage/refused?days=1", &Value::Null)
            .await;
        told["data"][0]["count"] == 3
    })
    .await;
    let rows = told["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "strangers count for nobody: {told}");
    assert_eq!(rows[0]["application_id"], json!(scene.app.id));
    assert_eq!(rows[0]["code"], "model_not_allowed");

    let mut database = connect(&ks.store_url).await;
    eventually("strangers too", patience, async || {
        let codes: Vec<String> =
            sqlx::query_scalar("SELECT code FROM refusals WHERE application_id = '' ORDER BY code")
                .fetch_all(&mut database)
                .await
                .unwrap();
        ["invalid_client", "sign_in_wrong", "unauthenticated"]
            .iter()
            .all(|code| codes.iter().any(|found| found == code))
    })
    .await;
    for wrong in ["?days=0", "?days=367", "?days=x", "?x=1"] {
        let ask = Ask::get(format!("/api/v1/usage/refused{wrong}")).bearer(&ks.api_token);
        let status = client.send(ask).await.status;
        assert!((400..500).contains(&status), "{wrong}: {status}");
    }
}
