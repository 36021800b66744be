//! What is revoked or disabled is refused on the next call, and its running streams are cut within
//! a second.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::provider::services::chat_stream;
use crate::harness::{Keystead, Live, Scene, Step, Store, on_each_store, planted, within};

on_each_store!(
    a_revoked_token_ends,
    a_disabled_addon_ends,
    a_removed_addon_ends,
    a_disabled_key_ends,
    a_deleted_key_ends,
    a_revoked_client_secret_ends_its_tokens,
    a_disabled_application_ends,
    what_narrows_an_addon_holds_on_the_next_call,
    what_did_not_change_goes_on,
    what_is_enabled_again_works_again,
    a_call_that_waits_for_a_connection_ends,
);

const CHAT: &str = "POST /v1/chat/completions";
const SOON: Duration = Duration::from_secs(1);

async fn a_revoked_token_ends(store: Store) {
    let scene = Scene::on(store).await;
    let live = running(&scene).await;

    scene.ks.revoke_token(&scene.app, &scene.token).await;

    is_cut(&scene, live).await;
    refused(&scene, 401, "unauthenticated").await;
}

async fn a_disabled_addon_ends(store: Store) {
    let scene = Scene::on(store).await;
    let live = running(&scene).await;

    act(&scene, &format!("/addons/{}/disable", scene.addon.id)).await;

    is_cut(&scene, live).await;
    refused(&scene, 403, "addon_disabled").await;
}

/// An unknown handle answers like an unknown token, so that nobody can list handles.
async fn a_removed_addon_ends(store: Store) {
    let scene = Scene::on(store).await;
    let live = running(&scene).await;

    scene
        .ks
        .manage(
            "DELETE",
            &format!("/addons/{}", scene.addon.id),
            &Value::Null,
        )
        .await;

    is_cut(&scene, live).await;
    refused(&scene, 401, "unauthenticated").await;
}

async fn a_disabled_key_ends(store: Store) {
    let scene = Scene::on(store).await;
    let live = running(&scene).await;

    act(&scene, &format!("/keys/{}/disable", scene.key.id)).await;

    is_cut(&scene, live).await;
    refused(&scene, 403, "key_disabled").await;
}

async fn a_deleted_key_ends(store: Store) {
    let scene = Scene::on(store).await;
    let live = running(&scene).await;

    scene
        .ks
        .manage("DELETE", &format!("/keys/{}", scene.key.id), &Value::Null)
        .await;

    is_cut(&scene, live).await;
    refused(&scene, 403, "key_disabled").await;
}

async fn a_revoked_client_secret_ends_its_tokens(store: Store) {
    let scene = Scene::on(store).await;
    let secrets = format!("/applications/{}/client-secrets", scene.app.id);
    let second = scene.ks.manage("POST", &secrets, &json!({})).await;
    let mut other = scene.app.clone();
    other.client_secret = second["client_secret"].as_str().unwrap().to_owned();
    scene.ks.place.plant("client_secret", &other.client_secret);
    let spared = scene.ks.token(&other).await;
    let live = running(&scene).await;
    let listed = scene.ks.manage("GET", &secrets, &Value::Null).await;
    let mut secrets_now = listed["data"].as_array().unwrap().iter();
    let is_first = |secret: &&Value| secret["secret_id"] != second["secret_id"];
    let first = &secrets_now.find(is_first).unwrap()["secret_id"];

    let path = format!("{secrets}/{}", first.as_str().unwrap());
    scene.ks.manage("DELETE", &path, &Value::Null).await;

    is_cut(&scene, live).await;
    refused(&scene, 401, "unauthenticated").await;
    assert_eq!(scene.ks.mint(&scene.app, &[("uid", "u")]).await.status, 401);
    // What the other secret minted, and the other secret itself, go on.
    scene.ks.token(&other).await;
    let ask = scene.addon.ask("GET", "/v1/models", "openai", &spared);
    scene.client().send(ask).await.expect(200);
}

async fn a_disabled_application_ends(store: Store) {
    let scene = Scene::on(store).await;
    let live = running(&scene).await;

    act(&scene, &format!("/applications/{}/disable", scene.app.id)).await;

    is_cut(&scene, live).await;
    refused(&scene, 403, "application_disabled").await;
    assert_eq!(scene.ks.mint(&scene.app, &[("uid", "u")]).await.status, 401);
}

async fn what_narrows_an_addon_holds_on_the_next_call(store: Store) {
    let scene = Scene::on(store).await;
    scene.client().send(scene.chat()).await.expect(200);
    let path = format!("/addons/{}", scene.addon.id);

    scene
        .ks
        .manage("PATCH", &path, &json!({"models": ["gpt-6-sol"]}))
        .await;
    refused(&scene, 403, "model_not_allowed").await;

    scene
        .ks
        .manage(
            "PATCH",
            &path,
            &json!({"models": [], "operations": ["embeddings"]}),
        )
        .await;
    refused(&scene, 403, "operation_not_allowed").await;
}

async fn what_did_not_change_goes_on(store: Store) {
    let scene = Scene::on(store).await;
    let (app, token) = (scene.ks.app().await, scene.ks.token(&scene.app).await);
    let key = scene.ks.key(&app, "openai").await;
    let addon = scene.ks.addon(&app, &key, "chat").await;
    let mut live = running(&scene).await;
    live.until("[DONE]\n\n").await;

    scene.ks.revoke_token(&scene.app, &token).await;
    act(&scene, &format!("/addons/{}/disable", addon.id)).await;
    act(&scene, &format!("/keys/{}/disable", key.id)).await;
    act(&scene, &format!("/applications/{}/disable", app.id)).await;

    let cut = tokio::time::timeout(SOON, live.next()).await;
    assert!(
        cut.is_err(),
        "a stream of somebody else's was cut: {}",
        live.heard()
    );
    scene
        .client()
        .send(scene.ask("GET", "/v1/models"))
        .await
        .expect(200);
}

async fn what_is_enabled_again_works_again(store: Store) {
    let scene = Scene::on(store).await;
    for place in [
        format!("/addons/{}", scene.addon.id),
        format!("/keys/{}", scene.key.id),
        format!("/applications/{}", scene.app.id),
    ] {
        act(&scene, &format!("{place}/disable")).await;
        assert_eq!(
            scene.client().send(scene.chat()).await.status,
            403,
            "{place}"
        );
        act(&scene, &format!("{place}/enable")).await;
        scene.client().send(scene.chat()).await.expect(200);
    }
}

/// A token's mere expiry does not cut what runs: revocation does.
#[tokio::test]
async fn a_token_that_expires_ends_with_its_running_stream() {
    let scene = Scene::with("openai").await;
    let minted = scene
        .ks
        .mint(&scene.app, &[("uid", &scene.ks.uid()), ("expires_in", "1")])
        .await;
    let token = minted.expect(200).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    scene.ks.place.plant("access_token", &token);
    let words = ["first", "last"];
    let slow = chat_stream(&words, None).paced(&Step::Wait(Duration::from_millis(900)));
    scene.ks.provider.openai().on(CHAT, slow);
    let mut body = scene.chat_body();
    body["stream"] = json!(true);
    let ask = || {
        scene
            .addon
            .ask("POST", "/v1/chat/completions", "openai", &token)
            .json(&body)
    };

    let live = scene.client().open(ask()).await;
    let text = live.rest().await.text();

    assert!(
        text.contains("last") && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    scene
        .client()
        .send(ask())
        .await
        .refused(401, "unauthenticated");
}

/// With PostgreSQL several processes serve one store: what one revokes, the others refuse within
/// a second, and cut.
#[tokio::test]
async fn a_revocation_reaches_the_other_processes() {
    let ks = Keystead::start(Store::Postgres).await;
    let scene = Scene::within(ks, "openai").await;
    let other = scene.ks.beside().await;
    scene
        .ks
        .provider
        .openai()
        .on(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let mut live = other.client().open(scene.stream()).await;
    live.until("begun").await;

    scene.ks.revoke_token(&scene.app, &scene.token).await;

    live.is_cut().await;
    other
        .client()
        .send(scene.chat())
        .await
        .refused(401, "unauthenticated");
}

/// The provider takes the connection and says nothing, so that TLS never comes about. What becomes of
/// the attempt is booked as what it was: not as a client that left.
async fn a_call_that_waits_for_a_connection_ends(store: Store) {
    let mut scene = Scene::on(store).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secret = planted::key("openai");
    let entered = json!({
        "application_id": scene.app.id,
        "provider": "openai",
        "name": "silent",
        "key": scene.ks.place.plant("provider_key", secret),
        "endpoint": format!("https://{}", silent.local_addr().unwrap()),
        "skip_check": true,
    });
    let made = scene.ks.manage("POST", "/keys", &entered).await;
    scene.key.id = made["key_id"].as_str().unwrap().to_owned();
    scene.addon = scene.ks.addon(&scene.app, &scene.key, "silent").await;
    let (client, ask) = (scene.client(), scene.chat());
    let waiting = tokio::spawn(async move { client.send(ask).await });
    let connected = within(SOON * 5, "the call connects", silent.accept()).await;

    scene.ks.revoke_token(&scene.app, &scene.token).await;

    let reply = within(SOON, "the call ends", waiting).await.unwrap();
    assert_eq!(reply.code(), Some("revoked"), "{}", reply.text());
    let ended_as =
        |outcome: &str| format!("keystead_upstream_attempts_total{{outcome=\"{outcome}\"}}");
    assert_eq!(scene.ks.metric(&ended_as("revoked")), 1.0);
    assert_eq!(scene.ks.metric(&ended_as("client_left")), 0.0);
    drop(connected);
}

/// A stream of the scene's token that has begun and would go on for ever.
async fn running(scene: &Scene) -> Live {
    let openai = scene.ks.provider.openai();
    openai.on(CHAT, chat_stream(&["begun"], None).then(Step::Silence));
    let mut live = scene.client().open(scene.stream()).await;
    live.until("begun").await;
    live
}

async fn is_cut(scene: &Scene, mut live: Live) {
    live.is_cut().await;
    let exchange = scene.ks.provider.openai().last(CHAT);
    within(SOON, "the provider is left", exchange.is_cancelled()).await;
}

/// The next call is refused, and nothing of it goes upstream.
async fn refused(scene: &Scene, status: u16, code: &str) {
    let before = scene.ks.provider.exchanges().len();
    scene
        .client()
        .send(scene.chat())
        .await
        .refused(status, code);
    assert_eq!(scene.ks.provider.exchanges().len(), before);
}

async fn act(scene: &Scene, path: &str) {
    scene.ks.manage("POST", path, &json!({})).await;
}
